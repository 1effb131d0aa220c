# SPDX-License-Identifier: MIT
"""What watch() counts of a named module and of its submodules, and what of them it can't see."""

import builtins
import importlib
import os
import sys
import types
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

from . import _probe
from ._api_errors import NotCallable, Unhookable
from ._api_watch_places import DIRECT, Entry, Places
from ._callable import is_python

_BUILTIN = types.BuiltinFunctionType
_CLASSMETHOD: Any = type(dict.__dict__["fromkeys"])
_INSTANCEMETHOD = "instancemethod"  # pybind11's wrapping of a built-in
_SLOT = types.WrapperDescriptorType
_ATTRIBUTES = (types.GetSetDescriptorType, types.MemberDescriptorType)
_NOT_METHODS = (_SLOT, *_ATTRIBUTES, property, type)
_OF_ANY_CLASS = ("__dict__", "__weakref__", "__module__", "__doc__")
_HEAP_TYPE = 1 << 9


def modules_of(named: Iterable[Any]) -> List[types.ModuleType]:
    """The modules, imported where they are named. NotCallable, Unhookable, ImportError."""
    found: List[types.ModuleType] = []
    for one in named:
        if isinstance(one, str):
            one = importlib.import_module(one)
        if not isinstance(one, types.ModuleType):
            raise NotCallable("watch() takes modules or their names, not %r" % (one,))
        if one.__name__ == "builtins":
            raise Unhookable("calls of built-in functions are inlined: they can't be counted")
        if one not in found:
            found.append(one)
    return found


def add(places: Places, modules: List[types.ModuleType]) -> Set[str]:
    """Adds what can be hooked, and what can't. Gives the names of the modules that were there."""
    _Finder(places, modules).find()
    return set(sys.modules)


def is_below(name: str, modules: List[types.ModuleType]) -> bool:
    return any(name.startswith(module.__name__ + ".") for module in modules)


def is_native(name: str) -> bool:
    """Whether a module is an extension, or can't be told not to be."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return not isinstance(file, str) or file.endswith(tuple(EXTENSION_SUFFIXES))


def late(before: Set[str], now: List[str], modules: List[types.ModuleType]) -> List[str]:
    """Extensions below the named modules that were imported meanwhile."""
    return sorted(n for n in now if n not in before and is_below(n, modules) and is_native(n))


# --- telling what a thing is


def _module_name(thing: Any) -> str:
    name = getattr(thing, "__module__", None)
    return name if isinstance(name, str) else ""


def _is_interpreters(kind: type) -> bool:
    """Whether a class is one of the interpreter's own. One of an extension that does not say its
    module is shown as one of "builtins", too: PyO3's, and types of C without a dot in the name."""
    if _module_name(kind) != "builtins":
        return False
    if getattr(builtins, kind.__name__, None) is kind:
        return True
    return not kind.__flags__ & _HEAP_TYPE and _probe.is_interpreters(kind)


def _of_builtins(kind: type, name: str) -> bool:
    """Whether a class has this from one of the interpreter's own."""
    return _is_interpreters(next((c for c in kind.__mro__ if name in vars(c)), object))


def _why_not_class(kind: Any) -> str:
    for name in ("__new__", "__init__"):
        if isinstance(getattr(kind, name, None), types.FunctionType):
            return "Python code"
    if _of_builtins(kind, "__new__") and _of_builtins(kind, "__init__"):
        return "nothing native of its own makes its objects"
    return ""


def _stdlib(top: str) -> bool:
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None or top in sys.builtin_module_names:
        return names is None or top in names
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    own = os.path.dirname(os.__file__) + os.sep
    return file.startswith(own) and "-packages" + os.sep not in file


def _owner(thing: Any) -> str:
    """The module that a class or function says it is of; '' where it doesn't."""
    if not isinstance(thing, (type, _BUILTIN)):
        return ""  # an object that the module has made
    owner = _module_name(thing)
    if isinstance(thing, type):
        return "" if owner == "builtins" and not _is_interpreters(thing) else owner
    made_for = getattr(thing, "__self__", None)
    if not owner and isinstance(made_for, types.ModuleType):
        owner = made_for.__name__
    elif not owner and isinstance(made_for, type):
        owner = _owner(made_for)
    return owner


def _methods(kind: Any) -> Iterator[Tuple[str, Any]]:
    for name, value in list(vars(kind).items()):
        if name == "__new__":
            continue  # what calls the class is hooked
        if isinstance(value, staticmethod) or type(value).__name__ == _INSTANCEMETHOD:
            value = value.__func__
        if isinstance(value, classmethod) or isinstance(value, _NOT_METHODS):
            continue
        if (callable(value) or isinstance(value, _CLASSMETHOD)) and not is_python(value):
            yield name, value


def _hidden(kind: Any) -> Tuple[List[str], List[str]]:
    """Its slots and its properties, which are not hooked. What makes an object is."""
    slots, attributes = [], []
    for name, value in vars(kind).items():
        if name in _OF_ANY_CLASS or name in ("__new__", "__init__"):
            continue
        if isinstance(value, _SLOT):
            slots.append(name)
        elif isinstance(value, _ATTRIBUTES):
            attributes.append(name)
    return sorted(slots), sorted(attributes)


def _classes(kind: Any, seen: Set[int]) -> Iterator[Any]:
    for derived in type.__subclasses__(kind):
        if id(derived) not in seen:
            seen.add(id(derived))
            yield derived
            yield from _classes(derived, seen)


# --- going through modules


class _Finder:
    def __init__(self, places: Places, modules: List[types.ModuleType]) -> None:
        self.places, self.roots = places, modules
        self.seen = {id(entry.callable) for entry in places.entries}
        self.uses: Dict[str, str] = {}  # other packages whose native code these hold

    def find(self) -> None:
        below = [
            module
            for name, module in sorted(sys.modules.items(), key=lambda item: str(item[0]))
            if isinstance(module, types.ModuleType) and is_below(str(name), self.roots)
        ]
        for module in self.roots:
            self._add_module(module, module.__name__, True)
        for module in below:
            if module not in self.roots:
                self._add_module(module, module.__name__, False)
        if self.roots:
            self._add_classes_without_a_name([*self.roots, *below])
        for package, user in sorted(self.uses.items()):
            if package not in [root.__name__.split(".")[0] for root in self.roots]:
                self._leave_out(package, "%s uses it: it is watched when it is named" % user)

    def _leave_out(self, label: str, why: str) -> None:
        self.places.left_out[label] = why
        self.places.unseen.append(label)

    def _is_others(self, label: str, thing: Any, module: types.ModuleType, root: bool) -> bool:
        """Whether it is of another package than the module, and so not the module's to count."""
        owner = _owner(thing)
        top, own = owner.split(".")[0], module.__name__.split(".")[0]
        if not owner or top.strip("_") == own.strip("_"):
            return False
        if _stdlib(top):
            if root:
                self.places.left_out[label] = "it belongs to %s" % owner
            return True
        if not root:
            self.uses.setdefault(top, own)
        return not root

    def _add_module(self, module: types.ModuleType, own: str, root: bool) -> None:
        for name, thing in sorted(list(vars(module).items()), key=lambda item: str(item[0])):
            label = "%s.%s" % (own, name)
            if isinstance(thing, types.ModuleType) or not callable(thing) or id(thing) in self.seen:
                continue
            if is_python(thing):
                if root:
                    self.places.left_out[label] = "Python code"
            elif not self._is_others(label, thing, module, root):
                if isinstance(thing, type):
                    self._add_class(own, name, thing, root)
                elif root or _owner(thing) or is_native(own):
                    self._add_callable(own, name, thing)

    def _add_callable(self, library: str, name: str, thing: Any) -> None:
        label = "%s.%s" % (library, name)
        while isinstance(thing, types.MethodType):
            thing = thing.__func__  # whose slot it is, whatever object it is called for
        if id(thing) in self.seen:
            return
        self.seen.add(id(thing))
        if isinstance(thing, _BUILTIN) and thing.__name__ == "__new__":
            # Classes made meanwhile would be made otherwise: CPython compares its ml_meth.
            self._leave_out(label, "it makes objects: a class's __new__")
        else:
            self.places.entries.append(Entry(thing, DIRECT, name, library, label, True))

    def _add_class(self, library: str, name: str, kind: Any, root: bool) -> None:
        label = "%s.%s" % (library, name)
        self.seen.add(id(kind))
        reason = _why_not_class(kind)
        if reason and (root or reason != "Python code"):
            self.places.left_out[label] = reason
        if reason == "Python code":
            return
        if not reason:
            self.places.entries.append(Entry(kind, DIRECT, name, library, label, True))
        for method, value in _methods(kind):
            self._add_callable(library, "%s.%s" % (name, method), value)
        for what, names in zip(("slots", "properties"), _hidden(kind)):
            if names:
                self._leave_out("%s: %s" % (label, what), "not seen: %s" % ", ".join(names))

    def _add_classes_without_a_name(self, modules: List[types.ModuleType]) -> None:
        """Of objects that functions give back: iterators, nodes. No module has an attribute of
        theirs; they name it, or their code lies in its file."""
        names = {module.__name__ for module in modules}
        files = {getattr(module, "__file__", None) for module in modules} - {None}
        for kind in _classes(object, set()):
            if id(kind) in self.seen:
                continue
            owner = _owner(kind)
            if not owner:
                methods = [value for _, value in _methods(kind)]
                if methods and _probe.entry_object(methods[0]) in files:
                    owner = modules[0].__name__
            if owner in names and (any(_hidden(kind)) or any(_methods(kind))):
                self._add_class(owner, kind.__name__, kind, False)

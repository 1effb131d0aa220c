# SPDX-License-Identifier: MIT
"""What the bindings that give a struct a class have in common once their module is built."""

import os
import sys
from typing import Any, Callable, Dict, Optional, Tuple

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import _extension
from _model import fields, outs, passed, role

Json = Dict[str, Any]


def class_name(prototype: Json, ctype: str) -> str:
    """The Python name of a struct's class: "Point" for struct point.

    So it differs from parameters and types that are called like the struct.
    """
    name = ctype.split()[-1]
    name = name[0].upper() + name[1:]
    return name + "_" if name == prototype["name"] else name


class Generator:
    """load(), arguments() and plain() of a path whose modules are called prefix + function."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.loaded: Dict[str, Any] = {}

    def module(self, prototype: Json) -> str:
        name: str = self.prefix + prototype["name"]
        return name

    def attribute(self, field: str) -> str:
        """The Python name of a struct's field."""
        return field

    def load(
        self, prototype: Json, out_dir: Optional[str], library: str, options: Any
    ) -> Callable[..., Any]:
        module = _extension.load(self.module(prototype), out_dir)
        self.loaded[prototype["name"]] = module
        function: Callable[..., Any] = getattr(module, prototype["name"])
        return function

    def arguments(self, prototype: Json, args: Tuple[Any, ...]) -> Tuple[Any, ...]:
        """Structs become instances of their class; all else goes as it is."""
        module = self.loaded[prototype["name"]]

        def adapt(param: Json, arg: Any) -> Any:
            ctype = param["item"] if role(param) == "struct" else param["type"]
            if role(param) not in ("struct", "value") or fields(prototype, ctype) is None:
                return arg
            return getattr(module, class_name(prototype, ctype))(*arg)

        return tuple(adapt(p, a) for p, a in zip(passed(prototype), args))

    def plain(self, prototype: Json, result: Any, args: Tuple[Any, ...]) -> Any:
        """The result with instances of structs' classes as tuples of their fields."""
        types = [prototype["returns"]] if prototype["returns"] != "void" else []
        types += [p["item"] for p in outs(prototype)]
        if len(types) > 1:
            return tuple(self._plain(prototype, t, v) for t, v in zip(types, result))
        return self._plain(prototype, types[0], result) if types else result

    def _plain(self, prototype: Json, ctype: str, value: Any) -> Any:
        struct = fields(prototype, ctype)
        if struct is None:
            return value
        return tuple(getattr(value, self.attribute(f["name"])) for f in struct)

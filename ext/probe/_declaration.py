# SPDX-License-Identifier: MIT
"""A function's C declaration as the user typed it: "struct point {double x, y;}; double norm(struct
point p)", parsed by pycparser into types that _prototype.py combines with arguments."""

import importlib
import keyword
import platform
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from _model import SCALARS

# Words that some binding's language reserves; parameters and fields may be called like that in C.
_RESERVED = frozenset(keyword.kwlist) | frozenset(
    "as box case catch char class cdef cpdef crate default delete do double dyn enum explicit "
    "extern float fn friend impl include int let long loop match mod move mut namespace new "
    "operator package priv private protected pub public ref register self short signed sizeof "
    "static struct super switch template this throw trait type typename union unsafe unsigned use "
    "using virtual void volatile where print exec args kwargs".split()
)


class FunctionError(Exception):
    """One line that says what is wrong with the function or its arguments, and what to do."""


class Type(NamedTuple):
    kind: str  # "void", "scalar", "struct", "pointer", "function"
    name: str = ""  # of a scalar (of _model's, or "char") or a struct's tag
    const: bool = False
    target: Optional["Type"] = None  # what a pointer points to, what a function returns
    params: Tuple["Type", ...] = ()  # of a function
    text: str = ""  # how it reads in messages

    def points_to(self, kind: str, *names: str) -> bool:
        to = self.target
        return (
            self.kind == "pointer"
            and to is not None
            and to.kind == kind
            and (not names or to.name in names)
        )


class Parameter(NamedTuple):
    name: str
    type: Type


class Declaration(NamedTuple):
    text: str  # as typed, on one line
    name: str
    returns: Type
    params: List[Parameter]
    structs: Dict[str, List[Tuple[str, str]]]  # tag -> (field, scalar)


# Names that C headers define and users don't spell out; their types on LP64 systems.
_UNSIGNED_CHAR = platform.machine() in ("aarch64", "arm64")
_ALIASES = {
    "intptr_t": "long",
    "uintptr_t": "unsigned long",
    "ptrdiff_t": "long",
    "intmax_t": "long",
    "uintmax_t": "unsigned long",
    "off_t": "long",
    "time_t": "long",
    "clock_t": "long",
    "wchar_t": "unsigned int" if _UNSIGNED_CHAR else "int",
    "pid_t": "int",
    "uid_t": "unsigned int",
    "gid_t": "unsigned int",
    "mode_t": "unsigned int",
    "socklen_t": "unsigned int",
}
# What "char" is where it is a number.
CHAR = "unsigned char" if _UNSIGNED_CHAR else "signed char"
_KNOWN_NAMES = [
    name for name in SCALARS if " " not in name and name not in ("short", "int", "long")
]
_TYPEDEFS = [n for n in _KNOWN_NAMES if n not in ("float", "double", "bool")] + list(_ALIASES)
# pycparser numbers lines from the marker on.
_PRELUDE = 'typedef _Bool bool; %s\n# 1 "prototype"\n' % " ".join(
    "typedef int %s;" % name for name in _TYPEDEFS
)


def parse(text: str) -> Declaration:
    """Raises FunctionError. Needs pycparser."""
    pycparser: Any = importlib.import_module("pycparser")
    error = importlib.import_module("pycparser.plyparser").ParseError
    source = _clean(text)
    if source == ";":
        raise FunctionError("the prototype is empty: write 'double hypot(double x, double y)'")
    try:
        tree = pycparser.CParser().parse(_PRELUDE + source)
    except error as e:
        raise FunctionError(_explain(source, str(e)))
    except (AssertionError, AttributeError, RecursionError):
        raise FunctionError("can't parse the prototype: %s" % _one_line(text))
    return _Reader(pycparser.c_ast, text).read(tree.ext)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _clean(text: str) -> str:
    """Without what the preprocessor would take away; columns stay."""
    if re.search(r"^\s*#", text, re.M):
        raise FunctionError(
            "preprocessor lines can't be read in a prototype: write the declarations out that "
            "they stand for"
        )
    text = re.sub(
        r"/\*.*?\*/|//[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S
    )
    text = re.sub(r"\b__(restrict|const|volatile|inline)(__)?\b", r"\1", text)
    text = re.sub(r"\bcomplex\b", "_Complex", text)
    text = text.rstrip()
    return text if text.endswith(";") else text + ";"


def _explain(source: str, said: str) -> str:
    """pycparser's "prototype:1:23: before: )" as a sentence."""
    flat = _one_line(source).rstrip(";")
    match = re.match(r"prototype:(\d+):(\d+): (.*)", said)
    if not match:
        return "can't parse the prototype, it ends too early: %s" % flat
    line, column = int(match.group(1)), int(match.group(2))
    what = re.sub("^before: (.*)$", r"before '\1'", match.group(3)).replace("';'", "its end")
    before = "\n".join(source.splitlines()[:line])
    before = before[: len(before) - len(source.splitlines()[line - 1]) + column - 1]
    hint = _hint(before, match.group(3))
    return "can't parse the prototype, line %d, column %d, %s: %s%s" % (
        line,
        column,
        what,
        flat,
        hint,
    )


def _hint(before: str, said: str) -> str:
    """What is the matter, where an unknown type's name is."""
    if re.match(r"\s*\w+\s*\(", before):
        return ": it does not say what the function returns"
    at = re.fullmatch(r"before: ([A-Za-z_]\w*)", said)
    previous = re.search(r"([A-Za-z_]\w*)[\s*]*$", before)
    if not at:
        return ""
    word = previous.group(1) if previous and not _is_type_word(previous.group(1)) else at.group(1)
    return ": is '%s' a type? Declare it first: 'typedef ... %s; ...'" % (word, word)


def _is_type_word(word: str) -> bool:
    return (
        word
        in (
            "void char short int long float double signed unsigned const volatile restrict struct "
            "union enum bool _Bool _Complex extern static inline register"
        ).split()
    )


class _Reader:
    """From pycparser's tree to a Declaration."""

    def __init__(self, c_ast: Any, text: str) -> None:
        self.ast = c_ast
        self.text = _one_line(text)
        self.typedefs: Dict[str, Any] = {}
        self.structs: Dict[str, List[Tuple[str, str]]] = {}

    def read(self, nodes: List[Any]) -> Declaration:
        functions = []
        for node in nodes:
            if isinstance(node, self.ast.Typedef):
                if node.name not in _TYPEDEFS and node.name != "bool":
                    self.typedef(node)
            elif isinstance(node, self.ast.FuncDef):
                raise FunctionError(
                    "give the declaration of %s alone, without its body, or put it in a .c file"
                    % node.decl.name
                )
            elif isinstance(node, self.ast.Decl) and isinstance(node.type, self.ast.FuncDecl):
                functions.append(node)
            elif isinstance(node, self.ast.Decl) and node.name is None:
                self.type(node.type)  # struct point {...};
            else:
                name = getattr(node, "name", None)
                raise FunctionError("%s is no function: %s" % (name or "this", self.text))
        if len(functions) != 1:
            raise FunctionError(
                "the prototype must declare one function, this declares %s: %s"
                % (", ".join(f.name for f in functions) or "none", self.text)
            )
        return self.function(functions[0])

    def typedef(self, node: Any) -> None:
        self.typedefs[node.name] = node.type
        inner = getattr(node.type, "type", None)
        if isinstance(inner, self.ast.Struct) and not inner.name:
            inner.name = node.name
        self.type(node.type)

    def function(self, node: Any) -> Declaration:
        made = self.type(node.type)
        names = [getattr(p, "name", None) for p in getattr(node.type.args, "params", [])]
        params = [
            Parameter(name or "arg%d" % (i + 1), t)
            for i, (name, t) in enumerate(zip(names, made.params))
        ]
        assert made.target is not None
        return Declaration(self.text, node.name, made.target, params, self.structs)

    def type(self, node: Any) -> Type:
        ast = self.ast
        if isinstance(node, (ast.Decl, ast.Typename)):
            return self.type(node.type)
        if isinstance(node, ast.TypeDecl):
            made = self.type(node.type)
            if "const" in node.quals and not made.const:
                made = made._replace(const=True, text="const " + made.text)
            return made
        if isinstance(node, (ast.PtrDecl, ast.ArrayDecl)):
            if isinstance(node, ast.ArrayDecl) and isinstance(node.type, ast.ArrayDecl):
                raise FunctionError("no binding passes an array of arrays: %s" % self.text)
            to = self.type(node.type)
            if to.kind == "function":
                return to
            return Type("pointer", target=to, text=to.text + ("*" if "*" in to.text else " *"))
        if isinstance(node, ast.FuncDecl):
            return self.function_type(node)
        if isinstance(node, ast.Struct):
            return self.struct(node)
        if isinstance(node, ast.Enum):
            return Type("scalar", "int", text="enum")
        if isinstance(node, ast.IdentifierType):
            return self.named(node.names)
        raise FunctionError("no binding passes a %s: %s" % (type(node).__name__.lower(), self.text))

    def function_type(self, node: Any) -> Type:
        params = list(getattr(node.args, "params", None) or [])
        if any(isinstance(p, self.ast.EllipsisParam) for p in params):
            raise FunctionError(
                "a function with a variable number of arguments (...) can't be wrapped as it is: "
                "put a function of fixed arguments that calls it into a .c file"
            )
        if any(isinstance(p, self.ast.ID) for p in params):
            name = next(p.name for p in params if isinstance(p, self.ast.ID))
            raise FunctionError("'%s' is no type: %s" % (name, self.text))
        types = [self.type(p) for p in params]
        if [t.kind for t in types] == ["void"]:
            types = []
        returns = self.type(node.type)
        text = "%s (*)(%s)" % (returns.text, ", ".join(t.text for t in types) or "void")
        return Type("function", target=returns, params=tuple(types), text=text)

    def named(self, names: List[str]) -> Type:
        text = " ".join(names)
        if len(names) == 1 and names[0] in self.typedefs:
            made = self.type(self.typedefs[names[0]])
            return made._replace(text=names[0]) if made.kind in ("struct", "scalar") else made
        if names == ["void"]:
            return Type("void", text="void")
        name = scalar_name(names)
        if name is None:
            raise FunctionError("probe can't pass a %s: %s" % (text, self.text))
        return Type("scalar", name, text=text)

    def struct(self, node: Any) -> Type:
        if not node.name:
            raise FunctionError(
                "give the struct a name: 'struct point {double x, y;}; ...': %s" % self.text
            )
        if node.decls is not None:
            self.structs[node.name] = [self.field(node.name, d) for d in node.decls]
        return Type("struct", node.name, text="struct " + node.name)

    def field(self, struct: str, node: Any) -> Tuple[str, str]:
        if not node.name or node.bitsize is not None:
            raise FunctionError("struct %s has a bit-field, which no binding can pass" % struct)
        made = self.type(node.type)
        if made.kind != "scalar" or isinstance(node.type, self.ast.ArrayDecl):
            raise FunctionError(
                "struct %s: its field %s is no number; only structs of numbers can be passed"
                % (struct, node.name)
            )
        return node.name, CHAR if made.name == "char" else made.name


def scalar_name(words: List[str]) -> Optional[str]:
    """_model's name of a C type given by its words in any order, or "char"; None: there is none."""
    if len(words) == 1 and words[0] in _ALIASES:
        return _ALIASES[words[0]]
    if len(words) == 1 and words[0] in _KNOWN_NAMES:
        return words[0]
    if words == ["_Bool"]:
        return "bool"
    left = sorted(words)
    if left == ["double", "long"]:
        return "long double"
    signs = [w for w in left if w in ("signed", "unsigned")]
    rest = [w for w in left if w not in signs and not (w == "int" and len(left) > 1)]
    sign = signs[0] + " " if signs else ""
    if len(signs) > 1:
        return None
    if rest == ["char"]:
        return (sign + "char") if sign else "char"
    if "_Complex" in rest:
        base = [w for w in rest if w != "_Complex"] or ["double"]
        return base[0] + " _Complex" if base in (["float"], ["double"]) and not sign else None
    name = " ".join(rest) or "int"
    name = ("unsigned " if sign == "unsigned " else "") + name
    return name if name in SCALARS else None


def own_name(name: str) -> str:
    """What bindings call a function of the user's. Not its own name: that may be one of the C
    library's, which the loader would find first and compilers know too well."""
    return "user_" + name


def safe_name(name: str, taken: List[str]) -> str:
    """A parameter's or field's name that is one in every binding's language."""
    name = name.replace("$", "_").lstrip("_") or "arg"
    while name in _RESERVED or name in taken or name in SCALARS or name.startswith("pb_"):
        name += "_"
    return name

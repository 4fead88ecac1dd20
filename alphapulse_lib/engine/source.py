"""What a strategy's class is made of: its source, and a digest of that and of all that it captures.

Two runs with one digest ran the same code. Counted in: the source of the class and of its own bases, of the functions
and classes of the workspace that they name, of the workspace's modules that they import, while they run too
(`alphapulse_lib.engine.late`), and the values of the globals
and closures that they read, those of the modules too where their files do not say them. Python's own modules and
installed packages count by their names alone; a run's record holds their versions.
"""

from __future__ import annotations

import copyreg
import dataclasses
import dis
import hashlib
import inspect
import pickle
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from alphapulse_lib.engine.late import Told, imported, imported_by, own_file
from alphapulse_lib.engine.text import cell_text_of, shown, text_of
from alphapulse_lib.errors import StrategyUnusable
from alphapulse_lib.model.run import StrategySource

__all__ = [
    "ELSEWHERE",
    "Parts",
    "named_member",
    "names_read",
    "names_used",
    "parts_of",
    "source_of",
    "workspace_module",
]

#: Characters of a family's name.
_LONGEST = 100
#: Where Python's own modules and installed packages are.
_INSTALLED = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
#: Where modules are that are nobody's own.
ELSEWHERE = (*sorted(_INSTALLED), str(Path(__file__).parent.parent))


def source_of(strategy: type) -> StrategySource:
    """The class as it is now.

    Examples
    --------
    >>> from alphapulse_lib.engine.strategies import SmaCross
    >>> source_of(SmaCross).name
    'alphapulse_lib.engine.strategies.sma_cross:SmaCross'
    """
    digest = _digest_of(strategy)
    name = f"{strategy.__module__}:{strategy.__qualname__}"
    return StrategySource(name, digest.hexdigest(), _whole_text(strategy), _family(strategy))


def _digest_of(strategy: type) -> _Digest:
    """All that the class is made of, with what was set in the modules that it imports."""
    from alphapulse_lib.engine.set_globals import owner_of, set_globals

    digest = _Digest()
    digest.add(strategy)
    for module, held in set_globals([strategy]).items():
        for name, value in held.items():
            owner, _ = owner_of(sys.modules[module], name)
            counted = id(owner) in digest.seen if isinstance(owner, type) else (module, name) in digest.read
            if not counted:
                digest.add_set(module, name, value)
    return digest


def _whole_text(strategy: type) -> str:
    """Its source after that of the counted classes that it is made from: a subclass of an idea is that idea."""
    line = [each for each in strategy.__mro__[:0:-1] if isinstance(each, type) and _is_counted(each.__module__)]
    return "\n\n".join(text for text in (*map(text_of, line), text_of(strategy)) if text)


def _family(strategy: type) -> str:
    declared = getattr(strategy, "family", "")
    if not isinstance(declared, str) or len(declared) > _LONGEST or not declared.isprintable():
        raise StrategyUnusable(
            f"{strategy.__name__}.family is no name of a family of trials: {str(declared)[:60]!r}.",
            f'Such as family = "SPY carry", of at most {_LONGEST} characters.',
        )
    return declared.strip()


def names_used(strategy: type) -> set[int]:
    """The identities (``id``) of all global values that the class's own code reads."""
    digest = _digest_of(strategy)
    return digest.seen


@dataclass(frozen=True)
class Parts:
    """What a strategy is made of, to be read and kept.

    Attributes
    ----------
    texts : dict of str to str
        Of each class, function and module its source, of each captured global what Python shows of it, by its name.
    modules : frozenset of str
        Whose code is among it: somebody's own, and the strategies shipped with AlphaPulse.
    late : dict of str to Told
        The modules that are imported while it runs.
    """

    texts: dict[str, str]
    modules: frozenset[str]
    late: dict[str, Told]


def parts_of(strategy: type) -> Parts:
    """What the class is made of: all that its digest counts and that has a text."""
    digest = _digest_of(strategy)
    return Parts(dict(sorted(digest.parts.items())), frozenset(digest.modules), digest.late)


def workspace_module(name: str) -> bool:
    """Whether a module is somebody's own: neither Python's nor installed nor AlphaPulse's."""
    module = sys.modules.get(name)
    file = str(getattr(module, "__file__", None) or "")
    if name == "__main__" or module is None:
        return True
    return bool(file) and not file.startswith(ELSEWHERE)


def named_member(value: Any) -> tuple[type, str] | None:
    """Enumeration and name of one of NautilusTrader's members, such as ``OrderSide.BUY``: pickle takes none of them."""
    kind, name = type(value), getattr(value, "name", None)
    if not kind.__module__.startswith("nautilus_trader.") or not isinstance(name, str):
        return None
    return (kind, name) if type(vars(kind).get(name)) is kind else None


def _is_counted(module: str) -> bool:
    """Whether code of a module counts by its source, and not by its name alone."""
    return workspace_module(module) or module.startswith("alphapulse_lib.engine.strategies")


#: What has a text that is the same in every process.
_PLAIN = (type(None), bool, int, float, complex, str, bytes)
#: What objects raise that cannot be taken apart: connections, locks, generators.
_WHOLE = (pickle.PicklingError, TypeError, AttributeError, ValueError, RuntimeError)


class _Digest:
    """A SHA-256 that visits everything once, in an order that is the same in every process.

    Python orders a set anew in each process, so the members of one are counted in the order of their own digests.
    """

    def __init__(self, seen: set[int] | None = None, outer: _Digest | None = None) -> None:
        self._hash = hashlib.sha256()
        self._inside = seen is not None  # of an object, or of a set: what cannot be read is said to whoever asked
        self.seen: set[int] = set(seen or ())
        self._kept: list[Any] = [] if outer is None else outer._kept
        self.parts: dict[str, str] = {} if outer is None else outer.parts
        self.modules: set[str] = set() if outer is None else outer.modules
        self.read: set[tuple[str, str]] = set() if outer is None else outer.read
        self.late: dict[str, Told] = {} if outer is None else outer.late

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def add(self, value: Any, label: str = "") -> None:
        self._say(label)
        if isinstance(value, _PLAIN):  # equal ones may be one to Python: each counts where it stands
            self._say(f"{type(value).__qualname__} {value!r}")
            return
        if id(value) in self.seen:
            return
        self.seen.add(id(value))
        self._kept.append(value)  # an id stays its own only while the value lives
        if isinstance(value, type):
            self._add_class(value)
        elif isinstance(value, FunctionType):
            self._add_function(value)
        elif isinstance(value, ModuleType):
            self._add_module(value)
        else:
            self._add_value(value)

    def add_set(self, module: str, name: str, value: Any) -> None:
        """Count what a module holds that its own text does not tell."""
        self.add(value, f"{module}.{name}")
        self._show(f"{module}.{name}", value)

    def _say(self, text: str) -> None:
        self._hash.update(text.encode() + b"\0")

    def _add_class(self, value: type) -> None:
        self._say(f"class {value.__module__}.{value.__qualname__}")
        if not _is_counted(value.__module__):
            return
        text = text_of(value)
        self._say(text)
        # What has no functions counts by what it holds; its text is for whoever reads the record.
        self._note(f"{value.__module__}.{value.__qualname__}", text or cell_text_of(value))
        self.modules.add(value.__module__)
        for base in value.__bases__:
            self.add(base, "base")
        if _is_counted(type(value).__module__):
            self.add(type(value), "metaclass")
        for name, member in sorted(vars(value).items()):
            for each in _held(member):
                if isinstance(each, FunctionType) or not name.startswith("__"):
                    self.add(each, name)
        annotations = [inspect.get_annotations(value)[name] for name in sorted(inspect.get_annotations(value))]
        for annotation in annotations:
            self.add(annotation, "annotation")

    def _add_function(self, value: FunctionType) -> None:
        module, own = _place(value)
        self._say(f"function {module}.{own}")
        if hasattr(value, "__wrapped__"):
            self.add(value.__wrapped__, "wrapped")
        if not _is_counted(module):
            return
        text = text_of(value)
        self._say(text or _code(value.__code__))
        if f"{module}.{own}".rpartition(".")[0] not in self.parts:  # a method's text is in its class's
            self._note(f"{module}.{own}", text)
        self.modules.add(module)
        for default in (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()):
            self.add(default, "default")
        for name, annotation in sorted(value.__annotations__.items()):
            named = value.__globals__.get(annotation) if isinstance(annotation, str) else annotation
            self.add(named, f"annotation {name}")
        for name in sorted(names_read(value.__code__) & value.__globals__.keys()):
            self.add(value.__globals__[name], name)
            self.read.add((module, name))
            self._show(f"{module}.{name}", value.__globals__[name])
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            self.add(_contents(cell), name)
            self._show(f"{module}.{own}: {name}", _contents(cell))
        for name in imported_by(value.__code__, value.__globals__.get("__package__") or ""):
            self._add_late(name)

    def _note(self, name: str, text: str) -> None:
        """Keep a text to be read."""
        if text:
            self.parts.setdefault(name, text)

    def _show(self, name: str, value: Any) -> None:
        """Keep what Python shows of a captured value; of code its own text is kept."""
        if isinstance(value, type | FunctionType | ModuleType | BuiltinFunctionType) or hasattr(value, "__wrapped__"):
            return
        self._note(name, shown(value, _alone))

    def _add_module(self, value: ModuleType) -> None:
        self._say(f"module {value.__name__}")
        file = getattr(value, "__file__", None)
        if file and workspace_module(value.__name__):
            text = Path(file).read_text(encoding="utf-8", errors="replace") if Path(file).is_file() else ""
            self._say(text)
            self._note(value.__name__, text)
            self.modules.add(value.__name__)
            package = value.__package__ or ""
            names = {*imported(text, package), *(each.__name__ for each in vars(value).values() if _is_module(each))}
            for name in sorted(names):
                if _is_module(sys.modules.get(name)) and workspace_module(name):
                    self.add(sys.modules[name], name)
            for name in imported(text, package, late=True):
                self._add_late(name)

    def _add_late(self, name: str) -> None:
        """A module that is imported while the strategy runs, its packages, and all that it imports itself."""
        if name in self.late or not (file := own_file(name, ELSEWHERE)):
            return
        package = name.rpartition(".")[0]
        self._add_late(package)
        told = self.late[name] = Told(str(file), file.read_text(encoding="utf-8", errors="replace"))
        self._say(f"late module {name}")
        self._say(told.text)
        self._note(name, told.text)
        for each in imported(told.text, name if told.is_package else package):
            self._add_late(each)

    def _add_value(self, value: Any) -> None:
        self._say(f"{type(value).__module__}.{type(value).__qualname__}")
        if callable(value) and isinstance(inner := getattr(value, "__wrapped__", None), FunctionType):
            self.add(inner)  # such as a function that keeps what it gave
        elif isinstance(value, list | tuple):
            for each in value:
                self.add(each)
        elif isinstance(value, set | frozenset):
            for text in self._in_order(value):
                self._say(text)
        elif isinstance(value, dict):
            for key, each in value.items():
                self._say(self._told(key))
                self.add(each)
        elif isinstance(value, BuiltinFunctionType):
            self._say(f"{value.__module__}.{value.__qualname__}")
        elif named := named_member(value):
            self._say(named[1])
        elif dataclasses.is_dataclass(value):
            self.add(type(value))
            for each in dataclasses.fields(value):
                self.add(getattr(value, each.name, None))
        elif self._inside:
            self._add_object(value)
        else:
            try:
                self._say(self._apart(value))
            except _WHOLE:  # it counts by its kind alone
                self._say("")

    def _add_object(self, value: Any) -> None:
        """An object by what pickle would keep of it, and by its class."""
        by_type = copyreg.dispatch_table.get(type(value))
        kept = by_type(value) if by_type else value.__reduce_ex__(4)
        if isinstance(kept, str):
            self._say(kept)
            return
        # The way to make it anew, the arguments of that, its state; what a list's or dict's own kind holds.
        for place, part in enumerate(kept):
            self.add(list(part) if place in (3, 4) and part is not None else part)

    def _in_order(self, values: set[Any] | frozenset[Any]) -> list[str]:
        before = set(self.seen)
        texts = [self._told(each, before) for each in values]
        return sorted(texts)

    def _told(self, value: Any, seen: set[int] | None = None) -> str:
        """A member of a set, or a key: its own text where it is plain, else its digest."""
        return repr(value) if isinstance(value, _PLAIN) else self._apart(value, seen)

    def _apart(self, value: Any, seen: set[int] | None = None) -> str:
        """The digest of a value alone; what it names counts as visited afterwards."""
        apart = _Digest((self.seen if seen is None else seen) - {id(value)}, self)
        apart.add(value)
        self.seen |= apart.seen
        return apart.hexdigest()


def _alone(value: Any) -> str:
    """The digest of a value by itself; empty where it cannot be read."""
    digest = _Digest(set())
    try:
        digest.add(value)
    except _WHOLE:
        return ""
    return digest.hexdigest()


def _held(member: Any) -> list[Any]:
    """What a class's member is made of: a property of its functions, a class's or a static method of one."""
    if hasattr(member, "fget"):
        return [each for each in (member.fget, getattr(member, "fset", None), getattr(member, "fdel", None)) if each]
    return [getattr(member, "__func__", member)]


def _place(function: FunctionType) -> tuple[str, str]:
    """The module and the name of a function's own code: what a decorator puts around another bears that one's name."""
    if hasattr(function, "__wrapped__"):
        return str(function.__globals__.get("__name__", "")), function.__code__.co_qualname
    return function.__module__, function.__qualname__


def _is_module(value: Any) -> bool:
    return isinstance(value, ModuleType)


@lru_cache(maxsize=4096)  # each run asks several times for the same functions
def names_read(code: CodeType, how: tuple[str, ...] = ("LOAD_GLOBAL", "LOAD_NAME")) -> frozenset[str]:
    """The names that a function's code reads, those of its inner functions included: global ones unless told."""
    inner = (names_read(each, how) for each in code.co_consts if isinstance(each, CodeType))
    return frozenset(each.argval for each in dis.get_instructions(code) if each.opname in how).union(*inner)


def _code(code: CodeType) -> str:
    return f"{code.co_code.hex()} {code.co_names} {[_constant(each) for each in code.co_consts]}"


def _constant(value: Any) -> str:
    """A constant of a function's code; a set's members in the order of their texts."""
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, tuple) and any(isinstance(each, tuple | frozenset) for each in value):
        return f"({', '.join(map(_constant, value))})"
    return f"{{{', '.join(sorted(map(_constant, value)))}}}" if isinstance(value, frozenset) else repr(value)


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None

"""The source text of a class or a function, wherever it was defined, and the text of a value."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import linecache
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["cell_text_of", "shown", "text_of"]

#: Characters of a value's text that are kept.
_SHOWN = 2_000
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def text_of(value: type | FunctionType) -> str:
    """Source text, also of what was defined in a notebook's cell; empty where Python has none.

    A class is looked up in the file of its own functions: by its module, a cell's class would be looked up in whatever
    file the kernel was started from.
    """
    if isinstance(value, type) and "__firstlineno__" in vars(value):
        files = {each.__code__.co_filename for each in vars(value).values() if isinstance(each, FunctionType)}
        for file in sorted(files):
            if text := _class_at(linecache.getlines(file)[vars(value)["__firstlineno__"] - 1 :], value.__name__):
                return text
    if isinstance(value, type) and value.__module__ == "__main__" and not _is_file(sys.modules["__main__"]):
        return ""
    try:
        text = _function_text(value) if isinstance(value, FunctionType) else inspect.getsource(value)
    except (OSError, TypeError):
        return ""
    return "" if isinstance(value, FunctionType) and _is_made(value, text) else text


def _function_text(function: FunctionType) -> str:
    """By its code: of what a decorator puts around a function Python would show that function.

    Of a code alone `inspect` looks for the module among all that are loaded, though a file's lines, or a cell's, are
    the same whatever module asks for them: half of what a short run took of its owner.
    """
    code = function.__code__
    file = code.co_filename
    if not (file in linecache.cache or file.startswith("<") or Path(file).exists()):
        return inspect.getsource(code)
    linecache.checkcache(file)
    lines = linecache.getlines(file, function.__globals__)[code.co_firstlineno - 1 :]
    if not lines:
        raise OSError("it begins after the last line")
    return "".join(inspect.getblock(lines))


def cell_text_of(value: type) -> str:
    """Source text of a class of a notebook that has no functions of its own, as most configurations have none.

    Nothing of it names its cell: it is looked for in all of them. Of several that define such a class at its line, it
    is the last whose fields and plain defaults are those that the class has; empty where there is none.
    """
    first = vars(value).get("__firstlineno__")
    if first is None or value.__module__ != "__main__":
        return ""
    cells = [name for name in linecache.cache if not Path(name).exists()]
    for cell in reversed(cells):
        text = _class_at(linecache.getlines(cell)[first - 1 :], value.__name__)
        if text and _tells(text, value):
            return text
    return ""


def _tells(text: str, value: type) -> bool:
    """Whether a text says what a class holds, as far as it is written out."""
    try:
        (defined,) = ast.parse(textwrap.dedent(text)).body
    except (SyntaxError, ValueError):
        return False
    written = dict(_written(defined))
    fields = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
    held = dict(vars(value)) | {each.name: each.default for each in fields}
    for name, default in written.items():
        with suppress(ValueError, TypeError):  # it is computed
            if default is not None and (name not in held or ast.literal_eval(default) != held[name]):
                return False
    return [name for name in written if name in inspect.get_annotations(value)] == [*inspect.get_annotations(value)]


def _written(defined: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    for each in getattr(defined, "body", []):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id, each.value
        elif isinstance(each, ast.Assign):
            yield from ((name.id, each.value) for name in each.targets if isinstance(name, ast.Name))


def _class_at(lines: list[str], name: str) -> str:
    """The class that begins with the first of some lines; empty where another text, or another class, does.

    A dataclass has functions of `dataclasses` and `reprlib` too, whose files hold something else at its line.
    """
    if not lines or not lines[0].lstrip().startswith(("@", "class ")):
        return ""
    block = "".join(inspect.getblock(lines))
    return block if re.search(rf"^\s*class {re.escape(name)}\b", block, re.MULTILINE) else ""


def _is_made(function: FunctionType, text: str) -> bool:
    """Whether no text defines a function: a dataclass makes its own, in a file of the name of ``python -c``'s program.

    What Python then shows as its source are lines of that program.
    """
    name = function.__name__
    return function.__code__.co_filename == "<string>" and name != "<lambda>" and f"def {name}" not in text


def _is_file(module: ModuleType) -> bool:
    return Path(getattr(module, "__file__", None) or "").is_file()


def shown(value: Any, digest: Callable[[Any], str]) -> str:
    """What Python shows of a value, the same in every process; where that does not tell all, its digest beside it.

    Examples
    --------
    >>> shown({"names": {"b", "a"}}, lambda value: "")
    "{'names': {'a', 'b'}}"
    """
    try:
        text = _shown(value, digest)
    except RecursionError:  # it holds itself
        text = _ADDRESS.sub("", repr(value))
    except Exception as refused:  # noqa: BLE001  a person's own __repr__
        text = f"<{type(value).__name__}: {type(refused).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ...{_in_brackets(digest(value))}"


def _shown(value: Any, digest: Callable[[Any], str]) -> str:
    kind = type(value)
    if kind in (set, frozenset) and value:  # whose members Python keeps in another order in each process
        told = f"{{{', '.join(sorted(_shown(each, digest) for each in value))}}}"
        return told if kind is set else f"frozenset({told})"
    if kind in (list, tuple):
        told = ", ".join(_shown(each, digest) for each in islice(value, _SHOWN))
        return f"[{told}]" if kind is list else f"({told}{',' if len(value) == 1 else ''})"
    if kind is dict:
        pairs = islice(value.items(), _SHOWN)
        return f"{{{', '.join(f'{_shown(key, digest)}: {_shown(each, digest)}' for key, each in pairs)}}}"
    if dataclasses.is_dataclass(value) and hasattr(kind.__repr__, "__wrapped__"):  # that which dataclass made
        named = ((each.name, getattr(value, each.name)) for each in dataclasses.fields(value) if each.repr)
        return f"{kind.__qualname__}({', '.join(f'{name}={_shown(each, digest)}' for name, each in named)})"
    text = repr(value)
    told = _ADDRESS.sub("", text)
    # Of an array or a frame Python shows the ends, and a few digits; of an object without a text of its own its kind.
    return told if told == text and not hasattr(value, "shape") else f"{told}{_in_brackets(digest(value))}"


def _in_brackets(digest: str) -> str:
    return f" ({digest[:12]})" if digest else ""

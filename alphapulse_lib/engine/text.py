"""The source text of a class or a function, wherever it was defined."""

from __future__ import annotations

import inspect
import linecache
import re
import sys
from pathlib import Path
from types import FunctionType, ModuleType

__all__ = ["text_of"]


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
        # By its code: of what a decorator puts around a function Python would show that function.
        text = inspect.getsource(value.__code__ if isinstance(value, FunctionType) else value)
    except (OSError, TypeError):
        return ""
    return "" if isinstance(value, FunctionType) and _is_made(value, text) else text


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

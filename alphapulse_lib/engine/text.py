"""The source text of a class or a function, wherever it was defined."""

from __future__ import annotations

import inspect
import linecache
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
            lines = linecache.getlines(file)[vars(value)["__firstlineno__"] - 1 :]
            if any(line.lstrip().startswith(f"class {value.__name__}") for line in lines):
                return "".join(inspect.getblock(lines))
    if isinstance(value, type) and value.__module__ == "__main__" and not _is_file(sys.modules["__main__"]):
        return ""
    try:
        # By its code: of what a decorator puts around a function Python would show that function.
        text = inspect.getsource(value.__code__ if isinstance(value, FunctionType) else value)
    except (OSError, TypeError):
        return ""
    return "" if isinstance(value, FunctionType) and _is_made(value, text) else text


def _is_made(function: FunctionType, text: str) -> bool:
    """Whether no text defines a function: a dataclass makes its own, in a file of the name of ``python -c``'s program.

    What Python then shows as its source are lines of that program.
    """
    name = function.__name__
    return function.__code__.co_filename == "<string>" and name != "<lambda>" and f"def {name}" not in text


def _is_file(module: ModuleType) -> bool:
    return Path(getattr(module, "__file__", None) or "").is_file()

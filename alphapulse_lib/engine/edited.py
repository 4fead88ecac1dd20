"""Whether a module's file still says what was imported from it: a run's record keeps the text of what ran."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

__all__ = ["edited_since"]


def edited_since(module: ModuleType) -> bool:
    """Whether the file of a module was edited after it was imported, so that another code runs than the file tells.

    Of modules that are not plainly a file's code (a notebook, one that an import hook rewrote) nothing is said.
    """
    loader, file = getattr(module, "__loader__", None), getattr(module, "__file__", None)
    if type(loader) is not SourceFileLoader or not file or not Path(file).is_file():
        return False
    try:
        whole = loader.source_to_code(Path(file).read_bytes(), file)
    except (SyntaxError, ValueError):
        return True
    told = {*_codes(whole)}
    return any(each not in told for each in _held(module, file))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _held(module: ModuleType, file: str) -> Iterator[CodeType]:
    """The code of the module's own functions and of its classes' methods."""
    own = [each for each in vars(module).values() if getattr(each, "__module__", None) == module.__name__]
    members = [member for each in own if isinstance(each, type) for member in vars(each).values()]
    for each in (*own, *members):
        function = inspect.unwrap(getattr(each, "__func__", getattr(each, "fget", each)))
        if isinstance(function, FunctionType) and function.__code__.co_filename == file:
            yield function.__code__

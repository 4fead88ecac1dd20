"""The workspace's modules that functions import while they run: found by their files, and run again from their texts.

Nothing is imported for the question: a module's text counts the same whether it is loaded here or not; what a loaded
one holds besides is told by `alphapulse_lib.engine.set_globals`. What the text was then goes along to a run's process,
and is kept: a file that is edited meanwhile, or is gone, changes nothing.
"""

from __future__ import annotations

import ast
import dis
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

__all__ = ["Told", "import_from", "imported", "imported_by", "own_file", "uncounted"]


_IMPORT = dis.opmap["IMPORT_NAME"]


@dataclass(frozen=True)
class Told:
    """A module's file, and what that said."""

    file: str
    text: str

    @property
    def is_package(self) -> bool:
        """Whether modules may lie below it."""
        return Path(self.file).name == "__init__.py"


def own_file(name: str, ours: Sequence[str]) -> Path | None:
    """The file of a module that is somebody's own; ``None`` of any other, and of what is found nowhere.

    Parameters
    ----------
    name : str
        With those of its packages.
    ours : sequence of str
        The folders whose modules are nobody's own: Python's, installed packages', AlphaPulse's.
    """
    file = _file(name)
    if file is None or file.suffix != ".py" or not file.is_absolute() or str(file).startswith(tuple(ours)):
        return None
    return file if file.is_file() and os.access(file, os.R_OK) else None


def _file(name: str) -> Path | None:
    if name == "__main__":  # is what asks
        return None
    if name in sys.modules:
        return Path(getattr(sys.modules[name], "__file__", None) or "")
    top, *below = name.split(".")
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        return None
    if found is None or not below:
        return Path(found.origin or "") if found else None
    for folder in found.submodule_search_locations or ():
        place = Path(folder, *below)
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                return file
    return None


def imported(text: str, package: str, late: bool = False) -> list[str]:
    """The names of all modules that a module's text may import, sorted.

    Parameters
    ----------
    package : str
        That of the module, which relative imports begin at.
    late : bool
        Those alone that functions import, while they run.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # an import hook's own language
        return []
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    roots = [each for each in ast.walk(tree) if isinstance(each, functions)] if late else [tree]
    names: set[str] = set()
    for node in (node for root in roots for node in ast.walk(root)):
        if isinstance(node, ast.Import):
            names.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(_named(node.module or "", node.level, [each.name for each in node.names], package))
    return sorted(names)


def imported_by(code: CodeType, package: str) -> list[str]:
    """The names of all modules that a function's code may import, sorted."""
    names: set[str] = set()
    imports = _IMPORT in code.co_code[::2]  # nearly no function does, and to take one apart takes long
    steps = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"] if imports else []
    for at, each in enumerate(steps):
        if each.opname == "IMPORT_NAME":  # what it is given was put before: the level, and what is taken of it
            level, taken = (before.argval for before in steps[at - 2 : at])
            names.update(_named(each.argval, level, taken or (), package))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(imported_by(constant, package))
    return sorted(names)


def _named(module: str, level: int, taken: Sequence[str], package: str) -> Iterator[str]:
    """A module, and whatever of it may be one."""
    parts = package.split(".") if package else []
    above = parts[: len(parts) - level + 1] if level else []
    source = ".".join(filter(None, (*above, module)))
    if source:
        yield source
        yield from (f"{source}.{each}" for each in taken)


def import_from(told: Mapping[str, Told]) -> None:
    """Let this process import modules by what was told of them, from now on."""
    sys.meta_path.insert(0, _Finder(told))


def uncounted(before: Collection[str], ours: Sequence[str]) -> list[str]:
    """What to say of modules that this process imported by names that no text has: they are neither counted nor kept.

    Parameters
    ----------
    before : collection of str
        The names of the modules that it had when nothing of a strategy had run.
    ours : sequence of str
        As in `own_file`.
    """
    found = [
        name
        for name in sorted(sys.modules.keys() - set(before))
        if not isinstance(getattr(sys.modules[name], "__loader__", None), _Loader) and own_file(name, ours)
    ]
    if not found:
        return []
    return [
        f"While it ran, the strategy imported {', '.join(found)} by a name that it computes: what that says is neither "
        "counted in the strategy's hash nor kept with the run. Import it by name: `import ...`."
    ]


class _Finder(MetaPathFinder):
    """Finds the modules that were told, and the packages above them where their folders are gone."""

    def __init__(self, told: Mapping[str, Told]) -> None:
        self._told = told

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if told := self._told.get(fullname):
            folders = [str(Path(told.file).parent)] if told.is_package else None
            return spec_from_file_location(
                fullname, told.file, loader=_Loader(told), submodule_search_locations=folders
            )
        if any(each.startswith(f"{fullname}.") for each in self._told) and not PathFinder.find_spec(fullname, path):
            found = ModuleSpec(fullname, None, is_package=True)
            found.submodule_search_locations = []
            return found
        return None


class _Loader(ExecutionLoader):
    def __init__(self, told: Told) -> None:
        self._told = told

    def get_filename(self, _fullname: str) -> str:
        return self._told.file

    def get_source(self, _fullname: str) -> str:
        return self._told.text

    def is_package(self, _fullname: str) -> bool:
        return self._told.is_package

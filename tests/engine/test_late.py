"""Modules that functions import while they run: found without importing them, and run again from what they said."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse_lib.engine.late import Told, import_from, imported, imported_by, own_file
from alphapulse_lib.engine.source import ELSEWHERE, parts_of, source_of
from tests.resources.toy_market import Planned

TEXT = """
import json, far.away
def outer():
    from .near import one
    from . import two
    import far.other as other
    def inner():
        import deep
    return lambda: __import__("no_one_knows")
"""
LATE = ["deep", "far.other", "top.pack", "top.pack.near", "top.pack.near.one", "top.pack.two"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with a package, a folder without `__init__.py`, and a module."""
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in {
        "late_pack/__init__.py": "ABOVE = 1\n",
        "late_pack/levels.py": "from .base import BASE\nLEVEL = 2 * BASE\n",
        "late_pack/base.py": "BASE = 5\n",
        "late_folder/inside.py": "INSIDE = 7\n",
        "late_module.py": "import late_pack.levels\ndef level():\n    return late_pack.levels.LEVEL\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    importlib.invalidate_caches()
    before, finders = set(sys.modules), [*sys.meta_path]
    yield tmp_path
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        if name.startswith("late_"):
            del sys.modules[name]


def test_imports_are_read_off_a_text_and_off_code() -> None:
    assert imported(TEXT, "top.pack", late=True) == LATE
    assert imported(TEXT, "top.pack") == sorted([*LATE, "json", "far.away"])
    assert imported("no python at all (", "") == []
    many = "\n".join(f"    x{number} = {number}.5" for number in range(400))  # more than a byte counts
    made: dict[str, object] = {}
    exec(TEXT.replace("import json, far.away", "").replace("def outer():", f"def outer():\n{many}"), made)
    assert imported_by(made["outer"].__code__, "top.pack") == LATE  # type: ignore[attr-defined]


def test_a_file_is_found_whether_its_module_is_loaded_or_not(desk: Path) -> None:
    files = {
        "late_module": "late_module.py",
        "late_pack": "late_pack/__init__.py",
        "late_pack.levels": "late_pack/levels.py",
        "late_folder.inside": "late_folder/inside.py",
    }
    for _ in ("not loaded", "loaded"):
        assert {name: own_file(name, ELSEWHERE) for name in files} == {a: desk / b for a, b in files.items()}
        for name in (
            "late_folder",
            "late_pack.nowhere",
            "nowhere_at_all",
            "json",
            "numpy.linalg",
            "alphapulse_lib.clock",
        ):
            assert own_file(name, ELSEWHERE) is None, name
        assert own_file("__main__", ELSEWHERE) is None
        if "late_pack" in sys.modules:
            break
        for name in files:
            importlib.import_module(name)
    else:
        pytest.fail("the question imported them")


class Late(Planned):
    """Imports while it runs."""

    def on_stop(self) -> None:
        from late_folder import inside  # type: ignore[import-not-found]
        from late_module import level  # type: ignore[import-not-found]

        assert level() + inside.INSIDE


class Plain(Planned):
    """Imports what its file tells all of."""

    def on_stop(self) -> None:
        from late_folder import inside

        assert inside.INSIDE


def test_they_count_by_their_texts_with_all_that_they_import(desk: Path) -> None:
    names = ["late_folder.inside", "late_module", "late_pack", "late_pack.base", "late_pack.levels"]
    parts, plain = parts_of(Late), source_of(Plain).digest
    assert sorted(parts.late) == names
    assert parts.texts["late_pack.base"] == "BASE = 5\n"
    assert parts.late["late_pack.base"] == Told(str(desk / "late_pack/base.py"), "BASE = 5\n")
    assert not any(name.startswith("late_") for name in sys.modules)
    importlib.import_module("late_folder.inside")
    assert source_of(Plain).digest == plain, "loaded or not, it is the same"
    for file in ("late_pack/base.py", "late_folder/inside.py", "late_pack/__init__.py"):
        before = source_of(Late).digest
        (desk / file).write_text((desk / file).read_text() + "MORE = 1\n")
        assert source_of(Late).digest != before, file


def test_what_they_said_is_imported_when_their_files_say_another_thing_or_are_gone(desk: Path) -> None:
    told = parts_of(Late).late
    (desk / "late_pack/base.py").write_text("BASE = 100\n")
    (desk / "late_folder/inside.py").unlink()
    (desk / "late_folder").rmdir()
    import_from(told)
    assert importlib.import_module("late_module").level() == 10
    inside = importlib.import_module("late_folder.inside")
    assert (inside.INSIDE, inside.__file__) == (7, str(desk / "late_folder/inside.py"))
    with pytest.raises(ModuleNotFoundError, match=r"late_pack\.nowhere"):
        importlib.import_module("late_pack.nowhere")
    (desk / "late_pack/data.py").write_text("DATA = 3\n")
    importlib.invalidate_caches()
    assert importlib.import_module("late_pack.data").DATA == 3, "what was not told is imported as ever"

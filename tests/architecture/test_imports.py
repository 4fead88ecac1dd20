"""Who may import whom, and what importing the library costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import alphapulse_lib as ap

PROJECT = Path(__file__).parents[2]
LIBRARY = PROJECT / "alphapulse_lib"
HEAVY = {
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "duckdb",
    "nautilus_trader",
    "panel",
    "plotly",
    "torch",
    "exchange_calendars",
}


def modules_loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)
    return {name.partition(".")[0] for name in done.stdout.split()}


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stdout


def test_importing_the_library_loads_nothing_heavy() -> None:
    assert not modules_loaded_by("import alphapulse_lib") & HEAVY


def test_the_command_starts_without_anything_heavy() -> None:
    assert not modules_loaded_by("import alphapulse_lib.cli") & HEAVY


def test_a_run_waits_for_no_import_that_it_does_not_need() -> None:
    assert not modules_loaded_by("import alphapulse_lib.engine.worker") & {"pydantic", "pydantic_settings"}
    assert "jinja2" not in modules_loaded_by("import alphapulse_lib.session.running")


def test_nautilus_is_imported_in_three_places_only() -> None:
    allowed = ("engine/", "live/", "catalog/reader", "catalog/writer")
    found = [
        path.relative_to(LIBRARY).as_posix()
        for path in LIBRARY.rglob("*.py")
        if any(name.partition(".")[0] == "nautilus_trader" for name in imported_names(path))
    ]
    assert found
    assert [path for path in found if not path.startswith(allowed)] == []


def test_the_model_is_made_of_the_standard_library() -> None:
    own = {"alphapulse_lib.model", "alphapulse_lib.errors"}
    for path in (LIBRARY / "model").glob("*.py"):
        for name in imported_names(path):
            assert name.partition(".")[0] in sys.stdlib_module_names or name.startswith(tuple(own)), (path.name, name)


def test_every_public_name_is_importable_documented_and_sorted() -> None:
    assert sorted(ap.__all__) == ap.__all__
    for name in ap.__all__:
        assert getattr(ap, name).__doc__, name


def test_no_module_is_named_for_nothing() -> None:
    vague = {"utils", "common", "helpers", "misc", "util", "helper"}
    assert [
        path for root in ("alphapulse_lib", "hub") for path in (PROJECT / root).rglob("*.py") if path.stem in vague
    ] == []


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines without its docstring, which tells people what they need at whatever length that takes."""
    documented = ast.get_docstring(function) is not None
    body = function.body[1:] if documented else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_modules_and_functions_stay_small() -> None:
    too_long = []
    for root in ("alphapulse_lib", "hub"):
        for path in (PROJECT / root).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if text.count("\n") > 400:
                too_long.append(f"{path.name}: {text.count(chr(10))} lines")
            too_long += [
                f"{path.name}:{node.lineno} {node.name}: {lines_of_code(node)} lines of code"
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of_code(node) > 60
            ]
    assert too_long == []

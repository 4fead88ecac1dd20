"""Every example in a docstring runs, and every public function of a session says what it does."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import alphapulse_lib as ap

LIBRARY = Path(ap.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in LIBRARY.rglob("*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, writable_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(
        import_module(name),
        extraglobs={"ap": ap},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert result.failed == 0


@pytest.mark.parametrize("name", [name for name in ap.__all__ if inspect.isfunction(getattr(ap, name))])
def test_a_public_function_has_an_example_and_says_what_it_takes(name: str) -> None:
    text = inspect.getdoc(getattr(ap, name)) or ""
    assert ">>> " in text, "no example"
    if inspect.signature(getattr(ap, name)).parameters:
        assert "Parameters\n----------" in text
    assert "Returns\n-------" in text

"""A strategy in a file: known by the same name each time that it is loaded, and run as its file says or not at all."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.engine.edited import edited_since
from alphapulse_lib.session.hub import RunWarning
from tests.resources.toy_market import Planned, write_minutes

CODE = """
from alphapulse_lib.engine.strategies import SmaCross

class Mine(SmaCross):
    @property
    def size(self):
        return 1

    @size.setter
    def size(self, value):
        self.held = value
"""
WEEKS = ("GOOG", "1d", "2011-01-03", "2011-03-31")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "desk_idea.py"
    path.write_text(CODE)
    yield path
    for name in ("desk_idea", "strategy_desk_idea"):
        sys.modules.pop(name, None)


def test_a_file_that_is_loaded_twice_is_one_trial(sample: Path, file: Path) -> None:
    first, second = (ap.backtest(f"{file}:Mine", *WEEKS, progress=False) for _ in range(2))
    assert first.spec.id == second.spec.id
    assert first.spec.strategy.name == "desk_idea:Mine"
    assert ap.runs().trials.tolist() == [1, 1]


def test_a_file_that_could_not_be_loaded_keeps_its_name_when_it_is_mended(sample: Path, file: Path) -> None:
    file.write_text("raise ValueError")
    with pytest.raises(errors.StrategyUnusable, match="cannot be loaded"):
        ap.backtest(f"{file}:Mine", *WEEKS, progress=False)
    file.write_text(CODE)
    assert ap.backtest(f"{file}:Mine", *WEEKS, progress=False).spec.strategy.name == "desk_idea:Mine"


def test_a_class_whose_file_was_edited_since_is_refused_until_it_is_loaded_again(sample: Path, file: Path) -> None:
    module = importlib.import_module("desk_idea")
    assert not edited_since(module)
    ap.backtest(module.Mine, *WEEKS, progress=False)
    file.write_text(CODE.replace("return 1", "return 2"))
    os.utime(file, (1, 1))  # Python tells a file that was edited within a second by its time alone
    with pytest.raises(errors.StrategyUnusable, match=r"desk_idea\.py was edited after desk_idea was imported"):
        ap.backtest(module.Mine, *WEEKS, progress=False)
    assert len(ap.runs()) == 1
    ap.backtest(importlib.reload(module).Mine, *WEEKS, progress=False)
    file.write_text("class Mine:\n  wrong(")
    assert edited_since(module)
    file.unlink()
    assert not edited_since(module)


class Asks(Planned):
    """Imports, as its run begins, what lies in a folder of the search path."""

    def on_start(self) -> None:
        super().on_start()
        importlib.import_module("made_meanwhile")


def test_a_folder_of_the_search_path_may_be_made_between_two_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_minutes("TOY")
    folder = tmp_path / "made"
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    told = {"symbols": "TOY", "period": "1m", "params": {"plan": {}}, "progress": False}
    ap.backtest(Planned, **told)
    folder.mkdir()
    (folder / "made_meanwhile.py").write_text("")
    with pytest.warns(RunWarning, match="imported made_meanwhile"):
        assert ap.backtest(Asks, **told).status == "finished"

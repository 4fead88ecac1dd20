"""The code of two runs, part by part: of a strategy that lies in another module only what differs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy_market import write_minutes

import alphapulse_lib as ap

TEXT = """
from dataclasses import dataclass, field
from nautilus_trader.model import BarType
from nautilus_trader.trading import Strategy

def units():
    return 1

@dataclass(frozen=True)
class {name}Config:
    bar_type: BarType
    levels: list = field(default_factory=list)

class {name}(Strategy):
    def __init__(self, config: {name}Config) -> None:
        super().__init__()
        self._given = config

    def on_start(self) -> None:
        self.subscribe_bars(self._given.bar_type)
        units()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    write_minutes("TOY")


def held(module: str, text: str, name: str = "Held") -> object:
    Path(f"{module}.py").write_text(text.format(name=name))
    return ap.backtest(f"{module}.py:{name}", "TOY", "1m", progress=False)


def test_what_dataclasses_make_is_no_part_of_the_code() -> None:
    run = held("parts_one", TEXT)
    assert [*run.code] == ["parts_one.Held", "parts_one.HeldConfig", "parts_one.units"]


def test_a_module_that_was_renamed_is_told_as_such_with_the_lines_that_differ() -> None:
    run = held("moved_from", TEXT)
    moved = ap.diff(run, held("moved_to", TEXT))
    told = ("code", "moved to another module", "moved_from", "moved_to")
    assert [(each.kind, each.name, each.one, each.other) for each in moved.all] == [told]
    assert len(moved.text.splitlines()) == 2 and moved.identical
    edited = ap.diff(run, held("moved_more", TEXT.replace("return 1", "return 2")))
    named = [(each.name, each.one, each.other) for each in edited.all]
    assert named == [
        ("moved_from.units", "return 1", "return 2"),
        ("moved to another module", "moved_from", "moved_more"),
    ]
    changed = [line for line in edited.text.splitlines() if line[0] in "+-"]
    assert changed == [
        f"--- moved_from.units ({run.id[:8]})",
        f"+++ moved_more.units ({edited.other.id[:8]})",
        "-    return 1",
        "+    return 2",
    ]


def test_one_that_is_made_of_the_other_has_not_moved() -> None:
    run = held("made_base", TEXT)
    text = "import made_base\n\nclass Held(made_base.Held):\n    pass\n"
    found = ap.diff(run, held("made_of", text))
    assert [(each.name, each.one) for each in found.all] == [("made_of.Held", "\N{EM DASH}")]


def test_another_class_of_another_module_has_not_moved() -> None:
    found = ap.diff(held("class_one", TEXT), held("class_two", TEXT, "Other"))
    assert {each.name for each in found.all} >= {"class_one.Held", "class_two.Other", "class_two.units"}

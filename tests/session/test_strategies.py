"""Strategies by the names that a person types: what a file's classes are called, and whom they may not meet."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse_lib.engine.source import source_of
from alphapulse_lib.errors import StrategyUnusable
from alphapulse_lib.session.strategies import strategy_class

MINE = """
from alphapulse_lib.engine.strategies import SmaCross

class Mine(SmaCross):
    number = {}
"""


@pytest.fixture(autouse=True)
def loaded_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What a test loads of its own folder is gone after it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def written(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return f"{path}:Mine"


def test_a_file_edited_and_loaded_again_keeps_its_name(tmp_path: Path) -> None:
    first = strategy_class(written(tmp_path / "crossing.py", MINE.format(1)))
    second = strategy_class(written(tmp_path / "crossing.py", MINE.format(2)))
    assert source_of(first).name == source_of(second).name == "crossing:Mine"
    assert (first.number, second.number) == (1, 2)  # type: ignore[attr-defined]


def test_another_file_of_one_name_is_refused_whichever_came_first(tmp_path: Path) -> None:
    one, other = (written(tmp_path / each / "crossing.py", MINE.format(1)) for each in ("one", "other"))
    strategy_class(one)
    with pytest.raises(
        StrategyUnusable, match=r"other/crossing\.py cannot be loaded: .*/one/crossing\.py is loaded"
    ) as no:
        strategy_class(other)
    assert "a process of its own" in no.value.hint
    del sys.modules["crossing"]
    strategy_class(other)
    with pytest.raises(StrategyUnusable, match=r"one/crossing\.py cannot be loaded"):
        strategy_class(one)


@pytest.mark.parametrize("stem", ["json", "numpy", "graphlib", "math"])
def test_a_file_called_as_a_library_hides_it_from_nobody_and_has_one_name(
    tmp_path: Path, stem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = written(tmp_path / f"{stem}.py", MINE.format(1))
    assert source_of(strategy_class(wanted)).name == f"strategy_{stem}:Mine"
    monkeypatch.delitem(sys.modules, stem, raising=False)  # as where it was not imported before
    assert source_of(strategy_class(wanted)).name == f"strategy_{stem}:Mine"
    assert stem not in sys.modules


def test_a_file_never_runs_with_a_module_of_another_folder_in_place_of_its_own(tmp_path: Path) -> None:
    for each, number in (("one", 1), ("other", 2)):
        (tmp_path / each).mkdir()
        (tmp_path / each / "desk_rules.py").write_text(f"LIMIT = {number}\ndef limit():\n    return LIMIT\n")
    named = "from desk_rules import limit\n" + MINE.format(1)
    whole = "import desk_rules\n" + MINE.format(1)
    strategy_class(written(tmp_path / "one" / "mine_one.py", named))
    for stem, text in (("mine_other", named), ("mine_third", whole)):
        with pytest.raises(StrategyUnusable, match=r"with another desk_rules than its own: .*one/desk_rules\.py is"):
            strategy_class(written(tmp_path / "other" / f"{stem}.py", text))


VERSION_ONE = """
from nautilus_trader.common.enums import LogColor
from nautilus_trader.core.message import Event
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.trading import Strategy
from nautilus_trader.trading.config import StrategyConfig
"""


def test_a_file_of_nautilus_trader_1_is_told_what_to_import_from_where(tmp_path: Path) -> None:
    """What is told is what such a file then loads with."""
    with pytest.raises(StrategyUnusable, match=r"imports 'nautilus_trader\.common\.enums', which Nautilus.* 2") as no:
        strategy_class(written(tmp_path / "earlier.py", VERSION_ONE))
    with pytest.raises(StrategyUnusable, match=r"^earlier imports 'nautilus_trader\.common\.enums', which"):
        strategy_class("earlier:Mine")
    lines = re.findall(r"`([^`]*)`", no.value.hint)
    assert lines == [
        "from nautilus_trader.common import LogColor",
        "from nautilus_trader.model import Bar, BarType, OrderSide",
        "from nautilus_trader.trading import StrategyConfig",
    ]
    assert no.value.hint.endswith("There is no Event any more.")
    text = "\n".join([*lines, "from nautilus_trader.trading import Strategy", "class Mine(Strategy): ..."])
    assert strategy_class(written(tmp_path / "ported.py", text)).__name__ == "Mine"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("from nautilus_trader.indicators import MovingAverageFactory", "There is no MovingAverageFactory any more"),
        (
            "from nautilus_trader.trading import StrategyConfig\nclass C(StrategyConfig, frozen=True): ...",
            "write `@dataclass(frozen=True)` over the configuration",
        ),
    ],
)
def test_what_version_2_took_away_is_said_where_the_file_has_it(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(StrategyUnusable, match=r"cannot be loaded: .*\(line \d\)") as no:
        strategy_class(written(tmp_path / "earlier.py", text))
    assert hint in no.value.hint


def test_a_file_that_cannot_be_loaded_leaves_no_half_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "crossing.py"
    with pytest.raises(StrategyUnusable):
        strategy_class(written(path, "HALF = 1\n1 / 0"))
    assert "crossing" not in sys.modules
    whole = strategy_class(written(path, MINE.format(1)))
    with pytest.raises(StrategyUnusable):
        strategy_class(written(path, "HALF = 1\n1 / 0"))
    assert sys.modules["crossing"].Mine is whole, "what was loaded of it is found as before"

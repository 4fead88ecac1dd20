"""What a strategy captured is found wherever it lies, replaced where it tells times, and named where it is data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from alphapulse_lib.engine.captured import captured_data, replace_captured
from alphapulse_lib.engine.corruption import Corruption

STAMPS = pd.date_range("2012-01-02", periods=20, tz="UTC")
SINCE, MIDDLE = STAMPS[0].value, STAMPS[9].value


def frame() -> pd.DataFrame:
    return pd.DataFrame({"ts": STAMPS, "close": 10.0})


class Model:
    def __init__(self, data: pd.DataFrame) -> None:
        self.data = data


class Slotted:
    __slots__ = ("data",)

    def __init__(self, data: pd.DataFrame) -> None:
        self.data = data


def last(data: pd.DataFrame) -> float:
    return float(data["close"].iloc[-1])


def a_default() -> type:
    class Reads:
        def read(self, data: pd.DataFrame = frame()) -> float:  # noqa: B008
            return last(data)

    return Reads


def a_keyword() -> type:
    class Reads:
        def read(self, *, data: pd.DataFrame = frame()) -> float:  # noqa: B008
            return last(data)

    return Reads


def reading(held: Any, way: Callable[[Any], float]) -> type:
    class Reads:
        def read(self) -> float:
            return way(held)

    return Reads


def kept() -> type:
    data = frame()

    @lru_cache
    def once() -> float:
        return last(data)

    return reading(once, lambda held: (held.cache_clear(), held())[1])


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        (a_default(), "a_default.<locals>.Reads.read(data)"),
        (a_keyword(), "a_keyword.<locals>.Reads.read(data)"),
        (reading(Model(frame()), lambda held: last(held.data)), "held.data"),
        (reading(Slotted(frame()), lambda held: last(held.data)), "held.data"),
        (reading(SimpleNamespace(data=frame()), lambda held: last(held.data)), "held.data"),
        (reading(partial(last, frame()), lambda held: held()), "held"),
        (reading(partial(last, data=frame()), lambda held: held()), "held"),
        (reading({"LK": [frame()]}, lambda held: last(held["LK"][0])), "held"),
        (reading({f"{each:%Y-%m-%d}": 10.0 for each in STAMPS}, lambda held: held["2012-01-21"]), "held"),
        (kept(), "data"),
    ],
)
def test_what_was_captured_is_named_and_what_it_says_of_later_is_replaced(strategy: type, name: str) -> None:
    assert captured_data(strategy, None, {}, SINCE) == [name]
    assert strategy().read() == 10.0
    replace_captured(strategy, Corruption(STAMPS[-1].value + 86_400 * 10**9, 1))
    assert strategy().read() == 10.0, "nothing lies after it"
    replace_captured(strategy, Corruption(MIDDLE, 1))
    assert strategy().read() > 15.0


def test_data_of_a_module_is_named_and_what_is_not_read_of_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_signals.py").write_text("LONG = ['2012-01-05']\nOTHER = [*range(100)]\nFEW = [1, 2]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_signals

    monkeypatch.setitem(globals(), "my_signals", my_signals)

    class Reads:
        def read(self) -> Any:
            return my_signals.LONG, my_signals.FEW

    class Imports:
        def read(self) -> Any:
            from my_signals import LONG

            return LONG

    try:
        assert captured_data(Imports, None, {}, SINCE) == ["my_signals.LONG"]
        assert captured_data(reading(my_signals, len), None, {}, SINCE) == []
        assert captured_data(Reads, None, {}, SINCE) == ["my_signals.LONG"]
    finally:
        del sys.modules["my_signals"]


@pytest.mark.parametrize(
    "held",
    [
        ("2012-01-05",),
        {"2012-01-05": "buy"},
        pd.Timestamp("2012-01-05"),
        "10" * 100,
        "long on 2012-01-05",
        1 << 200,
        [0, 1] * 10,
        ["buy", "sell"] * 10,
        {"days": ["2012-01-05"]},
    ],
)
def test_dates_of_the_run_and_long_ones_are_named(held: Any) -> None:
    assert captured_data(reading(held, len), None, {}, SINCE) == ["held"]
    assert captured_data(a_quiet(), None, {"days": held}, SINCE) == ["params['days']"]


@pytest.mark.parametrize(
    "held", [3, 0.5, "AAPL", "1d", True, None, [5, 10, 20], ["AAPL", "MSFT"], "2011-12-31", {"fast": 3}, pd.NaT]
)
def test_what_ordinary_strategies_are_told_is_not_named(held: Any) -> None:
    assert captured_data(reading(held, len), None, {"told": held}, SINCE) == []


def test_many_symbols_are_parameters_as_any_other() -> None:
    assert captured_data(a_quiet(), None, {"symbols": [f"S{each}" for each in range(100)]}, SINCE) == []


def a_quiet() -> type:
    class Quiet:
        pass

    return Quiet


def test_what_a_parameter_is_unless_told_is_looked_at_once() -> None:
    @dataclass(frozen=True)
    class Config:
        days: tuple[str, ...] = ("2012-01-05",)
        fast: int = 3

    (found,) = captured_data(a_quiet(), Config, {}, SINCE)
    assert found.endswith("Config.days")

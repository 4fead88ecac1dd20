"""Parameters: which ones a strategy takes, in which kinds, and that each one arrives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pytest
from nautilus_trader.model import BarType, InstrumentId, Price
from nautilus_trader.trading import Strategy, StrategyConfig

from alphapulse_lib.engine.configure import Blueprint, blueprint, build, declared, plain_parameters
from alphapulse_lib.engine.kinds import plain_value
from alphapulse_lib.errors import InputError, StrategyUnusable, UnknownParameter
from alphapulse_lib.model.frozen import frozen

AAA, BBB = "AAA.XNAS", "BBB.XNAS"
BARS = {AAA: "AAA.XNAS-1-DAY-LAST-EXTERNAL", BBB: "BBB.XNAS-1-DAY-LAST-EXTERNAL"}


@dataclass(frozen=True)
class EveryKind:
    instrument_id: InstrumentId
    bar_type: BarType
    count: int = 1
    share: float = 0.5
    on: bool = False
    limit: Price | None = None
    rate: Decimal = Decimal("0.1")
    wait: timedelta = timedelta(0)
    levels: tuple[int, ...] = ()
    hedge: InstrumentId | None = None


class OfEveryKind(Strategy):
    def __init__(self, config: EveryKind) -> None:
        super().__init__(config)


@dataclass(frozen=True)
class Made:
    needed: int
    levels: list[int] = field(default_factory=lambda: [1, 2])
    source: object = object()  # no spec can hold it


class OfMade(Strategy):
    def __init__(self, config: Made) -> None:
        super().__init__(config)


class Loose(StrategyConfig):
    instrument_ids: list
    fast: int = 10


class OfLoose(Strategy):
    def __init__(self, config: Loose) -> None:
        super().__init__(config)


def made(strategy: type, params: dict[str, Any], *ids: str) -> Any:
    plain = plain_parameters(strategy, params)
    names = ids or (AAA,)
    return build(blueprint(strategy), plain, names, [BARS[each] for each in names])


def test_values_arrive_as_their_annotations_say() -> None:
    params = {
        "count": 3,
        "share": 1,
        "on": True,
        "limit": Price.from_str("1.25"),
        "rate": 0.3,
        "wait": timedelta(minutes=2),
        "levels": [1, 2],
        "hedge": BBB,
    }
    config = made(OfEveryKind, params)
    expected = EveryKind(
        InstrumentId.from_str(AAA),
        BarType.from_str(BARS[AAA]),
        3,
        1,
        True,
        Price.from_str("1.25"),
        Decimal("0.3"),
        timedelta(minutes=2),
        (1, 2),
        InstrumentId.from_str(BBB),
    )
    assert config == expected


def test_defaults_stay() -> None:
    assert made(OfEveryKind, {}) == EveryKind(InstrumentId.from_str(AAA), BarType.from_str(BARS[AAA]))


def test_a_nautilus_config_that_would_keep_its_defaults_is_filled() -> None:
    config = made(OfLoose, {"fast": 3, "order_id_tag": "9"}, AAA, BBB)
    assert (config.fast, config.order_id_tag) == (3, "9")
    assert [str(each) for each in config.instrument_ids] == [AAA, BBB]


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"cuont": 1}, UnknownParameter, "Did you mean count"),
        ({"count": "many"}, InputError, "count='many' is not an int"),
        ({"count": True}, InputError, "is not an int"),
        ({"count": 1.5}, InputError, "is not an int"),
        ({"rate": "x"}, InputError, "rate='x'"),
        ({"hedge": "no dot"}, InputError, "hedge='no dot'"),
        ({"share": float("nan")}, InputError, "cannot be kept in a spec"),
        ({"levels": object()}, InputError, "cannot be kept in a spec"),
        ({"levels": "a\0b"}, InputError, "cannot be kept in a spec"),
        ({"levels": "half \ud800"}, InputError, "cannot be kept in a spec"),
        ({"instrument_id": AAA}, InputError, "comes from the symbols"),
    ],
)
def test_a_wrong_parameter_is_told(params: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        plain_parameters(OfEveryKind, params)


def test_one_instrument_for_each_strategy_of_one() -> None:
    with pytest.raises(StrategyUnusable, match="trades one instrument; 2 were given"):
        made(OfEveryKind, {}, AAA, BBB)


class Untold(Strategy):
    def __init__(self, config) -> None:
        super().__init__(config)


class Two(Strategy):
    def __init__(self, config: EveryKind, other: int) -> None:
        super().__init__(config)


class Takes:
    """Loses what it is given."""

    def __init__(self, count: int = 1) -> None:
        self.count = 1


class OfTakes(Strategy):
    def __init__(self, config: Takes) -> None:
        super().__init__(config)


class Plain(Strategy):
    pass


@pytest.mark.parametrize(
    ("strategy", "words"), [(Untold, "does not say of which class"), (Two, "one config"), (int, "not a Nau")]
)
def test_a_strategy_that_cannot_be_made_is_told(strategy: type, words: str) -> None:
    with pytest.raises(StrategyUnusable, match=words):
        blueprint(strategy)


class WithoutBar(Plain):
    def on_bar(self) -> None: ...


class WithMore(Plain):
    def on_order_filled(self, event, more) -> None: ...


class Static(Plain):
    @staticmethod
    def on_bar(self, bar) -> None: ...


class Awaited(Plain):
    async def on_bar(self, bar) -> None: ...


class Yielding(Plain):
    def on_start(self):
        yield


class Liberal(Plain):
    def on_bar(self, *bars, more: int = 0) -> None: ...

    @classmethod
    def on_quote(cls, quote) -> None: ...

    @staticmethod
    def on_trade(trade) -> None: ...

    def on_my_own_event(self, one, two) -> None: ...


@pytest.mark.parametrize(
    ("strategy", "said", "hint"),
    [
        (WithoutBar, r"WithoutBar\.on_bar\(self\).* cannot be called", "def on_bar(self, bar)"),
        (WithMore, r"WithMore\.on_order_filled\(self, event, more\)", "def on_order_filled(self, event)"),
        (Static, r"Static\.on_bar\(self, bar\)", "def on_bar(bar)"),
        (Awaited, r"Awaited\.on_bar is async", "def on_bar(self, bar)"),
        (Yielding, r"Yielding\.on_start is async or has a yield", "def on_start(self)"),
    ],
)
def test_a_handler_that_nautilus_cannot_call_is_refused(strategy: type, said: str, hint: str) -> None:
    with pytest.raises(StrategyUnusable, match=said) as refused:
        blueprint(strategy)
    assert hint in refused.value.hint


def test_handlers_that_nautilus_can_call_are_let_be() -> None:
    assert blueprint(Liberal).strategy is Liberal


def test_what_a_class_declares_of_its_parameters_is_told_without_making_one() -> None:
    kinds = {"count": 1, "share": 0.5, "on": False, "limit": None, "rate": "0.1", "wait": 0.0, "levels": []}
    assert declared(OfEveryKind) == kinds | {"hedge": None}
    assert declared(OfMade) == {"levels": [1, 2]}
    assert declared(OfLoose)["fast"] == 10
    assert declared(Plain) == {}


def test_a_parameter_that_does_not_arrive_is_refused() -> None:
    with pytest.raises(StrategyUnusable, match="does not take over count: 5 was given, 1 arrived"):
        made(OfTakes, {"count": 5})


def test_a_strategy_without_parameters_takes_none() -> None:
    assert made(Plain, {}) is None
    with pytest.raises(UnknownParameter, match="It has none"):
        plain_parameters(Plain, {"fast": 1})


def test_a_strategy_may_change_the_lists_and_mappings_that_it_is_given() -> None:
    @dataclass(frozen=True)
    class Held:
        levels: list[int]
        plan: dict[str, list[int]]

    class OfHeld(Strategy):
        def __init__(self, config: Held) -> None:
            super().__init__(config)

    given = frozen({"levels": [1, 2], "plan": {"1": [5]}})
    got = build(Blueprint(OfHeld, Held, {"levels": list, "plan": dict}), given, (AAA,), [BARS[AAA]])
    got.levels.append(3)
    got.plan["1"].append(6)
    got.plan["2"] = []
    assert (got.levels, got.plan) == ([1, 2, 3], {"1": [5, 6], "2": []})
    assert given == {"levels": [1, 2], "plan": {"1": [5]}}


@pytest.mark.parametrize(
    "value",
    [np.float64("nan"), np.array(np.inf), [1, np.float32("nan")], np.complex128(1j), np.bytes_(b"x"), np.str_("a\0b")],
)
def test_what_no_spec_can_hold_is_refused_of_numpys_kinds_too(value: object) -> None:
    with pytest.raises(InputError, match="cannot be kept in a spec"):
        plain_value("x", value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.datetime64("2024-01-02"), "2024-01-02"),
        (np.datetime64("2024-01-02T09:30", "ns"), "2024-01-02 09:30:00"),
        (np.timedelta64(90, "s").astype("m8[ns]"), 90.0),
        (np.longdouble(1.5), 1.5),
        (np.int64(3), 3),
    ],
)
def test_a_time_of_numpys_is_kept_as_pythons_own(value: object, plain: object) -> None:
    assert (plain_value("x", value), type(plain_value("x", value))) == (plain, type(plain))


class TakesAPeriod(Strategy):
    def __init__(self, bar_type: BarType) -> None:
        super().__init__()


class Named(NamedTuple):
    count: int = 1


class TakesATuple(Strategy):
    def __init__(self, config: Named) -> None:
        super().__init__(config)


def test_one_value_is_no_configuration_and_a_tuple_with_names_is() -> None:
    with pytest.raises(StrategyUnusable, match=r"__init__ takes bar_type, of BarType: .* gives it one config") as no:
        blueprint(TakesAPeriod)
    assert "class TakesAPeriodConfig:` with `bar_type: BarType`" in no.value.hint
    assert blueprint(TakesATuple).config is Named

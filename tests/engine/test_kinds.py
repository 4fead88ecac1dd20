"""Members of enumerations, spans, choices and dataclasses as parameters: plain in a spec, themselves in a strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any, Literal

import pytest
from nautilus_trader.model import OrderSide
from nautilus_trader.trading import Strategy, StrategyConfig

from alphapulse_lib.engine.configure import blueprint, build, declared, plain_parameters
from alphapulse_lib.engine.kinds import plain_value
from alphapulse_lib.errors import InputError


class Side(StrEnum):
    LONG = "long"
    SHORT = "short"


class Exit(Enum):
    WIDE = 3
    TIGHT = 1
    NEVER = object()  # no spec can hold it: its name is kept


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Leg(Flag):
    FRONT = 1
    BACK = 2


@dataclass(frozen=True)
class OfMembers:
    side: Side = Side.LONG
    exit: Exit | None = Exit.WIDE
    level: Level = Level.LOW
    legs: Leg = Leg.FRONT
    order: OrderSide = OrderSide.BUY
    sides: tuple[Side, ...] = ()
    how: Literal["fast", "slow"] = "fast"
    wait: timedelta = timedelta(0)
    day: date = date(2010, 1, 4)


class Chosen(Strategy):
    def __init__(self, config: OfMembers) -> None:
        super().__init__(config)


def arrived(params: dict[str, Any]) -> Any:
    return build(blueprint(Chosen), plain_parameters(Chosen, params), ["AAA.XNAS"], ["AAA.XNAS-1-DAY-LAST-EXTERNAL"])


@pytest.mark.parametrize(
    ("name", "given", "plain", "expected"),
    [
        ("side", Side.SHORT, "short", Side.SHORT),
        ("side", "short", "short", Side.SHORT),
        ("side", "SHORT", "short", Side.SHORT),
        ("exit", Exit.TIGHT, 1, Exit.TIGHT),
        ("exit", "TIGHT", 1, Exit.TIGHT),
        ("exit", Exit.NEVER, "NEVER", Exit.NEVER),
        ("exit", None, None, None),
        ("level", Level.HIGH, 2, Level.HIGH),
        ("level", 2, 2, Level.HIGH),
        ("legs", Leg.FRONT | Leg.BACK, 3, Leg.FRONT | Leg.BACK),
        ("order", OrderSide.SELL, "SELL", OrderSide.SELL),
        ("order", "SELL", "SELL", OrderSide.SELL),
        ("sides", [Side.SHORT, "LONG"], ["short", "LONG"], (Side.SHORT, Side.LONG)),
        ("how", "slow", "slow", "slow"),
        ("wait", timedelta(hours=1), 3600.0, timedelta(hours=1)),
        ("day", "2011-02-03", "2011-02-03", date(2011, 2, 3)),
    ],
)
def test_a_member_is_plain_in_the_spec_and_itself_in_the_strategy(
    name: str, given: object, plain: object, expected: object
) -> None:
    held = plain_parameters(Chosen, {name: given})[name]
    assert (type(held), held) == (type(plain), plain)
    found = getattr(arrived({name: given}), name)
    assert found is expected or (found == expected and type(found) is type(expected))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"side": "shrt"}, "side='shrt' is no Side.*Did you mean SHORT"),
        ({"exit": "3"}, "exit='3' is no Exit.*It has WIDE, TIGHT, NEVER"),
        ({"level": True}, "level=True is no Level"),
        ({"order": "SEL"}, "order='SEL' is no OrderSide.*Did you mean SELL"),
        ({"sides": ["up"]}, "sides='up' is no Side"),
        ({"how": "slw"}, "how='slw' is none of 'fast', 'slow'.*Did you mean slow"),
        ({"wait": "5d"}, "wait='5d' is not a timedelta.*in seconds"),
        ({"day": 20100104}, "day=20100104 is not a date"),
    ],
)
def test_what_no_member_or_span_is_is_refused_before_the_run(params: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"(?s){words}"):
        plain_parameters(Chosen, params)


def test_defaults_that_are_members_are_told() -> None:
    assert declared(Chosen)["side"] == "long" and declared(Chosen)["order"] == "BUY"
    assert plain_value("order", OrderSide.BUY) == "BUY"


@dataclass(frozen=True)
class Risk:
    size: int = 1
    side: Side = Side.LONG


@dataclass(frozen=True)
class OfDataclasses:
    risk: Risk = Risk()
    maybe: Risk | None = None
    risks: tuple[Risk, ...] = ()
    by_name: dict[str, Risk] = field(default_factory=dict)
    theirs: StrategyConfig | None = None
    free: dict[str, int] = field(default_factory=dict)


class Nested(Strategy):
    def __init__(self, config: OfDataclasses) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("risk", {"size": 2}, Risk(2)),
        ("risk", {"side": "SHORT"}, Risk(side=Side.SHORT)),
        ("maybe", {}, Risk()),
        ("maybe", None, None),
        ("risks", [{"size": 2}, {"size": 3}], (Risk(2), Risk(3))),
        ("by_name", {"a": {"size": 2}}, {"a": Risk(2)}),
        ("free", {"a": 1}, {"a": 1}),
    ],
)
def test_a_mapping_arrives_as_the_dataclass_that_its_parameter_says(name: str, given: object, expected: object) -> None:
    params = plain_parameters(Nested, {name: given})
    made = build(blueprint(Nested), params, ["AAA.XNAS"], ["AAA.XNAS-1-DAY-LAST-EXTERNAL"])
    assert getattr(made, name) == expected


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"risk": {"siz": 2}}, "risk has no 'siz'.*Did you mean size"),
        ({"risk": {"size": "two"}}, r"risk\.size='two' is not an int"),
        ({"risk": 5}, "risk=5 is no Risk.*Risk has size, side"),
        ({"risk": Risk(3)}, r"risk=Risk.*cannot be kept in a spec.*mapping of what differs .* such as {'size': 3}"),
        ({"risks": [{"side": "up"}]}, r"risks\.side='up' is no Side"),
        ({"by_name": {"a": 5}}, r"by_name\.a=5 is no Risk"),
        ({"theirs": {"order_id_tag": "7"}}, "theirs is a StrategyConfig, which no mapping is made into"),
    ],
)
def test_what_is_no_such_dataclass_is_refused_by_name(params: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"(?s){words}"):
        plain_parameters(Nested, params)

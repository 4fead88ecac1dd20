"""What a run is asked to do (`RunSpec`), and what is remembered of it (`RunRecord`).

A spec's id and a record's JSON never change once they are written. A field that is added later has a default that means
what runs did before it was there, and is left out of both while it holds that default: old specs keep their ids, and a
ledger of an earlier version reads what a later one writes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, Self

from alphapulse_lib.errors import InputError, did_you_mean

__all__ = ["FILLED", "FILLS", "Costs", "Fill", "Purpose", "RunRecord", "RunSpec", "Series", "Status", "StrategySource"]

type Fill = Literal["next_open", "close", "next_close", "vwap"]
type Status = Literal["finished", "failed", "interrupted"]
type Purpose = Literal["trial", "rerun", "probe"]

#: The fill conventions, each with what it means.
FILLS = {
    "next_open": "a decision taken on bar N fills at the open of bar N+1",
    "close": "a decision taken on bar N fills at the close of bar N, a price it was taken on: optimistic",
    "next_close": "a decision taken on bar N fills at the close of bar N+1",
    "vwap": "a decision taken on bar N fills at the volume-weighted price of bar N+1",
}

#: The same in a few words.
FILLED = {
    "next_open": "at the next open",
    "close": "at the signal's close",
    "next_close": "at the next close",
    "vwap": "at the next bar's volume-weighted price",
}


class _Strict:
    """A frozen value that is read back from a mapping and refuses keys it does not know."""

    __slots__ = ()

    #: The fields of the first version, which JSON always holds. Nothing is ever added here.
    FIRST: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        known = {each.name for each in fields(cls)}  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                raise InputError(
                    f"{cls.__name__} has no {key!r}.", did_you_mean(key, known) or f"It has {', '.join(sorted(known))}."
                )
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Its fields, nested values likewise, without those added later that hold their default."""
        found = {each: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]
        return {
            each.name: _as_plain(value)
            for each, value in found.items()
            if each.name in self.FIRST or value != _default(each)
        }


def _as_plain(value: Any) -> Any:
    if isinstance(value, _Strict):
        return value.as_dict()
    return [_as_plain(each) for each in value] if isinstance(value, tuple) else value


def _default(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


@dataclass(frozen=True, slots=True)
class Costs(_Strict):
    """What trading costs, in the account's currency.

    Attributes
    ----------
    per_share : float
        Commission for each share as traded.
    percent : float
        Commission in per cent of the fill's value: 0.1 is a tenth of one per cent.
    minimum : float
        The least commission of an order that fills at all.
    slippage_bps : float
        How much worse than the convention's price a market or stop order fills, in basis points of that price.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset({"per_share", "percent", "minimum", "slippage_bps"})

    per_share: float = 0.0
    percent: float = 0.0
    minimum: float = 0.0
    slippage_bps: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise InputError(f"costs: {each.name}={value!r} is not a number of zero or more.")

    @property
    def are_none(self) -> bool:
        """Whether trading costs nothing."""
        return not any(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class StrategySource(_Strict):
    """A strategy's class as it was when it ran.

    Attributes
    ----------
    name : str
        ``module:Class``.
    digest : str
        SHA-256 of its source and of what it captures.
    text : str
        The source itself, empty where Python has none.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset({"name", "digest", "text"})

    name: str
    digest: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RunSpec(_Strict):
    """Everything that decides a run's result, besides the data. Times are nanoseconds since 1970, UTC.

    ``cash`` is in the currency of the instruments; ``seed`` feeds every random choice of engine and strategy.
    ``dividends`` says whether what instruments distribute is paid; specs that do not say did not pay it.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset(
        {"strategy", "instruments", "period", "start", "end", "parameters", "cash", "costs", "fill", "adjust", "news"}
        | {"scorer", "as_of", "recorded_as_of", "seed"}
    )

    strategy: StrategySource
    instruments: tuple[str, ...]
    period: str
    start: int
    end: int
    parameters: dict[str, Any] = field(default_factory=dict)
    cash: float = 100_000.0
    costs: Costs = field(default_factory=Costs)
    fill: Fill = "next_open"
    adjust: Literal["none", "splits"] = "splits"
    news: bool = False
    scorer: str = ""
    as_of: int | None = None
    recorded_as_of: int | None = None
    seed: int = 0
    dividends: bool = False

    @property
    def id(self) -> str:
        """SHA-256 of its canonical JSON: equal specs, equal ids."""
        plain = self.as_dict()
        plain["strategy"].pop("text")
        return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def family(self) -> str:
        """Strategy class, instruments and period: what a family of trials has in common."""
        strategy = self.strategy.name.rpartition(":")[2]
        return f"{strategy} {','.join(sorted(self.instruments))} {self.period}"


@dataclass(frozen=True, slots=True)
class Series(_Strict):
    """One series a run read: which rows, and from which root (``"team"`` or ``"personal"``).

    ``fingerprint`` is the SHA-256 of the rows read, column by column, so an append outside the window changes nothing.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset({"name", "root", "rows", "first", "last", "fingerprint"})

    name: str
    root: str
    rows: int
    first: int
    last: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class RunRecord(_Strict):
    """What the ledger keeps of a run, and never changes. Times are nanoseconds since 1970, UTC.

    Attributes
    ----------
    id : str
        The run's own id; reruns of one spec have different ones.
    spec_id : str
        The id of its `RunSpec`.
    statistics : dict
        Plain numbers, as `alphapulse_lib.results.statistics` names them.
    environment : dict
        Versions of Python, AlphaPulse and the libraries that decide results.
    artefacts : dict
        Name to path, relative to the run's own folder: equity, fills, orders, log, tearsheet.
    facts : tuple of Series
        What it read besides its bars: ``"actions"`` of its instruments in its window, ``"news"`` with their scores.
    of : str
        Of a rerun or a probe, the id of the run that it repeats or looks into.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset(
        {"id", "spec_id", "spec", "status", "purpose", "user", "started_at", "ended_at", "environment", "series"}
        | {"statistics", "artefacts", "error", "traceback"}
    )

    id: str
    spec_id: str
    spec: RunSpec
    status: Status
    purpose: Purpose
    user: str
    started_at: int
    ended_at: int
    environment: dict[str, str]
    series: tuple[Series, ...] = ()
    statistics: dict[str, Any] = field(default_factory=dict)
    artefacts: dict[str, str] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
    facts: tuple[Series, ...] = ()
    of: str = ""

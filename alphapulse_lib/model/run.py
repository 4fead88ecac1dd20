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
from alphapulse_lib.model.frozen import frozen, thawed

__all__ = ["FILLED", "FILLS", "Costs", "Fill", "Purpose", "RunRecord", "RunSpec", "Series", "Status", "StrategySource"]

type Fill = Literal["next_open", "close", "next_close", "vwap", "ticks"]
type Status = Literal["finished", "failed", "interrupted"]
type Purpose = Literal["trial", "rerun", "probe"]

#: The fill conventions, each with what it means.
FILLS: dict[Fill, str] = {
    "next_open": "a decision taken on bar N fills at the open of bar N+1",
    "close": "a decision taken on bar N fills at the close of bar N, a price it was taken on: optimistic",
    "next_close": "a decision taken on bar N fills at the close of bar N+1",
    "vwap": "a decision taken on bar N fills at the volume-weighted price of bar N+1",
    "ticks": (
        "a decision fills at the first quote's bid or ask, or the first trade's price, that comes after it; "
        "a trade may lie inside the spread, and then costs less than the quote would"
    ),
}

#: The same in a few words.
FILLED: dict[Fill, str] = {
    "next_open": "at the next open",
    "close": "at the signal's close",
    "next_close": "at the next close",
    "vwap": "at the next bar's volume-weighted price",
    "ticks": "at the next tick",
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
    return [_as_plain(each) for each in value] if isinstance(value, tuple) else thawed(value)


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
    maximum, maximum_percent : float, optional
        The most commission of an order, as money and in per cent of its value. They count even where they are less than
        the minimum.
    fee_per_share : float
        What clearing and exchange take for each share as traded, whatever the commission's bounds.
    surcharge_percent : float
        Fees in per cent of the commission.
    sell_percent, sell_per_share : float
        What regulators take of a sale: in per cent of its value, and for each share as traded.
    sell_maximum : float, optional
        The most that ``sell_per_share`` takes of an order.
    sell_round_up : bool
        Whether each of the two is rounded up to the cent, order by order.
    half_spread_bps, half_spread : float
        How far from the convention's price the quoted one lies: in basis points of it, and as money a share as traded.
        Market and stop orders pay it.
    impact_bps : float
        How far an order as large as the volume of the last bar that had closed when it filled moves the price against
        it, in basis points. Others move it by the square root of their share of that volume (Almgren, Thum, Hauptmann
        and Li 2005, "Direct estimation of equity market impact"; Grinold and Kahn 2000, chapter 16): a hundredth of it
        pays a tenth. Where that bar has no volume, an order counts as large as it. Market and stop orders pay it.
    borrow_percent : float
        A year's fee in per cent of the value held short.
    interest_percent, debit_percent : float
        A year's interest in per cent: paid on cash, charged on cash below zero. What shorts were sold for is the
        lender's security: cash is counted less the value held short.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset({"per_share", "percent", "minimum", "slippage_bps"})

    per_share: float = 0.0
    percent: float = 0.0
    minimum: float = 0.0
    slippage_bps: float = 0.0
    maximum: float | None = None
    maximum_percent: float | None = None
    fee_per_share: float = 0.0
    surcharge_percent: float = 0.0
    sell_percent: float = 0.0
    sell_per_share: float = 0.0
    sell_maximum: float | None = None
    sell_round_up: bool = False
    half_spread_bps: float = 0.0
    half_spread: float = 0.0
    impact_bps: float = 0.0
    borrow_percent: float = 0.0
    interest_percent: float = 0.0
    debit_percent: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None and each.default is None:
                continue
            if isinstance(each.default, bool) and not isinstance(value, bool):
                raise InputError(f"costs: {each.name}={value!r} is neither True nor False.")
            if not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise InputError(f"costs: {each.name}={value!r} is not a number of zero or more.")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Costs:
        """What a broker's published schedule charges; `alphapulse_lib.model.brokers` names source and date of each.

        Parameters
        ----------
        name : str
            Such as ``"ibkr-pro-fixed"``.
        **changes
            Other fields of the costs: no broker's schedule tells of spread, slippage or the fee of a borrowed share.

        Raises
        ------
        InputError
            There is none of that name.

        Examples
        --------
        >>> Costs.preset("ibkr-pro-fixed", slippage_bps=2).minimum
        1.0
        """
        from alphapulse_lib.model.brokers import BROKERS

        if name not in BROKERS:
            known = ", ".join(BROKERS)
            nearest = did_you_mean(name, BROKERS) if isinstance(name, str) else ""
            raise InputError(f"costs: there is no preset {str(name)[:60]!r}.", f"{nearest} There are {known}.".strip())
        return cls.from_dict(BROKERS[name].as_dict() | changes)

    @property
    def are_none(self) -> bool:
        """Whether trading costs nothing."""
        return not any(getattr(self, each.name) for each in fields(self))

    @property
    def finance(self) -> bool:
        """Whether a night may cost or bring something."""
        return bool(self.borrow_percent or self.interest_percent or self.debit_percent)


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
    family : str
        What its owner calls the idea, whatever the class is called by now: ``family = "..."`` in the class. Empty where
        nothing is said.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset({"name", "digest", "text"})

    name: str
    digest: str
    text: str = field(default="", compare=False)
    family: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RunSpec(_Strict):
    """Everything that decides a run's result, besides the data. Times are nanoseconds since 1970, UTC.

    ``parameters`` cannot be changed either, and equal a dict. ``cash`` is in the currency of the instruments; ``seed``
    feeds every random choice of engine and strategy.
    ``dividends`` says whether what instruments distribute is paid, and delisted holdings are closed; specs that do not
    say did neither. ``benchmark`` is the id of what the result is held against; empty for the run's own instruments,
    bought and held. ``also`` are longer periods whose bars the strategy is told of besides: no market moves by them.
    ``at_default`` names the parameters that were given what they are anyhow: `alphapulse_lib.model.tried` heeds it.
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
    benchmark: str = ""
    also: tuple[str, ...] = ()
    at_default: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozen(self.parameters))

    def __hash__(self) -> int:
        return hash(self.id)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The spec again, of what its JSON was parsed to; it refuses what it does not know, in what it holds, too."""
        read: dict[str, type[_Strict]] = {"strategy": StrategySource, "costs": Costs}
        made = {name: kind.from_dict(values[name]) for name, kind in read.items() if isinstance(values.get(name), dict)}
        listed = {
            each: tuple(values[each])
            for each in ("instruments", "also", "at_default")
            if isinstance(values.get(each), list)
        }
        return super(RunSpec, cls).from_dict({**values, **made, **listed})

    @property
    def id(self) -> str:
        """SHA-256 of its canonical JSON: equal specs, equal ids."""
        plain = self.as_dict()
        plain.pop("at_default", None)  # to be counted by, as is a family; a text is to be read: none decides a result
        for name in ("text", "family"):
            plain["strategy"].pop(name, None)
        return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def label(self) -> str:
        """Strategy, instruments and period in a line; `alphapulse_lib.model.family` says what it is counted with."""
        strategy = self.strategy.family or self.strategy.name.rpartition(":")[2]
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


#: What an environment tells besides versions.
_NO_VERSIONS = frozenset(
    {
        "firing",
        "recorded_as",
        "probe",
        "read_as_of",
        "symbols",
        "tickers",
        "currency",
        "defaults",
        "estimated_seconds",
        "estimated_megabytes",
        "estimated_waiting",
    }
    | {"took_in", "took_rows", "took_seconds", "took_engine", "took_processor", "took_megabytes"}
    | {"took_waited", "took_begin", "took_ahead"}
)


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
        Versions of Python, AlphaPulse and the libraries that decide results; and what else is to be kept of the run.
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

    @property
    def symbols(self) -> tuple[str, ...]:
        """What its instruments are called in its results: the tickers they were asked for by, or were listed under."""
        return self._called("symbols") or tuple(each.rpartition(".")[0] or each for each in self.spec.instruments)

    @property
    def tickers(self) -> tuple[str, ...]:
        """What its instruments were called when it was made: other than `symbols` where one was asked for as before."""
        return self._called("tickers") or self.symbols

    def _called(self, name: str) -> tuple[str, ...]:
        told = tuple(filter(None, self.environment.get(name, "").split(",")))
        return told if len(told) == len(self.spec.instruments) else ()

    @property
    def fingerprint(self) -> str:
        """Of all rows read: a single series' own; of several the SHA-256 of lines ``NAME FINGERPRINT``, sorted."""
        if len(self.series) == 1:
            return self.series[0].fingerprint
        lines = sorted(f"{each.name} {each.fingerprint}\n" for each in self.series)
        return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""

    @property
    def versions(self) -> dict[str, str]:
        """Of the environment what decides results: not who recorded it, nor what it took on that machine that day."""
        return {name: told for name, told in self.environment.items() if name not in _NO_VERSIONS}

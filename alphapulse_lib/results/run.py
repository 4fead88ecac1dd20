"""A run as a person handles it: its record, and its files read when they are first asked for."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from alphapulse_lib.errors import InputError, LedgerError, did_you_mean
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import RunRecord, RunSpec, Status
from alphapulse_lib.results import breakdown, groups
from alphapulse_lib.results.artefacts import read_table, read_text
from alphapulse_lib.results.conventions import Conventions, conventions_of
from alphapulse_lib.results.equity import benchmark_curve, named_curve
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.trades import TRADES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Run"]

_TIME = pa.timestamp("ns", "UTC")
#: What Python's dataclasses give an ``__init__`` of their own making: nobody's code, though it is counted.
_MADE = ": __dataclass_HAS_DEFAULT_FACTORY__"

#: What a file holds where a run has none: a run that did not finish has no equity.
_EMPTY = {
    "equity": pa.schema([("ts", _TIME), ("equity", pa.float64()), ("cash", pa.float64()), ("exposure", pa.float64())]),
    "marks": pa.schema([("ts", _TIME), ("symbol", pa.string()), ("close", pa.float64())]),
    "fills": pa.schema(
        [("ts", _TIME), ("symbol", pa.string()), ("side", pa.string())]
        + [(name, pa.float64()) for name in ("quantity", "price", "commission", "slippage")]
        + [(name, pa.float64()) for name in ("fees", "spread", "impact", "bar_volume")]
    ),
    "orders": pa.schema([("ts", _TIME), ("symbol", pa.string()), ("status", pa.string()), ("reason", pa.string())]),
    "positions": pa.schema([("symbol", pa.string())]),
    "trades": TRADES,
    "cash_flows": pa.schema([("ts", _TIME), ("symbol", pa.string()), ("kind", pa.string()), ("amount", pa.float64())]),
    "benchmark": pa.schema([("ts", _TIME), ("close", pa.float64())]),
}


class Run:
    """One run in the ledger, finished, failed or interrupted.

    Parameters
    ----------
    record : RunRecord
        What the ledger keeps.
    ledger : Ledger
        Where its files are, and its family.

    Attributes
    ----------
    record : RunRecord
        Spec, environment, the rows that were read, statistics.
    """

    def __init__(self, record: RunRecord, ledger: Ledger) -> None:
        self.record = record
        self._ledger = ledger

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.strategy} {', '.join(self.symbols)} {self.spec.period} {self.status}>"

    @property
    def id(self) -> str:
        """The run's own id; its beginning is enough for ``ap.run``."""
        return self.record.id

    @property
    def spec(self) -> RunSpec:
        """What was asked for."""
        return self.record.spec

    @property
    def status(self) -> Status:
        """``"finished"``, ``"failed"`` or ``"interrupted"``."""
        return self.record.status

    @property
    def strategy(self) -> str:
        """The strategy class's own name."""
        return self.spec.strategy.name.rpartition(":")[2]

    @property
    def symbols(self) -> tuple[str, ...]:
        """What the instruments are called in it: the tickers that they were asked for by."""
        return self.record.symbols

    @property
    def stats(self) -> dict[str, Any]:
        """The statistics, as they were when the run was recorded; empty where it did not finish.

        ``docs/reference/statistics.md`` says what each one is. ``trials`` and ``deflated_sharpe`` count the trials
        until then; `deflated` counts them now.
        """
        return dict(self.record.statistics)

    @property
    def deflated(self) -> dict[str, float]:
        """``trials``, ``expected_maximum_sharpe`` and ``deflated_sharpe`` with all trials that the ledger holds now."""
        return self.family.including(self.record).deflate(self.record.statistics, self.spec)

    @property
    def family(self) -> Family:
        """The trials of the same idea, on whatever instruments and period; see `alphapulse_lib.model.family`."""
        return self._ledger.family(self.spec)

    @property
    def conventions(self) -> Conventions:
        """What the same spec returned on the same rows under each fill convention that anybody ran it with.

        `ap.convention_spread` runs all of them.
        """
        return conventions_of(self.record, self._ledger.of_spec)

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Equity marked to market at each bar, in the account's currency, indexed by ``ts`` (UTC)."""
        return self.account["equity"]

    @cached_property
    def account(self) -> pd.DataFrame:
        """``equity``, ``cash`` and ``exposure`` (value held, without signs) at each bar, indexed by ``ts`` (UTC)."""
        return self._frame("equity").set_index("ts")

    @cached_property
    def benchmark(self) -> pd.Series[float]:
        """The same cash, bought at the first close and held, by ``ts`` (UTC): in what the spec names, distributions
        reinvested; or else in the run's instruments, distributions kept.
        """
        marks, cash = self.table("marks"), self.spec.cash
        named = self.table("benchmark")
        curve = named_curve(named, marks, cash) if named.num_rows else benchmark_curve(marks, cash)
        frame: pd.DataFrame = curve.to_pandas()
        return frame.set_index("ts")["equity"]

    @cached_property
    def marks(self) -> pd.DataFrame:
        """The closes the equity was marked with, as traded: ``ts``, ``symbol``, ``close``, ``ratio`` of splits."""
        return self._frame("marks")

    @cached_property
    def fills(self) -> pd.DataFrame:
        """One row a fill, as traded: ``ts``, ``symbol``, ``side``, ``quantity``, ``price``, ``commission``, and
        ``slippage``, money that is in the price already; of the commission ``fees`` of exchange, clearing and
        regulators; of the slippage half the ``spread`` and market ``impact``.
        """
        return self._frame("fills")

    @cached_property
    def cash_flows(self) -> pd.DataFrame:
        """Money that moved without an order: ``ts``, ``symbol``, ``kind`` (``"dividend"``, ``"spin_off"``,
        ``"borrow"``, ``"interest"``), ``amount`` (above zero: came in).
        """
        return self._frame("cash_flows")

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row an order, with its ``status`` and the ``reason`` of a refusal."""
        return self._frame("orders")

    @cached_property
    def positions(self) -> pd.DataFrame:
        """What is held at the end, as traded, with its value at the last close."""
        return self._frame("positions")

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a round trip; `alphapulse_lib.results.trades.round_trips` says how they are matched."""
        return self._frame("trades")

    @cached_property
    def drawdowns(self) -> pd.DataFrame:
        """Every stretch of sessions below a former peak, the deepest first: ``depth``, ``peak``, ``trough``,
        ``recovered`` (``NaT``: not until the end), ``fall`` and ``length`` (sessions).
        """
        return groups.drawdowns(breakdown.by_session(self.spec, self.equity), self.spec.cash)

    def by(self, what: Literal["year", "month", "symbol", "side"]) -> pd.DataFrame:
        """The run taken apart.

        Parameters
        ----------
        what : {"year", "month", "symbol", "side"}
            Returns of each year or month in the exchange's zone, with the round trips that ended in it; the result of
            each symbol; long and short round trips.

        Raises
        ------
        InputError
            It is none of these.

        Examples
        --------
        >>> run.by("year")["sharpe"]  # doctest: +SKIP
        """
        if what not in groups.GROUPS:
            raise InputError(
                f"A run is not taken apart by {what!r}.",
                did_you_mean(str(what), groups.GROUPS) or f"There are {', '.join(groups.GROUPS)}.",
            )
        if what == "symbol":
            fills, marks, flows = (self.table(name) for name in ("fills", "marks", "cash_flows"))
            return groups.by_symbol(fills, marks, flows, self.trades)
        if what == "side":
            return groups.by_side(self.trades)
        return groups.by_period(self.spec, self.equity, self.benchmark, self.trades, what)

    @cached_property
    def log(self) -> str:
        """What engine and strategy logged."""
        return self.text("log")

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the engine wanted the run's owner to know."""
        return tuple(self.text("warnings").splitlines())

    @cached_property
    def code(self) -> dict[str, str]:
        """What its strategy was made of, by name: classes, functions, modules, captured values. Empty where not kept.

        Kept are the workspace's own and the shipped strategies, in the words of their source; values as Python shows
        them.
        """
        try:
            parts = json.loads(self.text("code") or "{}")
        except (LedgerError, ValueError):  # its file is gone; the record has the source of its class
            return {}
        if not isinstance(parts, dict):
            return {}
        return {str(name): str(text) for name, text in parts.items() if not str(name).endswith(_MADE)}

    def table(self, name: str) -> pa.Table:
        """One of the run's tables as it is on disk; without rows where the run has none.

        Raises
        ------
        LedgerError
            The file is gone or damaged.
        """
        file = self.record.artefacts.get(name)
        if file is None:
            return _EMPTY[name].empty_table()
        return read_table(self._ledger.file(self.id, file))

    def text(self, name: str) -> str:
        """One of the run's texts (``"log"``, ``"source"``, ``"warnings"``); empty where the run has none.

        Raises
        ------
        LedgerError
            The file is gone or is no text.
        """
        file = self.record.artefacts.get(name)
        return "" if file is None else read_text(self._ledger.file(self.id, file))

    def _frame(self, name: str) -> pd.DataFrame:
        frame: pd.DataFrame = self.table(name).to_pandas()
        return frame

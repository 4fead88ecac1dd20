"""What goes to a worker and what comes back: one folder of files between two processes."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.corruption import Corruption
from alphapulse_lib.engine.preflight import Calendar
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.run import RunSpec, Series, Status

__all__ = [
    "NATIVE",
    "PRINTED",
    "TRIALS",
    "WARM_UPS",
    "RawResult",
    "Request",
    "empty_tables",
    "read_outcome",
    "read_scores",
    "read_spec",
    "write_outcome",
    "write_scores",
    "write_spec",
]

#: The file of what native code writes to standard error.
NATIVE = "native.log"
#: The file of what a trial's strategy prints.
PRINTED = "printed.txt"
#: What a folder holds of trials whose warm-up is asked about, and what comes of it.
TRIALS, WARM_UPS = "trials.json", "warm_ups.json"
#: The files of the scores of a run with news, and of how it ended.
_SCORES, _OUTCOME = "scores.arrow", "outcome"
#: Bytes that are written at once, and of which numbers in memory are best whole multiples from a file's start.
_BUFFER, _ALIGNED = 65_536, 64

_TIME = pa.timestamp("ns", "UTC")
_NUMBERS = pa.float64()

FILLS = pa.schema(
    [("ts", _TIME), ("symbol", pa.string()), ("side", pa.string())]
    + [(name, _NUMBERS) for name in ("quantity", "price", "commission", "slippage")]
    + [("order_id", pa.string())]
    + [(name, _NUMBERS) for name in ("fees", "spread", "impact", "bar_volume")]
)
ORDERS = pa.schema(
    [("ts", _TIME), ("symbol", pa.string()), ("side", pa.string()), ("type", pa.string())]
    + [(name, _NUMBERS) for name in ("quantity", "filled", "average_price", "limit_price", "trigger_price")]
    + [("status", pa.string()), ("reason", pa.string()), ("order_id", pa.string())]
)
POSITIONS = pa.schema(
    [("symbol", pa.string()), ("side", pa.string()), ("opened", _TIME)]
    + [(name, _NUMBERS) for name in ("quantity", "average_price", "last_price", "value", "unrealized_pnl")]
)
#: ``amount`` above zero came in; interest is on all cash and has no symbol.
CASH_FLOWS = pa.schema([("ts", _TIME), ("symbol", pa.string()), ("kind", pa.string()), ("amount", _NUMBERS)])
MARKS = pa.schema([("ts", _TIME), ("symbol", pa.dictionary(pa.int32(), pa.string())), ("close", _NUMBERS)])

#: What the run is held against, where its spec names that: closes, what was distributed reinvested.
BENCHMARK = pa.schema([("ts", _TIME), ("close", _NUMBERS)])

#: Of a probe of look-ahead: everything that befell its orders, by time.
DECISIONS = pa.schema([("stamp", pa.int64()), ("event", pa.string())])

_SCHEMAS = {"fills": FILLS, "orders": ORDERS, "positions": POSITIONS, "marks": MARKS, "cash_flows": CASH_FLOWS}
_SCHEMAS |= {"benchmark": BENCHMARK}


@dataclass(frozen=True)
class Request:
    """All that a worker needs.

    Attributes
    ----------
    strategy : bytes
        Its `Blueprint`, pickled by value where it is somebody's own.
    calendars : dict
        Of each venue, its sessions, where the parent knew them already.
    sources : dict
        File name to lines, so that a traceback can show a notebook cell's source.
    moment : int
        What is "now" to all that is read, nanoseconds since 1970, UTC; 0 for the clock's.
    future : Corruption, optional
        For a probe of look-ahead, which future it is shown.
    """

    spec: RunSpec
    strategy: bytes
    instruments: tuple[Instrument, ...]
    roots: Roots
    gaps: str
    symbols: tuple[str, ...]
    calendars: dict[str, Calendar] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    moment: int = 0
    future: Corruption | None = None

    def write(self, folder: Path) -> None:
        """Leave it for the worker."""
        (folder / "request.pickle").write_bytes(pickle.dumps(self, protocol=5))

    @staticmethod
    def read(folder: Path) -> Request:
        """The request that lies in the folder."""
        request: Request = pickle.loads((folder / "request.pickle").read_bytes())  # noqa: S301  the parent wrote it
        return request


@dataclass(frozen=True, eq=False)
class RawResult:
    """What a run leaves, before anything is measured.

    Attributes
    ----------
    fills : pyarrow.Table
        ``ts``, ``symbol``, ``side`` (``"buy"``, ``"sell"``), ``quantity``, ``price``, ``commission``, ``slippage``
        (money that is in the price already), ``order_id``; ``fees`` (of the commission, what exchange, clearing and
        regulators took), ``spread`` and ``impact`` (of the slippage); ``bar_volume`` (of the bar it happened in); as
        traded, by time.
    orders : pyarrow.Table
        One row an order, by time of submission. ``status`` in lower case as NautilusTrader's, but ``"unfilled"`` of
        one that was sent on the last bar, with no bar after it to fill on, and ``"expired"`` of one that was good for a
        day that is over.
    positions : pyarrow.Table
        What is held at the end, as traded, with its value at the last close.
    marks : pyarrow.Table
        ``ts``, ``symbol``, ``close`` as traded, and ``ratio`` where there was a split.
    cash_flows : pyarrow.Table
        Money that moved without an order: ``ts``, ``symbol``, ``kind``, ``amount`` (above zero: came in), by time.
    benchmark : pyarrow.Table
        ``ts``, ``close`` of what the spec names; without rows where it names nothing.
    warnings : tuple of str
        What the run's owner should be told.
    known : str
        Of data that were read for trials, `alphapulse_lib.engine.data.Data.known`.
    decisions : pyarrow.Table, optional
        Of a probe, everything that befell its orders: ``stamp`` (nanoseconds), ``event``.
    """

    status: Status
    fills: pa.Table
    orders: pa.Table
    positions: pa.Table
    marks: pa.Table
    series: tuple[Series, ...] = ()
    facts: tuple[Series, ...] = ()
    log: str = ""
    error: str = ""
    traceback: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    known: str = ""
    decisions: pa.Table | None = None
    cash_flows: pa.Table = field(default_factory=CASH_FLOWS.empty_table)
    benchmark: pa.Table = field(default_factory=BENCHMARK.empty_table)


def write_spec(folder: Path, spec: RunSpec) -> None:
    """Leave the spec of a trial for a process that has all else of its request."""
    (folder / "spec.pickle").write_bytes(pickle.dumps(spec, protocol=5))


def read_spec(folder: Path) -> RunSpec:
    """The spec that lies in the folder."""
    spec: RunSpec = pickle.loads((folder / "spec.pickle").read_bytes())  # noqa: S301  the parent wrote it
    return spec


def empty_tables() -> dict[str, pa.Table]:
    """The tables of a run of which nothing came back."""
    return dict(_empty_tables())


@cache
def _empty_tables() -> dict[str, pa.Table]:
    """Made once: every run of a sweep asks for them."""
    return {name: schema.empty_table() for name, schema in _SCHEMAS.items()}


def write_scores(folder: Path, scores: pa.Table | None) -> None:
    """Leave the scores for the worker, where there are some."""
    if scores is not None:
        with pa.output_stream(str(folder / _SCORES), buffer_size=_BUFFER) as file:
            _write_table(file, scores)


def read_scores(folder: Path) -> pa.Table | None:
    """The scores that lie in the folder, mapped into memory: it may be deleted afterwards."""
    path = folder / _SCORES
    return pa.ipc.open_stream(pa.memory_map(str(path))).read_all() if path.exists() else None


def write_outcome(folder: Path, outcome: dict[str, Any]) -> None:
    """Say how it ended, and leave its ``tables``; the last thing a worker does.

    All of it is one file, a line of JSON and Arrow's streams: to make a file and remove it takes as long as to write
    some hundred kilobytes.
    """
    tables: dict[str, pa.Table] = outcome.get("tables", {})
    told = json.dumps(outcome | {"tables": [*tables]}).encode() + b"\n"
    beside = folder / "outcome.part"
    with pa.output_stream(str(beside), buffer_size=_BUFFER) as file:
        file.write(told.rjust(-(-len(told) // _ALIGNED) * _ALIGNED))
        for table in tables.values():
            _write_table(file, table)
    beside.rename(folder / _OUTCOME)


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """How it ended, with ``tables`` that are mapped into memory; ``None`` when the worker never said."""
    path = folder / _OUTCOME
    if not path.exists():
        return None
    with path.open("rb") as file:
        told = file.readline()
    outcome: dict[str, Any] = json.loads(told)
    names, outcome["tables"] = outcome["tables"], {}
    if names:
        held = pa.memory_map(str(path))
        held.seek(len(told))
        outcome["tables"] = {name: pa.ipc.open_stream(held).read_all() for name in names}
    return outcome


def _write_table(file: pa.NativeFile, table: pa.Table) -> None:
    with pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)

"""What a run is held against by name: an instrument's closes, with what it distributed reinvested."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from alphapulse_lib.catalog import reader
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import UnknownSymbol
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import facts, resample
from alphapulse_lib.query.bars import BarReading

__all__ = ["benchmark_instrument", "benchmark_of", "benchmark_period", "benchmark_table"]

_DAILY = Period(1, "d")
#: How long before a run's first bar its benchmark may have had its last close: longer than any market was shut.
_REACH = 10 * 86_400 * 10**9


def benchmark_instrument(roots: Roots, spec: RunSpec) -> Instrument:
    """The instrument that a spec names.

    Raises
    ------
    UnknownSymbol
        The catalog knows it no more, or did not by the spec's moments.
    """
    found = Index(roots, spec.as_of, spec.recorded_as_of).get(spec.benchmark)
    if found is None:
        raise UnknownSymbol(f"The catalog holds no {spec.benchmark}.", "`alphapulse instruments` lists what it does.")
    return found


def benchmark_period(roots: Roots, spec: RunSpec) -> Period:
    """The run's own where the benchmark's bars make it, daily else: returns are a session's whatever the bars."""
    own = Period.parse(spec.period)
    source, _ = resample.source_of(roots, spec.benchmark, own)
    return own if source in reader.periods(roots, spec.benchmark) else _DAILY


def benchmark_table(roots: Roots, spec: RunSpec, window: Window) -> pa.Table:
    """The closes of a spec's benchmark: as traded at the window's end, before it less what was distributed since.

    Parameters
    ----------
    window : Window
        From the run's first bar to its last. What befalls the instrument later changes no value.

    Returns
    -------
    pyarrow.Table
        ``ts`` (UTC, rising), ``close`` (float64); from the last close at or before the window's start.
    """
    instrument = benchmark_instrument(roots, spec)
    moments = (spec.as_of, spec.recorded_as_of)
    period = benchmark_period(roots, spec)
    reading = BarReading(roots, [instrument], period, "total", *moments, ["close"], until=window.end)
    before = window.start - _REACH - 2 * period.nanoseconds
    table = reading.part(instrument, Window(before, window.end)).combine_chunks()
    begun = table["ts"].cast(pa.int64()).to_numpy().searchsorted(window.start, side="right")
    return table.slice(max(int(begun) - 1, 0))


def benchmark_of(roots: Roots, spec: RunSpec, table: pa.Table) -> dict[str, Any]:
    """How a record tells of it."""
    held = roots.series(benchmark_period(roots, spec).bar_type(spec.benchmark))
    told = facts.told(facts.BENCHMARK, table, table["ts"].cast(pa.int64()).to_numpy())
    return told | {"root": held[0] if held else ""}

"""A run's benchmark, looked at by preflight: closes that are there for all of the run, or the run is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog.coverage import held_in_words
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.preflight import TOLERATED, Calendar, has_no_gaps
from alphapulse_lib.errors import NoCoverage
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.window import Window
from alphapulse_lib.query.benchmark import benchmark_instrument, benchmark_period, benchmark_table

__all__ = ["closes"]


def closes(
    roots: Roots,
    spec: RunSpec,
    window: Window,
    known: Callable[[Instrument], Calendar],
    gaps: str,
    warnings: list[str],
) -> pa.Table:
    """The closes that a run is held against; see `alphapulse_lib.query.benchmark.benchmark_table`.

    Parameters
    ----------
    window : Window
        From the run's first bar to its last.
    known : callable
        Gives the calendar of an instrument's venue.
    gaps : {"refuse", "allow"}
        What to do about sessions that the benchmark lacks.
    warnings : list of str
        Takes what was let pass.

    Raises
    ------
    UnknownSymbol, NoCoverage, CoverageGap
        The benchmark is not held, or not for all of the run.
    """
    instrument, table = benchmark_instrument(roots, spec), benchmark_table(roots, spec, window)
    ts = table["ts"].cast(pa.int64()).to_numpy()
    held = held_in_words(roots, instrument)
    if not len(ts) or ts[0] > window.start:
        told = f"No close of {instrument.id}, the benchmark, by {_day(window.start)}, when the run's first bar closes."
        raise NoCoverage(told, held)
    period = benchmark_period(roots, spec)
    missing = has_no_gaps(ts, lambda: known(instrument), instrument, period, gaps)
    warnings += [f"The benchmark: {missing}"] if missing else []
    if ts[-1] < window.end:
        ends = known(instrument).closes
        short = int(((ends > ts[-1]) & (ends <= window.end)).sum())
        told = f"{short:,} session{'s' if short != 1 else ''} before the run's last bar"
        if short > TOLERATED and gaps != "allow":
            message = f"No close of {instrument.id}, the benchmark, after {_day(ts[-1])}, {told}."
            raise NoCoverage(message, f"{held} Narrow the window, or run with gaps='allow'.")
        warnings += [f"The benchmark {instrument.symbol} ends on {_day(ts[-1])}, {told}."] if short else []
    return table


def _day(close: int) -> str:
    """The day of a close: one at midnight is of the day that ends then."""
    return str(np.datetime64(int(close) - 1, "ns").astype("datetime64[D]"))

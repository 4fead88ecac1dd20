"""What runs were estimated to take, what they took, and the ratio. ``python -m tests.benchmarks.bench_estimates``.

Two rounds over runs of many kinds, in a ledger of nothing: in the first no strategy has run on such bars before, in the
second, on other windows, each has once. Each line is a real run, as its record keeps it; of a sweep the whole of it.
Aim: within 2 x, from a strategy's second run on. What it took is told by the clock, and as it would have been on cores
of its own (`alphapulse_lib.results.took`): what others will do in the next minute nobody can tell.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

import alphapulse_lib as ap
from alphapulse_lib.catalog import ticks, writer
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.engine.strategies import MeanReversion, SmaCross
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.results.took import waiting
from alphapulse_lib.session.forecasts import Forecast
from tests.benchmarks.made import AAA, DAY, MINUTE, catalog, days, instruments, minutes
from tests.benchmarks.rebalanced import Rebalanced


class Line(NamedTuple):
    """Of a run: seconds by the clock, on cores of its own, and megabytes: estimated and taken."""

    guess: float
    took: float
    guess_alone: float
    took_alone: float
    large: float
    held: float


_TRADED = Instrument("TRD.XNAS")
_DAYS = (("2010-01-01", "2012-12-31"), ("2008-01-01", "2017-12-31"))
_MINUTES = (("2006-01-01", "2006-03-31"), ("2006-01-01", "2007-06-30"))
_FEW = (("2012-01-01", "2012-12-31"), ("2013-01-01", "2013-12-31"))
_TICKS = (("2006-01-03", "2006-01-03"), ("2006-01-03", "2006-01-06"))


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, catalog(Path(folder) / "catalog") as root:
        fill(root)
        names = [each.symbol for each in instruments(20)]
        cases: list[tuple[str, tuple[tuple[str, str], ...], Callable[[str, str], Line]]] = [
            ("SMA cross, 1 year of days", _FEW, lambda *w: run(SmaCross, "AAA", "1d", *w)),
            ("SMA cross, days", _DAYS, lambda *w: run(SmaCross, "AAA", "1d", *w)),
            ("mean reversion, 1 year of days", _FEW, lambda *w: run(MeanReversion, "AAA", "1d", *w)),
            ("mean reversion, days", _DAYS, lambda *w: run(MeanReversion, "AAA", "1d", *w)),
            ("SMA cross, next close, costs", _DAYS, lambda *w: run(SmaCross, "AAA", "1d", *w, fill="next_close")),
            ("SMA cross, minutes", _MINUTES, lambda *w: run(SmaCross, "AAA", "1m", *w)),
            ("mean reversion, minutes", _MINUTES, lambda *w: run(MeanReversion, "AAA", "1m", *w)),
            ("20 names rebalanced", _DAYS, lambda *w: run(Rebalanced, names, "1d", *w)),
            ("SMA cross on trades", _TICKS, lambda *w: run(SmaCross, "TRD", "1m", *w, fill="ticks")),
            ("sweep of 6, 1 year of days", _FEW, lambda *w: sweep(SmaCross, "1d", 6, *w)),
            ("sweep of 20, days", _DAYS, lambda *w: sweep(SmaCross, "1d", 20, *w)),
            ("sweep of 8, minutes", _MINUTES, lambda *w: sweep(SmaCross, "1m", 8, *w)),
            ("walk-forward", _DAYS, lambda *w: walk(*w)),
        ]
        off: list[list[float]] = [[], []]
        heads = ("estimated", "took", "ratio", "alone: est.", "took", "ratio", "MB est.", "took", "ratio")
        sys.stdout.write(f"{'':32}{''.join(f'{each:>12}' for each in heads)}\n")
        for turn, of in enumerate(off):
            for what, windows, each in cases:
                found = each(*windows[turn])
                of.append(max(found.guess_alone / found.took_alone, found.took_alone / found.guess_alone))
                pairs = [(found[place], found[place + 1]) for place in (0, 2, 4)]
                told = "".join(f"{guess:12.2f}{took:12.2f}{guess / took:12.2f}" for guess, took in pairs)
                sys.stdout.write(f"{what:32}{told}\n")
                sys.stdout.flush()
        for said, of in zip(("the first of their kind", "the second"), off, strict=True):
            within = sum(each <= 2 for each in of)
            sys.stdout.write(
                f"{said}: {within} of {len(of)} within 2 x on own cores, the worst {max(of):.2f} x, the median "
                f"{statistics.median(of):.2f} x (load {os.getloadavg()[0]:.1f})\n"
            )


def fill(root: Path) -> None:
    """Days and minutes of AAA, days of twenty names, minutes and trades of TRD."""
    writer.write_bars(root, AAA, DAY, days(1, "2008-01-01", "2018-01-01"), "bench")
    writer.write_bars(root, AAA, MINUTE, minutes(150_000), "bench")
    writer.write_bars(root, _TRADED, MINUTE, minutes(5_000), "bench")
    for number, each in enumerate(instruments(20)):
        writer.write_bars(root, each, DAY, days(number, "2008-01-01", "2018-01-01"), "bench")
    writer.write_instruments(root, [AAA, _TRADED, *instruments(20)], [])
    known = sessions("XNAS")
    first = int(np.searchsorted(known.days, np.datetime64("2006-01-01")))
    chosen = known[first : first + 5]
    both = zip(chosen.opens.tolist(), chosen.closes.tolist(), strict=True)
    stamps = np.concatenate([np.linspace(start + 1, end - 1, 20_000, dtype=np.int64) for start, end in both])
    price = np.round(100 + np.abs(np.cumsum(np.random.default_rng(1).normal(0, 0.01, len(stamps)))), 2)
    ts = pa.array(stamps).cast(pa.timestamp("ns", "UTC"))
    size = pa.array(np.full(len(stamps), 100.0))
    table = pa.table({"ts": ts, "available_at": ts, "price": pa.array(price), "size": size})
    ticks.write_trades(root, _TRADED, table, "bench")


def run(strategy: type, symbols: object, period: str, start: str, end: str, **more: object) -> Line:
    """A backtest, as its record tells it."""
    told = ap.backtest(strategy, symbols, period, start, end, progress=False, **more).record.environment
    names = ("estimated_seconds", "took_seconds", "estimated_megabytes", "took_megabytes")
    guess, took, large, held = (float(told[name]) for name in names)
    return Line(guess, took, guess / float(told["estimated_waiting"]), took / waiting(told), large, held)


def sweep(strategy: type, period: str, trials: int, start: str, end: str) -> Line:
    """A sweep, all of it."""
    grid = {"slow": list(range(20, 20 + 5 * trials, 5))}
    found = ap.sweep(strategy, "AAA", period, start, end, grid=grid, progress=False)
    told = [each.record.environment for each in found.trials]
    held = max(float(each["took_megabytes"]) for each in told)
    return _whole(found.forecast, told, held)


def walk(start: str, end: str) -> Line:
    """A walk-forward, from when its windows are known."""
    grid = {"slow": [20, 40, 60]}
    found = ap.walk_forward(SmaCross, "AAA", "1d", start, end, grid=grid, train=252, test=126, progress=False)
    told = [each.record.environment for each in found.runs]
    return _whole(found.forecast, told, max(float(each["took_megabytes"]) for each in told))


def _whole(forecast: Forecast, told: list[dict[str, str]], held: float) -> Line:
    longer, guess = statistics.median(map(waiting, told)), forecast.estimate
    return Line(
        guess.seconds,
        forecast.took,
        guess.seconds / guess.trial.waiting,
        forecast.took / longer,
        guess.trial.megabytes,
        held,
    )


if __name__ == "__main__":
    main()

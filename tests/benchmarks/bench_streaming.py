"""Memory of a stream against that of a table: ``python -m tests.benchmarks.bench_streaming``.

Minute bars of one year and of six, each read in a process of its own: the process's peak memory as a stream
(``frame="batches"``) and as one Arrow table. Aim: a stream's does not grow with history. Bars made of trades, against
NautilusTrader's own engine over the same ticks: the time of the whole call. Aim: at most as long.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog import schemas, ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.threshold import Threshold
from alphapulse_lib.model.window import Window, moment_ns
from alphapulse_lib.query.tick_bars import made_of_ticks
from tests.resources.nautilus_bars import nautilus_bars

COIN = Instrument("COIN.CRYPTO", price_precision=2, size_precision=4)
BEGINS, MINUTE, YEAR = moment_ns("2016-01-01"), 60 * 10**9, 525_600
PROGRAM = """
import alphapulse_lib as ap
{read}
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak)
"""
STREAM = 'rows = sum(batch.num_rows for batch in ap.bars("COIN", "1m", frame="batches"))'
TABLE = 'table = ap.bars("COIN", "1m", frame="arrow")'


def main() -> None:
    """Measure both and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        roots = {years: write_bars(Path(folder) / str(years), years * YEAR) for years in (1, 6)}
        for name, read in (("as a stream", STREAM), ("as a table", TABLE)):
            one, six = (peak(roots[years], read) for years in (1, 6))
            told(f"{name}: {one:.0f} MB of one year of minutes, {six:.0f} MB of six: {six / one:.2f} times")
        root = write_trades(Path(folder) / "trades", 500_000)
        for specification in ("100-TICK", "1000-VOLUME", "100000-VALUE"):
            ratio = timed(ours, root, specification) / timed(nautilus_bars, root, COIN, specification)
            told(f"half a million trades to {specification}: ours / NautilusTrader's = {ratio:.2f}")


def ours(root: Path, specification: str) -> pa.Table:
    threshold = Threshold.parse(specification)
    assert threshold
    return made_of_ticks(Roots.of(root), "trades", COIN, threshold, Window())


def write_bars(root: Path, count: int) -> Path:
    ts = pa.array(BEGINS + MINUTE * np.arange(1, count + 1)).cast(schemas.TIME)
    close = np.round(100 + np.sin(np.arange(count)), 2)
    figures = dict.fromkeys(schemas.PRICES, close) | {"volume": np.ones(count)}
    writer.write_instruments(root, [COIN])
    writer.write_bars(root, COIN, "1m", pa.table(figures | {"ts": ts, "available_at": ts}), "bench")
    return root


def write_trades(root: Path, count: int) -> Path:
    """Trades by a seeded random walk, one a second."""
    draw = np.random.default_rng(3)
    ts = pa.array(BEGINS + 10**9 * np.arange(count)).cast(schemas.TIME)
    prices, sizes = (
        np.round(100 + np.cumsum(draw.normal(0, 0.01, count)), 2),
        np.round(draw.pareto(1.5, count) * 5 + 1, 4),
    )
    writer.write_instruments(root, [COIN])
    ticks.write_trades(root, COIN, pa.table({"ts": ts, "available_at": ts, "price": prices, "size": sizes}), "bench")
    return root


def peak(root: Path, read: str) -> float:
    """The peak memory of a process that reads, in MB."""
    environment = {"ALPHAPULSE_CATALOG": str(root), "ALPHAPULSE_HOME": str(root.parent / "home"), "PATH": ""}
    words = [sys.executable, "-c", PROGRAM.format(read=read)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def timed(call: Callable[..., Any], *arguments: Any) -> float:
    """The faster of two calls, in seconds."""
    took = []
    for _ in range(2):
        begun = perf_counter()
        call(*arguments)
        took.append(perf_counter() - begun)
    return min(took)


def told(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()

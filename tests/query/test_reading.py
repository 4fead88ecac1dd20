"""A stream's memory is that of a stretch, however long history is: measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from alphapulse_lib.catalog import schemas, ticks, writer
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import moment_ns

COIN = Instrument("COIN.CRYPTO", price_precision=2, size_precision=4)
SHORT, LONG = 600_000, 1_800_000
BEGINS, MINUTE = moment_ns("2016-01-01"), 60 * 10**9
#: Rows, and the peak of the process's memory in kB since it began to run this program.
PROGRAM = """
import alphapulse_lib as ap
rows = sum(batch.num_rows for batch in {stream})
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(rows, peak)
"""


def write(root: Path, count: int, kind: str) -> Path:
    """Minute bars, or trades a minute apart."""
    ts = pa.array(BEGINS + MINUTE * np.arange(1, count + 1)).cast(schemas.TIME)
    close = np.round(100 + np.sin(np.arange(count)), 2)
    writer.write_instruments(root, [COIN])
    if kind == "bars":
        figures = dict.fromkeys(schemas.PRICES, close) | {"volume": np.ones(count)}
        writer.write_bars(root, COIN, "1m", pa.table(figures | {"ts": ts, "available_at": ts}), "x")
    else:
        trades = {"ts": ts, "available_at": ts, "price": close, "size": np.ones(count)}
        ticks.write_trades(root, COIN, pa.table(trades), "x")
    return root


def peak(root: Path, stream: str) -> tuple[int, int]:
    """Rows streamed, and the process's peak memory in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(stream=stream)],
        env={"ALPHAPULSE_CATALOG": str(root), "ALPHAPULSE_HOME": str(root.parent / "home"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    rows, kilobytes = done.stdout.split()
    return int(rows), int(kilobytes) * 1024


@pytest.mark.parametrize(
    ("kind", "stream"),
    [
        ("bars", 'ap.bars("COIN", "1m", frame="batches")'),
        pytest.param("trades", 'ap.trades("COIN", frame="batches")', marks=pytest.mark.siege),
    ],
)
def test_memory_does_not_grow_with_history(tmp_path: Path, kind: str, stream: str):
    short, some = peak(write(tmp_path / "short", SHORT, kind), stream)
    long, more = peak(write(tmp_path / "long", LONG, kind), stream)
    assert (short, long) == (SHORT, LONG)
    # A table of the further rows would be at least 56 bytes a row: times, prices and volume.
    assert more - some < 0.4 * 56 * (LONG - SHORT), f"{(more - some) / 2**20:.0f} MB more"

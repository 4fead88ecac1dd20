"""What an import takes of memory does not grow with what it reads."""

from __future__ import annotations

from pathlib import Path

from tests.resources.long_files import days_by_time
from tests.resources.measured_ingest import measured

#: Bytes held in memory, in place of the usual ones, so that short files are long ones.
HELD = 1 << 21
NAMES = 150


def test_eight_times_the_history_takes_hardly_more_memory(tmp_path: Path) -> None:
    peaks = []
    for days in (600, 4800):
        folder = tmp_path / str(days)
        folder.mkdir()
        for ending in ("csv", "parquet"):
            days_by_time(folder / f"half.{ending}", NAMES, days // 2, before=days // 2 if ending == "csv" else 0)
        told = measured(tmp_path / f"catalog-{days}", folder, venue="XNYS", held=HELD)
        assert told["rows"] == NAMES * days
        peaks.append(told["peak"])
    # What a row takes as it is handed over: twelve canonical columns and its text; held whole, several times that.
    growth = 4200 * NAMES * (12 * 8 + 50)
    assert peaks[1] - peaks[0] < growth / 2, [f"{each / 1e6:.0f} MB" for each in (*peaks, growth)]

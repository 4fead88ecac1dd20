"""Memory of imports against the length of what they read: ``python -m tests.benchmarks.bench_ingest``.

Each import runs in a process of its own; its peak is all memory that this held, the libraries' 150 MB among it. Two
lengths each, the second four times the first; both beyond what is held in memory at all. Aim: a peak that does not grow
with the length, at most 1.15 times.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.resources.long_files import days_by_time, minutes, trades
from tests.resources.measured_ingest import measured

#: What is imported, how it is made in a length, how it is asked for, and its lengths.
_CASES: dict[str, tuple[Callable[[Path, int], Path], dict[str, str], tuple[int, int]]] = {
    "minutes of one name, CSV": (minutes, {"symbol": "AAA", "venue": "CRYPTO", "period": "1m"}, (2_000_000, 8_000_000)),
    "days of 500 names by time, Parquet": (
        lambda path, rows: days_by_time(path.with_suffix(".parquet"), 500, rows // 500),
        {"venue": "XNYS"},
        (600_000, 2_400_000),
    ),
    "trades of one name, a day after the other": (
        lambda path, rows: trades(path.with_suffix(".parquet"), rows, every=60_000_000_000),
        {"symbol": "AAA", "venue": "CRYPTO", "kind": "trades"},
        (1_000_000, 4_000_000),
    ),
}


def main() -> None:
    """Measure each."""
    for name, (make, request, lengths) in _CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            peaks = []
            for rows in lengths:
                file = make(Path(folder) / f"{rows}.csv", rows)
                extra = {"stamps": "close", "timezone": "UTC"} if request.get("period") else {}
                told = measured(Path(folder) / f"catalog-{rows}", file, **request, **extra)
                peaks.append(told["peak"])
                sys.stdout.write(
                    f"{name}: {told['rows']:,.0f} rows in {told['seconds']:.1f} s "
                    f"({told['rows'] / told['seconds']:,.0f} a second), peak {told['peak'] / 1e6:,.0f} MB\n"
                )
            ratio = peaks[1] / peaks[0]
            sys.stdout.write(f"{name}: four times the rows / once, peak = {ratio:.2f} (aim: at most 1.15)\n")


if __name__ == "__main__":
    main()

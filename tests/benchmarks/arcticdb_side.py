"""ArcticDB's half of `bench_arcticdb`, in an environment of its own: it wants an older pandas than this project.

``python arcticdb_side.py PLAIN.parquet LONG.parquet FOLDER TURNS`` prints, as JSON, what each way took,
turn by turn: seconds by the clock, and of the processors.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import arcticdb
import pandas as pd
import pyarrow.parquet as pq

HOURS = {
    name: (name, how)
    for name, how in zip(
        ("open", "high", "low", "close", "volume"), ("first", "max", "min", "last", "sum"), strict=True
    )
}


def main(plain: str, long: str, folder: str, turns: int) -> None:
    """Write, read and resample as its tutorials do, on its embedded store."""
    bars = pq.read_table(plain).to_pandas().set_index("ts").tz_localize(None)
    names = {
        str(name): each.drop(columns="symbol").set_index("ts").tz_localize(None)
        for name, each in pq.read_table(long).to_pandas().groupby("symbol")
    }
    store = arcticdb.Arctic(f"lmdb://{folder}?map_size=8GB")
    library = store.create_library("bars")
    first, last = pd.Timestamp("2011-05-01"), pd.Timestamp("2011-06-01")

    def written() -> None:
        library.write("AAA", bars, prune_previous_versions=True)

    def universe() -> pd.DataFrame:
        found = library.read_batch([arcticdb.ReadRequest(name, columns=["close"]) for name in names])
        return pd.concat({name: each.data["close"] for name, each in zip(names, found, strict=True)}, axis=1)

    def resampled() -> pd.DataFrame:
        query = arcticdb.QueryBuilder().resample("h", closed="left", label="left").agg(HOURS)
        return library.read("AAA", query_builder=query).data

    written()
    library.write_batch([arcticdb.WritePayload(name, each) for name, each in names.items()])
    ways: dict[str, Callable[[], object]] = {
        "write": written,
        "read": lambda: library.read("AAA").data,
        "month": lambda: library.read("AAA", date_range=(first, last)).data,
        "universe": universe,
        "resample": resampled,
    }
    told: dict[str, object] = {"version": arcticdb.__version__}
    for way in ways.values():
        way()  # a turn that is not counted
    told["seconds"] = {name: [timed(way) for _ in range(turns)] for name, way in ways.items()}
    told["bytes"] = sum(each.stat().st_blocks * 512 for each in Path(folder).rglob("*") if each.is_file())
    sys.stdout.write(json.dumps(told))


def timed(way: Callable[[], object]) -> tuple[float, float]:
    """How long it takes by the clock, and of the processors, in seconds."""
    start, busy = perf_counter(), process_time()
    way()
    return perf_counter() - start, process_time() - busy


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))

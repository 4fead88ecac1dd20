"""What a desk does with a catalog in an object store, and who else may have its lease."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from alphapulse_lib.catalog import objects, reader
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.location import ObjectPath

TABLE = pa.table({"a": [1, 2, 3]})
SYMBOLS = ("ACME", "BOLT", "CORE")


def daily(folder: Path, *, days: int = 250, add: float = 0.0) -> Path:
    """A file of bars as a person has it."""
    calendar = sessions("XNAS").days[9_000 : 9_000 + days].astype(str)
    frames = []
    for number, symbol in enumerate(SYMBOLS):
        close = np.round(50 + number + add + np.random.default_rng(number).random(days), 2)
        frames.append(
            pd.DataFrame({"symbol": symbol, "venue": "XNAS", "date": calendar, "open": close, "high": close + 1,
                          "low": close - 1, "close": close, "volume": 1000})
        )  # fmt: skip
    path = folder / f"daily-{days}-{add}.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


def closes(root: ObjectPath, symbol: str = "ACME", **moment: int) -> list[float]:
    return reader.bar_floats(root, f"{symbol}.XNAS", "1d", columns=["close"], **moment)["close"].to_pylist()


def elsewhere(root: ObjectPath, seconds: float, expected: str | None = None) -> str:
    """A writer on another machine has the lease; the version it left."""
    content = {"owner": "another", "lease": seconds, "process": "there:1:1", "machine": "another"}
    lock = root / "catalog.lock"
    return objects.store_of(lock.bucket).put(lock.key, json.dumps(content).encode(), expected)


def lock_version(root: ObjectPath) -> str:
    found = objects.store_of(root.bucket).head((root / "catalog.lock").key)
    assert found
    return found[0]

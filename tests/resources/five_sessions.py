"""Daily bars of a few sessions around a half day, written by hand: every price of a bar is its close."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog import schemas, writer
from alphapulse_lib.catalog.sessions import close_of
from alphapulse_lib.model.instrument import Instrument

DAYS = ["2013-07-01", "2013-07-02", "2013-07-03", "2013-07-05", "2013-07-08"]


def write(root: Path, instrument: Instrument, days: list[str], closes: list[float]) -> None:
    ts = pa.array(close_of(instrument.venue.code, np.array(days, "datetime64[D]"))).cast(schemas.TIME)
    table = pa.table(
        dict.fromkeys(schemas.PRICES, closes) | {"volume": [100.0] * len(days), "ts": ts, "available_at": ts}
    )
    writer.write_instruments(root, [instrument])
    writer.write_bars(root, instrument, "1d", table, "x")

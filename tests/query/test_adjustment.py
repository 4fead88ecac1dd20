"""Two hundred names over twenty years against the vendor's own adjusted closes, and the page that tells the result.

``python -m tests.query.test_adjustment`` writes the table of docs/reference/adjustment.md anew.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from alphapulse_lib.catalog import actions, schemas, writer
from alphapulse_lib.catalog.sessions import close_of, open_of
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import moment_ns
from alphapulse_lib.query.bars import bars

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT.parent / "shared" / "data" / "daily" / "sp500_raw_adj_1999_2021_200.parquet"
PAGE = PROJECT / "docs" / "reference" / "adjustment.md"
ALLOWED = 0.01
needs_source = pytest.mark.skipif(not SOURCE.exists(), reason="needs ../shared/data/daily, 200 names' adjusted closes")


def held(root: Path, name: str, rows: pd.DataFrame) -> Instrument:
    """One name's bars as traded, and its actions, through the catalog's own writers."""
    instrument = Instrument(f"{name}.XNYS")
    days = rows["date"].to_numpy("datetime64[D]")
    stamps = pa.array(close_of("XNYS", days)).cast(schemas.TIME)
    prices = {each: rows[each].to_numpy() for each in schemas.PRICES}
    volume = rows["volume"].to_numpy(float)
    table = pa.table({"ts": stamps, **prices, "volume": volume, "available_at": stamps})
    writer.write_bars(root, instrument, "1d", table, "prices")
    for kind, column, figure, neutral in (
        ("split", "split_coefficient", "ratio", 1.0),
        ("dividend", "dividend_amount", "amount", 0.0),
    ):
        acted = rows[rows[column] != neutral]
        if len(acted):
            ex = acted["date"].to_numpy("datetime64[D]")
            said = {
                "instrument_id": [instrument.id] * len(acted),
                "kind": [kind] * len(acted),
                "ex_date": pa.array(ex, pa.date32()),
                figure: acted[column].to_numpy(float),
                "available_at": pa.array(open_of("XNYS", ex)).cast(schemas.TIME),
            }
            actions.write(root, pa.table(said), "actions")
    return instrument


def compared(root: Path, name: str, rows: pd.DataFrame) -> dict[str, object]:
    """How far each adjustment lies from the vendor's; the vendor's splits-only series is made from its own factors."""
    instrument = held(root, name, rows)
    raw, theirs = rows["close"].to_numpy(), rows["adjusted_close"].to_numpy(float)
    splits = rows["split_coefficient"].to_numpy()
    later = np.append(np.cumprod(splits[::-1])[::-1][1:], 1.0)
    expected = {"none": raw, "splits": raw / later, "total": theirs}
    far: dict[str, object] = {"name": name, "sessions": len(rows)}
    for adjust, series in expected.items():
        ours = bars(root, [instrument], "1d", adjust=adjust, columns=["close"])["close"].to_numpy()
        off = np.abs((ours / series) / (ours[-1] / series[-1]) - 1)
        far[adjust] = float(off.max())
    ratio = ours / theirs
    step = np.abs(np.diff(np.log(ratio)))
    at = int(step.argmax()) + 1
    far |= {"day": rows["date"].iloc[at], "step": float(ratio[at] / ratio[at - 1] - 1)}
    far["cause"] = cause(rows, at, float(step.max()), float(ratio[at] / ratio[at - 1]))
    return far


def cause(rows: pd.DataFrame, at: int, step: float, jump: float) -> str:
    """What the data itself says of the day on which the two series part most."""
    day = rows.iloc[at]
    if step < ALLOWED:
        return "no day of its own: many small differences add up"
    if day["split_coefficient"] != 1:
        return "a split recorded with another ratio than the vendor adjusted for (a spin-off told as a split)"
    if day["dividend_amount"] > 0:
        return "a distribution that the vendor adjusted for otherwise than as reinvested at the close before"
    moved = day["open"] / rows["close"].iloc[at - 1]
    if abs(moved - 1) > ALLOWED and abs(np.log(moved * jump)) < abs(np.log(moved)):
        return "a spin-off or split that the vendor adjusted for and does not record"
    return "the vendor adjusted on a day on which nothing is recorded and the price did not move"


def table() -> pd.DataFrame:
    """One row a name."""
    source = pd.read_parquet(SOURCE).astype({"symbol": str}).sort_values(["symbol", "date"])
    with TemporaryDirectory() as folder:
        return pd.DataFrame([compared(Path(folder), name, rows) for name, rows in source.groupby("symbol")])


def told(found: pd.DataFrame) -> str:
    """The counts, and the names that lie further off, by cause."""
    lines = ["| adjust | names within 1 % on every day |", "|---|---|"]
    lines += [f"| `{each}` | {int((found[each] < ALLOWED).sum())} of {len(found)} |" for each in ADJUSTMENTS]
    lines += ["", "| name | furthest off | parts most on | by | cause |", "|---|---|---|---|---|"]
    for row in found[found["total"] >= ALLOWED].sort_values(["cause", "name"]).itertuples():
        lines.append(f"| {row.name} | {row.total:.1%} | {row.day} | {row.step:+.2%} | {row.cause} |")
    return "\n".join(lines)


ADJUSTMENTS = ("none", "splits", "total")


@needs_source
def test_two_hundred_names_lie_within_one_per_cent_and_the_page_tells_the_rest():
    found = table()
    assert len(found) == 200
    assert found["sessions"].sum() == 947_616
    for adjust in ADJUSTMENTS:
        assert (found[adjust] < ALLOWED).mean() >= 0.95, adjust
    assert told(found) in PAGE.read_text(encoding="utf-8"), "run python -m tests.query.test_adjustment"


@needs_source
def test_nothing_is_adjusted_for_what_was_not_yet_known(tmp_path: Path):
    """Apple as of days on both sides of its split of 2020-08-31 (four for one), by the vendor's raw closes."""
    source = pd.read_parquet(SOURCE, filters=[("symbol", "==", "AAPL")]).sort_values("date")
    source = source[pd.to_datetime(source["date"]).between("2020-08-03", "2020-09-11")]
    apple = held(tmp_path, "AAPL", source)
    before = bars(tmp_path, [apple], "1d", adjust="total", as_of=moment_ns("2020-08-28", "America/New_York", end=True))
    after = bars(tmp_path, [apple], "1d", adjust="splits", as_of=moment_ns("2020-08-31", "America/New_York", end=True))
    raw = source["close"].to_numpy()
    paid = source["dividend_amount"].to_numpy() > 0
    ex = int(np.flatnonzero(paid)[0])
    factor = 1 - source["dividend_amount"].to_numpy()[ex] / raw[ex - 1]
    count = len(before)
    np.testing.assert_allclose(before["close"], np.r_[raw[:ex] * factor, raw[ex:count]])
    np.testing.assert_allclose(after["close"], np.r_[raw[:count] / 4, raw[count]])


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    fresh = re.sub(r"(<!-- table -->\n).*?(\n<!-- end -->)", lambda m: m[1] + told(table()) + m[2], text, flags=re.S)
    PAGE.write_text(fresh, encoding="utf-8")
    sys.stdout.write(fresh)

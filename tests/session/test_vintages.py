"""Real restatements: bars that come with the day on which each was crawled, asked for as of any day.

The answers are computed by DuckDB from the file itself. A made-up file of the same form, in which a split of two for
one on 3 March 2016 doubles the volumes before it while prices stay raw, proves the same without the real one.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

import alphapulse_lib as ap

MADE_UP = Path(__file__).parents[1] / "resources" / "vintages.csv"
PYSTOCK = Path(__file__).parents[3] / "shared" / "data" / "daily" / "pystock_pit_2015_2017.parquet"
FIGURES = ["open", "high", "low", "close", "volume"]


def known(path: Path, symbols: list[str], day: date) -> pd.DataFrame:
    """What the file's newest rows crawled by a day say; of two crawled together, the first."""
    source = f"read_csv('{path}')" if path.suffix == ".csv" else f"read_parquet('{path}', file_row_number = true)"
    line = "row_number() OVER ()" if path.suffix == ".csv" else "file_row_number"
    return duckdb.sql(
        f"""
        SELECT symbol::VARCHAR AS symbol, date, {", ".join(f"{each}::DOUBLE AS {each}" for each in FIGURES)}
        FROM (SELECT *, {line} AS line FROM {source})
        WHERE crawl <= DATE '{day}' AND list_contains({symbols}, symbol::VARCHAR)
        QUALIFY row_number() OVER (PARTITION BY symbol, date ORDER BY crawl DESC, line) = 1
        ORDER BY date, symbol
        """
    ).df()


def told(symbols: list[str], day: date) -> pd.DataFrame:
    frame = ap.bars(symbols, "1d", adjust="none", as_of=day)
    days = frame.ts.dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    return frame.assign(date=days)[["symbol", "date", *FIGURES]]


def imported(path: Path) -> None:
    ap.ingest("files", path, venue="XNYS", columns={"available_at": "crawl"}, recover=False)


@pytest.mark.parametrize("day", ["2016-03-03", "2016-03-04", "2016-03-06", "2016-03-07", "2020-01-01"])
def test_what_was_known_on_each_day(day: str) -> None:
    imported(MADE_UP)
    day = date.fromisoformat(day)
    pd.testing.assert_frame_equal(
        told(["ALFA", "BETA"], day).reset_index(drop=True), known(MADE_UP, ["ALFA", "BETA"], day), check_dtype=False
    )


def test_volumes_are_restated_at_the_split_and_no_earlier(tmp_path: Path) -> None:
    """By hand; each row of the file is an import of its own, the newest one first."""
    header, *rows = MADE_UP.read_text().splitlines(keepends=True)
    for number, row in enumerate(reversed(rows)):
        path = tmp_path / f"vintage_{number}.csv"
        path.write_text(header + row)
        imported(path)
    volumes = {day: told(["ALFA"], date(2016, 3, day)).volume.tolist() for day in (1, 2, 3, 4, 7)}
    assert volumes == {
        1: [1000],
        2: [1000, 1200],
        3: [2000, 2400, 2600],
        4: [2000, 2400, 2650],
        7: [2000, 2400, 2600],
    }


@pytest.mark.skipif(not PYSTOCK.exists(), reason="needs ../shared/data/daily/pystock_pit_2015_2017.parquet")
def test_the_real_vintages_of_many_names_on_many_days(tmp_path: Path) -> None:
    """The sixty names whose volume was restated most, and every ninth of the others; on the eves of restatements."""
    restated = duckdb.sql(
        f"""
        SELECT symbol, first(eve ORDER BY times DESC) FROM (
            SELECT symbol::VARCHAR AS symbol, max(volume) / min(volume) AS times, min(crawl) AS eve FROM '{PYSTOCK}'
            WHERE volume > 0 GROUP BY symbol, date
        ) GROUP BY symbol ORDER BY max(times) DESC, symbol
        """
    ).fetchall()
    symbols = [name for name, _ in (*restated[:60], *restated[60::9])]
    chosen = tmp_path / "chosen.parquet"
    duckdb.sql(
        f"""
        COPY (SELECT * FROM '{PYSTOCK}' WHERE list_contains({symbols}, symbol::VARCHAR)) TO '{chosen}'
        """
    )
    imported(chosen)
    held = set(ap.instruments().symbol)
    assert len(held) > 150
    compared = restatements = 0
    newest = known(chosen, sorted(held), date(2030, 1, 1)).set_index(["symbol", "date"])
    for day in sorted({eve for _, eve in restated[:18]}):
        expected = known(chosen, sorted(held), day)
        names = sorted(set(expected.symbol))
        answer = told(names, day).merge(expected, on=["symbol", "date"], how="outer", suffixes=("", "_known"))
        missing = answer[answer.close.isna()]
        assert len(missing) <= 10, missing  # rows of holidays, and of a close outside of low and high
        both = answer.dropna(subset=["close"])
        assert len(both) + len(missing) == len(expected)
        for name in FIGURES:
            np.testing.assert_allclose(both[name], both[f"{name}_known"], rtol=0, atol=0.51e-4)
        compared += len(both)
        later = newest.loc[pd.MultiIndex.from_frame(both[["symbol", "date"]]), "volume"].to_numpy()
        restatements += int((np.abs(later / both.volume.replace(0, np.nan) - 1) > 0.4).sum())
    assert compared > 100_000
    assert restatements > 20

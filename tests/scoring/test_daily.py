"""Which session an article counts for, by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alphapulse_lib.model.period import Period
from alphapulse_lib.scoring.daily import by_period, closes

CLOSES = np.array([100, 200, 300], dtype=np.int64)


def events(*rows: tuple[int, str, str, float]) -> pa.Table:
    """When available, article, headline, score."""
    return pa.table(
        {
            "available_at": pa.array([row[0] for row in rows], pa.int64()).cast(pa.timestamp("ns", "UTC")),
            "source": pa.array(["wire"] * len(rows), pa.string()),
            "article_id": pa.array([row[1] for row in rows], pa.string()),
            "headline": pa.array([row[2] for row in rows], pa.string()),
            "score": pa.array([row[3] for row in rows], pa.float64()),
        }
    )


def rows(table: pa.Table) -> list[tuple[int, float, int]]:
    found = by_period(table, CLOSES)
    return list(
        zip(
            found["ts"].cast(pa.int64()).to_pylist(),
            found["score"].to_pylist(),
            found["articles"].to_pylist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(("available", "ts"), [(1, 100), (100, 100), (101, 200), (200, 200), (299, 300)])
def test_up_to_the_close_it_is_today_after_it_tomorrow(available: int, ts: int) -> None:
    assert rows(events((available, "a", "x", 0.5))) == [(ts, 0.5, 1)]


def test_after_the_last_close_it_is_not_known_yet() -> None:
    assert rows(events((301, "a", "x", 0.5))) == []


def test_the_mean_and_the_counts() -> None:
    found = by_period(events((10, "a", "x", 0.5), (20, "b", "y", -0.1), (30, "c", "z", 0.05)), CLOSES).to_pylist()
    assert len(found) == 1
    assert found[0]["score"] == pytest.approx(0.15)
    assert (found[0]["articles"], found[0]["positive"], found[0]["negative"]) == (3, 1, 1)


def test_a_revision_in_the_same_session_takes_the_place_of_the_first() -> None:
    assert rows(events((10, "a", "falls", -0.5), (20, "a", "rises", 0.5))) == [(100, 0.5, 1)]


def test_a_revision_in_a_later_session_counts_there_and_leaves_the_earlier_row() -> None:
    assert rows(events((10, "a", "falls", -0.5), (150, "a", "rises", 0.5))) == [(100, -0.5, 1), (200, 0.5, 1)]


def test_a_revision_that_leaves_the_headline_is_no_news() -> None:
    table = events((10, "a", "falls", -0.5), (150, "a", "falls", -0.5), (250, "a", "rises", 0.5))
    assert rows(table) == [(100, -0.5, 1), (300, 0.5, 1)]


def test_two_sources_may_use_one_id() -> None:
    table = events((10, "a", "x", 0.2), (20, "a", "x", 0.4))
    table = table.set_column(1, "source", pa.array(["wire", "blog"]))
    assert rows(table) == [(100, pytest.approx(0.3), 2)]


def test_no_articles_no_rows() -> None:
    assert rows(events()) == []


def test_what_comes_later_changes_no_earlier_row() -> None:
    random = np.random.default_rng(7)
    stream = [
        (int(time), f"{random.integers(5)}", f"{random.integers(3)}", float(random.uniform(-1, 1)))
        for time in np.sort(random.integers(1, 300, 60))
    ]
    full = rows(events(*stream))
    for cut in CLOSES:
        known = [row for row in stream if row[0] <= cut]
        assert rows(events(*known)) == [row for row in full if row[0] <= cut]


def _moments(*texts: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(np.array(texts, "M8[ns]").astype(np.int64)).cast(pa.timestamp("ns", "UTC"))])


def _told(stamps: np.ndarray) -> list[str]:
    return [str(stamp)[:16] for stamp in stamps.astype("M8[ns]")]


def test_sessions_end_at_their_close_half_days_early() -> None:
    """In July 2013 New York closed at 13:00 on the 3rd and not at all on the 4th."""
    ends = closes("XNYS", Period.parse("1d"), _moments())
    july = [each for each in _told(ends) if each.startswith("2013-07-0")]
    assert july[:4] == ["2013-07-01T20:00", "2013-07-02T20:00", "2013-07-03T17:00", "2013-07-05T20:00"]


def test_weeks_end_with_their_last_session() -> None:
    """Good Friday 2013 was 29 March: that week's last close was Thursday's."""
    ends = _told(closes("XNYS", Period.parse("1w"), _moments()))
    assert [each for each in ends if "2013-03-2" <= each < "2013-04-06"] == [
        "2013-03-22T20:00",
        "2013-03-28T20:00",
        "2013-04-05T20:00",
    ]


def test_hours_end_on_the_clock() -> None:
    ends = closes("XNYS", Period.parse("1h"), _moments("2013-07-01T14:00", "2013-07-01T14:00:01", "2013-07-01T20:10"))
    assert _told(ends) == ["2013-07-01T14:00", "2013-07-01T15:00", "2013-07-01T21:00"]

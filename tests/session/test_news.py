"""`ap.news` and `ap.sentiment`: columns, times, errors, and that nothing is known before its time."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from wire import send

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import (
    CatalogEmpty,
    InputError,
    ReversedWindow,
    UnknownPeriod,
    UnknownScorer,
    UnknownSymbol,
)
from alphapulse_lib.query import scores
from alphapulse_lib.session.news import ensure_scores

# Friday 1 June 2012: New York's session ends at 20:00 UTC. Monday is the 4th.
WIRE = [
    ("a", "2012-06-01T19:00", "Apple beats estimates"),
    ("b", "2012-06-01T20:00", "Apple misses estimates"),
    ("c", "2012-06-01T20:01", "Apple plunges after profit warning"),
    ("d", "2012-06-04T14:00", "Apple sues IBM"),
    ("e", "2012-06-05T14:00", "Rain in the afternoon"),
]


class CountingScorer:
    """Scores by length, and counts how many texts it was given: work that is done once is seen to be done once."""

    name = "counting"

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.given: list[str] = []

    def score(self, texts: Sequence[str]) -> list[float]:
        self.given += texts
        return [len(text) / 100 for text in texts]


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "catalog"
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    send(root, WIRE)
    return root


def test_one_row_an_article_with_its_score(catalog: Path) -> None:
    found = ap.news("AAPL")
    assert found["article_id"].tolist() == ["a", "b", "c", "d"]
    assert list(found.columns) == [
        "published_at",
        "available_at",
        "symbols",
        "headline",
        "score",
        "scorer",
        "version",
        "source",
        "url",
        "body",
        "article_id",
        "revision",
    ]
    assert found["symbols"].tolist() == ["AAPL", "AAPL", "AAPL", "AAPL, IBM"]
    assert found["available_at"][0] == pd.Timestamp("2012-06-01 19:00", tz="UTC")
    assert (found["scorer"] == "finance").all()
    assert found["score"][0] > 0.05 > -0.05 > found["score"][1]


def test_all_articles_where_no_symbol_is_named(catalog: Path) -> None:
    assert ap.news()["article_id"].tolist() == ["a", "b", "c", "d", "e"]


def test_the_window_is_in_the_zone_of_the_exchange(catalog: Path) -> None:
    """20:01 UTC is 16:01 in New York: the same day there; 4 June starts at 04:00 UTC."""
    send(catalog, [("late", "2012-06-02T03:59", "Apple at night"), ("early", "2012-06-02T04:00", "Apple at dawn")])
    assert ap.news("AAPL", "2012-06-01", "2012-06-01")["article_id"].tolist() == ["a", "b", "c", "late"]


def test_as_of_hides_what_came_later(catalog: Path) -> None:
    assert ap.news("AAPL", as_of="2012-06-01 15:30")["article_id"].tolist() == ["a"]
    assert ap.news("AAPL", as_of="2012-06-01")["article_id"].tolist() == ["a", "b", "c"]
    assert ap.news("AAPL", as_of="2012-05-31").empty


def test_sentiment_counts_up_to_the_close(catalog: Path) -> None:
    found = ap.sentiment("AAPL")
    assert list(found.columns) == [
        "symbol",
        "ts",
        "score",
        "articles",
        "positive",
        "negative",
        "scorer",
        "version",
    ]
    assert found["ts"].tolist() == [
        pd.Timestamp("2012-06-01 20:00", tz="UTC"),
        pd.Timestamp("2012-06-04 20:00", tz="UTC"),
    ]
    assert found["articles"].tolist() == [2, 2]
    single = ap.news("AAPL").set_index("article_id")["score"]
    assert found["score"][0] == pytest.approx((single["a"] + single["b"]) / 2)
    assert found["score"][1] == pytest.approx((single["c"] + single["d"]) / 2)


def test_each_instrument_by_its_own_exchange(catalog: Path) -> None:
    """London closes at 15:30 UTC in June, five hours and a half before New York does."""
    send(catalog, [("v", "2012-06-06T16:00", "Vodafone and IBM rise")])
    found = ap.sentiment(["VOD", "IBM"], "2012-06-06")
    assert found["symbol"].tolist() == ["IBM", "VOD"]
    assert found["ts"].tolist() == [
        pd.Timestamp("2012-06-06 20:00", tz="UTC"),
        pd.Timestamp("2012-06-07 15:30", tz="UTC"),
    ]


def test_a_session_is_known_at_its_close_and_no_earlier(catalog: Path) -> None:
    assert ap.sentiment("AAPL", as_of="2012-06-01 15:59").empty
    assert len(ap.sentiment("AAPL", as_of="2012-06-01 16:00")) == 1
    with clock.at(pd.Timestamp("2012-06-04 19:59", tz="UTC").to_pydatetime()):
        assert ap.sentiment("AAPL", recorded_as_of="2100-01-01")["ts"].max() < pd.Timestamp("2012-06-04", tz="UTC")


def test_weeks_and_hours(catalog: Path) -> None:
    weeks = ap.sentiment("AAPL", every="1w")
    assert weeks["ts"].dt.strftime("%m-%d").tolist() == ["06-01", "06-08"]
    hours = ap.sentiment("AAPL", every="1h")
    assert hours["ts"].dt.strftime("%d %H").tolist() == ["01 19", "01 20", "01 21", "04 14"]


def test_bounds_are_of_ts(catalog: Path) -> None:
    found = ap.sentiment("AAPL", "2012-06-04", "2012-06-04")
    assert found["articles"].tolist() == [2]


def test_nothing_known_for_a_day_changes_when_later_articles_come(catalog: Path) -> None:
    before = ap.sentiment("AAPL", as_of="2012-06-04")
    news_before = ap.news("AAPL", as_of="2012-06-04")
    send(
        catalog,
        [
            ("a", "2012-06-07T14:00", "Apple misses estimates", "2012-06-01T19:00"),
            ("z", "2012-06-07T14:00", "Apple falls"),
        ],
    )
    pd.testing.assert_frame_equal(ap.sentiment("AAPL", as_of="2012-06-04"), before)
    pd.testing.assert_frame_equal(ap.news("AAPL", as_of="2012-06-04"), news_before)
    later = ap.sentiment("AAPL")
    pd.testing.assert_frame_equal(later[later["ts"] < "2012-06-05"], before)
    assert later["ts"].dt.strftime("%m-%d").tolist() == ["06-01", "06-04", "06-07"]
    assert ap.news("AAPL").set_index("article_id").loc["a", ["headline", "revision"]].tolist() == [
        "Apple misses estimates",
        2,
    ]


def test_scorers_are_told_apart(catalog: Path) -> None:
    assert set(ap.sentiment("AAPL", scorer="vader")["scorer"]) == {"vader"}
    assert set(ap.sentiment("AAPL")["scorer"]) == {"finance"}
    held = ap.sql("SELECT DISTINCT scorer FROM scores ORDER BY scorer").df()
    assert held["scorer"].tolist() == ["finance", "vader"]


def test_work_is_done_once_and_anew_for_a_new_version(catalog: Path) -> None:
    scorer = CountingScorer()
    first = ap.sentiment("AAPL", scorer=scorer)
    assert sorted(scorer.given) == sorted(headline for _, _, headline in WIRE)
    pd.testing.assert_frame_equal(ap.sentiment("AAPL", scorer=scorer), first)
    assert len(scorer.given) == len(WIRE)
    send(catalog, [("new", "2012-06-06T14:00", "Apple rises")])
    ap.news("AAPL", scorer=scorer)
    assert scorer.given[len(WIRE) :] == ["Apple rises"]
    newer = CountingScorer("2")
    assert set(ap.sentiment("AAPL", scorer=newer)["version"]) == {"2"}
    assert len(newer.given) == len(WIRE) + 1


def test_a_backtests_stream_is_scored_by_then(catalog: Path) -> None:
    ensure_scores(Roots(catalog), "vader")
    heard = scores.events(catalog, ["AAPL.XNAS"], scorer="vader")
    assert heard["score"].null_count == 0
    assert heard["article_id"].to_pylist() == ["a", "b", "c", "d"]


def test_a_catalog_that_somebody_writes_to_is_read_all_the_same(catalog: Path) -> None:
    before = ap.sentiment("AAPL", scorer=CountingScorer("0"))
    with FileLock(catalog / "catalog.lock"):  # another writer, as another process would be
        found = ap.sentiment("AAPL", scorer=CountingScorer("1"))
    pd.testing.assert_series_equal(found["score"], before["score"])
    assert set(ap.sql("SELECT DISTINCT version FROM scores").df()["version"]) == {"0"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_catalog_that_is_only_read_is_read_all_the_same(catalog: Path) -> None:
    before = ap.sentiment("AAPL", scorer=CountingScorer("0"))
    catalog.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        found = ap.sentiment("AAPL", scorer=CountingScorer("1"))
    finally:
        catalog.chmod(stat.S_IRWXU)
    pd.testing.assert_series_equal(found["score"], before["score"])


def test_scores_of_a_team_that_is_only_read_go_to_the_persons_own(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPHAPULSE_PERSONAL_CATALOG", str(tmp_path / "own"))
    scorer = CountingScorer()
    first = ap.sentiment("AAPL", scorer=scorer)
    assert not (catalog / "scores").exists()
    assert list((tmp_path / "own" / "scores").glob("*.parquet"))
    pd.testing.assert_frame_equal(ap.sentiment("AAPL", scorer=scorer), first)
    assert len(scorer.given) == len(WIRE)


@pytest.mark.parametrize("frame", ["pandas", "polars", "arrow"])
def test_frames(catalog: Path, frame: str) -> None:
    for table in (ap.news("AAPL", frame=frame), ap.sentiment("AAPL", frame=frame)):
        assert type(table).__module__.partition(".")[0] == {"arrow": "pyarrow"}.get(frame, frame)
        assert len(table) in (2, 4)


def test_an_empty_window_keeps_its_columns(catalog: Path) -> None:
    assert list(ap.news("AAPL", "2001-01-01", "2001-12-31").columns) == list(ap.news("AAPL").columns)
    empty = ap.sentiment("AAPL", "2001-01-01", "2001-12-31")
    assert empty.empty
    assert list(empty.columns) == list(ap.sentiment("AAPL").columns)
    assert str(empty["ts"].dtype) == "datetime64[ns, UTC]"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"symbols": "APPL"}, UnknownSymbol),
        ({"symbols": []}, InputError),
        ({"symbols": 5}, InputError),
        ({"symbols": ["AAPL", None]}, InputError),
        ({"symbols": "AAPL", "scorer": "vadre"}, UnknownScorer),
        ({"symbols": "AAPL", "start": "2012-06-02", "end": "2012-06-01"}, ReversedWindow),
        ({"symbols": "AAPL", "frame": "numpy"}, InputError),
        ({"symbols": "AAPL", "as_of": "yesterday"}, InputError),
        ({"symbols": "AAPL", "every": "fortnight"}, UnknownPeriod),
    ],
)
def test_what_cannot_be_asked_is_said(catalog: Path, asked: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        ap.sentiment(**asked)
    if "every" not in asked:
        with pytest.raises(error):
            ap.news(**asked)


def test_an_empty_catalog_says_so() -> None:
    with pytest.raises(CatalogEmpty):
        ap.news("AAPL")

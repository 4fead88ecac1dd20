"""Stored scores, and the stream a backtest hears."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from wire import ns, send

from alphapulse_lib.catalog import datasets
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import scores

APPLE = ["AAPL.XNAS"]


def give(root: Path, rows: list[tuple[str, str, float]], *, version: str = "1", recorded_at: str | None = None) -> None:
    """Scores of the scorer ``mood``: article, its time, score."""
    times = pa.array([ns(time) for _, time, _ in rows]).cast(TIME)
    table = pa.table(
        {
            "source": ["wire"] * len(rows),
            "article_id": [article for article, _, _ in rows],
            "published_at": times,
            "available_at": times,
            "scorer": ["mood"] * len(rows),
            "version": [version] * len(rows),
            "score": [score for _, _, score in rows],
        }
    )
    datasets.write(root, "scores", table, "mood", recorded_at=None if recorded_at is None else ns(recorded_at))


def test_each_revision_is_heard_when_it_came_with_its_own_score(tmp_path: Path) -> None:
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple falls"), ("a", "2012-06-01T15:00", "Apple rises")])
    give(tmp_path, [("a", "2012-06-01T14:00", -0.5), ("a", "2012-06-01T15:00", 0.5)])
    heard = scores.events(tmp_path, APPLE, scorer="mood")
    assert heard["headline"].to_pylist() == ["Apple falls", "Apple rises"]
    assert heard["score"].to_pylist() == [-0.5, 0.5]
    assert heard["available_at"].cast(pa.int64()).to_pylist() == [ns("2012-06-01T14:00"), ns("2012-06-01T15:00")]
    assert set(heard["scorer"].to_pylist()) == {"mood"}


def test_one_row_for_each_instrument_asked_about(tmp_path: Path) -> None:
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple sues IBM"), ("b", "2012-06-01T14:00", "Rain")])
    heard = scores.events(tmp_path, ["AAPL.XNAS", "IBM.XNYS", "VOD.XLON"])
    assert heard["instrument_id"].to_pylist() == ["AAPL.XNAS", "IBM.XNYS"]
    assert scores.events(tmp_path, ["VOD.XLON"]).num_rows == 0
    assert scores.events(tmp_path, []).num_rows == 0


def test_an_article_without_a_score_is_heard_without_one(tmp_path: Path) -> None:
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple rises")])
    heard = scores.events(tmp_path, APPLE, scorer="mood")
    assert heard["score"].to_pylist() == [None]
    assert heard["headline"].to_pylist() == ["Apple rises"]


def test_window_and_as_of_are_of_hearing(tmp_path: Path) -> None:
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple falls"), ("b", "2012-06-02T14:00", "Apple rises", "2012-05-01")])
    second = Window(ns("2012-06-02"), ns("2012-06-03"))
    assert scores.events(tmp_path, APPLE, second)["headline"].to_pylist() == ["Apple rises"]
    early = scores.events(tmp_path, APPLE, as_of=ns("2012-06-01T23:00"))
    assert early["headline"].to_pylist() == ["Apple falls"]


def test_scores_come_from_one_version_the_one_recorded_last(tmp_path: Path) -> None:
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple falls")], recorded_at="2013-01-01")
    give(tmp_path, [("a", "2012-06-01T14:00", -0.5)], version="1", recorded_at="2014-01-01")
    give(tmp_path, [("a", "2012-06-01T14:00", -0.6)], version="2", recorded_at="2015-01-01")
    assert scores.events(tmp_path, APPLE, scorer="mood")["version"].to_pylist() == ["2"]
    then = scores.events(tmp_path, APPLE, scorer="mood", recorded_as_of=ns("2014-06-01"))
    assert then["score"].to_pylist() == [-0.5]
    assert scores.stored(tmp_path, "mood", "1")["score"].to_pylist() == [-0.5]
    assert scores.stored(tmp_path, "gloom").num_rows == 0


def test_a_score_older_than_the_record_of_its_article_is_not_used(tmp_path: Path) -> None:
    """The article was scored, taken back, and imported again with other words under the same time."""
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple falls")], recorded_at="2013-01-01", import_id="first")
    give(tmp_path, [("a", "2012-06-01T14:00", -0.5)], recorded_at="2013-01-02")
    datasets.remove(tmp_path, "articles", "first")
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple rises")], recorded_at="2014-01-01", import_id="second")
    heard = scores.events(tmp_path, APPLE, scorer="mood")
    assert heard["headline"].to_pylist() == ["Apple rises"]
    assert heard["score"].to_pylist() == [None]

"""Articles at a moment: revisions, the newest of each, and what they are about."""

from __future__ import annotations

from pathlib import Path

import pytest
from wire import ns, send

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.window import Window
from alphapulse_lib.query import articles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One article with two revisions, one about two companies, one about nobody."""
    send(
        tmp_path,
        [
            ("a", "2012-06-01T14:00", "Apple profit falls"),
            ("a", "2012-06-01T15:00", "Apple profit rises", "2012-06-01T14:00"),
            ("b", "2012-06-02T14:00", "Apple sues IBM"),
            ("c", "2012-06-03T14:00", "Rain in the afternoon"),
        ],
    )
    return tmp_path


def headlines(root: Path | Roots, *, as_of: str | None = None, **asked: object) -> list[str]:
    moment = None if as_of is None else ns(as_of)
    return articles.news(root, as_of=moment, **asked)["headline"].to_pylist()  # type: ignore[arg-type]


def test_the_newest_revision_is_seen(root: Path) -> None:
    assert headlines(root) == ["Apple profit rises", "Apple sues IBM", "Rain in the afternoon"]
    assert articles.news(root)["revision"].to_pylist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("as_of", "seen"),
    [
        ("2012-06-01T13:59", []),
        ("2012-06-01T14:00", ["Apple profit falls"]),
        ("2012-06-01T14:59", ["Apple profit falls"]),
        ("2012-06-01T15:00", ["Apple profit rises"]),
        ("2012-06-02T14:00", ["Apple profit rises", "Apple sues IBM"]),
    ],
)
def test_as_of_shows_what_could_be_read_then(root: Path, as_of: str, seen: list[str]) -> None:
    assert headlines(root, as_of=as_of) == seen


def test_what_was_recorded_later_is_not_seen_by_an_earlier_record(tmp_path: Path) -> None:
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple profit falls")], recorded_at="2020-01-01")
    send(tmp_path, [("b", "2012-06-01T14:30", "Apple buys a rival")], recorded_at="2021-01-01")
    found = articles.news(tmp_path, recorded_as_of=ns("2020-06-01"))
    assert found["article_id"].to_pylist() == ["a"]
    assert len(headlines(tmp_path)) == 2


def test_by_instrument(root: Path) -> None:
    assert headlines(root, instrument_ids=["IBM.XNYS"]) == ["Apple sues IBM"]
    assert headlines(root, instrument_ids=["VOD.XLON"]) == []
    assert articles.news(root)["instrument_ids"].to_pylist() == [["AAPL.XNAS"], ["AAPL.XNAS", "IBM.XNYS"], []]


def test_by_window_of_publishing_both_ends_included(root: Path) -> None:
    day = Window(ns("2012-06-02T14:00"), ns("2012-06-02T14:00"))
    assert headlines(root, window=day) == ["Apple sues IBM"]
    assert headlines(root, window=Window(day.start + 1, day.end + 1)) == []


def test_a_catalog_without_articles(tmp_path: Path) -> None:
    send(tmp_path, [])
    assert articles.news(tmp_path).num_rows == 0
    assert articles.revisions(tmp_path).num_rows == 0


def test_revisions_are_all_there_in_order(root: Path) -> None:
    found = articles.revisions(root)
    assert found["headline"].to_pylist()[:2] == ["Apple profit falls", "Apple profit rises"]
    assert found.num_rows == 4


def test_a_correction_under_the_same_stamp_counts_from_when_it_was_learned(tmp_path: Path) -> None:
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple profit falls")], recorded_at="2020-01-01")
    send(tmp_path, [("a", "2012-06-01T14:00", "Apple profit rises")], recorded_at="2021-01-01")
    assert headlines(tmp_path, as_of="2012-06-02") == ["Apple profit falls"]
    assert headlines(tmp_path) == ["Apple profit rises"]
    assert headlines(tmp_path, instrument_ids=["AAPL.XNAS"]) == ["Apple profit rises"]


def test_a_persons_own_article_takes_the_place_of_the_teams(tmp_path: Path) -> None:
    send(tmp_path / "team", [("a", "2012-06-01T14:00", "Apple profit falls"), ("b", "2012-06-02T14:00", "IBM rises")])
    send(tmp_path / "own", [("a", "2012-06-01T14:00", "Apple profit soars")])
    both = Roots(tmp_path / "team", tmp_path / "own")
    assert headlines(both) == ["Apple profit soars", "IBM rises"]
    assert headlines(tmp_path / "team") == ["Apple profit falls", "IBM rises"]

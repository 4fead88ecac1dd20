from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_lib.catalog import datasets
from alphapulse_lib.catalog.schemas import ARTICLES
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.window import Window, moment_ns


@pytest.fixture
def articles(at):
    def make(*rows: tuple[str, str, str, str]) -> pa.Table:
        """Articles from (id, published_at, available_at, headline)."""
        keys = ("id", "published_at", "available_at", "headline")
        plain = [dict(zip(keys, row, strict=True)) | {"source": "wire", "symbols": ["AAPL.XNAS"]} for row in rows]
        for row in plain:
            row |= {"published_at": at(row["published_at"]), "available_at": at(row["available_at"])}
        return pa.Table.from_pylist(plain)

    return make


def headlines(root: Path, window: Window | None = None, **moment: int) -> list[str]:
    return datasets.read(root, "articles", window, **moment)["headline"].to_pylist()


def test_a_revision_is_seen_from_when_it_was_out(root: Path, articles, at):
    first = ("1", "2013-01-02 10:00", "2013-01-02 10:00", "Apple to buy")
    second = ("1", "2013-01-02 10:00", "2013-01-02 11:00", "Apple not to buy")
    merged = datasets.write(root, "articles", articles(first, second), "one")
    assert (merged.new, merged.restated, merged.added.num_rows) == (1, 1, 2)
    assert headlines(root) == ["Apple not to buy"]
    assert headlines(root, as_of=at("2013-01-02 10:59")) == ["Apple to buy"]
    assert headlines(root, as_of=at("2013-01-02 09:59")) == []
    again = datasets.write(root, "articles", articles(first, second), "two")
    assert (again.new, again.restated, again.same) == (0, 0, 2)


def test_one_file_a_year_and_windows_over_them(root: Path, articles, at):
    rows = [("1", "2012-12-31 23:59", "2012-12-31 23:59", "old"), ("2", "2013-01-01", "2013-01-01", "new")]
    datasets.write(root, "articles", articles(*rows), "one")
    assert [path.name for path in datasets.files(root, "articles")] == ["2012.parquet", "2013.parquet"]
    assert headlines(root) == ["old", "new"]
    assert headlines(root, Window.of("2013-01-01", None)) == ["new"]
    assert headlines(root, Window.of(None, "2012-12-31")) == ["old"]


def test_a_revision_may_move_an_article_over_a_new_year(root: Path, articles, at):
    datasets.write(root, "articles", articles(("1", "2012-12-31 23:59", "2012-12-31 23:59", "old")), "one")
    datasets.write(root, "articles", articles(("1", "2013-01-01 00:01", "2013-01-01 00:01", "new")), "two")
    assert headlines(root) == ["new"]
    assert headlines(root, Window.of(None, "2012-12-31")) == []


def test_versions_of_different_years_are_one_article(root: Path, articles, at):
    """A source that mistook the year by three, put it right, and was read once more: two versions, never three rows."""
    wrong = ("1", "2010-06-01 10:00", "2013-06-01 10:00", "of 2010")
    right = ("1", "2013-06-01 10:00", "2013-06-01 12:00", "of 2013")
    datasets.write(root, "articles", articles(wrong), "one", recorded_at=at("2013-06-01 10:01"))
    merged = datasets.write(root, "articles", articles(right), "two", recorded_at=at("2013-06-01 12:01"))
    assert (merged.new, merged.restated) == (0, 1)
    assert headlines(root) == headlines(root, Window.of("2013-01-01", None)) == ["of 2013"]
    assert headlines(root, Window.of("2010-01-01", "2010-12-31")) == []
    early = at("2013-06-01 11:00")
    for moments in ({"as_of": early}, {"recorded_as_of": early}):
        assert headlines(root, Window.of("2010-01-01", "2010-12-31"), **moments) == ["of 2010"]
        assert headlines(root, Window.of("2013-01-01", None), **moments) == []
    for each in (wrong, right):
        assert datasets.write(root, "articles", articles(each), "three").same == 1
    assert datasets.remove(root, "articles", "two") == 1
    assert headlines(root) == ["of 2010"]


def test_a_correction_that_claims_the_same_moment_is_known_from_its_own(root: Path, articles, at):
    datasets.write(root, "articles", articles(("1", "2012-12-31 23:59", "2013-01-01", "old")), "one")
    datasets.write(
        root, "articles", articles(("1", "2013-01-01", "2013-01-01", "new")), "two", recorded_at=at("2014-01-01")
    )
    assert headlines(root, as_of=at("2013-12-31")) == ["old"]
    assert headlines(root) == ["new"]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(2010, 2014), st.integers(1, 12)), min_size=1, max_size=8))
def test_no_article_is_ever_two(tmp_path_factory, drawn: list[tuple[int, int, int]]):
    """Whatever years the versions of an article claim, in whatever parts they arrive."""
    root = tmp_path_factory.mktemp("years")
    for number, (article, year, month) in enumerate(drawn):
        moments = [moment_ns(f"{year}-{month:02}-01"), moment_ns(f"2015-01-01 00:{number:02}")]
        row = {"source": "wire", "id": str(article), "headline": str(number), "symbols": ["A.XNAS"]}
        times = dict(zip(("published_at", "available_at"), moments, strict=True))
        datasets.write(root, "articles", pa.Table.from_pylist([row | times]), "x", recorded_at=moments[1])
        last = {each: (claimed, str(place)) for place, (each, claimed, _) in enumerate(drawn[: number + 1])}
        assert sorted(headlines(root)) == sorted(text for _, text in last.values())
        for claimed in range(2010, 2015):
            window = Window.of(f"{claimed}-01-01", f"{claimed}-12-31")
            assert sorted(headlines(root, window)) == sorted(text for of, text in last.values() if of == claimed)


def test_an_import_is_taken_back(root: Path, articles, at):
    datasets.write(root, "articles", articles(("1", "2013-01-02", "2013-01-02", "a")), "one")
    datasets.write(
        root,
        "articles",
        articles(("1", "2013-01-02", "2013-01-03", "b"), ("2", "2012-01-02", "2012-01-02", "c")),
        "two",
    )
    assert datasets.remove(root, "articles", "two") == 2
    assert headlines(root) == ["a"]
    assert datasets.remove(root, "articles", "one") == 1
    assert datasets.files(root, "articles") == []


def test_scores_of_two_versions_of_a_scorer(root: Path, at):
    def scores(version: str, score: float) -> pa.Table:
        moment = [at("2013-01-02 10:00")]
        texts = {"source": "wire", "article_id": "1", "scorer": "finance", "version": version}
        columns = {name: [text] for name, text in texts.items()}
        return pa.table({**columns, "score": [score], "published_at": moment, "available_at": moment})

    datasets.write(root, "scores", scores("1", 0.5), "one", recorded_at=at("2020-01-01"))
    datasets.write(root, "scores", scores("2", 0.7), "one", recorded_at=at("2020-01-02"))
    assert datasets.write(root, "scores", scores("1", 0.6), "two", recorded_at=at("2020-01-03")).restated == 1
    told = {row["version"]: row["score"] for row in datasets.read(root, "scores").to_pylist()}
    assert told == {"1": 0.6, "2": 0.7}
    before = datasets.read(root, "scores", recorded_as_of=at("2020-01-02"))
    assert sorted(before["score"].to_pylist()) == [0.5, 0.7]


def test_nothing_held_has_the_columns_all_the_same(root: Path):
    assert datasets.read(root, "articles").schema == ARTICLES.schema


@pytest.mark.parametrize("name", ["id", "source", "published_at", "available_at"])
def test_a_row_without_its_key_is_refused(root: Path, articles, name: str):
    table = articles(("1", "2013-01-02", "2013-01-02", "a")).drop_columns([name])
    with pytest.raises(InputError, match=f"articles has no {name}"):
        datasets.write(root, "articles", table, "one")

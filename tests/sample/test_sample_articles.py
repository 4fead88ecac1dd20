"""The sample's articles: stamped truly, checkable, and silent about what came after them."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "catalog" / "sample"
STATEMENTS = PROJECT.parent / "shared" / "data" / "news" / "fomc_statements"
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def articles() -> pd.DataFrame:
    return pd.read_csv(SAMPLE / "articles.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def moves() -> pd.DataFrame:
    """The return of every session of every name, in per cent; adjusted where there is an adjusted close."""
    five = pd.read_csv(SAMPLE / "us5_daily.csv.gz").assign(price=lambda bars: bars.adj_close)
    many = pd.read_csv(SAMPLE / "us57_daily_2009_2010.csv.gz").assign(price=lambda bars: bars.close)
    bars = pd.concat([five, many], ignore_index=True)
    bars["move"] = bars.groupby("symbol").price.pct_change() * 100
    return bars.pivot_table(index="date", columns="symbol", values="move")


def test_there_are_about_two_hundred_each_with_its_own_id_and_headline(articles: pd.DataFrame) -> None:
    assert 180 <= len(articles) <= 260
    assert articles.id.is_unique
    assert articles.headline.is_unique
    assert (articles.source == "sample").all()
    assert articles[["headline", "body", "reference"]].map(len).gt(8).all().all()
    assert not articles.map(lambda text: "http" in text or "www." in text).any().any()


def test_bodies_are_one_to_three_sentences(articles: pd.DataFrame) -> None:
    sentences = articles.body.map(lambda body: len(re.split(r"(?<=[.!?])\s+(?=[A-Z])", body)))
    assert sentences.between(1, 3).all()
    assert articles.body.str.endswith(".").all()


def test_stamps_carry_new_yorks_offset_of_that_day(articles: pd.DataFrame) -> None:
    for article in articles.itertuples():
        stamp = datetime.fromisoformat(article.published_at)
        assert stamp.utcoffset() == stamp.replace(tzinfo=NEW_YORK).utcoffset(), article.id
        assert article.available_at == article.published_at
        assert article.id.startswith(f"sample-{stamp:%Y-%m-%d}-")
    stamps = pd.to_datetime(articles.published_at, utc=True)
    assert stamps.is_monotonic_increasing
    assert set(articles.stamp_precision) == {"minute", "custom", "part_of_day"}


def test_the_page_counts_them_rightly(articles: pd.DataFrame) -> None:
    page = (PROJECT / "docs" / "reference" / "sample.md").read_text()
    assert f"| {len(articles)} |" in page
    for precision, count in articles.stamp_precision.value_counts().items():
        assert f"| `{precision}` | {count} |" in page


def test_symbols_are_instruments_of_the_sample(articles: pd.DataFrame) -> None:
    listed = pd.read_csv(SAMPLE / "instruments.csv")
    known = set(listed.symbol + "." + listed.venue)
    named = articles.symbols.str.split(";").explode()
    assert set(named) <= known
    assert named.nunique() > 30


def test_news_is_good_bad_and_neither(articles: pd.DataFrame) -> None:
    good = articles.headline.str.contains(r"\b(?:beats?|soars?|jumps?|record|raises|strong|doubles)\b")
    bad = articles.headline.str.contains(
        r"\b(?:miss(?:es)?|disappoints?|warns?|sues|falls?|slow\w*|recalls?|charges)\b"
    )
    assert good.sum() > 30
    assert bad.sum() > 30
    assert (~good & ~bad).sum() > 60


@pytest.mark.parametrize("phrase", ["next day", "until then", "late trading", "later that", "would later"])
def test_nothing_in_them_was_known_only_later(articles: pd.DataFrame, phrase: str) -> None:
    told = articles[articles.headline.str.contains(phrase) | articles.body.str.contains(phrase)]
    assert told.id.tolist() == []


def test_an_article_names_no_later_year(articles: pd.DataFrame) -> None:
    """But for plans, which say so."""
    planned = {"2010": {2009}, "2011": {2010}, "2013": {2011}, "2014": {2012}, "2015": {2010, 2012}, "2021": {2020}}
    planned |= {"2007": {2005}, "2008": {2006, 2007}, "2012": {2011}}
    for article in articles.itertuples():
        year = datetime.fromisoformat(article.published_at).year
        for named in re.findall(r"\b(?:19|20)\d\d\b", f"{article.headline} {article.body}"):
            assert int(named) <= year or year in planned[named], article.id


@pytest.mark.parametrize(
    ("beginning", "symbol", "after_the_close", "at_least"),
    [
        ("sample-2000-09-28-aapl", "AAPL", True, -50),
        ("sample-2000-10-17-ibm", "IBM", True, -15),
        ("sample-2000-10-18-msft", "MSFT", True, 19),
        ("sample-2003-01-16-msft", "MSFT", True, -6),
        ("sample-2004-10-21-goog", "GOOG", True, 15),
        ("sample-2006-04-27-msft", "MSFT", True, -11),
        ("sample-2007-01-09-aapl", "AAPL", False, 8),
        ("sample-2008-02-01-msft", "MSFT", False, -6),
        ("sample-2008-04-17-goog", "GOOG", True, 19),
        ("sample-2009-01-22-msft", "MSFT", False, -11),
        ("sample-2009-10-22-amzn", "AMZN", True, 25),
        ("sample-2010-04-16-gs", "GS", False, -12),
        ("sample-2010-08-11-csco", "CSCO", True, -9),
        ("sample-2012-05-21-fb", "FB", False, -10),
        ("sample-2012-10-18-goog", "GOOG", False, -7),
        ("sample-2012-10-23-fb", "FB", True, 19),
        ("sample-2013-01-23-aapl", "AAPL", True, -12),
    ],
)
def test_prices_moved_on_the_session_that_first_knew(
    articles: pd.DataFrame, moves: pd.DataFrame, beginning: str, symbol: str, after_the_close: bool, at_least: int
) -> None:
    article = articles[articles.id.str.startswith(beginning)].iloc[0]
    stamp = datetime.fromisoformat(article.published_at)
    assert (stamp.hour >= 16) == (after_the_close or symbol == "FB")
    series = moves[symbol].dropna()
    day = f"{stamp:%Y-%m-%d}"
    first = series[series.index > day] if after_the_close else series[series.index >= day]
    assert first.iloc[0] < at_least if at_least < 0 else first.iloc[0] > at_least


@pytest.mark.skipif(not STATEMENTS.exists(), reason="the statements of the FOMC are not in ../shared/data")
def test_the_fomc_decided_on_those_days(articles: pd.DataFrame) -> None:
    told = articles[articles.reference.str.startswith("FOMC statement")]
    assert len(told) > 30
    for article in told.itertuples():
        day = article.reference.removeprefix("FOMC statement ")
        assert article.published_at.startswith(day)
        if day > "2016-09-21":  # where that collection ends
            continue
        statement = (STATEMENTS / f"{day.replace('-', '')}.txt").read_text(encoding="utf-8")
        text = " ".join(statement.replace("-", " ").split())
        points = re.search(r"(\d+) basis points to (\S+) percent", article.body)
        if points:
            assert f"{points[1]} basis point" in text, day
            assert f"to {points[2].replace('-', ' ')} percent" in text, day
        for billions in re.findall(r"(\d+) billion dollars", article.body):
            assert f"${billions} billion" in text, (day, billions)

"""Stories: what is grouped, what is not, and that later articles move nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest

from alphapulse_lib.articles.duplicates import WITHIN, stories

HOUR = 3600 * 10**9


def articles(*rows: tuple[int, str]) -> pa.Table:
    return pa.table(
        {
            "source": ["wire"] * len(rows),
            "id": [str(number) for number in range(len(rows))],
            "available_at": [time for time, _ in rows],
            "headline": [headline for _, headline in rows],
        }
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Apple profit beats estimates", "Apple's profit beats estimates"),
        ("Lighthizer scores a trifecta of wins", "Lighthizer scores trifecta of wins https://t.co/x"),
        ("$AMCR - Amcor goes ex-dividend tomorrow", "Amcor goes ex-dividend tomorrow"),
        ("Honda raises profit forecast, keeps schedule", "Honda raises profit forecast - keeps schedule"),
    ],
)
def test_the_same_story_in_nearly_the_same_words(one: str, other: str) -> None:
    assert stories(articles((0, one), (HOUR, other))).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Apple profit beats estimates", "Google profit beats estimates"),
        ("Company profit beats estimates", "Company profit misses estimates"),
        ("Berry upgraded to sector weight", "Berry downgraded to sector weight"),
        ("Profit rises 12% at Exxon", "Profit rises 15% at Exxon"),
        ("Radio news: 6 February, hour 1", "Radio news: 6 February, hour 2"),
        ("", ""),
        ("https://t.co/a", "https://t.co/b"),
    ],
)
def test_different_stories_stay_apart(one: str, other: str) -> None:
    assert stories(articles((0, one), (HOUR, other))).tolist() == [0, 1]


def test_two_days_later_it_is_another_story() -> None:
    same = "Apple profit beats estimates"
    assert stories(articles((0, same), (WITHIN, same), (2 * WITHIN + 1, same))).tolist() == [0, 0, 2]


def test_articles_about_different_instruments_stay_apart() -> None:
    table = articles((0, "The shares rise in New York"), (HOUR, "The shares rise in New York"))
    mentions = pa.table(
        {"source": ["wire", "wire"], "article_id": ["0", "1"], "instrument_id": ["AAPL.XNAS", "IBM.XNYS"]}
    )
    assert stories(table).tolist() == [0, 0]
    assert stories(table, mentions).tolist() == [0, 1]


def test_the_first_available_leads_whatever_the_order_of_rows() -> None:
    assert stories(articles((HOUR, "Apple profit beats estimates"), (0, "Apple profit beats estimates"))).tolist() == [
        1,
        1,
    ]


def test_what_comes_later_moves_nothing() -> None:
    rows = [(number * HOUR, f"Company {name} reports results") for number, name in enumerate("ABCABDAE" * 3)]
    full = stories(articles(*rows)).tolist()
    for length in range(1, len(rows)):
        assert stories(articles(*rows[:length])).tolist() == full[:length]

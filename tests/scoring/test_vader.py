"""VADER through the contract is VADER: compared with the package on texts with every rule of its own."""

from __future__ import annotations

import numpy as np
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from alphapulse_lib import scoring
from alphapulse_lib.scoring.vader import VaderScorer

TEXTS = [
    "VADER is smart, handsome, and funny!!!",
    "VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!",
    "The book was only kind of good.",
    "At least it isn't a horrible book.",
    "Not bad at all :)",
    "Today only kinda sux! But I'll get by, lol",
    "Catch utf-8 emoji such as 💘 and 💋 and 😁",
    "Profit without doubt the shit?",
    "no problem here",
    "Costs fall",
    "",
    "(great)",
    "LOSS",
    "a naïve loss",
]


def test_agrees_with_the_package() -> None:
    package = SentimentIntensityAnalyzer()
    expected = [package.polarity_scores(text)["compound"] for text in TEXTS]
    np.testing.assert_array_equal(scoring.score(TEXTS, "vader"), expected)
    assert sum(value != 0 for value in expected) >= 10


def test_a_book_does_not_take_for_ever() -> None:
    score = scoring.score(["good profit but bad loss " * 200_000], "vader")[0]
    assert -1 <= score <= 1


def test_reasons_are_words_of_its_lexicon() -> None:
    assert VaderScorer().explain("Terrible, and not good") == [("terrible", -2.1), ("good", -1.406)]

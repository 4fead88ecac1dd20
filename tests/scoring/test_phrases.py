"""Where terms are found, by hand."""

from __future__ import annotations

import pytest

from alphapulse_lib.scoring.phrases import Vocabulary, key_of
from alphapulse_lib.scoring.tokens import tokenize

TERMS = ["profit", "fall", "beat estimates", "cut to sell", "loss", "cost", "guidance"]
TERMS += ["<burden down>", "<burden up>", "<outlook down>", "<outlook up>"]


def found(text: str) -> list[str]:
    """The terms of a text in order; a turned one with a minus."""
    matches = Vocabulary([key_of(term) for term in TERMS]).match(tokenize([text]))
    return [("-" if turned else "") + TERMS[term] for term, turned in zip(matches.term, matches.turned, strict=True)]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Profit falls", ["profit", "fall"]),
        ("Costs fall", ["<burden down>"]),
        ("Narrows its loss", ["<burden down>"]),
        ("Loss widens", ["<burden up>"]),
        ("Debt costs fell", ["<burden down>"]),
        ("Profit falls to loss", ["profit", "fall", "loss"]),
        ("Profit falls as costs rise", ["profit", "fall", "<burden up>"]),
        ("Cuts full-year guidance", ["<outlook down>", "guidance"]),
        ("Guidance raised", ["guidance", "<outlook up>"]),
        ("Fails to beat estimates", ["-beat estimates"]),
        ("Not only beats estimates", ["beat estimates"]),
        ("Doesn't say why, beats estimates", ["beat estimates"]),
        ("Cut to Sell", ["cut to sell"]),
        ("Cut. To sell", []),
        ("Beats. Estimates", []),
    ],
)
def test_terms_after_the_rules(text: str, terms: list[str]) -> None:
    assert found(text) == terms


def test_a_lexicon_without_terms_finds_nothing() -> None:
    assert len(Vocabulary([]).match(tokenize(["Profit falls", ""])).term) == 0


def test_nothing_reaches_from_one_text_into_the_next() -> None:
    matches = Vocabulary([key_of(term) for term in TERMS]).match(
        tokenize(["Costs", "fall", "cut to", "sell", "not", "fall"])
    )
    assert [TERMS[term] for term in matches.term] == ["cost", "fall", "fall"]
    assert matches.text.tolist() == [0, 1, 5]
    assert not matches.turned.any()

"""Stems and clauses, by hand."""

from __future__ import annotations

import pytest

from alphapulse_lib.scoring.tokens import stem, tokenize, words_of


@pytest.mark.parametrize(
    "forms",
    [
        "fall falls falling fell fallen",
        "rise rises rising rose risen",
        "cut cuts cutting",
        "miss misses missed missing",
        "rally rallies rallied rallying",
        "plunge plunges plunged plunging",
        "loss losses",
        "beat beats beating beaten",
        "surge surges surged surging",
        "company company's companies",
    ],
)
def test_forms_of_a_word_meet(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    "pair",
    ["miss mix", "up us", "no not", "loss lose", "need ne", "bring br", "gas ga", "rating rates", "earnings earn"],
)
def test_different_words_stay_apart(pair: str) -> None:
    first, second = pair.split()
    assert stem(first) != stem(second)


def test_numbers_links_and_tickers() -> None:
    tokens = tokenize(["$AAPL: Kellogg -6% in Q3, +1.5 percent; Rs 1,200 https://t.co/x don\u2019t"])
    assert tokens.stems == ["kellogg", "-%", "in", "q#", "+%", "rs", "#", "not"]


def test_punctuation_and_openers_part_clauses() -> None:
    tokens = tokenize(["Profit falls, costs rise as sales slow"])
    assert [int(clause) - int(tokens.clause[0]) for clause in tokens.clause] == [0, 0, 1, 1, 2, 2, 2]


def test_words_stand_beside_their_stems() -> None:
    text = "Profit FALLS 3.5 %, costs rising: don't panic? 📉 $X"
    assert len(words_of(text)) == len(tokenize([text]).stems)
    assert words_of(text)[:2] == ["profit", "falls"]


def test_many_texts_keep_their_tokens_apart() -> None:
    tokens = tokenize(["", "one two", "", "three"])
    assert tokens.text.tolist() == [1, 1, 3]
    assert tokens.count == 4

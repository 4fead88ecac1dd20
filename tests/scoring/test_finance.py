"""The finance scorer on headlines whose sense no trader disputes, and on odd texts."""

from __future__ import annotations

import numpy as np
import pytest

from alphapulse_lib import scoring
from alphapulse_lib.scoring.finance import FinanceScorer, Lexicon

GOOD = """
Costs fall sharply
Net loss narrows in third quarter
Loss shrinks
Apple beats estimates
Microsoft tops expectations and raises guidance
Upgraded to Buy at Goldman
Goldman raises Apple to buy
Debt reduced by half
Unemployment falls to record low
Jobless claims decline
Company swings to profit
Company does not miss estimates
Shares jump 8 %
Lower costs boost profit
Fed eases inflation fears
Narrower-than-expected loss at Ford
Profit rises 20%
IBM lifts full-year outlook
Dividend raised by 10%
Better-than-expected earnings from Google
Company cuts losses
Bad loans decline at HDFC Bank
Stock is not overvalued
"""
BAD = """
Profit falls 20%
Net loss widens
Costs rise sharply
Google misses estimates
Goldman cuts IBM to sell
Ford issues profit warning
Downgraded to underperform
Shares plunge 12 %
Company fails to beat estimates
Company did not meet expectations
Earnings did not beat expectations
Unemployment rises
Debt rises to record
Files for Chapter 11 bankruptcy
Cuts full-year guidance
Lowers outlook for 2012
Wider-than-expected loss
Swings to loss
Company is not profitable
Apple cut to hold
Credit rating cut to junk
Higher costs hurt profit
Stock slides after downgrade
SEC charges firm with fraud
"""
NEITHER = """
Apple to hold annual meeting on Tuesday
IBM names new chief financial officer
Fed to release minutes on Wednesday
Board meeting on 12 May
Google hosts developer conference
"""


def _cases(block: str, label: str) -> list[tuple[str, str]]:
    return [(headline, label) for headline in block.strip().splitlines()]


@pytest.mark.parametrize(
    ("headline", "label"), _cases(GOOD, "positive") + _cases(BAD, "negative") + _cases(NEITHER, "neutral")
)
def test_reads_a_headline_as_a_trader_does(headline: str, label: str) -> None:
    assert scoring.label([headline], "finance") == [label]


@pytest.mark.parametrize("text", ["", "   ", "\n", "🙂", "$AAPL https://example.com/a", "12345", "...", "مرحبا"])
def test_what_says_nothing_scores_zero(text: str) -> None:
    assert abs(scoring.score([text], "finance")[0]) < 0.05


def test_emoji_of_direction_are_read() -> None:
    up, down = scoring.score(["U.S. stocks 📈", "U.S. stocks 📉"], "finance")
    assert up > 0.05 > -0.05 > down


def test_a_page_is_no_surer_than_a_headline() -> None:
    page = "Profit falls as demand weakens. " * 50_000
    score = scoring.score([page], "finance")[0]
    assert -1 <= score < -0.05


def test_scores_do_not_depend_on_the_company_of_other_texts() -> None:
    texts = [headline for headline, _ in _cases(GOOD + BAD.strip() + "\n", "")] * 3
    together = scoring.score(texts, "finance")
    alone = np.concatenate([scoring.score([text], "finance") for text in texts])
    np.testing.assert_array_equal(together, alone)


def test_more_texts_than_one_chunk_keep_their_order() -> None:
    texts = ["Profit falls 20%", "", "Profit rises 20%"] * 15_000
    scores = scoring.score(texts, "finance").reshape(-1, 3)
    assert (scores == scores[0]).all()
    assert scores[0, 0] < scores[0, 1] == 0 < scores[0, 2]


def test_reasons_are_words_of_the_text_with_their_direction() -> None:
    reasons = dict(FinanceScorer().explain("Net loss narrows, but guidance fails to beat estimates"))
    assert reasons["narrows"] > 0
    assert reasons["beat estimates"] < 0


def test_the_score_follows_the_formula() -> None:
    """A term of tone 1 and calm -0.5, start 1: (e^2 - e^-2) / (e^2 + e^-2 + 19 e), by hand 7.25372 / 59.1717."""
    scorer = FinanceScorer()
    scorer.__dict__["lexicon"] = Lexicon(("beat",), np.array([1.0]), np.array([-0.5]), 1.0)
    assert scorer.score(["Beats"])[0] == pytest.approx(7.25372 / 59.1717, abs=1e-5)


def test_the_lexicon_is_small_and_says_whose_it_is() -> None:
    from alphapulse_lib.scoring import finance

    content = finance._PATH.read_text(encoding="utf-8")
    assert len(content.encode()) < 150_000
    assert "MIT" in content.splitlines()[1]
    lexicon = FinanceScorer().lexicon
    assert len(set(lexicon.terms)) == len(lexicon.terms) > 5_000
    assert np.isfinite(lexicon.tone).all()

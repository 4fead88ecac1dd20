"""The words the finance scorer's rules know by heart: parts of speech, as it were. Weights are in the lexicon.

A *burden* is something of which less is good: costs, debt, losses. A direction said of a burden counts the other way
round: costs that fall are good news, a loss that widens is bad. An *outlook* is what others expect or are paid, and
moves with its direction whatever stands between: "cuts full-year guidance". Written in any form; they meet as stems.
"""

from __future__ import annotations

from alphapulse_lib.scoring.tokens import stem

__all__ = ["BURDENS", "DOWN", "FALSE_NEGATORS", "NEGATORS", "NEGATORS_REACH", "OUTLOOKS", "UP"]


def _stems(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


UP = _stems(
    """
    accelerate add balloon boost climb deepen double expand extend gain grow grew heighten high higher increase
    jump mount quadruple raise rebound rise rose shoot soar spike spiral surge swell triple up uptick widen
    worsen escalate intensify fan stoke more greater wider larger
    """
)
DOWN = _stems(
    """
    abate alleviate calm contain contract control curb curtail cut cuts decline decrease dip drop ease erase
    fade fall fell halve less limit low lower lessen narrow pare plunge recede recoup reduce reduction reverse
    shed shrink slash slide slow slump soften soothe subside tame trim tumble wane wipe down diminish cool repay
    clear retire allay dampen narrower smaller fewer
    """
)
BURDENS = _stems(
    """
    arrears bad bankruptcy bankruptcies burden claims complaints concern concerns cost costs debt debts default
    defaults deficit deficits delinquencies delinquency downtime expense expenses fear fears foreclosures fraud
    indebtedness inflation infections jitters jobless joblessness layoffs leverage liabilities liability loss
    losses npa npas outflow outflows overcapacity oversupply pollution provision provisions provisioning
    redundancies risk risks slippages taxes tensions unemployment uncertainty volatility worries worry churn
    glut shortfall shortage
    """
)
OUTLOOKS = _stems(
    """
    dividend dividends forecast forecasts guidance outlook payout rating ratings target targets
    """
)
NEGATORS = _stems(
    """
    not no never without neither nor cannot hardly unlikely fail fails lack lacks denies deny rejects avoids
    averts
    """
)

#: Followed by these a negator negates nothing: "not only", "no doubt", "no 1".
FALSE_NEGATORS = _stems("only doubt just # wonder")

#: How many tokens of its clause a negator reaches.
NEGATORS_REACH = 3

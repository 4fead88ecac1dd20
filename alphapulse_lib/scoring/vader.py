"""VADER's compound score, exactly as the ``vaderSentiment`` package gives it, without its work where it must be zero.

A text none of whose words is in VADER's lexicon scores 0 whatever its rules: most headlines are of that kind. Repeated
texts are scored once. VADER's work grows with the square of a text's length, so a text counts up to its 10,000th
character.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["VaderScorer"]

#: Characters of a text that are read.
LONGEST = 10_000


class VaderScorer:
    """Hutto and Gilbert's VADER (2014), made for social media: a baseline, and good on tweets.

    Examples
    --------
    >>> VaderScorer().score(["A great quarter", "Costs fall"]).round(2)
    array([0.62, 0.  ])
    """

    name = "vader"

    @cached_property
    def version(self) -> str:
        """The package's version and the hash of its lexicons."""
        lexicons = self._analyzer.lexicon_full_filepath + self._analyzer.emoji_full_filepath
        return f"{version('vaderSentiment')}-{hashlib.sha256(lexicons.encode()).hexdigest()[:10]}"

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The compound score of each text."""
        known: dict[str, float] = {}
        for text in texts:
            if text not in known:
                known[text] = self._compound(text[:LONGEST])
        return np.fromiter((known[text] for text in texts), dtype=np.float64, count=len(texts))

    def explain(self, text: str) -> list[tuple[str, float]]:
        """The words of VADER's lexicon in a text, with their valence there; strongest first."""
        from vaderSentiment.vaderSentiment import BOOSTER_DICT, SentiText

        read = SentiText(text[:LONGEST])
        moved: list[tuple[str, float]] = []
        for place, word in enumerate(read.words_and_emoticons):
            if word.lower() not in BOOSTER_DICT:
                (valence,) = self._analyzer.sentiment_valence(0, read, word, place, [])
                if valence:
                    moved.append((word.lower(), round(float(valence), 3)))
        return sorted(moved, key=lambda each: -abs(each[1]))

    @cached_property
    def _analyzer(self) -> Any:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        return SentimentIntensityAnalyzer()

    def _compound(self, text: str) -> float:
        if text.isascii() and not self._speaks(text):
            return 0.0
        return float(self._analyzer.polarity_scores(text)["compound"])

    def _speaks(self, text: str) -> bool:
        lexicon = self._analyzer.lexicon
        return any(word in lexicon or word.strip(string.punctuation) in lexicon for word in text.lower().split())

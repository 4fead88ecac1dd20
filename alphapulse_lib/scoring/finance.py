"""The finance scorer: a lexicon of some thousand words and phrases, and the rules of `phrases`.

Each term carries a *tone* (good or bad news) and a *calm* (evidence that it is neither). A text's tones and calms are
summed, ``a`` and ``b``, and its score is

    (exp(k a) - exp(-k a)) / (exp(k a) + exp(-k a) + 19 exp(k b)),

the difference of two probabilities of a three-way logistic model whose neutral class is weighed so that a text as
likely neutral as not scores 0.05, where `scoring.label` draws the line. The weights were fitted by
``tests/benchmarks/train_finance_lexicon.py``; the data's licences are in the lexicon's head.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.scoring.phrases import Matches, Vocabulary, key_of
from alphapulse_lib.scoring.tokens import tokenize, words_of

__all__ = ["FinanceScorer", "Lexicon", "combined"]

#: Raised with every change of the rules that can change a score.
RULES = 1

_PATH = Path(__file__).with_name("finance_lexicon.tsv")

#: What a negator leaves of a tone: "not bad" is less than good.
TURN = -1.0

#: From this many tokens on a text counts by its mean: a page is not surer than a headline.
LONG = 40

_SHARPNESS = 2.0
_NEUTRAL = 19.0
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Terms with their weights.

    Attributes
    ----------
    terms : tuple of str
        Words and phrases as a person writes them.
    tone, calm : array of float, shape (terms,)
        Their weights.
    calm_start : float
        The calm of a text without any term.
    """

    terms: tuple[str, ...]
    tone: NDArray[np.float64]
    calm: NDArray[np.float64]
    calm_start: float

    @classmethod
    def read(cls, text: str) -> Lexicon:
        """From the text of a lexicon file: ``term <tab> tone <tab> calm``, ``#`` opens a comment."""
        rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("# ")]
        (_, _, start), *rows = rows
        return cls(
            tuple(row[0] for row in rows),
            np.array([float(row[1]) for row in rows]),
            np.array([float(row[2]) for row in rows]),
            float(start),
        )


def combined(lexicon: Lexicon, matches: Matches, lengths: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """The summed tone and calm of each text.

    Parameters
    ----------
    lengths : array of int, shape (texts,)
        The texts' tokens.

    Returns
    -------
    tuple of two arrays, shape (texts,)
    """
    weight = np.minimum(1.0, LONG / np.maximum(lengths, 1))
    tones = lexicon.tone[matches.term] * np.where(matches.turned, TURN, 1.0)
    tone = np.bincount(matches.text, tones, minlength=len(lengths)) * weight
    calm = np.bincount(matches.text, lexicon.calm[matches.term], minlength=len(lengths)) * weight
    return tone, calm + lexicon.calm_start


class FinanceScorer:
    """Scores financial headlines; see the module's text for the formula. The lexicon is read at first use.

    Examples
    --------
    >>> FinanceScorer().score(["Net loss narrows as costs fall", "Profit warning sends shares tumbling"]).round(1)
    array([ 1., -1.])
    """

    name = "finance"

    @cached_property
    def version(self) -> str:
        """Changes whenever a score can: the rules' number and the hash of the lexicon."""
        return f"{RULES}-{hashlib.sha256(_PATH.read_bytes()).hexdigest()[:10]}"

    @cached_property
    def lexicon(self) -> Lexicon:
        """The terms and their weights."""
        return Lexicon.read(_PATH.read_text(encoding="utf-8"))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary([key_of(term) for term in self.lexicon.terms])

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One number in [-1, 1] a text; an empty text scores 0."""
        chunks = [self._scored(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]
        return np.concatenate(chunks) if chunks else np.zeros(0)

    def explain(self, text: str) -> list[tuple[str, float]]:
        """The words that moved a text's score, as written, with what each adds to its tone; strongest first."""
        tokens = tokenize([text])
        matches = self._vocabulary.match(tokens)
        words, terms = words_of(text), self.lexicon.terms
        moved: list[tuple[str, float]] = []
        for term, position, turned in zip(matches.term, matches.position, matches.turned, strict=True):
            span = len(key_of(terms[term]))
            tone = float(self.lexicon.tone[term]) * (TURN if turned else 1.0)
            if tone:
                moved.append((" ".join(words[position : position + span]), round(tone, 3)))
        return sorted(moved, key=lambda each: -abs(each[1]))

    def _scored(self, texts: Sequence[str]) -> NDArray[np.float64]:
        tokens = tokenize(texts)
        lengths = np.bincount(tokens.text, minlength=len(texts))
        tone, calm = combined(self.lexicon, self._vocabulary.match(tokens), lengths)
        peak = np.maximum(np.abs(tone), calm)
        good, bad = np.exp(_SHARPNESS * (tone - peak)), np.exp(_SHARPNESS * (-tone - peak))
        return np.asarray((good - bad) / (good + bad + _NEUTRAL * np.exp(_SHARPNESS * (calm - peak))))

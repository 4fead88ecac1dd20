"""Headlines as arrays of stems: one flat array for all texts, so that rules and look-ups run column-wise.

A light stemmer joins the forms of a word (``falls``, ``falling``, ``fell``); numbers become ``#``, percentages ``%``
(``+%`` and ``-%`` where signed); links and ``$TICKERS`` are dropped. Punctuation and words such as ``as`` or
``despite`` part a headline into clauses, across which no rule reaches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tokens", "stem", "tokenize", "words_of"]

_KINDS = {
    "skip": r"https?://\S+|www\.\S+|\$[a-z][a-z.]{0,6}\b|@\w+",
    "percent": r"(?<![\w.])[+\-\u2212]?\d[\d,.]* ?(?:%|percent\b|per cent\b|pct\b)",
    "number": r"(?<![\w.])[+\-\u2212]?[$€£₹]?\d[\d,.]*(?:[a-z]{1,2}\b)?",
    "word": r"(?:[a-z]\.){2,}|[a-z]+[1-4]?\b(?:'[a-z]+)?|[a-z]+",
    "mark": r"[?📈📉🚀🔺🔻]",
    "pause": r"[.;:!,()|\"\u201c\u201d\u2013\u2014\u2026]| - ",
}
_PIECE = re.compile("|".join(_KINDS.values()))
_KIND = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))
_SKIP, _PAUSE = "", " "
_IRREGULAR = {
    "fell": "fall", "fallen": "fall", "rose": "rise", "risen": "rise", "lost": "lose", "sank": "sink", "sunk": "sink",
    "slid": "slide", "beaten": "beat", "grew": "grow", "grown": "grow", "growth": "grow", "shrank": "shrink",
    "shrunk": "shrink", "won": "win", "sold": "sell", "bought": "buy", "shed": "shed", "led": "lead", "held": "hold",
    "hits": "hit", "hitting": "hit", "losses": "loss", "bigger": "big", "biggest": "big", "strongest": "strong",
    "stronger": "strong", "weaker": "weak", "weakest": "weak", "dropped": "drop", "sprang": "spring", "news": "news",
    "swung": "swing", "flew": "fly", "took": "take", "taken": "take", "gave": "give", "given": "give", "went": "go",
    "came": "come", "made": "make", "saw": "see", "seen": "see", "kept": "keep", "left": "leave", "paid": "pay",
    "cannot": "not", "can't": "not", "won't": "not", "broke": "break", "broken": "break", "froze": "freeze",
    "better": "better", "worse": "worse", "plc": "plc",
}  # fmt: skip
#: Words of their own that only look like forms of another: ratings are not rates.
_WHOLE = {"rating": "rating", "ratings": "rating", "earnings": "earnings", "holding": "holding", "holdings": "holding"}
_VOWEL = re.compile("[aeiouy]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of many texts, one after another.

    Attributes
    ----------
    stems : list of str
        One a token.
    text : array of int, shape (tokens,)
        Which text each token is in.
    clause : array of int, shape (tokens,)
        Which clause each token is in; numbered over all texts.
    count : int
        How many texts there were.
    """

    stems: list[str]
    text: NDArray[np.int64]
    clause: NDArray[np.int64]
    count: int


def tokenize(texts: Sequence[str]) -> Tokens:
    """The stems of texts, each with its text and its clause.

    Examples
    --------
    >>> tokenize(["Profit falls 3.5%, costs rising"]).stems
    ['profit', 'fall', '%', 'cost', 'ris']
    """
    stems: list[str] = []
    clauses: list[int] = []
    lengths = np.zeros(len(texts), dtype=np.int64)
    clause = 0
    for index, text in enumerate(texts):
        before = len(stems)
        clause += 1
        for word in map(_normal, _PIECE.findall(_folded(text))):
            if word == _PAUSE:
                clause += 1
            elif word:
                clause += word in _CLAUSE_WORDS
                stems.append(word)
                clauses.append(clause)
        lengths[index] = len(stems) - before
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    return Tokens(stems, owner, np.asarray(clauses, dtype=np.int64), len(texts))


def words_of(text: str) -> list[str]:
    """The words as written, one for each stem that `tokenize` gives of the text."""
    return [piece.strip() for piece in _PIECE.findall(_folded(text)) if _normal(piece) not in (_SKIP, _PAUSE)]


def _folded(text: str) -> str:
    return text.lower().replace("\u2019", "'").replace("\xa0", " ")


@lru_cache(maxsize=200_000)
def _normal(piece: str) -> str:
    """The stem that a piece of text counts as."""
    found = _KIND.match(piece)
    kind = found.lastgroup if found else "skip"
    if kind == "word":
        return stem(piece)
    if kind == "percent":
        return "+%" if piece[0] == "+" else "-%" if piece[0] in "-\u2212" else "%"
    return {"number": "#", "skip": _SKIP, "pause": _PAUSE}.get(kind or "", piece)


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """A word without its ending: forms of one word meet, and that is all it is for.

    Examples
    --------
    >>> stem("widened"), stem("widens"), stem("cutting")
    ('widen', 'widen', 'cut')
    """
    if word.endswith("n't"):
        return "not"
    if word in _WHOLE:
        return _WHOLE[word]
    word = _IRREGULAR.get(word, word).removesuffix("'s").rstrip(".'") or word
    if len(word) == 2 and word[0] in "qh" and word[1].isdigit():
        return word[0] + "#"
    return _stripped(_IRREGULAR.get(word, word)) if len(word) > 3 else word


def _stripped(word: str) -> str:
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 2 and _VOWEL.search(rest) and not word.endswith("eed"):
            return rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest.removesuffix("e")
    return word.removesuffix("e") if len(word) > 3 else word


#: Words that open a new clause: what follows is another matter.
_OPENERS = """
    after although amid and as because before but despite even followed following if on over though when where while yet
"""
_CLAUSE_WORDS = frozenset(stem(word) for word in _OPENERS.split())

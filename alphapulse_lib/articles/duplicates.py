"""Story groups: articles of several sources, or of one, that tell the same story in nearly the same words.

Point in time: an article joins the story of an earlier one or begins its own, and is never moved. What comes later
changes nothing about what was grouped before.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

__all__ = ["ALIKE", "WITHIN", "stories"]

#: How alike two headlines are, in per cent, that tell one story (words sorted, so that order does not count).
ALIKE = 85.0

#: How long after its last article a story can be joined, in nanoseconds: two days.
WITHIN = 2 * 86_400 * 1_000_000_000

#: How many of the most alike earlier headlines are looked at.
_RIVALS = 10

_PAIRS = (
    ("upgrade", "downgrade"), ("rise", "fall"), ("beat", "miss"), ("gain", "los"), ("higher", "lower"),
    ("raise", "cut"), ("jump", "plunge"), ("widen", "narrow"), ("buy", "sell"), (" up", " down"),
)  # fmt: skip
_OPPOSITES = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}

_LINK = re.compile(r"https?://\S+")
_POSSESSIVE = re.compile(r"['\u2019]s\b")
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")


def stories(articles: pa.Table, mentions: pa.Table | None = None) -> NDArray[np.int64]:
    """The story each article belongs to.

    Two articles tell one story when their headlines are at least 85 % alike, they came within two days of each other
    and they do not disagree: about figures, about names, about a direction (upgrade, downgrade), and (where
    ``mentions`` are given) about the instruments they are about.

    Parameters
    ----------
    articles : pyarrow.Table
        ``source``, ``id``, ``headline``, ``available_at`` (ns, UTC); one row an article.
    mentions : pyarrow.Table, optional
        ``source``, ``article_id``, ``instrument_id``.

    Returns
    -------
    array of int, shape (articles,)
        The row of the story's first article; an article that stands alone has its own row.

    Examples
    --------
    >>> table = pa.table({"source": ["a", "b"], "id": ["1", "1"], "available_at": [0, 60],
    ...                   "headline": ["Apple profit beats estimates", "Apple's profit beats estimates"]})
    >>> stories(table).tolist()
    [0, 0]
    """
    texts = [text or "" for text in articles["headline"].to_pylist()]
    headlines = [_plain(text) for text in texts]
    facts = [_Facts.of(text, about) for text, about in zip(texts, _about(articles, mentions), strict=True)]
    times = articles["available_at"].cast(pa.int64()).to_numpy()
    story = np.arange(len(headlines), dtype=np.int64)
    recent: dict[int, str] = {}
    for row in np.argsort(times, kind="stable").tolist():
        while recent and times[row] - times[(oldest := next(iter(recent)))] > WITHIN:
            del recent[oldest]
        alike = process.extract(headlines[row], recent, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=_RIVALS)
        same = [other for _, _, other in alike if headlines[row] and not facts[row].at_odds(facts[other])]
        if same:
            story[row] = story[same[0]]
        recent[row] = headlines[row]
    return story


@dataclass(frozen=True, slots=True)
class _Facts:
    """What two tellings of one story cannot disagree about."""

    figures: frozenset[str]
    names: frozenset[str]
    directions: frozenset[str]
    about: frozenset[str]

    @classmethod
    def of(cls, text: str, about: frozenset[str]) -> _Facts:
        words = [_POSSESSIVE.sub("", word) for word in _LINK.sub(" ", text).split()]
        names = frozenset(
            word.strip("$.,:;!?()'\"").casefold() for word in words if any(letter.isupper() for letter in word)
        )
        folded = text.casefold()
        directions = frozenset(direction for direction in _OPPOSITES if direction in folded)
        return cls(frozenset(re.findall(r"\d+(?:[.,]\d+)*", text)), names, directions, about)

    def at_odds(self, other: _Facts) -> bool:
        return (
            _each_has_own(self.figures, other.figures)
            or _each_has_own(self.names, other.names)
            or bool(self.about and other.about and not self.about & other.about)
            or any(
                _OPPOSITES[word] in other.directions - self.directions for word in self.directions - other.directions
            )
        )


def _about(articles: pa.Table, mentions: pa.Table | None) -> list[frozenset[str]]:
    known: dict[tuple[str, str], set[str]] = defaultdict(set)
    if mentions is not None:
        columns = (mentions[name].to_pylist() for name in ("source", "article_id", "instrument_id"))
        for source, article_id, instrument_id in zip(*columns, strict=True):
            known[source, article_id].add(instrument_id)
    keys = zip(articles["source"].to_pylist(), articles["id"].to_pylist(), strict=True)
    return [frozenset(known.get(key, ())) for key in keys]


def _each_has_own(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one - other) and bool(other - one)


def _plain(headline: str) -> str:
    """Its words in order of the alphabet, without links, tickers and possessives."""
    text = re.sub(r"\$[A-Za-z]+", " ", _POSSESSIVE.sub(" ", _LINK.sub(" ", headline.casefold())))
    return " ".join(sorted(_WORD.findall(text)))

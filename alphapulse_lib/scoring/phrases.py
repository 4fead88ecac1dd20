"""Where the terms of a lexicon occur in texts, after the rules of direction and negation have been applied.

1. A direction word beside a burden ("costs fall", "narrows its loss") becomes the term ``<burden down>`` or
   ``<burden up>``, and the burden itself falls silent; beside an outlook ("cuts full-year guidance") ``<outlook down>``
   or ``<outlook up>``.
2. A negator turns the terms that begin within its reach ("fails to beat estimates").
3. Terms of one, two or three words are looked up, never across clauses.

All of it runs on flat arrays over every text at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.scoring.finance_words import BURDENS, DOWN, FALSE_NEGATORS, NEGATORS, NEGATORS_REACH, OUTLOOKS, UP
from alphapulse_lib.scoring.tokens import Tokens, stem

__all__ = ["BURDEN_DOWN", "BURDEN_UP", "OUTLOOK_DOWN", "OUTLOOK_UP", "Matches", "Vocabulary", "key_of"]

BURDEN_UP = "<burden up>"
BURDEN_DOWN = "<burden down>"
OUTLOOK_UP = "<outlook up>"
OUTLOOK_DOWN = "<outlook down>"

_SPECIAL = frozenset({BURDEN_UP, BURDEN_DOWN, OUTLOOK_UP, OUTLOOK_DOWN})

#: How far a direction word may stand from its burden or outlook, in tokens.
_PAIR_REACH = 3

_ARRIVAL = frozenset({"to", "into"})

type Ids = NDArray[np.int64]
type Mask = NDArray[np.bool_]


def key_of(term: str) -> tuple[str, ...]:
    """The stems a term of the lexicon is found by."""
    return (term,) if term in _SPECIAL else tuple(stem(word) for word in term.split())


@dataclass(frozen=True, slots=True)
class Matches:
    """The occurrences of terms.

    Attributes
    ----------
    text, term : array of int, shape (matches,)
        The text, and the term's number in the vocabulary.
    position : array of int, shape (matches,)
        The token it begins at, counted over all texts.
    turned : array of bool, shape (matches,)
        Whether a negator turns it.
    """

    text: Ids
    term: Ids
    position: Ids
    turned: Mask


class Vocabulary:
    """The terms of a lexicon, ready to be found.

    Parameters
    ----------
    terms : sequence of tuple of str
        Each term's stems, as `key_of` gives them: one, two or three.
    """

    def __init__(self, terms: Sequence[tuple[str, ...]]) -> None:
        ruled = UP | DOWN | BURDENS | OUTLOOKS | NEGATORS | FALSE_NEGATORS | _ARRIVAL | _SPECIAL
        words = ruled.union(*terms)
        self._ids = {word: number for number, word in enumerate(sorted(words), start=1)}
        self._size = len(self._ids) + 1
        self._up, self._down = self._flags(UP), self._flags(DOWN)
        self._burden, self._outlook = self._flags(BURDENS), self._flags(OUTLOOKS)
        self._negator, self._false, self._arrival = (self._flags(each) for each in (NEGATORS, FALSE_NEGATORS, _ARRIVAL))
        self._tables = [self._table(terms, length) for length in (1, 2, 3)]

    def match(self, tokens: Tokens) -> Matches:
        """Every term in every text, in the order of the texts."""
        get = self._ids.get
        ids = np.fromiter((get(word, 0) for word in tokens.stems), dtype=np.int64, count=len(tokens.stems))
        turned = self._turned(ids, tokens.clause)
        ids = self._paired(ids, tokens.clause)
        found = [self._found(ids, tokens.clause, length) for length in (1, 2, 3)]
        position = np.concatenate([each[0] for each in found])
        term = np.concatenate([each[1] for each in found])
        order = np.argsort(position, kind="stable")
        position, term = position[order], term[order]
        return Matches(tokens.text[position], term, position, turned[position])

    def _flags(self, words: frozenset[str]) -> Mask:
        flags = np.zeros(self._size, dtype=bool)
        flags[[self._ids[word] for word in words]] = True
        return flags

    def _table(self, terms: Sequence[tuple[str, ...]], length: int) -> tuple[Ids, Ids]:
        numbers = [number for number, term in enumerate(terms) if len(term) == length]
        keys = np.zeros(len(numbers), dtype=np.int64)
        for place in range(length):
            keys = keys * self._size + np.array([self._ids[terms[number][place]] for number in numbers], dtype=np.int64)
        order = np.argsort(keys)
        return keys[order], np.array(numbers, dtype=np.int64)[order]

    def _found(self, ids: Ids, clause: Ids, length: int) -> tuple[Ids, Ids]:
        keys, numbers = self._tables[length - 1]
        starts = len(ids) - length + 1
        if starts <= 0 or not len(keys):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        wanted = np.zeros(starts, dtype=np.int64)
        for place in range(length):
            wanted = wanted * self._size + ids[place : place + starts]
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        hit = np.flatnonzero((keys[at] == wanted) & (clause[:starts] == clause[length - 1 :]))
        return hit, numbers[at[hit]]

    def _turned(self, ids: Ids, clause: Ids) -> Mask:
        turned = np.zeros(len(ids), dtype=bool)
        negates = self._negator[ids]
        negates[:-1] &= ~self._false[ids[1:]]
        for distance in range(1, NEGATORS_REACH + 1):
            turned[distance:] |= negates[:-distance] & (clause[:-distance] == clause[distance:])
        return turned

    def _paired(self, ids: Ids, clause: Ids) -> Ids:
        """Each object with the nearest direction word of its clause, the one before it first."""
        burden = self._burden[ids]
        free = self._up[ids] | self._down[ids]
        waiting = burden | self._outlook[ids]
        arrived = np.zeros(len(ids), dtype=bool)
        arrived[1:] = self._arrival[ids[:-1]]  # "falls to a loss" says nothing of the loss's size
        paired, said = np.zeros(len(ids), dtype=bool), np.zeros(len(ids), dtype=np.int64)
        for distance in range(1, _PAIR_REACH + 1):
            for offset in (-distance, distance):
                at = np.flatnonzero(waiting & ~(arrived & (offset < 0)))
                at = at[(at + offset >= 0) & (at + offset < len(ids))]
                at = at[free[at + offset] & (clause[at] == clause[at + offset])]
                said[at + offset] = self._saying(self._up[ids[at + offset]], burden[at])
                free[at + offset] = waiting[at] = False
                paired[at] = True
        return np.where(said > 0, said, np.where(_silenced(burden, paired, clause), 0, ids))

    def _saying(self, up: Mask, burden: Mask) -> Ids:
        of_burden = np.where(up, self._ids[BURDEN_UP], self._ids[BURDEN_DOWN])
        return np.where(burden, of_burden, np.where(up, self._ids[OUTLOOK_UP], self._ids[OUTLOOK_DOWN]))


def _silenced(burden: Mask, paired: Mask, clause: Ids) -> Mask:
    """The burdens that are spoken for, and those right beside them ("debt costs fall")."""
    together = burden[:-1] & burden[1:] & (clause[:-1] == clause[1:])
    silent = paired & burden
    silent[:-1] |= paired[1:] & together
    silent[1:] |= paired[:-1] & together
    return silent

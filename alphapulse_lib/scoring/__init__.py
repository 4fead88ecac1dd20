"""Scores of texts: ``score`` gives numbers, ``label`` words, ``explain`` reasons. How to add a scorer: `contract`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alphapulse_lib.errors import InputError
from alphapulse_lib.scoring.contract import Scorer, find, names

__all__ = ["NEUTRAL_BAND", "Label", "Scorer", "explain", "find", "label", "names", "score"]

type Label = Literal["negative", "neutral", "positive"]

#: Scores this close to zero are neutral, whatever the scorer (VADER's own convention).
NEUTRAL_BAND = 0.05


def score(texts: str | Iterable[str | None], scorer: str | Scorer | None = None) -> NDArray[np.float64]:
    """How good or bad the news is.

    Parameters
    ----------
    texts : iterable of str
        Headlines: a list, a Series, an Arrow column; one text is a list of one. None and NaN are read as empty.
    scorer : str or Scorer, optional
        ``"finance"``, ``"vader"``, a scorer that a package declares, or an object that is one. Default: the setting
        ``ALPHAPULSE_SCORER``.

    Returns
    -------
    array of float, shape (texts,)
        In [-1, 1]; 0 where nothing speaks for good or bad.

    Raises
    ------
    UnknownScorer
        No scorer has that name.
    InputError
        A text is not text, or a scorer breaks its contract.

    Examples
    --------
    >>> score(["Profit beats estimates", "Profit misses estimates", ""]).round(1)
    array([ 1., -1.,  0.])
    """
    chosen = find(scorer)
    plain = _plain(texts)
    scores = np.asarray(chosen.score(plain), dtype=np.float64) if plain else np.zeros(0)
    if scores.shape != (len(plain),) or not np.all(np.abs(scores) <= 1):
        raise InputError(
            f"The scorer {chosen.name!r} broke its contract: {len(plain)} texts gave an array of shape {scores.shape}"
            f" with values outside [-1, 1] or of another length.",
            "score(texts) must return one number in [-1, 1] for each text.",
        )
    return scores


def label(texts: str | Iterable[str | None], scorer: str | Scorer | None = None) -> list[Label]:
    """What the scores say in a word: neutral within 0.05 of zero.

    Takes and raises what `score` does.

    Examples
    --------
    >>> label(["Shares plunge after profit warning", "Annual meeting on Tuesday"])
    ['negative', 'neutral']
    """
    return [
        "positive" if value > NEUTRAL_BAND else "negative" if value < -NEUTRAL_BAND else "neutral"
        for value in score(texts, scorer).tolist()
    ]


def explain(text: str, scorer: str | Scorer | None = None) -> list[tuple[str, float]]:
    """The words that moved a text's score, each with its weight, strongest first.

    Raises
    ------
    InputError
        The scorer gives no reasons.

    Examples
    --------
    >>> [words for words, weight in explain("Net loss narrows")][0]
    'narrows'
    """
    chosen = find(scorer)
    if not hasattr(chosen, "explain"):
        raise InputError(f"The scorer {chosen.name!r} gives no reasons.", "The built-in scorers do.")
    reasons: list[tuple[str, float]] = chosen.explain(_plain(text)[0])
    return reasons


def _plain(texts: Any) -> list[str]:
    if texts is None or isinstance(texts, str):
        return [texts or ""]
    if hasattr(texts, "to_pylist"):
        texts = texts.to_pylist()
    if not isinstance(texts, Iterable):
        raise InputError(f"{texts!r} is neither a text nor several.", "Give headlines: a list, a Series, or one text.")
    return [_text(each) for each in texts]


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    if given is None or given != given:  # NaN and NaT are not equal to themselves
        return ""
    raise InputError(f"{given!r} is not a text.", "Give headlines as text; None is read as empty.")

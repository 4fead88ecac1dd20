"""Warnings that say the same of many instruments: the first few tell what the others do, which are counted."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["folded"]

#: Warnings of one kind that are shown.
_SHOWN = 3
#: How many words without a number or a capital tell what a warning is about.
_TELLING = 3
_WORD = re.compile(r"(?<![\w.:/-])[a-z]{2,}(?![\w/-])")


def folded(warnings: Iterable[str], where: str = "run.warnings lists them") -> tuple[str, ...]:
    """The first three of each kind, and behind them how many more there are.

    Parameters
    ----------
    where : str
        Where the others are read.

    Examples
    --------
    >>> folded(f"{name} 1d lacks 6 of 249 sessions." for name in ("ABT", "AXP", "BA", "BAC", "C"))[2:]
    ('BA 1d lacks 6 of 249 sessions.', '2 more warnings of this kind: run.warnings lists them.')
    """
    kinds: dict[tuple[str, ...], list[str]] = {}
    for each in warnings:
        kinds.setdefault(tuple(_WORD.findall(each)[:_TELLING]), []).append(each)
    found: list[str] = []
    for kind in kinds.values():
        most = _SHOWN if len(kind) > _SHOWN + 1 else len(kind)
        found += kind[:most]
        found += [f"{len(kind) - most} more warnings of this kind: {where}."] if len(kind) > most else []
    return tuple(found)

"""Warnings that say the same of many instruments are told of three."""

from __future__ import annotations

from alphapulse_lib.views.alike import folded

LACKS = [f"NAME{number} 1d lacks {number} of 249 sessions: 2009-09-08, 2009-10-29." for number in range(57)]


def test_a_few_are_told_one_by_one() -> None:
    assert folded(LACKS[:4]) == tuple(LACKS[:4])
    assert folded([]) == ()


def test_many_of_a_kind_are_told_of_three_and_hide_no_other() -> None:
    other = "12 orders were refused: not enough money."
    told = folded([*LACKS, other])
    assert told == (*LACKS[:3], "54 more warnings of this kind: run.warnings lists them.", other)

"""The folds of a walk-forward, counted by hand."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from alphapulse_lib.errors import InputError
from alphapulse_lib.results.walk_forward import folds_of, stability, window_of


def cut(scheme: str, sessions: int, **more: int) -> list[tuple]:
    given = {"train": 4, "test": 3, "folds": 3} | more
    return [(each.train, each.test) for each in folds_of(scheme, sessions, **given)]


def test_rolling_windows_end_with_the_newest_session() -> None:
    assert cut("rolling", 11) == [(((1, 5),), (5, 8)), (((4, 8),), (8, 11))]
    assert cut("rolling", 11, purge=1) == [(((0, 4),), (5, 8)), (((3, 7),), (8, 11))]


def test_anchored_windows_begin_with_the_first_session_there_is() -> None:
    assert cut("anchored", 11) == [(((0, 5),), (5, 8)), (((0, 8),), (8, 11))]
    assert cut("anchored", 11, purge=1) == [(((0, 4),), (5, 8)), (((0, 7),), (8, 11))]


def test_a_k_fold_is_purged_on_both_sides_and_embargoed_after_a_test() -> None:
    assert cut("kfold", 12) == [(((4, 12),), (0, 4)), (((0, 4), (8, 12)), (4, 8)), (((0, 8),), (8, 12))]
    assert cut("kfold", 12, purge=1, embargo=1) == [
        (((6, 12),), (0, 4)),
        (((0, 3), (10, 12)), (4, 8)),
        (((0, 7),), (8, 12)),
    ]


@pytest.mark.parametrize("purge", [0, 1, 3])
@pytest.mark.parametrize("embargo", [0, 2])
@pytest.mark.parametrize("sessions", [28, 40, 53])
def test_a_k_fold_trains_on_what_the_definition_leaves(sessions: int, purge: int, embargo: int) -> None:
    """López de Prado (2018), 7.4.1 and 7.4.2, word by word: a label of session ``i`` lasts until ``i + purge``."""
    for each in folds_of("kfold", sessions, train=0, test=0, folds=4, purge=purge, embargo=embargo):
        tested = range(*each.test)
        left = []
        for one in sorted({*range(sessions)} - {*tested}):
            overlaps = any(
                i <= one <= i + purge or i <= one + purge <= i + purge or one <= i <= i + purge <= one + purge
                for i in tested
            )
            if not overlaps and not tested[-1] + purge < one <= tested[-1] + purge + embargo:
                left.append(one)
        assert [n for stretch in each.train for n in range(*stretch)] == left


@pytest.mark.parametrize("scheme", ["rolling", "anchored", "kfold"])
def test_no_session_is_trained_on_and_tried_at_once(scheme: str) -> None:
    tried = []
    for each in folds_of(scheme, 101, train=30, test=9, folds=7, purge=2, embargo=3):
        trained = {n for stretch in each.train for n in range(*stretch)}
        near = set(range(each.test[0] - 2, each.test[1] + (2 if scheme == "kfold" else 0)))
        assert not trained & near
        if scheme != "kfold":
            assert max(trained) < each.test[0]
        tried += list(range(*each.test))
    assert tried == sorted(set(tried))
    assert tried[-1] == 100


@pytest.mark.parametrize(
    ("scheme", "more", "words"),
    [
        ("rolling", {"train": 9}, "11 sessions; a fold takes 9"),
        ("kfold", {"folds": 6}, "cannot be cut"),
        ("kfold", {"purge": 8}, "nothing to train on"),
    ],
)
def test_too_few_sessions_are_told(scheme: str, more: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        cut(scheme, 11, **more)


def test_a_window_begins_after_the_session_before_it() -> None:
    ends = np.array([100, 200, 300, 400], np.int64)
    assert window_of(ends, (0, 2), 7) == (7, 200)
    assert window_of(ends, (2, 4), 7) == (201, 400)


def test_stability_tells_how_often_the_usual_value_was_chosen() -> None:
    fast, side = stability([{"fast": 5, "side": "a"}, {"fast": 5, "side": "b"}, {"fast": 8, "side": "a"}])
    assert (fast["values"], fast["usual"], fast["share"], fast["mean"]) == (2, 5, 2 / 3, 6.0)
    assert fast["deviation"] == pytest.approx(3**0.5)
    assert (side["usual"], side["share"], isnan(side["mean"])) == ("a", 2 / 3, True)
    assert stability([]) == []

"""Which strategies are one idea: by their sources as people leave them, and by what they declare."""

from __future__ import annotations

import random
from array import array

import pytest
from edited_sources import EDITED, OTHER, RENAMED, SMA_CROSS

from alphapulse_lib.model.family import Known, Place, class_name, key_of, placed, told_apart
from alphapulse_lib.model.likeness import ALIKE, likeness, shingles
from alphapulse_lib.model.run import StrategySource


def alike(one: str, other: str) -> float:
    return likeness(shingles(one), shingles(other))


def test_names_comments_numbers_and_layout_are_no_part_of_an_idea() -> None:
    assert RENAMED != SMA_CROSS
    assert "SmaCross" not in RENAMED
    assert alike(SMA_CROSS, RENAMED) == 1
    assert alike("x = 1  # one", "y  =  2") == 1
    assert alike('def f():\n    """Docs."""\n    return 1', "def g():\n    return 2") == 1


def test_an_edit_is_the_same_idea_and_another_strategy_is_not() -> None:
    assert ALIKE + 0.1 < alike(SMA_CROSS, EDITED) < 1
    assert alike(SMA_CROSS, OTHER) < ALIKE - 0.1


def test_what_an_engine_names_tells_ideas_apart() -> None:
    one = "def on_bar(self, bar):\n    self.average.update(bar)\n    if self.average.value > 1: self.buy(bar)"
    assert alike(one, one.replace("average", "mean")) == 1
    assert alike(one, one.replace("on_bar", "on_quote")) < 1
    assert alike(one, one.replace("update(", "handle_quote(")) < 1


def test_the_measure_by_hand() -> None:
    # Six tokens in runs of five: "name = name + 0 *" and "= name + 0 * 0" against one more that differs at its end.
    assert len(shingles("a = b + 1 * 2")) == 3
    assert alike("a = b + 1 * 2", "a = b + 1 * c") == pytest.approx(2 / 4)
    assert alike("", "") == 0
    assert shingles("") == frozenset()


@pytest.mark.parametrize("text", ["def f(:\n  '''", "\x00", "  x\n y", "class A(Strategy):\n\tpass\n        pass"])
def test_a_text_that_is_no_python_is_compared_as_far_as_it_goes(text: str) -> None:
    assert alike(text, text) in (0, 1)


def source(name: str, text: str = "", family: str = "") -> StrategySource:
    return StrategySource(f"desk.ideas:{name}", "ab" * 32, text, family)


def known(*strategies: StrategySource) -> list[Known]:
    found: list[Known] = []
    for number, each in enumerate(strategies):
        place = placed(each, found, lambda name: any(one.family == name for one in found))
        found.append(Known(place.family, f"{number:08x}", place.shingles))
    return found


def test_a_strategy_joins_the_earlier_one_that_is_most_like_it() -> None:
    held = known(source("SmaCross", SMA_CROSS), source("MeanReversion", OTHER), source("MyIdea", EDITED))
    assert [each.family for each in held] == ["SmaCross", "MeanReversion", "SmaCross"]
    place = placed(source("Another", EDITED.replace("* 3", "* 4")), held, lambda _: True)
    assert (place.family, place.similar_to, place.similarity) == ("SmaCross", "00000002", 1)


def test_no_strategy_is_passed_over_that_is_more_like_it() -> None:
    """Against the measure itself, of each of 400 in turn: sources of any length that have any part in common."""
    mine, rng = shingles(SMA_CROSS), random.Random(5)
    sets = [
        frozenset(rng.sample(sorted(mine), rng.randrange(len(mine) // 3, len(mine))))
        | {rng.getrandbits(63) for _ in range(rng.randrange(300))}
        for _ in range(400)
    ]
    held = [Known("", str(at), array("q", sorted(each)).tobytes()) for at, each in enumerate(sets)]
    joined = 0
    while held:
        found = placed(source("Mine", SMA_CROSS), held, lambda _: False)
        alike, first = max((likeness(mine, sets[int(each.run)]), -int(each.run)) for each in held)
        assert (found.similar_to, found.similarity) == ((str(-first), alike) if alike >= ALIKE else ("", None))
        joined += alike >= ALIKE
        held = [each for each in held if int(each.run) != -first]
    assert 100 < joined < 300


def test_what_is_like_none_founds_a_family_of_a_name_of_its_own() -> None:
    held = known(source("Mine", SMA_CROSS), source("Mine", OTHER))
    assert [each.family for each in held] == ["Mine", "Mine 2"]


def test_a_declared_family_is_believed_and_joined_by_what_is_alike() -> None:
    held = known(source("SmaCross", SMA_CROSS, "averages"), source("MyIdea", RENAMED))
    assert [each.family for each in held] == ["averages", "averages"]
    assert placed(source("MyIdea", RENAMED, "mine"), held, lambda _: False) == Place("mine", held[1].shingles)


def test_without_a_source_worth_comparing_the_classs_name_tells() -> None:
    assert told_apart(source("Short", "class Short(Strategy):\n    pass")) == b""
    held = known(source("Short"), source("Short", "class Short(Strategy): pass"), source("Other"))
    assert [each.family for each in held] == ["Short", "Short", "Other"]
    assert key_of(source("Short")) != key_of(source("Other"))
    assert class_name(source("Outer.Inner")) == "Outer.Inner"


def test_a_letter_that_pythons_own_reader_cuts_ends_the_text_there() -> None:
    assert shingles("\r\u00d2") == frozenset()

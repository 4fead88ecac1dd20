"""The names that each person watches."""

from __future__ import annotations

from pathlib import Path

from hub.dashboards.watchlist import MOST, Watchlists


def test_the_list_that_somebody_saw_becomes_theirs_at_the_first_change(tmp_path: Path):
    lists = Watchlists(tmp_path / "dashboards")
    assert lists.of("ann") is None
    lists.change("ann", ["A.X", "B.X"], "C.X", watched=True)
    assert lists.of("ann") == ["A.X", "B.X", "C.X"]
    lists.change("ann", ["not", "looked", "at"], "A.X", watched=False)
    assert Watchlists(tmp_path / "dashboards").of("ann") == ["B.X", "C.X"]
    assert lists.of("bob") is None


def test_an_emptied_list_stays_empty_and_a_name_is_on_it_once(tmp_path: Path):
    lists = Watchlists(tmp_path)
    lists.change("ann", ["A.X"], "A.X", watched=False)
    assert lists.of("ann") == []
    for _ in range(2):
        lists.change("ann", [], "B.X", watched=True)
    assert lists.of("ann") == ["B.X"]


def test_a_list_takes_no_more_than_a_page_can_show(tmp_path: Path):
    lists = Watchlists(tmp_path)
    for number in range(MOST + 5):
        lists.change("ann", [], f"N{number}.X", watched=True)
    held = lists.of("ann")
    assert held is not None
    assert len(held) == MOST
    assert held[-1] == f"N{MOST + 4}.X"

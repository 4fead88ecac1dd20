"""Schedules, firings and backtests on request through the client."""

from __future__ import annotations

import pytest

from alphapulse_lib.errors import Conflict, InputError, NotUnderstood, UnknownTarget
from alphapulse_lib.hub_client import Client


def test_the_same_key_makes_one_schedule(ada: Client):
    one = ada.schedules.create("backtests/sma.ipynb", "0 7 * * *", key="s1")
    assert ada.schedules.create("backtests/sma.ipynb", "0 7 * * *", key="s1").id == one.id
    assert (one.timezone, one.catch_up, one.overlap, one.timeout) == ("UTC", "latest", "skip", 3600), (
        "the hub's defaults"
    )
    assert len(one.next) > 1


def test_schedules_and_firings_come_page_by_page(ada: Client, bob: Client):
    made = [bob.schedules.create("a/b.ipynb", f"{minute} 7 * * *") for minute in range(3)]
    assert [each.id for each in ada.schedules.list(owner="bob")] == [each.id for each in reversed(made)]
    first = ada.schedules.page(owner="bob", limit=2)
    rest = ada.schedules.page(owner="bob", limit=2, cursor=first.next or "")
    assert [each.id for each in (*first.items, *rest.items)] == [each.id for each in reversed(made)]
    fired = [bob.schedules.fire(made[0].id) for _ in range(3)]
    assert len({each.id for each in fired}) == 3
    assert [each.id for each in ada.schedules.firings(made[0].id)] == [each.id for each in reversed(fired)]
    page = ada.schedules.firings_page(made[0].id, limit=1, state="due")
    assert page.items[0] == ada.schedules.firing(made[0].id, fired[2].id)
    assert {each.id for each in ada.schedules.firings(owner="bob")} == {each.id for each in fired}
    assert bob.schedules.cancel(made[0].id, fired[0].id).ended


def test_a_backtest_is_asked_for_and_cancelled(ada: Client):
    asked = ada.backtests.run("backtests/sma.ipynb", parameters={"fast": 5}, key="b1")
    assert ada.backtests.run("backtests/sma.ipynb", parameters={"fast": 5}, key="b1") == asked
    assert (asked.kind, asked.schedule, asked.state, asked.ended) == ("backtest", None, "due", False)
    assert ada.backtests.get(asked.id) == asked
    assert [each.id for each in ada.backtests.list(owner="ada", limit=5)] == [asked.id]
    assert ada.backtests.cancel(asked.id).state == "cancelled"
    with pytest.raises(Conflict):
        ada.backtests.cancel(asked.id)


def test_what_is_refused(ada: Client):
    made = ada.schedules.create("backtests/sma.ipynb", "0 7 * * *")
    with pytest.raises(InputError, match="cannot be sent"):
        ada.schedules.change(made.id, parameters={"fast": float("inf")})
    with pytest.raises(NotUnderstood, match="no name of a parameter"):
        ada.schedules.change(made.id, parameters={"not a name": 1})
    ada.schedules.delete(made.id)
    with pytest.raises(UnknownTarget):
        ada.schedules.delete(made.id)
    with pytest.raises(InputError, match="names nothing"):
        ada.schedules.get("")

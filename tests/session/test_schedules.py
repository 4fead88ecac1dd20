"""`ap.schedule` and `ap.schedules`, in a hub."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

import alphapulse_lib as ap
from alphapulse_lib.errors import Conflict, InputError, NotAllowed, NotUnderstood, UnknownTarget

type Become = Callable[[str], None]


def test_a_schedule_is_made_changed_paused_and_taken_away(person: Become):
    person("ada")
    made = ap.schedule("backtests/sma.ipynb", "0 7 * * 1-5", timezone="America/New_York", parameters={"fast": 5})
    following = made.next
    assert following is not None
    assert following.tzinfo == ZoneInfo("America/New_York")
    assert (following.hour, following.minute) == (7, 0)
    assert following > datetime.now(UTC)
    assert made.value.parameters == {"fast": 5}
    assert made.pause().paused
    assert made.next is None
    assert not made.resume().paused
    assert made.change(cron="30 8 * * *", parameters={"fast": 6}).value.cron == "30 8 * * *"
    assert [each.id for each in ap.schedules()] == [made.id]
    made.delete()
    assert len(ap.schedules()) == 0
    with pytest.raises(UnknownTarget):
        made.next  # noqa: B018


def test_firings_by_hand_are_listed_and_cancelled(person: Become):
    person("ada")
    made = ap.schedule("backtests/sma.ipynb", "0 7 * * *")
    assert made.last is None
    assert len(made.firings()) == 0
    firing = made.fire()
    assert made.last == firing
    frame = made.firings()
    assert (frame["id"].tolist(), frame["state"].tolist()) == ([firing.id], ["due"])
    assert frame["slot"].isna().all()
    assert made.cancel(firing).state == "cancelled"
    assert made.firings()["state"].tolist() == ["cancelled"]
    with pytest.raises(Conflict):
        made.cancel(firing.id)


def test_schedules_are_found_by_the_beginning_of_their_ids(person: Become):
    person("ada")
    mine = ap.schedule("backtests/sma.ipynb", "0 7 * * *")
    person("bob")
    theirs = ap.schedule("backtests/sma.ipynb", "0 8 * * *")
    assert ap.schedules()[mine.id[:8]].id == mine.id
    assert ap.schedules().frame()["owner"].tolist() == ["bob", "ada"]
    assert ap.schedules(owner="bob").frame()["id"].tolist() == [theirs.id]
    with pytest.raises(InputError, match="No schedule's id begins with 'zz'"):
        ap.schedules()["zz"]
    with pytest.raises(InputError, match="2 schedules begin"):
        ap.schedules()[""]
    with pytest.raises(NotAllowed, match="ada's"):
        ap.schedules()[mine.id].pause()


@pytest.mark.parametrize(
    ("notebook", "cron", "more", "says"),
    [
        ("backtests/sma.ipynb", "0 7 31 2 *", {}, "never fires"),
        ("backtests/sma.ipynb", "every day", {}, "fields"),
        ("backtests/sma.ipynb", "0 7 * * *", {"timezone": "Mars/Base"}, "no time zone"),
        ("../bob/sma.ipynb", "0 7 * * *", {}, "out of the workspace"),
        ("backtests/sma.ipynb", "0 7 * * *", {"overlap": "both"}, "overlap"),
    ],
)
def test_what_never_fires_is_refused(person: Become, notebook: str, cron: str, more: dict, says: str):
    person("ada")
    with pytest.raises(NotUnderstood, match=says):
        ap.schedule(notebook, cron, **more)


def test_what_has_no_such_field_cannot_be_changed(person: Become):
    person("ada")
    with pytest.raises(InputError, match="no 'crno'"):
        ap.schedule("backtests/sma.ipynb", "0 7 * * *").change(crno="0 8 * * *")


def test_the_cards_tell_when(person: Become):
    person("ada")
    assert "None yet" in str(ap.schedules())
    made = ap.schedule("backtests/<b>.ipynb", "0 7 * * *", timezone="Europe/Berlin", parameters={"fast": 5})
    made.fire()
    told = str(made)
    assert all(word in told for word in ("0 7 * * *", "Europe/Berlin", "07:00", "fast", "due"))
    assert "<b>" not in made._repr_html_()
    assert repr(made) in repr([made])
    assert "next" in str(ap.schedules())
    made.pause()
    assert "[paused]" in str(made)
    assert "paused" in str(ap.schedules())

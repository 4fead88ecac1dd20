"""`ap.notifications`, in a hub."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import alphapulse_lib as ap
from alphapulse_lib.errors import HubError


def test_who_is_mentioned_and_answered_is_told_and_reads_it_once(person: Callable[[str], None]):
    person("ada")
    assert len(ap.notifications()) == 0
    assert ap.notifications().frame().empty
    assert ap.notifications().read() == 0
    assert "Nothing. It tells" in str(ap.notifications())
    said = ap.comments("instrument:AAPL").write("who holds this?")
    person("bob")
    ap.comments("instrument:AAPL").write("I do, @ada", parent=said)
    ap.comments("instrument:IBM").write("and you, @ada <script>alert(1)</script>")
    assert len(ap.notifications()) == 0
    person("ada")
    told = ap.notifications(unread=True)
    assert [each.kind for each in told] == ["mention", "mention"]
    frame = told.frame()
    assert frame["read"].isna().all() and frame["created"].dt.tz is not None
    assert frame["about"][0]["target"] == "instrument:IBM.XNYS"
    assert [each.id for each in told.newest(1)] == [frame["id"][0]]
    assert str(told).count("(new)") == 2
    assert "<script" not in told._repr_html_()
    assert told.read() == 2
    assert (len(told), len(ap.notifications())) == (0, 2)
    assert "(new)" not in str(ap.notifications())


def test_without_a_hub_it_says_how_to_start_one():
    with pytest.raises(HubError, match="make up"):
        ap.notifications()

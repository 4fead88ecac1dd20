"""Comments through the client: written, answered, changed, paged, followed."""

from __future__ import annotations

import threading

import pytest
from api_server import RunningApi
from waiting import until

from alphapulse_lib.errors import Conflict, NotAllowed, UnknownTarget
from alphapulse_lib.hub_client import Client
from alphapulse_lib.model.comment import CommentEvent


def test_a_comment_is_written_answered_and_told(ada: Client, bob: Client):
    first = ada.comments.write("instrument:AAPL.XNAS", "Look **here**, @bob")
    assert (first.author, first.parent, first.mentions, first.deleted) == ("ada", None, ("bob",), False)
    assert "<strong>here</strong>" in first.html
    assert first.created_at.tzinfo is not None
    answer = bob.comments.write("instrument:AAPL.XNAS", "I see", parent=first.id)
    assert ada.comments.thread(first.id) == (first, answer)
    assert "### bob" in ada.comments.thread_text(first.id)
    assert [each.id for each in ada.comments.list(parent=first.id)] == [answer.id]
    told = next(bob.notifications.list(unread=True))
    assert (told.kind, told.about["comment"]) == ("mention", first.id)
    assert next(ada.notifications.list()).kind == "reply"
    assert bob.notifications.read(told.id) == 1
    assert bob.notifications.page(unread=True).items == ()


def test_the_same_key_writes_once(ada: Client):
    one = ada.comments.write("instrument:MSFT.XNAS", "once", key="k")
    assert ada.comments.write("instrument:MSFT.XNAS", "once", key="k") == one
    other = ada.comments.write("instrument:MSFT.XNAS", "once")
    assert other.id != one.id


def test_a_comment_is_edited_and_deleted_by_its_author(ada: Client, bob: Client):
    written = ada.comments.write("instrument:AAPL.XNAS", "frist")
    with pytest.raises(NotAllowed, match="ada's"):
        bob.comments.edit(written.id, "mine now")
    edited = ada.comments.edit(written.id, "first")
    assert (edited.body, [each.body for each in ada.comments.history(written.id)]) == ("first", ["frist"])
    gone = ada.comments.delete(written.id)
    assert (gone.body, gone.deleted) == ("", True)
    assert ada.comments.delete(written.id) == gone
    with pytest.raises(Conflict, match="is deleted"):
        ada.comments.edit(written.id, "again")
    with pytest.raises(UnknownTarget, match="no comment"):
        ada.comments.get("0123")


def test_a_long_list_comes_page_by_page(ada: Client):
    for number in range(7):
        ada.comments.write("instrument:GOOG.XNAS", str(number))
    first = ada.comments.page("instrument:GOOG.XNAS", limit=3)
    rest = ada.comments.page("instrument:GOOG.XNAS", limit=9, cursor=first.next or "")
    assert [each.body for each in (*first.items, *rest.items)] == list("0123456")
    assert rest.next is None
    assert [each.body for each in ada.comments.list("instrument:GOOG.XNAS", limit=5)] == list("01234")


def test_events_are_followed_through_a_break(api: RunningApi, ada: Client):
    stop = threading.Event()
    target = "instrument:IBM.XNYS"
    before = ada.comments.write(target, "before")
    followed: list[CommentEvent] = []

    def collect() -> None:
        with Client(api.url, "bob") as client:
            followed.extend(client.comments.events(target, after="0", stop=stop.is_set))

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    until(lambda: [each.comment.id for each in followed] == [before.id])
    ada.comments.edit(before.id, "changed")
    until(lambda: [each.kind for each in followed] == ["created", "edited"])
    api.stop()
    api.start()
    ada.comments.write(target, "after")
    until(lambda: [each.kind for each in followed] == ["created", "edited", "created"])
    assert followed[-1].comment.body == "after"
    assert len({each.place for each in followed}) == 3
    stop.set()
    ada.comments.write(target, "the last one")
    thread.join(timeout=120)
    assert not thread.is_alive()


def test_events_begin_now_unless_told(api: RunningApi, ada: Client):
    ada.comments.write("instrument:SPY.ARCX", "old")
    with Client(api.url, "bob") as client:
        stream = client.comments.events(
            "instrument:SPY.ARCX", begun=lambda: ada.comments.write("instrument:SPY.ARCX", "new")
        )
        assert next(stream).comment.body == "new", "it was written as soon as it would be heard of"
        stream.close()  # type: ignore[attr-defined]


def test_a_stream_that_is_refused_is_an_error(api: RunningApi):
    with Client(api.url, "guest") as client, pytest.raises(NotAllowed):
        next(client.comments.events())

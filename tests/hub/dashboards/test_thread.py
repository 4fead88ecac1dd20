"""How comments are put in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from alphapulse_lib.model.comment import Comment, CommentEvent
from hub.dashboards.templating import render
from hub.dashboards.thread import Thread, _arranged
from hub.dashboards.visitor import Visitor


def comment(name: str, minute: int, parent: str | None = None, *, author: str = "ann", gone: bool = False) -> Comment:
    at = datetime(2026, 1, 5, 12, minute, tzinfo=UTC)
    words = "" if gone else f"<p>{name}</p>"
    return Comment(name, "run:1", parent, author, name, words, (), at, None, None, at if gone else None)


def test_answers_stand_below_what_they_answer_in_the_order_in_which_they_were_written():
    held = [comment("c", 3, "a"), comment("a", 1), comment("b", 2, "a"), comment("d", 4, "b"), comment("e", 5, "lost")]
    roots, answers = _arranged(held)
    assert [each.comment.id for each in roots] == ["a", "e"]
    assert {name: [each.comment.id for each in found] for name, found in answers.items()} == {
        "a": ["b", "c"],
        "b": ["d"],
    }


def test_each_person_is_offered_what_they_may_do_and_a_deleted_comment_keeps_its_place():
    roots, answers = _arranged([comment("mine", 1), comment("theirs", 2, author="bob"), comment("gone", 3, gone=True)])

    def shown(name: str, *, is_admin: bool = False, may: str = "custom:comments:write") -> str:
        me = Visitor(name, is_admin, "", "", frozenset({may}))
        return render("thread", roots=roots, answers=answers, hidden=0, count=3, me=me)

    html = shown("ann")
    assert html.count('data-act="answer"') == 2
    assert html.count('data-act="edit"') == html.count('data-act="unwrite"') == 1
    assert "<i>deleted</i>" in html
    boss = shown("carl", is_admin=True)
    assert (boss.count('data-act="edit"'), boss.count('data-act="unwrite"')) == (0, 2)
    assert "data-act" not in shown("ann", may="custom:comments:read")


class Looking:
    """A page of somebody who looks at a thread; the API lists one comment, and others happen meanwhile."""

    def __init__(self, listed: Comment, *happens: Comment) -> None:
        self.api, self.client, self.comments, self.list = self, self, self, None
        self.visitor = Visitor("ann", is_admin=False, token="", session="")
        self._listed, self._happens = listed, happens
        self.loaded: list[str] = []
        self.thread = Thread(self, "run:1")  # type: ignore[arg-type]
        self.widgets = {"thread": SimpleNamespace(good="")}

    async def all(self, *_: object, **__: object) -> list[Comment]:
        for each in self._happens:
            self.thread._happened(CommentEvent("created", each, "7"))
        return [self._listed]

    def follow(self, target: str, happened: object, refused: object, begun: Callable[[], None]) -> None:
        begun()

    def spawn(self, task: Coroutine[Any, Any, None]) -> None:
        asyncio.run(task)

    async def reload(self, name: str) -> None:
        self.loaded.append(name)

    def tell(self, *_: object, **__: object) -> None:
        """To no browser."""


def test_what_is_written_while_the_thread_is_read_stays_on_it():
    listed = comment("first", 1)
    changed = replace(listed, html="<p>changed</p>", edited_at=listed.created_at + timedelta(minutes=3))
    page = Looking(listed, comment("second", 2), changed)
    for _ in range(2):  # the second time the list is as old as the first
        html = asyncio.run(page.thread._load())
        assert "<p>second</p>" in html
        assert "<p>changed</p>" in html and "<p>first</p>" not in html


def test_once_what_others_write_is_heard_of_it_is_looked_for_what_came_before():
    page = Looking(comment("first", 1))
    page.thread.follow()
    assert page.loaded == ["thread"]

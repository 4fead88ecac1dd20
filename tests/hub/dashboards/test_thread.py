"""How comments are put in order."""

from __future__ import annotations

from datetime import UTC, datetime

from alphapulse_lib.model.comment import Comment
from hub.dashboards.templating import render
from hub.dashboards.thread import _arranged
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

"""The comments on one thing: read, written, answered, and seen by everybody as they come."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from alphapulse_lib.model.comment import Comment, CommentEvent
from hub.dashboards import times
from hub.dashboards.page import Page, Widget
from hub.dashboards.templating import render

__all__ = ["Thread"]

#: The names of the controls that `Thread.act` answers to.
ACTS = ("comment", "answer", "edit", "unwrite", "leave-form", "earlier")
_MOST = 20_000
_SHOWN = 100  # threads; the newest, until asked for more
_FORM = "write"
_TEXT = 20_000


class Thread:
    """A widget of a page, and what its controls do.

    Parameters
    ----------
    page : Page
        Whose it is.
    target : str
        Such as ``run:<id>``.
    """

    def __init__(self, page: Page, target: str) -> None:
        self.target = target
        self._page = page
        self._api = page.api
        self._comments_api = page.api.client.comments
        self._comments: dict[str, Comment] = {}
        self._shown = _SHOWN
        self._key = secrets.token_hex(8)  # of what is being written: sent twice, it is written once
        self.widget = Widget(self._load, "thread_empty")

    def follow(self) -> None:
        """Show what others write, from now on; what came before it was heard of is looked for once more then."""
        self._page.api.follow(
            self.target,
            self._happened,
            lambda said: self._page.note(said, bad=True),
            lambda: self._page.spawn(self._page.reload("thread")),
        )

    async def act(self, name: str, value: str, fields: dict[str, str]) -> bool:
        """Do what a control of the thread asks; whether it is one."""
        if name not in ACTS:
            return False
        if name == "comment":
            await self._write(fields)
        elif name == "earlier":
            self._shown += _SHOWN
            await self._page.reload("thread")
        elif name == "unwrite" and value in self._comments:
            self._took(await self._api.ask(self._comments_api.delete, value))
            self._show()
        elif name == "answer" and value in self._comments:
            self._form({"parent": value, "edits": ""}, f"Answering {self._comments[value].author}")
        elif name == "edit" and value in self._comments:
            self._form({"parent": "", "edits": value, "body": self._comments[value].body}, "Changing your comment")
        elif name == "leave-form":
            self._form({"parent": "", "edits": "", "body": ""}, "")
        return True

    async def _write(self, fields: dict[str, str]) -> None:
        body = fields.get("body", "")
        if not body.strip():
            self._page.note("There is nothing in the comment yet.", bad=True)
            return
        if len(body) > _TEXT:
            self._page.note(f"A comment holds {_TEXT:,} characters; this one has {len(body):,}.", bad=True)
            return
        if fields.get("edits"):
            self._took(await self._api.ask(self._comments_api.edit, fields["edits"], body))
        else:
            parent = fields.get("parent") or None
            write = self._comments_api.write
            self._took(await self._api.ask(write, self.target, body, parent=parent, key=self._key))
            self._key = secrets.token_hex(8)
        self._form({"parent": "", "edits": "", "body": ""}, "", focus=False)
        self._show()

    def _form(self, fields: dict[str, str], doing: str, *, focus: bool = True) -> None:
        self._page.tell("fill", form=_FORM, fields=fields)
        self._page.tell("html", slot="writing", html=render("writing", doing=doing) if doing else "", state="ready")
        if focus:
            self._page.tell("focus", target="body")

    async def _load(self) -> str:
        found = await self._api.all(self._comments_api.list, self.target, limit=_MOST)
        for each in found:  # beside what was heard of meanwhile
            self._took(each)
        return self._html()

    def _show(self) -> None:
        widget = self._page.widgets["thread"]
        widget.good = self._html()
        self._page.tell("html", slot="thread", html=widget.good, state="ready")

    def _happened(self, event: CommentEvent) -> None:
        self._took(event.comment)
        self._show()

    def _took(self, comment: Comment) -> None:
        known = self._comments.get(comment.id)
        if known is None or _changed(known) <= _changed(comment):
            self._comments[comment.id] = comment

    def _html(self) -> str:
        if not self._comments:
            return ""
        roots, answers = _arranged(list(self._comments.values()))
        return render(
            "thread",
            roots=roots[-self._shown :],
            answers=answers,
            hidden=max(len(roots) - self._shown, 0),
            count=len(self._comments),
            me=self._page.visitor,
        )


@dataclass(frozen=True)
class _Told:
    """A comment as the template takes it."""

    comment: Comment
    words: Markup
    at: int


def _changed(comment: Comment) -> datetime:
    return max(filter(None, (comment.created_at, comment.edited_at, comment.deleted_at)))


def _arranged(comments: list[Comment]) -> tuple[list[_Told], dict[str, list[_Told]]]:
    """The comments that answer none, and by its id the answers to each; in the order in which they were written."""
    known = {each.id for each in comments}
    roots: list[_Told] = []
    answers: dict[str, list[_Told]] = {}
    for each in sorted(comments, key=lambda each: each.created_at):
        # The API has cleaned this HTML: no script, no style, no image, no handler is in it.
        told = _Told(each, Markup(each.html), times.ns(each.created_at))  # noqa: S704
        (answers.setdefault(each.parent, []) if each.parent in known else roots).append(told)
    return roots, answers

"""`ap.comments`: what the team says about a run, a notebook, an instrument or an article."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogEmpty, InputError, did_you_mean
from alphapulse_lib.model.comment import Comment
from alphapulse_lib.session import hub
from alphapulse_lib.session.runs import SessionRun, run
from alphapulse_lib.views import cards

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SessionComments", "comments"]

_KINDS = ("run", "notebook", "instrument", "article")

#: Characters of a comment's id.
_LONG = 16

#: The columns of a frame of comments, with their types.
_COLUMNS = {
    "id": "str",
    "author": "str",
    "body": "str",
    "parent": "str",
    "created": "datetime64[ns, UTC]",
    "edited": "datetime64[ns, UTC]",
}


class SessionComments:
    """The comments on one thing, as they are whenever they are looked at. What `ap.comments` returns.

    Attributes
    ----------
    target : str
        What they are about, such as ``run:3f2a9c0d1e2b3a4f``.
    """

    def __init__(self, target: str) -> None:
        self.target = target

    def __iter__(self) -> Iterator[Comment]:
        return self._all()

    def __len__(self) -> int:
        return sum(1 for _ in self._all())

    def __bool__(self) -> bool:
        return True

    def newest(self, limit: int = 10) -> list[Comment]:
        """The last that were written, the oldest of them first."""
        return list(self._all(newest_first=True, limit=limit))[::-1]

    def frame(self) -> pd.DataFrame:
        """One row a comment, in the order in which they were written.

        Returns
        -------
        pandas.DataFrame
            ``id``, ``author``, ``body`` (Markdown; empty when deleted), ``parent`` (the comment it answers),
            ``created``, ``edited`` (UTC).
        """
        import pandas as pd

        rows = [(each.id, each.author, each.body, each.parent, each.created_at, each.edited_at) for each in self._all()]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    def write(self, text: str, parent: Comment | str | None = None) -> Comment:
        """Write a comment, in Markdown. Whoever it names with an ``@``, and whoever it answers, is told.

        Parameters
        ----------
        text : str
            At most 20,000 characters.
        parent : Comment or str, optional
            The comment that it answers, its id, or the only beginning of one here.

        Raises
        ------
        UnknownTarget
            The hub holds no such thing.
        NotUnderstood
            The text is empty or too long, or the parent is about something else.
        """
        return hub.client().comments.write(self.target, text, parent=None if parent is None else self._id(parent))

    def edit(self, comment: Comment | str, text: str) -> Comment:
        """Change the text of a comment of one's own; the one before stays in its history."""
        return hub.client().comments.edit(self._id(comment), text)

    def delete(self, comment: Comment | str) -> Comment:
        """Take the words of a comment of one's own out of sight; its place in the thread stays."""
        return hub.client().comments.delete(self._id(comment))

    def _all(self, *, newest_first: bool = False, limit: int | None = None) -> Iterator[Comment]:
        return hub.client().comments.list(self.target, newest_first=newest_first, limit=limit)

    def _id(self, comment: Comment | str) -> str:
        """A comment's whole id.

        Raises
        ------
        InputError
            No comment here begins so, or several do.
        """
        if isinstance(comment, Comment) or len(comment) == _LONG:
            return comment if isinstance(comment, str) else comment.id
        found = [each.id for each in self._all() if comment and each.id.startswith(comment)]
        if len(found) == 1:
            return found[0]
        several = f"{len(found)} comments on {self.target} begin" if found else f"No comment on {self.target} begins"
        raise InputError(f"{several} with {comment!r}.", f"Say more of it: {', '.join(found[:5])}." if found else "")

    def __repr__(self) -> str:
        return f"<Comments on {self.target}>"

    def __str__(self) -> str:
        return cards.text(self)

    def _repr_html_(self) -> str:
        return cards.html(self)


def comments(target: str | SessionRun) -> SessionComments:
    """The comments on something: to be read, written and answered.

    Parameters
    ----------
    target : str or SessionRun
        A run, or ``"run:<id>"``, ``"notebook:<path>"``, ``"instrument:<symbol or id>"``, ``"article:<id>"``.

    Returns
    -------
    SessionComments
        Iterates over the comments; ``.write(text, parent=None)``, ``.frame()``, ``.newest()``, ``.edit``, ``.delete``.

    Raises
    ------
    HubError
        There is no hub here: comments live in one.
    InputError
        It is none of these.
    UnknownRun, UnknownSymbol
        There is no such run or instrument.

    Examples
    --------
    >>> ap.comments("instrument:AAPL").write("Earnings on Thursday, @bob")  # doctest: +SKIP
    """
    hub.client()
    if isinstance(target, SessionRun):
        return target.comments()
    kind, found, name = str(target).partition(":")
    if not found or not name or kind not in _KINDS:
        raise InputError(
            f"{str(target)[:80]!r} is nothing that can be commented.",
            did_you_mean(kind, _KINDS, "Give a run, or one of run:, notebook:, instrument:, article: and its name."),
        )
    if kind == "run":
        return run(name).comments()
    return SessionComments(f"instrument:{_instrument(name)}" if kind == "instrument" else str(target))


def _instrument(name: str) -> str:
    """The id of an instrument that may be called by its symbol."""
    try:
        return Index(Roots.of_settings()).resolve(name).id
    except CatalogEmpty:  # no catalog here: the hub's tells
        return name

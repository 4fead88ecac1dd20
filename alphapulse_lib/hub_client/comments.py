"""``/v1/comments``."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from alphapulse_lib.errors import HubFault, HubUnreachable
from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.refusals import unreachable
from alphapulse_lib.hub_client.transport import Page, Transport
from alphapulse_lib.model.comment import Comment, CommentEvent, Edit

__all__ = ["Comments"]

#: Seconds of silence after which a stream is taken for broken: the hub says something every 15.
_SILENCE = 40.0
_LONGEST_PAUSE = 15.0


class Comments:
    """Comments: read, written, answered, followed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        target: str | None = None,
        *,
        parent: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Comment]:
        """Comments in the order in which they were written, or against it, asked for page by page.

        Parameters
        ----------
        target : str, optional
            Only those on it: ``run:<id>``, ``notebook:<path>``, ``instrument:<id>`` or ``article:<id>``.
        parent : str, optional
            Only the direct answers to that comment.
        limit : int, optional
            At most so many.
        """
        return self._transport.pages(Comment, "/v1/comments", _query(target, parent, newest_first), limit)

    def page(
        self,
        target: str | None = None,
        *,
        parent: str | None = None,
        newest_first: bool = False,
        limit: int = 50,
        cursor: str = "",
    ) -> Page[Comment]:
        """One page of that list, for who turns pages oneself."""
        query = {**_query(target, parent, newest_first), "limit": limit, "cursor": cursor or None}
        return self._transport.ask(Page[Comment], "GET", "/v1/comments", query=query)

    def write(self, target: str, body: str, *, parent: str | None = None, key: str = "") -> Comment:
        """Write a comment, in Markdown. Whoever it names with an ``@``, and whoever it answers, is told.

        Parameters
        ----------
        parent : str, optional
            The comment that it answers.
        key : str, optional
            The same under the same key is written once. Made here unless given, so a repeated sending writes one.

        Raises
        ------
        UnknownTarget
            There is no such run, instrument or article.
        NotUnderstood
            The text is empty or too long, or the target is of no known kind.
        """
        sent = {"target": target, "body": body, "parent": parent}
        return self._transport.ask(Comment, "POST", "/v1/comments", body=sent, key=key or uuid.uuid4().hex)

    def get(self, comment_id: str) -> Comment:
        """One comment."""
        return self._transport.ask(Comment, "GET", _path(comment_id))

    def edit(self, comment_id: str, body: str) -> Comment:
        """Change a comment's text; the one before stays in its history."""
        # The same text a second time changes nothing.
        return self._transport.ask(Comment, "PATCH", _path(comment_id), body={"body": body}, repeatable=True)

    def delete(self, comment_id: str) -> Comment:
        """Take a comment's words out of sight."""
        return self._transport.ask(Comment, "DELETE", _path(comment_id), repeatable=True)

    def history(self, comment_id: str) -> tuple[Edit, ...]:
        """A comment's earlier texts, the oldest first."""
        return self._transport.ask(tuple[Edit, ...], "GET", f"{_path(comment_id)}/history")

    def thread(self, comment_id: str) -> tuple[Comment, ...]:
        """A comment and all that answers it, in the order in which they were written."""
        return self._transport.ask(tuple[Comment, ...], "GET", f"{_path(comment_id)}/thread")

    def thread_text(self, comment_id: str) -> str:
        """The same as one Markdown text, to be kept."""
        path = f"{_path(comment_id)}/thread"
        return self._transport.send("GET", path, headers={"Accept": "text/markdown"}).text

    def events(
        self,
        target: str | None = None,
        *,
        after: str = "",
        stop: Callable[[], bool] = lambda: False,
        begun: Callable[[], object] = lambda: None,
    ) -> Iterator[CommentEvent]:
        """New, edited and deleted comments as they happen, without an end; a broken connection is made again.

        Parameters
        ----------
        target : str, optional
            Only those on it.
        after : str, optional
            The ``place`` of the last event that was seen. From now on, unless given.
        stop : callable, optional
            Asked at least every 15 seconds, and at every event: true ends the stream.
        begun : callable, optional
            Called once the hub tells what happens from now on: what was there before can be read then, and none is
            missed in between.

        Raises
        ------
        HubError
            The hub refuses to tell. That it is away is no error: it is waited for.
        """
        pause, has_begun = 0.5, False
        while not stop():
            try:
                for place, event in self._listen(target, after):
                    after, pause = place, 0.5
                    if not has_begun:
                        has_begun = True
                        begun()
                    if event is not None:
                        yield event
                    if stop():
                        return
            except HubUnreachable:
                pause = min(pause * 2, _LONGEST_PAUSE)
            time.sleep(pause)

    def _listen(self, target: str | None, after: str) -> Iterator[tuple[str, CommentEvent | None]]:
        """What one connection tells, until it ends: places in the stream, with an event or as a sign of life."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if after:
            headers["Last-Event-ID"] = after
        client = self._transport.http
        silence = httpx.Timeout(_SILENCE, connect=5.0)
        query = {"target": target} if target else None
        url = f"{self._transport.url}/v1/comments/events"
        try:
            with client.stream("GET", url, params=query, headers=headers, timeout=silence) as answer:
                if not answer.is_success:
                    answer.read()
                for told in EventSource(self._transport.accept(answer)).iter_sse():
                    yield told.id, self._event(told) if told.data else None
        except SSEError as wrong:
            raise HubFault(f"The hub's stream of comments cannot be read: {wrong}.") from None
        except httpx.DecodingError as wrong:
            raise unreachable(url, wrong, _SILENCE) from None
        except httpx.TransportError as away:
            raise HubUnreachable(f"The stream from {url} broke off ({type(away).__name__}).") from None

    def _event(self, told: ServerSentEvent) -> CommentEvent:
        return CommentEvent(told.event, self._transport.read(Comment, told.data), told.id)


def _query(target: str | None, parent: str | None, newest_first: bool) -> dict[str, str | None]:
    return {"target": target, "parent": parent, "order": "newest" if newest_first else None}


def _path(comment_id: str) -> str:
    return f"/v1/comments/{part(comment_id)}"

"""Comments as they happen: one look at the database for all who listen to this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from hub.api.comments.store import CommentStore
from hub.api.identity import BELIEVED
from hub.api.problems import ProblemError
from hub.api.shares.sight import Sight

__all__ = ["Stream"]

#: Seconds between two looks for what any process of the API wrote, and after a look that failed.
_LOOK, _AWAY = 0.5, 2.0
_AT_ONCE = 100


class Stream:
    """What happens to the comments of one database, for any number of listeners.

    Parameters
    ----------
    store : CommentStore
        Where it is written; another process of the API may write there too.
    """

    def __init__(self, store: CommentStore) -> None:
        self._store = store
        self._newest = 0
        self._happened = asyncio.Condition()
        self._listeners = 0
        self._looking: asyncio.Task[None] | None = None

    async def follow(
        self, sight: Sight, last: int | None, target: str | None, look: Callable[[], Awaitable[Sight | None]]
    ) -> AsyncIterator[ServerSentEvent]:
        """Tell one listener until they leave, or their token ends.

        Parameters
        ----------
        sight : Sight
            What they may see.
        last : int, optional
            The place of the last event that they heard; from now on unless given.
        target : str, optional
            Only comments on it.
        look : callable
            Asks again what the listener may see; nothing ends the stream, for their token has ended.
        """
        async with self._listening():
            # A place that this database never gave, as after a reset, would never be reached.
            newest = await run_in_threadpool(self._store.newest_event)
            place = newest if last is None else min(last, newest)
            yield ServerSentEvent(comment="listening", id=str(place))
            asked = time.monotonic()
            while True:
                if time.monotonic() - asked > BELIEVED:
                    asked = time.monotonic()
                    if (still := await _seen(look)) is None:
                        return
                    sight = still
                newest = self._newest
                found = []
                if newest > place:
                    found = await run_in_threadpool(self._store.events, sight, place, target, _AT_ONCE)
                for after_it, event in found:
                    place = after_it
                    if event is not None:
                        data = event.comment.model_dump_json()
                        yield ServerSentEvent(event=event.kind, id=str(place), data=data)
                if len(found) < _AT_ONCE:
                    place = max(place, newest)
                    await self._until(lambda: self._newest > place)  # noqa: B023  called in this turn

    async def _until(self, has_happened: Callable[[], bool]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BELIEVED), self._happened:
                await self._happened.wait_for(has_happened)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Look for what happens for as long as anybody listens."""
        self._listeners += 1
        self._looking = self._looking or asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners and self._looking:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            try:
                newest = await run_in_threadpool(self._store.newest_event)
            except SQLAlchemyError as away:
                logging.getLogger("alphapulse.api").warning("The database does not answer: %s", away)
                await asyncio.sleep(_AWAY)
                continue
            if newest > self._newest:
                async with self._happened:
                    self._newest = newest
                    self._happened.notify_all()
            await asyncio.sleep(_LOOK)


async def _seen(look: Callable[[], Awaitable[Sight | None]]) -> Sight | None:
    """What a token's holder sees now; who listens comes back with another one, or is refused."""
    try:
        return await look()
    except ProblemError:  # the hub is away: nobody can say whether the token is still good
        return None

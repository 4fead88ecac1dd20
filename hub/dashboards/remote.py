"""The REST API, asked in a visitor's own name, beside the page's event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.hub_client import Client, Damaged
from alphapulse_lib.model.comment import CommentEvent
from hub.logs import request_id

__all__ = ["Remote", "TroubleError"]

_PATIENCE = 10.0  # seconds without a byte from the API
#: Threads that wait for the API. Their own: while it hangs, whatever reads the catalog must find a thread.
_WAITING = ThreadPoolExecutor(64, thread_name_prefix="asks-the-api")


class TroubleError(AlphaPulseError):
    """Something that a page was asked for does not exist, or cannot be read."""


class Remote:
    """The API as one page uses it.

    Parameters
    ----------
    url : str
        Where it is, such as ``http://127.0.0.1:8001/services/api``.
    token : str
        The visitor's.
    damaged : callable
        Told, in the thread that asks, of each row that a list leaves out.

    Attributes
    ----------
    client : Client
        Blocks while it asks: use it through `ask` and `all`.
    """

    def __init__(self, url: str, token: str, damaged: Callable[[Damaged], None] = Damaged.tell) -> None:
        self.client = Client(url, token, timeout=_PATIENCE, retries=1, damaged=damaged, request=request_id)
        self._closed = threading.Event()

    async def ask[**P, T](self, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What a method of the client returns, asked in a thread, under the id of what it is asked for."""
        here = copy_context()
        return await asyncio.get_running_loop().run_in_executor(_WAITING, lambda: here.run(function, *given, **named))

    async def all[**P, T](self, function: Callable[P, Iterable[T]], *given: P.args, **named: P.kwargs) -> list[T]:
        """What a method of the client gives one after the other, asked in a thread."""
        return await self.ask(lambda: list(function(*given, **named)))

    def follow(
        self,
        target: str,
        happened: Callable[[CommentEvent], None],
        refused: Callable[[str], None],
        begun: Callable[[], None],
    ) -> None:
        """Hear of each comment on something, in the loop that calls this, until the page is closed.

        Parameters
        ----------
        happened : callable
            Takes each event.
        refused : callable
            Told, once, that the API will say nothing more, and why.
        begun : callable
            Called, once, when each comment from then on will be heard of.
        """
        loop = asyncio.get_running_loop()

        def listen() -> None:
            try:
                told = self.client.comments.events(
                    target, stop=self._closed.is_set, begun=lambda: loop.call_soon_threadsafe(begun)
                )
                for event in told:
                    loop.call_soon_threadsafe(happened, event)
            except AlphaPulseError as said:
                if not self._closed.is_set():
                    loop.call_soon_threadsafe(refused, str(said))

        # A thread of its own: it waits most of the time, and those of the pool are few.
        threading.Thread(target=listen, name=f"comments on {target}", daemon=True).start()

    def close(self) -> None:
        """Nobody looks at the page any more."""
        self._closed.set()
        self.client.close()

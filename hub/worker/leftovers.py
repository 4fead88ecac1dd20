"""Servers that outlived their firing, as when the hub or the worker died between its end and the server's."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx

from hub.spawner import JOB
from hub.worker.record import Firings
from hub.worker.server import AwayError, JobServer

__all__ = ["Leftovers"]

_log = logging.getLogger("alphapulse.worker")

_EVERY = 60.0  # seconds
_OF_A_FIRING = re.compile(rf"{JOB}([0-9a-f]{{16}})")
_PAGES = {"Accept": "application/jupyterhub-pagination+json"}


class Leftovers:
    """Looks now and then for servers of firings that are over, and stops them.

    Parameters
    ----------
    firings : Firings
        Says which are over.
    http : httpx.Client
        Speaks with the worker's token.
    hub_api : str
        Where the hub answers.
    """

    def __init__(self, firings: Firings, http: httpx.Client, hub_api: str) -> None:
        self._firings, self._http, self._hub_api = firings, http, hub_api

    def begin(self, stopping: threading.Event) -> None:
        """Look in a thread of its own, at once and then each minute: a hub that is slow keeps no slot back."""
        threading.Thread(target=self._go_on, args=(stopping,), name="leftovers", daemon=True).start()

    def sweep(self) -> list[str]:
        """Stop what is left, and answer the firings it was of.

        Raises
        ------
        AwayError
            The hub does not answer.
        """
        found = list(self._servers())  # before it is asked which are over: a server is started after its firing is made
        over = self._firings.over([firing for _, firing in found])
        for owner, firing in found:
            if firing in over:
                _log.warning("The server of firing %s of %s outlived it and is stopped", firing, owner)
                JobServer(self._http, self._hub_api, "", owner, firing).remove()
        return sorted(over)

    def _go_on(self, stopping: threading.Event) -> None:
        while True:
            try:
                self.sweep()
            except AwayError as away:
                _log.warning("Servers that may be left over: %s", away)
            except Exception:  # noqa: BLE001  the edge of a thread: the next look may do
                _log.exception("A look for servers that are left over failed")
            if stopping.wait(_EVERY):
                return

    def _servers(self) -> Iterator[tuple[str, str]]:
        """The owner and the firing of each job's server, the stopped ones among them."""
        query: dict[str, Any] | None = {"include_stopped_servers": "true", "offset": 0}
        while query is not None:
            users, following = self._page(query)
            for user in users:
                for server in user["servers"]:
                    if named := _OF_A_FIRING.fullmatch(server):
                        yield user["name"], named[1]
            query = query | {"offset": following["offset"], "limit": following["limit"]} if following else None

    def _page(self, query: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        try:
            answer = self._http.get(f"{self._hub_api}/users", params=query, headers=_PAGES)
            answer.raise_for_status()
            told = answer.json()
            return told["items"], told["_pagination"]["next"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as wrong:
            raise AwayError(f"the hub did not list its users: {type(wrong).__name__}: {wrong}") from None

"""What JupyterLab shows a person without being asked: what an administrator says, that their disk is nearly full.

``GET {base_url}alphapulse/notices``: a list of ``name``, ``id``, ``text`` and ``type`` (``info`` or ``warning``). What
has an ``id`` may be put away for good.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPError

from alphapulse_jobs.room import Room

__all__ = ["Announcement", "NoticesHandler"]

_log = logging.getLogger("alphapulse.notices")
_ASKED_EVERY = 30.0  # seconds
_LONGEST = 500  # characters


class Announcement:
    """What an administrator says to everybody, as the hub's API tells it.

    Parameters
    ----------
    api : str
        Where the API is; empty outside of a hub.
    """

    def __init__(self, api: str) -> None:
        self._url = f"{api}/notice" if api else ""
        self._asked_at, self._said = float("-inf"), {"id": "", "text": ""}

    async def told(self) -> dict[str, str]:
        """What is said, as it was told within the last half minute; what was said last, while the API is away."""
        if self._url and time.monotonic() - self._asked_at > _ASKED_EVERY:
            self._asked_at = time.monotonic()  # first: who asks meanwhile waits for no second answer
            try:
                answer = await AsyncHTTPClient().fetch(self._url, request_timeout=5)
                found = json.loads(answer.body)
                self._said = {name: str(found[name])[:_LONGEST] for name in ("id", "text")}
            except (OSError, HTTPError, ValueError, KeyError, TypeError) as away:
                _log.debug("The API does not tell what is said to everybody: %s", away)
        return {"name": "announcement", "type": "info", **self._said}


class NoticesHandler(APIHandler):
    """``/alphapulse/notices``."""

    auth_resource = "notices"
    _track_activity = False  # a window that is open asks again and again, and nobody need be there

    def initialize(self, room: Room, announcement: Announcement) -> None:
        """Take what there is to tell of."""
        self.room, self.announcement = room, announcement

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What is to be shown now."""
        found: list[dict[str, Any]] = [await self.room.told(), await self.announcement.told()]
        self.finish(json.dumps([each for each in found if each["text"]]))

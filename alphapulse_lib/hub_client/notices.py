"""``/notice``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alphapulse_lib.hub_client.transport import Transport

__all__ = ["Notice", "Notices"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What an administrator says to everybody.

    Attributes
    ----------
    id : str
        Its own; empty where nothing is said.
    text : str
        Plain text; empty where nothing is said.
    until : datetime or None
        When it is over by itself.
    """

    id: str
    text: str
    until: datetime | None = None


class Notices:
    """What an administrator says to everybody: in JupyterLab, on the hub's pages and on the dashboards."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def now(self) -> Notice:
        """What is said now. Needs no token."""
        return self._transport.ask(Notice, "GET", "/notice")

    def say(self, text: str, until: datetime | None = None) -> Notice:
        """Say something from now on, in place of what was said before; an empty text says nothing any more.

        Parameters
        ----------
        text : str
            One line of at most 500 characters.
        until : datetime, optional
            When it is over by itself, with a time zone.
        """
        sent = {"text": text, "until": None if until is None else until.isoformat()}
        return self._transport.ask(Notice, "PUT", "/v1/notice", body=sent)

"""``/v1/shares``: what the token's owner lets others see, and what others let them see."""

from __future__ import annotations

from collections.abc import Iterator

from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.transport import Page, Transport
from alphapulse_lib.model.share import Share

__all__ = ["Shares"]


class Shares:
    """What is shared by, and with, the token's owner; an administrator's token is told of everybody's."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        owner: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Share]:
        """Shares, the newest first, asked for page by page; only of that kind, thing and owner."""
        query = {"kind": kind, "subject": subject, "owner": owner}
        return self._transport.pages(Share, "/v1/shares", query, limit)

    def page(self, *, limit: int = 50, cursor: str = "", **wanted: str | None) -> Page[Share]:
        """One page of that list, for who turns pages oneself; ``wanted`` as in `list`."""
        query = {**wanted, "limit": limit, "cursor": cursor or None}
        return self._transport.ask(Page[Share], "GET", "/v1/shares", query=query)

    def get(self, share_id: str) -> Share:
        """One share.

        Raises
        ------
        UnknownTarget
            There is none such by, or with, the token's owner.
        """
        return self._transport.ask(Share, "GET", _path(share_id))

    def make(self, subject: str, audience: str, *, kind: str = "run") -> Share:
        """Share something; what is shared so already stays as it is.

        Parameters
        ----------
        subject : str
            A run's id, or the only beginning of one; a rendering's id; of a dashboard, two to six ids of runs with
            commas between them.
        audience : str
            A person's name, a group as ``@desk``, or ``*``: everybody who signed in.
        kind : {"run", "rendering", "dashboard"}
            What it is.

        Raises
        ------
        UnknownTarget
            The token's owner sees no such thing, or the hub knows no such person or group.
        NotAllowed
            It is somebody else's.
        """
        sent = {"kind": kind, "subject": subject, "audience": audience}
        return self._transport.ask(Share, "POST", "/v1/shares", body=sent, repeatable=True)

    def take_back(self, share_id: str) -> None:
        """End a share.

        Raises
        ------
        UnknownTarget
            There is none such.
        NotAllowed
            It is somebody else's.
        """
        self._transport.send("DELETE", _path(share_id))


def _path(share_id: str) -> str:
    return f"/v1/shares/{part(share_id)}"

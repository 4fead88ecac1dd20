"""``/v1/ingests``."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.transport import Page, Transport
from alphapulse_lib.model.ingest import Ingest

__all__ = ["Ingests"]


class Ingests:
    """What vendors are asked for by the hub's worker, which alone holds their keys."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ask(
        self,
        provider: str,
        symbols: Sequence[str],
        period: str = "1d",
        *,
        start: str,
        end: str | None = None,
        feed: str | None = None,
        venue: str = "",
        kind: str = "bars",
        key: str = "",
    ) -> Ingest:
        """Ask a vendor for what the team's catalog lacks; `get` tells how far it is.

        Parameters
        ----------
        provider : str
            The vendor, such as ``"alpaca"``.
        symbols, period, start, end, feed, venue, kind
            As of `ap.ingest`; times as text.
        key : str, optional
            The same under the same key is asked once. Made here unless given.

        Raises
        ------
        NotUnderstood
            The period, the window or a name is none.
        """
        sent = {"provider": provider, "symbols": list(symbols), "period": period, "start": start, "end": end}
        sent |= {"feed": feed, "venue": venue, "kind": kind}
        return self._transport.ask(Ingest, "POST", "/v1/ingests", body=sent, key=key or uuid.uuid4().hex)

    def ask_dataset(self, name: str, *, key: str = "") -> Ingest:
        """Bring a dataset up to date that is declared at the hub."""
        return self._transport.ask(Ingest, "POST", "/v1/ingests", body={"dataset": name}, key=key or uuid.uuid4().hex)

    def list(self, *, owner: str | None = None, state: str | None = None, limit: int | None = None) -> Iterator[Ingest]:
        """Requests, the newest first, asked for page by page.

        Parameters
        ----------
        owner, state : str, optional
            Only that person's, or only those in that state.
        limit : int, optional
            At most so many.
        """
        return self._transport.pages(Ingest, "/v1/ingests", {"owner": owner, "state": state}, limit)

    def page(
        self, *, owner: str | None = None, state: str | None = None, limit: int = 50, cursor: str = ""
    ) -> Page[Ingest]:
        """One page of that list, for who turns pages oneself."""
        query = {"owner": owner, "state": state, "limit": limit, "cursor": cursor or None}
        return self._transport.ask(Page[Ingest], "GET", "/v1/ingests", query=query)

    def get(self, ingest_id: str) -> Ingest:
        """One request, and how far it is."""
        return self._transport.ask(Ingest, "GET", f"/v1/ingests/{part(ingest_id)}")

    def cancel(self, ingest_id: str) -> Ingest:
        """Wait for it no longer. The fetch goes on for others who asked for the same.

        Raises
        ------
        Conflict
            It is over.
        """
        return self._transport.ask(Ingest, "POST", f"/v1/ingests/{part(ingest_id)}/cancel")

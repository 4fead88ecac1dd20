"""``/v1/publications``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.transport import Transport
from alphapulse_lib.model.ingest import Ingest

__all__ = ["Publications"]


class Publications:
    """Series of one's own for the team's catalog, which the hub's worker alone writes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def upload(self, upload: str, path: str, content: bytes) -> None:
        """Send a file of the series.

        Parameters
        ----------
        upload : str
            The same new id for all files: 32 hexadecimal digits.
        path : str
            Where the file lies in a catalog, such as ``"instruments.parquet"``.

        Raises
        ------
        NotAllowed
            This person may not publish.
        NotUnderstood
            No series has such a file, or it is no Parquet.
        """
        headers = {"Content-Type": "application/octet-stream"}
        address = f"/v1/publications/{part(upload)}/files"
        self._transport.send("PUT", address, query={"path": path}, headers=headers, content=content)

    def ask(
        self,
        upload: str,
        instruments: Sequence[str],
        period: str = "1d",
        *,
        adjusted: Sequence[str] = (),
        key: str = "",
    ) -> Ingest:
        """Ask for series of an upload to be published; `Ingests.get` tells how far it is.

        Parameters
        ----------
        instruments : sequence of str
            Their ids.
        adjusted : sequence of str
            Those of them whose prices were declared adjusted.
        key : str, optional
            The same under the same key is asked once. Made here unless given.
        """
        sent = {"upload": upload, "instruments": list(instruments), "period": period, "adjusted": list(adjusted)}
        return self._transport.ask(Ingest, "POST", "/v1/publications", body=sent, key=key or uuid.uuid4().hex)

    def revert(self, import_id: str, *, key: str = "") -> Ingest:
        """Ask for a publication to be taken back, whoever published it.

        Parameters
        ----------
        import_id : str
            Its import in the team's catalog.
        key : str, optional
            The same under the same key is asked once. Made here unless given.
        """
        sent = {"import": import_id}
        return self._transport.ask(Ingest, "POST", "/v1/publications/reverts", body=sent, key=key or uuid.uuid4().hex)

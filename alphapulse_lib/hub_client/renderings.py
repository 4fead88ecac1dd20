"""``/v1/renderings``: executed notebooks as pages, for others to look at."""

from __future__ import annotations

from alphapulse_lib.hub_client.paths import part
from alphapulse_lib.hub_client.transport import Transport
from alphapulse_lib.model.share import Rendering

__all__ = ["Renderings"]


class Renderings:
    """Pages of the token's owner's notebooks, and those that are shared with them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def make(self, notebook: str, html: str, *, key: str = "") -> Rendering:
        """Hand in a page, to be shared with `Shares.make`; one that never is goes after a day.

        Parameters
        ----------
        notebook : str
            The notebook's path in the workspace.
        html : str
            A page that needs no network; at most 20,000,000 characters.
        key : str
            An idempotency key: the same page sent again under it is kept once.

        Raises
        ------
        Conflict
            A hundred of one's own are shared already.
        NotUnderstood
            It is too long, or the path leads out of the workspace.
        """
        sent = {"notebook": notebook, "html": html}
        return self._transport.ask(Rendering, "POST", "/v1/renderings", body=sent, key=key)

    def get(self, rendering_id: str) -> Rendering:
        """What is known of a rendering.

        Raises
        ------
        UnknownTarget
            There is none such of one's own, or shared with one.
        """
        return self._transport.ask(Rendering, "GET", _path(rendering_id))

    def page(self, rendering_id: str) -> bytes:
        """Its page. Whatever is written in it was somebody else's to write: show it in a sandbox.

        Raises
        ------
        UnknownTarget
            There is none such of one's own, or shared with one.
        """
        return self._transport.send("GET", f"{_path(rendering_id)}/page").content


def _path(rendering_id: str) -> str:
    return f"/v1/renderings/{part(rendering_id)}"

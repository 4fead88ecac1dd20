"""Between a page in the browser and its half on the server.

The page is HTML that the server writes, slot by slot; the script of the bridge puts it in place, and sends back which
control was used and what its form holds. One component a page, so that a page is as light as Panel allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.document import Document
from panel.custom import JSComponent

__all__ = ["Bridge", "Heard"]

#: What the browser said: the name of the act, its value, the fields of its form.
type Heard = Callable[[str, str, dict[str, str]], None]


class Bridge(JSComponent):
    """The component. It has no looks of its own."""

    _esm = "bridge.js"

    def __init__(self, heard: Heard, **parameters: Any) -> None:
        super().__init__(**parameters)  # type: ignore[no-untyped-call]
        self._heard = heard

    def tell(self, document: Document, kind: str, **said: Any) -> None:
        """Send the browser something: ``html`` for a slot, a ``note``, an ``address``.

        May be called from any task of the service's loop.
        """
        document.add_next_tick_callback(lambda: self._send_msg({"kind": kind, **said}))

    def _handle_msg(self, data: Any) -> None:
        # Whatever a browser sends may be forged: only texts are taken.
        if not isinstance(data, dict) or not isinstance(data.get("act"), str):
            return
        value, fields = data.get("value"), data.get("fields")
        plain = {k: v for k, v in fields.items() if isinstance(v, str)} if isinstance(fields, dict) else {}
        self._heard(data["act"], value if isinstance(value, str) else "", plain)

"""A server that nobody uses ends by itself, and never one in which a kernel, a terminal or a job is.

Jupyter's own server looks, each minute, by ``shutdown_no_activity_timeout``: it ends where it has no kernel, where no
extension says that it is at work, and where nothing was asked of it for so long. A job that runs counts as asked for
(`jobs`). It knows at that very moment what runs in it, which nobody can who asks from elsewhere and then ends it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["watch"]

_OFTEN = 60  # seconds between two looks of Jupyter's own


def watch(app: Any) -> None:
    """Let the server know of its terminals, and look more often where its limit is short.

    Parameters
    ----------
    app : ServerApp
        The server.
    """
    from jupyter_server_terminals.app import TerminalsExtensionApp
    from tornado.ioloop import PeriodicCallback

    # Up to 0.5.4 at least it says that it has none, however many there are (jupyter_server_terminals' issue 112).
    TerminalsExtensionApp.current_activity = _terminals  # type: ignore[method-assign]
    if 0 < app.shutdown_no_activity_timeout < _OFTEN:
        PeriodicCallback(app.shutdown_no_activity, 500 * app.shutdown_no_activity_timeout).start()


def _terminals(self: Any) -> dict[str, Any] | None:
    manager = self.settings.get("terminal_manager")
    return (manager and manager.terminals) or None

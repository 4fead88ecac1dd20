"""The authenticator that the settings name, which also ends what a removed or demoted person leaves running."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.utils import maybe_future
from traitlets import import_item

from hub import closed, entitled
from hub.guesses import Guarded
from hub.noted import Noted

__all__ = ["authenticator", "end_servers"]


async def end_servers(user: Any) -> None:
    """End every server of a person, one that just starts too."""
    for server, spawner in list(user.spawners.items()):
        if spawner.pending and spawner._spawn_future:
            spawner._spawn_future.cancel()
        if spawner.active:
            await user.stop(server)


def authenticator(name: str) -> type[Authenticator]:
    """The class of an authenticator.

    JupyterHub ends the nameless server of a person who is removed, and answers 500 where another one runs, such as a
    scheduled notebook's: this class ends all of them.

    Parameters
    ----------
    name : str
        As JupyterHub knows it, or ``module.Class``.
    """
    known = {point.name: point for point in entry_points(group="jupyterhub.authenticators")}
    kind: type[Authenticator] = known[name].load() if name in known else import_item(name)

    class Removing(Noted, Guarded, kind):  # type: ignore[misc]
        def get_handlers(self, app: Any) -> list[Any]:
            """The pages that signing in needs, and what stands before JupyterHub's own; asked once, at the start."""
            self._looking = entitled.watch(app, end_servers)
            return [*super().get_handlers(app), *closed.HANDLERS]

        async def delete_user(self, user: Any) -> None:
            """What JupyterHub calls before it forgets a person."""
            await end_servers(user)
            await maybe_future(super().delete_user(user))

    Removing.__name__ = kind.__name__  # what is configured for the one is for the other
    return Removing

"""Who looks at a page. The gate finds out; the page's own code asks here."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

__all__ = ["Visitor", "arrived", "visitor"]


@dataclass(frozen=True)
class Visitor:
    """Somebody who signed in.

    Attributes
    ----------
    name : str
        The hub's name of the person.
    is_admin : bool
        Whether it is an administrator.
    token : str
        What the hub gave the browser: the page asks the REST API with it, in the person's name. It stays on the server.
    session : str
        The browser's session at the hub, which signing out ends.
    scopes : frozenset of str
        What the token may do at the API.
    """

    name: str
    is_admin: bool
    token: str = field(repr=False)
    session: str = field(repr=False)
    scopes: frozenset[str] = frozenset()

    @property
    def may_comment(self) -> bool:
        """Whether the API takes comments of theirs."""
        return "custom:comments:write" in self.scopes

    @property
    def may_schedule(self) -> bool:
        """Whether the API takes schedules of theirs: whoever may have a workspace, by every role of `hub.roles`."""
        return "custom:schedules:write" in self.scopes


_CURRENT: ContextVar[Visitor] = ContextVar("visitor")


def arrived(somebody: Visitor) -> None:
    """Remember who this request is from, for all that it starts."""
    _CURRENT.set(somebody)


def visitor() -> Visitor:
    """Who the request that is being answered is from.

    Raises
    ------
    LookupError
        No request is: nothing but the gate lets one in.
    """
    return _CURRENT.get()

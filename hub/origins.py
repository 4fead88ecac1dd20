"""Which pages may touch each other in a browser: the hub's own are shielded, and people's may have hosts of their own.

What runs in somebody's workspace is theirs to write, and a browser lets pages of one host read and script each other.
So the hub's pages let none of their host keep hold of them; and with ``ALPHAPULSE_SUBDOMAIN_HOST`` each person's server
is at a host of its own, ``ann.hub.example.org``, where nothing of the hub's, or of anybody else's, can be read at all.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import urlsplit

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.settings import Settings

__all__ = ["SHIELD", "check", "configure", "host_of"]

#: What a page says of itself that a workspace's page may neither open and hold, nor be opened by and held.
SHIELD = {
    "Cross-Origin-Opener-Policy": "noopener-allow-popups",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_LABEL = re.compile(r"(?!.*--)(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_UNLIKELY = 20  # hexadecimal digits of a name's hash: nobody finds a name with the hash of another's


def check(chosen: Settings) -> None:
    """Refuse a host that people's could not be below.

    Raises
    ------
    SettingsError
        It is no address, or an IP's: nothing is below that.
    """
    given = chosen.subdomain_host
    if not given:
        return
    at = urlsplit(given)
    try:
        named, _ = at.hostname or "", at.port
    except ValueError:  # a port that is none
        named = ""
    plain = at.scheme in ("http", "https") and not (at.path or at.query or at.fragment or at.username)
    if not plain or not _HOST.fullmatch(named) or named.rpartition(".")[2].isdigit():
        raise SettingsError(
            f"ALPHAPULSE_SUBDOMAIN_HOST={given!r} is no address whose host others can be below.",
            "Give scheme, name and, if it is not the usual one, port, as in https://hub.example.org; *.hub.example.org "
            "must lead to the same machine.",
        )


def host_of(name: str, domain: str, kind: str) -> str:
    """The host of a person's server; the services are the hub's own and stay at its host.

    A name that cannot be part of a host's is told apart by its hash. JupyterHub's own such hosts have seven digits of
    one: whoever may choose their name would find one that leads to the host of somebody else.
    """
    if kind == "service":
        return domain
    if _LABEL.fullmatch(name):
        return f"{name}.{domain}"
    shown = "".join(each for each in name if each.isascii() and each.isalnum())[:16].lower() or "x"
    return f"u-{shown}--{hashlib.sha256(name.encode()).hexdigest()[:_UNLIKELY]}.{domain}"


def configure(c: Any, chosen: Settings) -> None:
    """Tell JupyterHub what its pages say of themselves, whom they answer, and where people's servers are.

    Parameters
    ----------
    c : traitlets.config.Config
        JupyterHub's configuration.
    chosen : Settings
        The settings in force.
    """
    # The key to the hub's API stands in its pages, and those alone use it. A script could take it out of the cookie: by
    # the frame of a picture of the hub's, which may be framed.
    c.JupyterHub.tornado_settings = {"headers": dict(SHIELD), "xsrf_cookie_kwargs": {"httponly": True}}
    _open_to_people_alone()
    if chosen.subdomain_host:
        c.JupyterHub.subdomain_host = chosen.subdomain_host
        c.JupyterHub.subdomain_hook = host_of
        # A page may set cookies for all hosts below its own's parent, the hub's among them; none of this name, which a
        # browser takes over TLS alone.
        c.JupyterHub.cookie_host_prefix_enabled = chosen.subdomain_host.startswith("https:")
        _at_its_own_host_alone()


def _open_to_people_alone() -> None:
    """Answer the hub's pages to who opens one in a window, and to no script.

    Each page holds what the API asks of scripts; JupyterHub gives it to any script of its host that fetches a page.
    """
    from jupyterhub.apihandlers.base import APIHandler
    from jupyterhub.handlers.base import BaseHandler

    before = BaseHandler.prepare

    async def prepare(self: Any) -> None:
        if self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" or isinstance(self, APIHandler):
            await before(self)
            return
        # Of a server that does not run, Lab wants to know just that. No page of errors: it would hold the same.
        self.set_status(424 if "/user/" in self.request.path else 403)
        self.finish("Open this page in a browser's window.\n")

    BaseHandler.prepare = prepare


def _at_its_own_host_alone() -> None:
    """Keep the hub, and its cookies, to its own host.

    What no server answers at a person's host comes to the hub. A sign-in there would leave the hub's cookie with that
    person's pages, and they would use the hub with it. JupyterHub's cookie of a session is of the whole domain, for
    people's servers to know when it ends; here the hub ends their tokens, and they ask within seconds.
    """
    from jupyterhub.handlers.base import BaseHandler

    before = BaseHandler.prepare

    async def prepare(self: Any) -> None:
        named = self.request.host_name.lower()
        if not named.endswith("." + self.domain) or not self.request.path.startswith(self.hub.base_url):
            await before(self)  # an address outside of the hub's: JupyterHub sends that to the hub's own host
        elif self.request.method in ("GET", "HEAD"):
            self.redirect(self.subdomain_host + self.request.uri)
        else:
            self.set_status(421)
            self.finish(f"The hub is at {self.subdomain_host}.\n")

    def of_this_host(method: Any) -> Any:
        def setting(self: Any, *words: Any, **kwargs: Any) -> Any:
            return method(self, *words, **{name: each for name, each in kwargs.items() if name != "domain"})

        return setting

    BaseHandler.prepare = prepare
    BaseHandler._set_cookie = of_this_host(BaseHandler._set_cookie)
    BaseHandler.clear_cookie = of_this_host(BaseHandler.clear_cookie)

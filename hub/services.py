"""The services beside the hub: external to it, each with a fixed token and an address, kept alive by the supervisor.

A service that the hub started itself would outlive a killed hub and then hold its port against its own successor.
"""

from __future__ import annotations

from typing import Any

from alphapulse_lib.settings import Settings
from hub import access, roles
from hub.keys import Keys
from hub.network import Network

__all__ = ["configure"]


def configure(c: Any, chosen: Settings, network: Network, held: Keys) -> None:
    """Tell JupyterHub of the services, of what each token may do and who has which role; ``c`` is its configuration."""
    c.JupyterHub.services = [
        {"name": "api", "url": network.api, "api_token": held.api_token, "display": False},
        {"name": "worker", "api_token": held.worker_token, "display": False},
        {"name": "audit", "api_token": held.audit_token, "display": False},  # the hub itself, at the API
        {"name": "metrics", "api_token": held.metrics_token, "display": False},  # Prometheus reads with it
        {
            "name": "dashboards",
            "url": network.dashboards,
            "api_token": held.dashboards_token,
            "oauth_redirect_uri": "/services/dashboards/oauth_callback",  # at the hub's own host, whichever that is
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": roles.BROWSER,
            "display": False,  # the hub's pages have a link of their own to it
        },
    ]
    c.JupyterHub.custom_scopes = roles.SCOPES | roles.PROGRAMS
    c.JupyterHub.load_roles = roles.roles(chosen.everybody, access.holders(chosen))
    c.JupyterHub.default_url = "/services/dashboards/home"
    c.JupyterHub.allow_named_servers = True  # scheduled jobs run in one of their owner's
    c.Spawner.server_token_scopes = roles.WORKSPACE

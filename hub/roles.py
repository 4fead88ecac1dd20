"""Who may do what, as data: the scopes of the REST API, and the roles that hand them out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["BROWSER", "GIVEN", "PUBLISH", "SCOPES", "WORKSPACE", "roles"]

#: The roles that `ALPHAPULSE_ROLES` gives.
GIVEN = ("admin", "publisher")

#: Bringing a series of one's own into the team's catalog.
PUBLISH = "custom:catalog:publish"
#: The API's own scopes. Writing includes reading.
SCOPES: dict[str, dict[str, Any]] = {
    "custom:catalog:read": {"description": "Read instruments, bars, news and coverage."},
    PUBLISH: {"description": "Publish series of one's own into the team's catalog."},
    "custom:comments:read": {"description": "Read comments."},
    "custom:comments:write": {"description": "Write comments.", "subscopes": ["custom:comments:read"]},
    "custom:ledger:read": {"description": "Read the ledger of runs."},
    "custom:ledger:write": {"description": "Append runs to the ledger.", "subscopes": ["custom:ledger:read"]},
    "custom:schedules:read": {"description": "Read schedules and their firings."},
    "custom:schedules:write": {"description": "Make and change schedules.", "subscopes": ["custom:schedules:read"]},
    "custom:ingests:read": {"description": "Read who asked which vendor for what."},
    "custom:ingests:write": {
        "description": "Ask vendors for data for the team's catalog.",
        "subscopes": ["custom:ingests:read"],
    },
    "custom:notifications:read": {"description": "Read one's own notifications."},
}

_ACCESS = ("access:services!service=api", "access:services!service=dashboards")
#: What everybody who may sign in may do.
_EVERYBODY = (
    "custom:catalog:read",
    "custom:comments:write",
    "custom:ledger:write",
    "custom:schedules:write",
    "custom:ingests:write",
    "custom:notifications:read",
)

#: What a workspace's own token may do, at most what its owner may.
WORKSPACE = ["users:activity!user", "access:servers!server", "access:services!service=api", PUBLISH, *_EVERYBODY]
#: What the token of a visitor of the dashboards may do, at most what the visitor may.
BROWSER = ["access:services!service=api", "access:services!service=dashboards", *_EVERYBODY]


def roles(publishers: Iterable[str] = (), groups: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The roles, as ``JupyterHub.load_roles`` takes them; who may publish: people by their names, and groups."""
    return [
        # The role of this name is JupyterHub's; replacing it, what it gave must be kept: `self`.
        {"name": "user", "scopes": ["self", *_ACCESS, *_EVERYBODY]},
        # JupyterHub makes these lists the whole membership at each start.
        {"name": "publisher", "users": sorted(publishers), "groups": sorted(groups), "scopes": [PUBLISH]},
        # It starts the owner's job server, runs the notebook in it, with a token of the owner's for it, and stops it;
        # of all users it lists the servers that are left over.
        {
            "name": "worker",
            "services": ["worker"],
            "scopes": ["servers", "access:servers", "list:users", "read:servers", "tokens"],
        },
        # JupyterHub's own metrics and the API's, and nothing else.
        {"name": "metrics", "services": ["metrics"], "scopes": ["read:metrics", "access:services!service=api"]},
    ]

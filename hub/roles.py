"""Who may do what, as data: the scopes of the REST API, and the roles that hand them out.

``python -m hub.roles > docs/reference/roles.md`` writes the page of it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ADMINISTER",
    "BROWSER",
    "GIVEN",
    "PROGRAMS",
    "PUBLISH",
    "READ_AUDIT",
    "READ_USAGE",
    "ROLES",
    "SAY",
    "SCOPES",
    "SEE_ALL",
    "TELL",
    "TELL_USAGE",
    "WORKSPACE",
    "Holders",
    "Role",
    "expanded",
    "page",
    "roles",
    "scopes_of",
]

#: Bringing a series of one's own into the team's catalog.
PUBLISH = "custom:catalog:publish"
#: Reading runs and schedules that are not one's own, nor a fellow's, nor shared.
SEE_ALL = "custom:ledger:everybody"
#: Saying something to everybody, as that the hub is down on Friday.
SAY = "custom:notice:say"
#: What people's servers use: each tells it of itself, administrators read it, and what the workers measure.
TELL_USAGE, READ_USAGE = "custom:usage:tell", "custom:usage:read"
#: Reading the audit log: who did what, on what, when and from where.
READ_AUDIT = "custom:audit:read"
#: Telling the audit log what is done at the hub itself: the hub's own, and no person's.
TELL = "custom:audit:tell"
#: Scopes that no role of people has.
PROGRAMS = {TELL: {"description": "Tell the audit log who signed in, and what was done at the hub itself."}}
#: The API's own scopes. Writing includes reading.
SCOPES: dict[str, dict[str, Any]] = {
    "custom:catalog:read": {"description": "Read instruments, bars, news and coverage."},
    PUBLISH: {"description": "Publish series of one's own into the team's catalog."},
    "custom:comments:read": {"description": "Read comments."},
    "custom:comments:write": {"description": "Write comments.", "subscopes": ["custom:comments:read"]},
    "custom:ledger:read": {"description": "Read one's own runs, those of one's teams, and what is shared with one."},
    "custom:ledger:write": {"description": "Append runs to the ledger.", "subscopes": ["custom:ledger:read"]},
    SEE_ALL: {"description": "Read everybody's runs, schedules and firings."},
    "custom:shares:read": {"description": "Read what one shares, and what is shared with one."},
    "custom:shares:write": {
        "description": "Share what is one's own, and take it back.",
        "subscopes": ["custom:shares:read"],
    },
    "custom:schedules:read": {"description": "Read one's own schedules and firings, and those of one's teams."},
    "custom:schedules:write": {"description": "Make and change schedules.", "subscopes": ["custom:schedules:read"]},
    "custom:ingests:read": {"description": "Read who asked which vendor for what."},
    "custom:ingests:write": {
        "description": "Ask vendors for data for the team's catalog.",
        "subscopes": ["custom:ingests:read"],
    },
    "custom:live:read": {"description": "Read what trades live. Nothing asks for it yet: live trading is to come."},
    "custom:live:write": {
        "description": "Start and stop what trades live. Nothing asks for it yet: live trading is to come.",
        "subscopes": ["custom:live:read"],
    },
    "custom:notifications:read": {"description": "Read one's own notifications."},
    TELL_USAGE: {"description": "Tell what a server of one's own uses; each does so itself."},
    READ_USAGE: {"description": "Read what everybody's servers use, and what the workers measure."},
    READ_AUDIT: {"description": "Read the audit log: who did what, on what, when and from where."},
    SAY: {
        "description": "Say something to everybody: the notice in JupyterLab, on the hub's pages and the dashboards."
    },
}
#: What an administrator alone may, on a page or with a token of their own: not whatever runs in their workspace.
ADMINISTER = (READ_USAGE, READ_AUDIT, SAY)


@dataclass(frozen=True)
class Role:
    """What somebody is to the team.

    Attributes
    ----------
    does : str
        What a person of it may do.
    includes : tuple of str
        The roles whose scopes it has too.
    scopes : tuple of str
        What it has beyond theirs.
    """

    does: str
    includes: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


#: By their names, each after those that it includes.
ROLES: dict[str, Role] = {
    "viewer": Role(
        "Signs in, opens the dashboards, reads the catalog, the runs and schedules of their teams, what is shared "
        "with them, comments, what vendors were asked for, and their own notifications; makes tokens for as much. Has "
        "no workspace, and changes nothing.",
        scopes=(
            "read:users!user",
            "tokens!user",
            "access:services!service=api",
            "access:services!service=dashboards",
            "custom:catalog:read",
            "custom:comments:read",
            "custom:ledger:read",
            "custom:shares:read",
            "custom:schedules:read",
            "custom:ingests:read",
            "custom:live:read",
            "custom:notifications:read",
        ),
    ),
    "researcher": Role(
        "Has a workspace of their own, runs notebooks and backtests in it, hands runs in, shares them, comments, "
        "schedules notebooks, and asks vendors for data.",
        includes=("viewer",),
        scopes=(
            "self",
            "custom:comments:write",
            "custom:ledger:write",
            "custom:shares:write",
            "custom:schedules:write",
            "custom:ingests:write",
            TELL_USAGE,
        ),
    ),
    "trader": Role("Starts and stops what trades live.", includes=("researcher",), scopes=("custom:live:write",)),
    "reviewer": Role(
        "Decides what becomes the team's: publishes series into the team's catalog, and reads everybody's runs "
        "and schedules.",
        includes=("researcher",),
        scopes=(PUBLISH, SEE_ALL),
    ),
    "publisher": Role(
        "Publishes series into the team's catalog, beside what else they may; `ALPHAPULSE_PUBLISHERS` names such.",
        scopes=(PUBLISH,),
    ),
    "admin": Role(
        "Administers the hub: sees who is on and who did what, starts and stops everybody's servers, adds and removes "
        "people, pauses and deletes what is others', says something to everybody; may do what every other role may.",
        includes=("trader", "reviewer"),
        scopes=ADMINISTER,
    ),
}
#: The roles that `ALPHAPULSE_ROLES` gives.
GIVEN = tuple(ROLES)


@dataclass(frozen=True)
class Holders:
    """Who has a role: people by their names, and groups of the identity provider's."""

    names: set[str]
    groups: set[str]


def scopes_of(name: str) -> list[str]:
    """All scopes of a role, those of the roles that it includes among them; without what writing includes."""
    role = ROLES[name]
    inherited = [scope for other in role.includes for scope in scopes_of(other)]
    return list(dict.fromkeys([*inherited, *role.scopes]))


def _of_the_api(name: str) -> list[str]:
    return [scope for scope in scopes_of(name) if scope in SCOPES]


#: What a workspace's own token may do, at most what its owner may.
WORKSPACE = [
    *("users:activity!user", "access:servers!server", "access:services!service=api"),
    *(scope for scope in _of_the_api("admin") if scope not in ADMINISTER),
]
#: What the token of a visitor of the dashboards may do, at most what the visitor may.
BROWSER = [
    *("access:services!service=api", "access:services!service=dashboards"),
    *_of_the_api("researcher"),
    SEE_ALL,
    *ADMINISTER,
]


def roles(everybody: str, held: Mapping[str, Holders]) -> list[dict[str, Any]]:
    """The roles, as ``JupyterHub.load_roles`` takes them.

    Parameters
    ----------
    everybody : str
        The role of whoever may sign in.
    held : mapping of str to Holders
        Who has which role besides.
    """
    given = [
        # JupyterHub makes these lists the whole membership at each start.
        {
            "name": "administrator" if name == "admin" else name,
            "users": sorted(held[name].names),
            "groups": sorted(held[name].groups),
            "scopes": scopes_of(name),
        }
        for name in ROLES
    ]
    return [
        # The role of this name is JupyterHub's, and every person's.
        {"name": "user", "scopes": scopes_of(everybody)},
        # This one is too, and holds none of our scopes and cannot. Unless told who has it, JupyterHub lets whoever was
        # an administrator once be one for ever; who is by a group is one again when the provider next says so.
        {"name": "admin", "users": sorted(held["admin"].names)},
        *given,
        # It starts the owner's job server, runs the notebook in it, with a token of the owner's for it, and stops it;
        # of all users it lists the servers that are left over.
        {
            "name": "worker",
            "services": ["worker"],
            "scopes": ["servers", "access:servers", "list:users", "read:servers", "tokens"],
        },
        # It asks who is in which group, and whether there is somebody of a name.
        {"name": "api", "services": ["api"], "scopes": ["list:groups", "read:groups", "read:users:name"]},
        {"name": "audit", "services": ["audit"], "scopes": [TELL, "access:services!service=api"]},
        # JupyterHub's own metrics and the API's, and nothing else.
        {"name": "metrics", "services": ["metrics"], "scopes": ["read:metrics", "access:services!service=api"]},
    ]


def page() -> str:
    """What `docs/reference/roles.md` says, which a test holds equal."""
    lines = [
        "# Roles",
        "",
        "Written by `python -m hub.roles > docs/reference/roles.md`; change the table in `hub/roles.py`.",
        "",
        "Everybody who may sign in has the role of `ALPHAPULSE_EVERYBODY` (`researcher`). More is given by",
        "`ALPHAPULSE_ROLES`: to people by name, and to groups of the identity provider",
        "([sign-in](../how-to/sign-in.md)). Roles add up: for viewers beside researchers, set",
        "`ALPHAPULSE_EVERYBODY=viewer` and `ALPHAPULSE_ROLES=researcher=@quants`. It holds from the hub's next start;",
        "who is of a group, within half a minute.",
        "",
        "| role | may | includes |",
        "|---|---|---|",
        *(f"| {name} | {role.does} | {', '.join(role.includes)} |" for name, role in ROLES.items()),
        "",
        "## Scopes",
        "",
        "Each route of the REST API asks for one; what a token lacks is answered with 403 and the scope's name. A",
        "workspace's own token, and that of a page of the dashboards, have at most what their owner has.",
        "",
        f"| scope | allows | {' | '.join(ROLES)} |",
        f"|---|---|{'---|' * len(ROLES)}",
    ]
    for scope, told in SCOPES.items():
        having = [scope in expanded(name) for name in ROLES]
        lines.append(f"| `{scope}` | {told['description']} | {' | '.join('yes' if each else '' for each in having)} |")
    return "\n".join(lines) + "\n"


def expanded(name: str) -> set[str]:
    """All of our own scopes that a role has, what writing includes among them."""
    held = set(_of_the_api(name))
    return held | {other for scope in held for other in SCOPES[scope].get("subscopes", ())}


if __name__ == "__main__":
    sys.stdout.write(page())

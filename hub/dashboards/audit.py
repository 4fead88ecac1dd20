"""Who did what: the audit log as a part of the administrators' page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from alphapulse_lib.errors import NotUnderstood
from alphapulse_lib.hub_client.audit import Entry
from hub.dashboards import web
from hub.dashboards.page import Page
from hub.dashboards.templating import render

__all__ = ["ACTIONS", "Audit", "Row"]

_PAGE = 50
_FILTERS = ("who", "action")
#: Characters of what tells an entry apart that a row shows.
_LONGEST = 300

#: What each action is called, by what it is on.
ACTIONS = {
    "Signing in": {
        "sign-in.accepted": "Signed in",
        "sign-in.refused": "Sign-in refused",
        "sign-in.held-back": "Sign-ins held back",
        "sign-out.done": "Signed out",
    },
    "Schedules": {
        "schedule.made": "Schedule made",
        "schedule.changed": "Schedule changed",
        "schedule.paused": "Schedule paused",
        "schedule.resumed": "Schedule resumed",
        "schedule.run": "Schedule fired by hand",
        "schedule.deleted": "Schedule deleted",
        "firing.cancelled": "Firing cancelled",
    },
    "Shares and comments": {
        "share.made": "Shared",
        "share.taken-back": "Share taken back",
        "comment.deleted": "Comment deleted",
    },
    "Data and vendors": {
        "data.asked": "Data asked for",
        "vendor.asked": "Vendor's key used",
        "catalog.publish": "Series published",
        "catalog.revert": "Publication taken back",
        "keys.set": "Vendor's key set",
        "keys.removed": "Vendor's key removed",
        "keys.rotated": "Master key rotated",
    },
    "People": {
        "person.added": "Person added",
        "person.changed": "Made an administrator, or no more",
        "person.renamed": "Person renamed",
        "person.removed": "Person removed",
        "group.made": "Group made",
        "group.joined": "Put into a group",
        "group.left": "Taken out of a group",
        "group.removed": "Group removed",
        "token.made": "Token made",
        "token.ended": "Token ended",
    },
    "The hub": {
        "server.started": "Somebody's server started",
        "server.stopped": "Somebody's server stopped",
        "server.entered": "Somebody's server entered",
        "notice.said": "Said to everybody",
        "settings.changed": "Settings changed",
        "hub.ended": "Hub shut down",
    },
}
_CALLED = {action: called for kind in ACTIONS.values() for action, called in kind.items()}


@dataclass(frozen=True)
class Row:
    """An entry as a person reads it."""

    entry: Entry

    @property
    def what(self) -> str:
        """What happened; by its own name where a newer hub tells of what this page does not know."""
        return _CALLED.get(self.entry.action, self.entry.action)

    @property
    def detail(self) -> str:
        """What else tells it apart, in one line."""
        named = ((name.replace("_", " "), _plain(value)) for name, value in self.entry.detail.items())
        line = " · ".join(f"{name} {value}" for name, value in named if value)
        return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"

    @property
    def link(self) -> str:
        """Where it is that something was done to; empty where that is no page."""
        kind, _, done = self.entry.action.partition(".")
        return web.page("schedules", id=self.entry.about) if kind == "schedule" and done != "deleted" else ""


class Audit:
    """A widget of a page, `audit`, and what its controls do.

    Parameters
    ----------
    page : Page
        Whose it is; its address says what is looked for.
    """

    def __init__(self, page: Page) -> None:
        self._page, self._pages = page, 1

    @property
    def wanted(self) -> dict[str, str]:
        """What is looked for."""
        return {name: self._page.query.get(name, "") for name in _FILTERS}

    @property
    def choices(self) -> dict[str, dict[str, str]]:
        """What there is to look for, what the address names among it."""
        action = self.wanted["action"]
        return ACTIONS if not action or action in _CALLED else ACTIONS | {"Other": {action: action}}

    async def act(self, name: str, fields: dict[str, str]) -> bool:
        """Look for something else, or further back; whether a control of the widget asked."""
        if name == "filter":
            self._page.query = {key: fields.get(key, "").strip() for key in _FILTERS}
            self._pages = 1
            self._page.tell("address", query="?" + web.page("", **self._page.query).partition("?")[2])
            self._page.busy("audit")
        elif name == "more":
            self._pages += 1
        else:
            return False
        await self._page.reload("audit")
        return True

    async def newest(self) -> str:
        """The entries that are looked for."""
        wanted, most, api = self.wanted, self._pages * _PAGE, self._page.api
        given = {name: value or None for name, value in wanted.items()}
        try:
            found = await api.all(api.client.audit.list, **given, limit=most + 1)
        except NotUnderstood:  # what no entry can be, none is
            found = []
        if not found:
            called = _CALLED.get(wanted["action"], wanted["action"])
            return render("audit_none", who=wanted["who"], called=called) if any(wanted.values()) else ""
        return render("audit", rows=[Row(each) for each in found[:most]], more=len(found) > most)


def _plain(value: Any) -> str:
    """A value of an entry's detail; empty where it says nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)

"""Schedules: what runs by itself, when next, how it went; made, changed, paused and ended here."""

from __future__ import annotations

import asyncio
import re
import secrets
from itertools import islice
from pathlib import Path
from typing import Any

from alphapulse_lib import clock
from hub.api.schedules.slots import known_zone, require_cron, slots
from hub.dashboards import parameters, timetable, web
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.remote import TroubleError
from hub.dashboards.templating import render
from hub.dashboards.timetable import FiringRow, Plan
from hub.dashboards.visitor import Visitor

__all__ = ["Schedules"]

_MOST, _FIRINGS, _STRIP = 200, 50, 16
_ZONES = ("America/New_York", "America/Chicago", "Europe/London", "Europe/Berlin", "Asia/Tokyo", "UTC")
_ACTS = {"pause": "Paused.", "resume": "It fires again from now on.", "fire": "Asked to fire now."}


class Schedules(Page):
    """The page."""

    name, title = "schedules", "Schedules"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._plans: dict[str, Plan] = {}
        self._key = secrets.token_hex(8)
        self.widgets = {
            "plans": Widget(self._table, "plans_empty" if somebody.may_schedule else "plans_none", every=5),
            "firings": Widget(self._firings, "firings_empty", every=5),
        }

    def shell(self) -> dict[str, Any]:
        """The form's choices."""
        return {"zones": _ZONES, "notebooks": _shipped()}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        """Make, change, pause, resume, fire or delete a schedule; cancel a firing."""
        if name == "open":
            self.query = {"id": value}
            self.tell("address", query=f"?{web.page('', id=value).partition('?')[2]}")
            self.busy("firings")
            await self.reload("plans", "firings")
        elif name in _ACTS and value in self._plans:
            schedules = self.api.client.schedules
            if name == "fire":
                await self.api.ask(schedules.fire, value)
            else:
                await self.api.ask(schedules.pause if name == "pause" else schedules.resume, value)
            self.note(_ACTS[name])
            await self.reload("plans", "firings")
        elif name == "delete" and value in self._plans:
            await self.api.ask(self.api.client.schedules.delete, value)
            self.note("Deleted. What it has run stays in the ledger.")
            self.query.pop("id", None)
            await self.reload("plans", "firings")
        elif name == "cancel":
            schedule, _, firing = value.partition("/")
            await self.api.ask(self.api.client.schedules.cancel, schedule, firing)
            await self.reload("plans", "firings")
        elif name == "change" and value in self._plans:
            self._fill(self._plans[value])
        elif name == "leave-form":
            self._clear()
        elif name == "preview":
            self._preview(fields)
        elif name == "notebook":
            await self._suggest(fields)
        elif name == "save":
            await self._save(fields)

    # --- the tables -----------------------------------------------------------------------------------------------

    async def _table(self) -> str:
        found = await timetable.plans(self.api, _MOST)
        self._plans = {each.id: each for each in found}
        if not found:
            return ""
        history: dict[str, list[FiringRow]] = {}
        for each in await timetable.firings(self.api, None, 400):
            history.setdefault(each.schedule, []).append(each)
        strips = {each.id: history.get(each.id, [])[:_STRIP][::-1] for each in found}
        late = sum(bool(each.late) for each in found)
        return render("plans", late=late, plans=found, strips=strips, me=self.visitor, chosen=self._chosen())

    async def _firings(self) -> str:
        if not self._plans:
            self._plans = {each.id: each for each in await timetable.plans(self.api, _MOST)}
        plan = self._plans.get(self._chosen())
        if plan is None:
            if self.query.get("id"):
                raise TroubleError(
                    "There is no such schedule.", "It may have been deleted; the list above has the others."
                )
            return ""
        found = await timetable.firings(self.api, plan.id, _FIRINGS)
        may = self.visitor.may_schedule and (self.visitor.is_admin or plan.user == self.visitor.name)
        return render("firings", plan=plan, firings=found, may=may, parameters=parameters.written(plan.parameters))

    def _chosen(self) -> str:
        return self.query.get("id") or next(iter(self._plans), "")

    # --- the form -------------------------------------------------------------------------------------------------

    async def _save(self, fields: dict[str, str]) -> None:
        body: dict[str, Any] = {
            name: fields[name].strip()
            for name in ("notebook", "cron", "timezone", "catch_up", "overlap", "output")
            if fields.get(name, "").strip()
        }
        for name in ("notebook", "cron"):
            if name not in body:
                raise TroubleError(f"The {name} is missing.", "Fill it in.")
        body["parameters"] = parameters.read(fields.get("parameters", ""))
        minutes = fields.get("minutes", "").strip()
        if minutes:
            if not re.fullmatch("[0-9]{1,9}", minutes) or not int(minutes):
                raise TroubleError(f"{minutes!r} is no number of minutes.", "Give a whole one, such as 60.")
            body["timeout"] = int(minutes) * 60
        if fields.get("id"):
            made = await self.api.ask(self.api.client.schedules.change, fields["id"], **body)
            self.note("Changed.")
        else:
            made = await self.api.ask(self.api.client.schedules.create, **body, key=self._key)
            self._key = secrets.token_hex(8)
            self.note("Scheduled.")
        self._clear()
        await self.act("open", made.id, {})

    def _fill(self, plan: Plan) -> None:
        fields = {
            "id": plan.id, "notebook": plan.notebook, "cron": plan.cron, "timezone": plan.zone,
            "parameters": parameters.written(plan.parameters), "catch_up": plan.catch_up, "overlap": plan.overlap,
            "minutes": str(max(plan.timeout // 60, 1)), "output": plan.output,
        }  # fmt: skip
        self.tell("fill", form="new-schedule", fields=fields)
        doing = f"Changing the schedule of {plan.notebook}"
        self.tell("html", slot="doing", html=render("writing", doing=doing), state="ready")
        self._preview({"cron": plan.cron, "timezone": plan.zone})
        self.tell("focus", target="notebook")

    def _clear(self) -> None:
        self.tell("clear", form="new-schedule")
        self.tell("fill", form="new-schedule", fields={"id": ""})
        for slot in ("doing", "preview"):
            self.tell("html", slot=slot, html="", state="ready")

    def _preview(self, fields: dict[str, str]) -> None:
        """Say when the cron that stands in the form would fire."""
        cron, zone = fields.get("cron", "").strip(), fields.get("timezone", "").strip() or "UTC"
        said, moments = "", []
        if cron and not known_zone(zone):
            said = f"{zone!r} is no time zone; take a name such as America/New_York."
        elif cron:
            try:
                moments = list(islice(slots(require_cron(cron), zone, clock.now_ns()), 3))
            except ValueError as wrong:
                said = str(wrong)
        self.tell("html", slot="preview", html=render("preview", said=said, moments=moments, zone=zone), state="ready")

    async def _suggest(self, fields: dict[str, str]) -> None:
        """Write the parameters of a notebook that came with AlphaPulse into an empty field."""
        if fields.get("parameters", "").strip():
            return
        found = await asyncio.to_thread(parameters.shipped, fields.get("notebook", "").strip())
        if found:
            self.tell("fill", form="new-schedule", fields={"parameters": found})


def _shipped() -> list[str]:
    """Notebooks that every workspace has."""
    found: list[Path] = sorted(parameters.NOTEBOOKS.glob("backtests/*.ipynb"))
    return [str(each.relative_to(parameters.NOTEBOOKS)) for each in found]

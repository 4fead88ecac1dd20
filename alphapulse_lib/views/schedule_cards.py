"""The cards of schedules and of firings."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from alphapulse_lib.model.schedule import Firing
from alphapulse_lib.views import numbers
from alphapulse_lib.views.card import SHOWN, Card, Fact

__all__ = ["firing", "schedule", "schedules"]


def schedule(shown: Any) -> Card:
    """When it fires next, and how it went last."""
    value = shown.value
    zone = ZoneInfo("UTC" if value.fault else value.timezone)  # the zone may be its fault
    facts = [Fact("Cron", value.cron, value.timezone)]
    facts += [Fact("Next", f"{value.next[0].astimezone(zone):%Y-%m-%d %H:%M}", value.timezone)] if value.next else []
    if value.last:
        at = (value.last.slot or value.last.created_at).astimezone(zone)
        failed = value.last.ended and value.last.state != "finished"
        facts.append(Fact("Last", value.last.state, f"{at:%Y-%m-%d %H:%M}", "down" if failed else ""))
    facts += [Fact(name, str(held)) for name, held in value.parameters.items()]
    badges = (("paused", True),) if value.paused else ()
    notes = ((value.last.detail, True),) if value.last and value.last.detail else ()
    notes = ((f"It cannot fire: {value.fault}", True), *notes) if value.fault else notes
    return Card(value.what, f"schedule {value.id} · {value.owner}", badges, tuple(facts), notes)


def schedules(shown: Any) -> Card:
    """The newest of them, a line each."""
    found = list(shown.values(limit=SHOWN + 1))
    notes = [(_slot(each), False) for each in found[:SHOWN]]
    if not found:
        notes = [("None yet: ap.schedule('backtests/sma.ipynb', '0 7 * * 1-5') makes one.", False)]
    if len(found) > SHOWN:
        notes.append(("and more in .frame()", False))
    return Card("Schedules", "ap.schedules()['id'] is one of them", notes=tuple(notes))


def firing(shown: Firing) -> Card:
    """How far it is or how it ended, and what it left behind."""
    failed = shown.ended and shown.state != "finished"
    moments = (("Due", shown.slot), ("Started", shown.started_at), ("Ended", shown.ended_at))
    facts = [Fact(name, f"{at:%Y-%m-%d %H:%M}", "UTC") for name, at in moments if at]
    if shown.cells:
        facts.append(Fact("Cells", f"{numbers.count(shown.cells_done or 0)} of {numbers.count(shown.cells)}"))
    facts += [Fact(name, str(held)) for name, held in shown.parameters.items()]
    notes = [(shown.detail, failed)] if shown.detail else []
    if shown.output and (not failed or shown.state == "failed"):
        notes.append((f"its notebook {'is' if shown.ended else 'will be'} {shown.output}", False))
    if shown.runs:
        notes.append((f"runs: {', '.join(each[:8] for each in shown.runs)}", False))
    subtitle = f"firing {shown.id} · {shown.owner}"
    return Card(shown.what, subtitle, ((shown.state, failed),), tuple(facts), tuple(notes))


def _slot(value: Any) -> str:
    following = "paused" if value.paused else f"cannot fire: {value.fault}"
    if value.next:
        following = f"next {value.next[0].astimezone(ZoneInfo(value.timezone)):%Y-%m-%d %H:%M}"
    last = f", last {value.last.state}" if value.last else ""
    return f"{value.id[:6]}  {value.what} ({value.owner}): {value.cron} {value.timezone}, {following}{last}"

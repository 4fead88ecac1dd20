"""Who sees a run, or some side by side, and what one shares: made and taken back here."""

from __future__ import annotations

from alphapulse_lib.hub_client.runs import KeptRun
from hub.dashboards.page import Page
from hub.dashboards.remote import TroubleError
from hub.dashboards.templating import render

__all__ = ["SHARING", "Shares"]

#: The names of the controls that `Shares.act` answers to.
SHARING = ("share", "take-back")
_MOST = 200
_LONGEST = 256


class Shares:
    """A widget of a page, `shares`, and what its controls do.

    Parameters
    ----------
    page : Page
        Whose it is.
    """

    def __init__(self, page: Page) -> None:
        self._page, self._api, self._shares = page, page.api, page.api.client.shares

    async def act(self, name: str, value: str, fields: dict[str, str], *runs: str) -> bool:
        """Do what a control of the widget asks; whether it is one.

        Parameters
        ----------
        *runs : str
            What its page is of: a run, or those of a dashboard. The page of none says in its form what to share.
        """
        if name not in SHARING:
            return False
        if name == "share":
            whom = fields.get("whom", "").strip()
            if not whom or len(whom) > _LONGEST:
                raise TroubleError("With whom?", "A name, a group as @desk, or * for everybody who signed in.")
            kind = "dashboard" if len(runs) > 1 else "run"
            if not runs:
                kind, _, chosen = fields.get("what", "").partition(":")
                runs = tuple(chosen.split(","))
            made = await self._api.ask(self._shares.make, ",".join(runs), whom, kind=kind)
            self._page.tell("clear", form="also")
            self._page.note(f"Shared with {made.whom}.")
        else:
            await self._api.ask(self._shares.take_back, value)
            self._page.note("Taken back.")
        await self._page.reload("shares")
        return True

    async def of_run(self, kept: KeptRun) -> str:
        """Who sees a run, as far as its reader is told."""
        record, reader = kept.record, self._page.visitor
        found = await self._api.all(self._shares.list, kind="run", subject=record.id, limit=_MOST)
        is_own = record.user == reader.name
        return render("run_shares", owner=record.user, is_own=is_own, may=is_own or reader.is_admin, shares=found)

    async def of_dashboard(self, sides: list[KeptRun]) -> str:
        """With whom some runs are shared side by side, as far as their reader is told."""
        runs, owners = tuple(each.record.id for each in sides), {each.record.user for each in sides}
        shared = await self._api.all(self._shares.list, kind="dashboard", limit=_MOST)
        found = [each for each in shared if each.runs == runs]
        reader = self._page.visitor
        may = owners == {reader.name} or (reader.is_admin and len(owners) == 1)
        return render("compare_shares", owners=sorted(owners), may=may, shares=found)

    async def all(self) -> str:
        """What one shares, and what is shared with one."""
        found = await self._api.all(self._shares.list, limit=_MOST)
        reader = self._page.visitor
        pages = {
            (each.kind, ",".join(each.runs) or each.subject): each.title
            for each in found
            if each.kind != "run" and (each.owner == reader.name or reader.is_admin)
        }
        return render("shares", shares=found, reader=reader, pages=pages) if found else ""

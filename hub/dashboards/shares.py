"""Who sees a run, and what one shares: made and taken back here."""

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

    async def act(self, name: str, value: str, fields: dict[str, str], run_id: str = "") -> bool:
        """Do what a control of the widget asks, of that run; whether it is one."""
        if name not in SHARING:
            return False
        if name == "share":
            whom = fields.get("whom", "").strip()
            if not whom or len(whom) > _LONGEST:
                raise TroubleError("With whom?", "A name, a group as @desk, or * for everybody who signed in.")
            made = await self._api.ask(self._shares.make, run_id, whom)
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

    async def all(self) -> str:
        """What one shares, and what is shared with one."""
        found = await self._api.all(self._shares.list, limit=_MOST)
        return render("shares", shares=found, reader=self._page.visitor) if found else ""

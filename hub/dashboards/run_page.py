"""The page of one run: what its tearsheet tells, and what people say about it."""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from alphapulse_lib.errors import CatalogEmpty, Conflict, UnknownTarget
from alphapulse_lib.hub_client import Client
from alphapulse_lib.hub_client.runs import KeptRun
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import RunRecord, RunSpec
from hub.dashboards import again, ledger, timetable, web
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.remote import TroubleError
from hub.dashboards.shares import SHARING, Shares
from hub.dashboards.templating import render
from hub.dashboards.thread import Thread
from hub.dashboards.visitor import Visitor

__all__ = ["RunPage", "changed_since"]

_FAMILY = 100
_ID = re.compile(r"[0-9a-f]{1,32}")
#: Without these a finished run cannot be drawn.
_NEEDED = frozenset({"equity", "marks", "fills"})
#: Runs that are looked at of the same spec under each other fill convention.
_CONVENTIONS = 50


class RunPage(Page):
    """The page."""

    name, title, template = "runs", "Run", "run"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._id = query.get("id", "")
        self._asked: asyncio.Task[KeptRun] | None = None
        self._thread: Thread | None = None
        self._shares = Shares(self)
        self._key = secrets.token_hex(8)  # of the next time that it is run again
        self._over = ""
        self.widgets = {
            "head": Widget(self._head),
            "origin": Widget(self._origin),
            "changed": Widget(self._changed),
            "tools": Widget(self._tools),
            "again": Widget(self._running, every=2),
            "sheet": Widget(self._sheet, "sheet_empty"),
            "shares": Widget(self._shown_to, "run_shares_empty"),
            "family": Widget(self._family, "family_empty", every=30),
            "thread": Widget(self._comments, "thread_empty"),
        }

    def shell(self) -> dict[str, Any]:
        """The id that was asked for."""
        return {"run_id": self._id}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        """Run it again, compare it, share it, or comment."""
        if name == "again":
            await self._run_again()
        elif name == "compare":
            await self._compare(fields.get("other", "").strip())
        elif name in SHARING:
            await self._shares.act(name, value, fields, (await self._kept()).record.id)
        elif self._thread is not None:
            await self._thread.act(name, value, fields)
        else:
            self.note("There is nothing here to write about.", bad=True)

    async def _run_again(self) -> None:
        given = again.asked((await self._kept()).record)
        begun = await self.api.ask(self.api.client.backtests.run_strategy, **given, key=self._key)
        self._key, self._over = secrets.token_hex(8), ""
        self.query["again"] = begun.id
        self.tell("address", query="?" + web.page("", id=self._id, again=begun.id).partition("?")[2])
        await self.reload("again")

    async def _compare(self, other: str) -> None:
        mine = (await self._kept()).record.id
        if not _ID.fullmatch(other):
            raise TroubleError(f"{other[:80]!r} is no id of a run.", "Paste one, or take one of its kind below.")
        if mine.startswith(other):
            raise TroubleError("That is this very run.", "Give the id of another one.")
        self.tell("go", to=web.page("runs", compare=f"{mine},{other}"))

    async def _kept(self) -> KeptRun:
        """The run as the API has it, asked for once however many widgets need it; asked for again after a failure."""
        if not _ID.fullmatch(self._id):
            raise TroubleError(f"{self._id[:80]!r} is no id of a run.", "Its link may have been cut short or changed.")
        asked = self._asked
        if asked is None or (asked.done() and (asked.cancelled() or asked.exception() is not None)):
            work = self.api.ask(self.api.client.runs.get, self._id)
            self._asked = asked = asyncio.get_running_loop().create_task(work)
        try:
            return await asyncio.shield(asked)
        except UnknownTarget:
            raise TroubleError(
                f"The ledger holds no run {self._id}.", "A run of a workspace is in it once it was handed in."
            ) from None
        except Conflict:
            raise TroubleError(f"Several runs begin with {self._id}.", "Give more of its id.") from None

    async def _held(self) -> KeptRun | None:
        """The run; none where there is none, which the head of the page tells."""
        try:
            return await self._kept()
        except TroubleError:
            return None

    async def _head(self) -> str:
        try:
            kept = await self._kept()
        except TroubleError as wrong:
            return render("run_none", said=wrong.message, hint=wrong.hint)
        row = ledger.row(kept.record, kept.family)
        self.tell("title", text=f"{row.strategy} {row.symbols} · AlphaPulse")
        return render("run_head", run=row, record=kept.record)

    async def _origin(self) -> str:
        """The firing that it came out of, if it is of one."""
        kept = await self._held()
        fired = kept.record.environment.get("firing", "") if kept else ""
        if not _ID.fullmatch(fired):
            return ""
        try:
            found = await self.api.ask(self.api.client.schedules.firing, None, fired)
        except UnknownTarget:  # handed in from another hub
            return ""
        return render("run_origin", firing=timetable.firing(found), notebook=found.notebook)

    async def _changed(self) -> str:
        """That what it read is another by now."""
        kept = await self._held()
        said = await self.api.ask(changed_since, kept.record) if kept else ""
        return render("run_changed", said=said) if said else ""

    async def _tools(self) -> str:
        kept = await self._held()
        if kept is None:
            return ""
        why = "" if self.visitor.may_schedule else "Your role runs nothing here. An administrator gives roles."
        try:
            again.asked(kept.record)
        except TroubleError as refused:
            why = f"{refused.message} {refused.hint}"
        return render("run_tools", id=kept.record.id, why=why)

    async def _running(self) -> str:
        """How far the run is that runs it again."""
        begun = self.query.get("again", "")
        if not begun or self._over:
            return self._over
        if not _ID.fullmatch(begun):
            raise TroubleError(f"{begun[:80]!r} is no backtest.", "Its link may have been cut short or changed.")
        firing = timetable.firing(await self.api.ask(self.api.client.backtests.get, begun))
        shown = render("run_again", firing=firing, id=self._id)
        self._over = "" if firing.is_open else shown
        return shown

    async def _sheet(self) -> str:
        kept = await self._held()
        if kept is None:
            return ""
        held = {name: file for name, file in kept.record.artefacts.items() if file in kept.files}
        needed = _NEEDED | ({"benchmark"} & kept.record.artefacts.keys())
        if kept.record.status == "finished" and not held.keys() >= needed:
            return render("run_bare", run=ledger.row(kept.record, kept.family), record=kept.record)
        return await self.api.ask(_told, self.api.client, kept, held)

    async def _shown_to(self) -> str:
        kept = await self._held()
        return await self._shares.of_run(kept) if kept else ""

    async def _family(self) -> str:
        kept = await self._held()
        if kept is None:
            return ""
        found = await self.api.all(self.api.client.runs.list, family=kept.family.name, limit=_FAMILY)
        rows = [ledger.row(each, kept.family) for each in found]
        if all(each.id == kept.record.id for each in rows):
            return ""
        return render("family", rows=rows, me=kept.record.id, family=kept.family)

    async def _comments(self) -> str:
        kept = await self._held()
        if kept is None:
            return render("thread_none")
        if self._thread is None:
            # The address may hold only the beginning of the id; comments are about the whole.
            self._thread = Thread(self, f"run:{kept.record.id}")
            self._thread.follow()
        return await self._thread.widget.load()


def changed_since(record: RunRecord) -> str:
    """That what a run read is another in the team's catalog by now; empty where it is not."""
    from alphapulse_lib.results.changed_data import changed_data
    from alphapulse_lib.views import changed

    try:
        return changed.told(record, changed_data(record))
    except CatalogEmpty:  # the tearsheet shows what the run itself kept
        return ""


def _told(client: Client, kept: KeptRun, held: dict[str, str]) -> str:
    """The run as its tearsheet tells it, of the files that the API hands over."""
    from alphapulse_lib.results.known_news import known_news
    from alphapulse_lib.results.run import Run
    from alphapulse_lib.views import tearsheet

    with tempfile.TemporaryDirectory(prefix="alphapulse-run-") as folder:
        for file in held.values():
            client.runs.download(kept.record.id, file, Path(folder) / file)
        run = Run(replace(kept.record, artefacts=held), _ledger(folder, kept, client))
        # The library escapes whatever comes from the record or its files.
        sheet = tearsheet.body(run, known_news(run))
        return Markup('<div class="sheet">{}</div>').format(Markup(sheet))  # noqa: S704


def _ledger(folder: str, kept: KeptRun, client: Client) -> Any:
    """The ledger as far as this one run needs it."""
    from alphapulse_lib.results.ledger import Ledger

    class Handed(Ledger):
        def folder(self, run_id: str) -> Path:  # noqa: ARG002  there is one
            return self.root

        def family(self, spec: RunSpec) -> Family:  # noqa: ARG002
            return kept.family

        def of_spec(self, spec_id: str) -> list[RunRecord]:
            return list(client.runs.list(spec=spec_id, status="finished", limit=_CONVENTIONS))

    return Handed(Path(folder))

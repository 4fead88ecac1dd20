"""The page of one run: what its tearsheet tells, and what people say about it."""

from __future__ import annotations

import asyncio
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from alphapulse_lib.hub_client import Client
from alphapulse_lib.hub_client.runs import KeptRun
from alphapulse_lib.model.run import RunRecord, RunSpec
from hub.dashboards import ledger
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.templating import render
from hub.dashboards.thread import Thread
from hub.dashboards.visitor import Visitor

__all__ = ["RunPage"]

_FAMILY = 100
#: Without these a finished run cannot be drawn.
_NEEDED = frozenset({"equity", "marks", "fills"})


class RunPage(Page):
    """The page."""

    name, title, template = "runs", "Run", "run"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._id = query.get("id", "")
        self._asked: asyncio.Task[KeptRun] | None = None
        self._thread: Thread | None = None
        self.widgets = {
            "head": Widget(self._head),
            "sheet": Widget(self._sheet),
            "family": Widget(self._family, "family_empty", every=30),
            "thread": Widget(self._comments, "thread_empty"),
        }

    def shell(self) -> dict[str, Any]:
        """The id that was asked for."""
        return {"run_id": self._id}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        """Comment."""
        if self._thread is not None:
            await self._thread.act(name, value, fields)

    async def _kept(self) -> KeptRun:
        """The run as the API has it, asked for once however many widgets need it; asked for again after a failure."""
        asked = self._asked
        if asked is None or (asked.done() and (asked.cancelled() or asked.exception() is not None)):
            work = self.api.ask(self.api.client.runs.get, self._id)
            self._asked = asked = asyncio.get_running_loop().create_task(work)
        return await asyncio.shield(asked)

    async def _head(self) -> str:
        record = (await self._kept()).record
        row = ledger.row(record)
        self.tell("title", text=f"{row.strategy} {row.symbols} · AlphaPulse")
        return render("run_head", run=row, record=record)

    async def _sheet(self) -> str:
        kept = await self._kept()
        held = {name: file for name, file in kept.record.artefacts.items() if file in kept.files}
        if kept.record.status == "finished" and not held.keys() >= _NEEDED:
            return render("run_bare", run=ledger.row(kept.record), record=kept.record)
        return await self.api.ask(_told, self.api.client, kept, held)

    async def _family(self) -> str:
        kept = await self._kept()
        found = await self.api.all(self.api.client.runs.list, family=kept.family.name, limit=_FAMILY)
        rows = [ledger.row(each) for each in found]
        if all(each.id == kept.record.id for each in rows):
            return ""
        return render(
            "family", rows=rows, me=kept.record.id, name=kept.family.name, trials=len(kept.family.sharpes)
        )  # fmt: skip

    async def _comments(self) -> str:
        kept = await self._kept()
        if self._thread is None:
            # The address may hold only the beginning of the id; comments are about the whole.
            self._thread = Thread(self, f"run:{kept.record.id}")
            self._thread.follow()
        return await self._thread.widget.load()


def _told(client: Client, kept: KeptRun, held: dict[str, str]) -> str:
    """The run as its tearsheet tells it, of the files that the API hands over."""
    from alphapulse_lib.results.run import Run
    from alphapulse_lib.views import tearsheet

    with tempfile.TemporaryDirectory(prefix="alphapulse-run-") as folder:
        for file in held.values():
            client.runs.download(kept.record.id, file, Path(folder) / file)
        run = Run(replace(kept.record, artefacts=held), _ledger(folder, kept, _twin(client, kept.record.spec)))
        # The library escapes whatever comes from the record or its files.
        return Markup('<div class="sheet">{}</div>').format(Markup(tearsheet.body(run)))  # noqa: S704


def _twin(client: Client, spec: RunSpec) -> RunRecord | None:
    """The newest finished run of the same spec with the other fills."""
    other = replace(spec, fill="close" if spec.fill == "next_open" else "next_open").id
    return next(client.runs.list(spec=other, status="finished", limit=1), None)


def _ledger(folder: str, kept: KeptRun, twin: RunRecord | None) -> Any:
    """The ledger as far as this one run needs it."""
    from alphapulse_lib.results.ledger import Family, Ledger

    class Handed(Ledger):
        def folder(self, run_id: str) -> Path:  # noqa: ARG002  there is one
            return self.root

        def family(self, spec: RunSpec) -> Family:  # noqa: ARG002
            sharpes = kept.family.sharpes.items()
            return Family(kept.family.name, {name: math.nan if each is None else each for name, each in sharpes})

        def of_spec(self, spec_id: str) -> list[RunRecord]:
            return [twin] if twin is not None and twin.spec_id == spec_id else []

    return Handed(Path(folder))

"""The page of one run: what its tearsheet tells, and what people say about it."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

from markupsafe import Markup

from alphapulse_lib.model.run import RunRecord, RunSpec
from hub.dashboards import ledger
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.templating import render
from hub.dashboards.thread import Thread
from hub.dashboards.visitor import Visitor

__all__ = ["RunPage"]

_FAMILY = 100


class RunPage(Page):
    """The page."""

    name, title, template = "runs", "Run", "run"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._id = query.get("id", "")
        self._asked: asyncio.Task[dict[str, Any]] | None = None
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

    async def _detail(self) -> dict[str, Any]:
        """The record as the API has it, asked for once however many widgets need it."""
        if self._asked is None or (self._asked.done() and (self._asked.cancelled() or self._asked.exception())):
            self._asked = asyncio.get_running_loop().create_task(self.api.get(f"runs/{self._id}"))
        return await asyncio.shield(self._asked)

    async def _head(self) -> str:
        detail = await self._detail()
        row = ledger.row(detail["record"])
        self.tell("title", text=f"{row.strategy} {row.symbols} · AlphaPulse")
        return render("run_head", run=row, record=ledger.record_of(detail["record"]))

    async def _sheet(self) -> str:
        detail = await self._detail()
        record = ledger.record_of(detail["record"])
        named = set(record.artefacts.values())
        if record.status == "finished" and not {"equity.parquet", "marks.parquet", "fills.parquet"} <= set(
            detail["files"]
        ):
            return render("run_bare", run=ledger.row(detail["record"]), record=record)
        names = sorted(named & set(detail["files"]))
        contents = await asyncio.gather(*(self.api.file(f"runs/{record.id}/files/{name}") for name in names))
        files = dict(zip(names, contents, strict=True))
        held = {name: file for name, file in record.artefacts.items() if file in files}
        twin = await self._twin(record)
        return await asyncio.to_thread(_told, record, held, files, detail["family"], twin)

    async def _twin(self, record: RunRecord) -> RunRecord | None:
        """The newest finished run of the same spec with the other fills."""
        from dataclasses import replace

        other = replace(record.spec, fill="close" if record.spec.fill == "next_open" else "next_open").id
        for each in await self.api.pages("runs", _FAMILY, family=record.spec.family, status="finished"):
            if each["spec_id"] == other:
                return ledger.record_of(each)
        return None

    async def _family(self) -> str:
        detail = await self._detail()
        found = await self.api.pages("runs", _FAMILY, family=detail["family"]["name"])
        rows = [ledger.row(each) for each in found]
        others = [each for each in rows if each.id != detail["record"]["id"]]
        name = detail["family"]["name"]
        trials = len(detail["family"]["trials"])
        return render("family", rows=rows, me=detail["record"]["id"], name=name, trials=trials) if others else ""

    async def _comments(self) -> str:
        detail = await self._detail()
        if self._thread is None:
            # The address may hold only the beginning of the id; comments are about the whole.
            self._thread = Thread(self, f"run:{detail['record']['id']}")
            self._thread.follow()
        return await self._thread.widget.load()


def _told(
    record: RunRecord,
    held: dict[str, str],
    files: dict[str, bytes],
    family: dict[str, Any],
    twin: RunRecord | None,
) -> str:
    """The run as its tearsheet tells it."""
    from dataclasses import replace

    from alphapulse_lib.results.ledger import Family, Ledger
    from alphapulse_lib.results.run import Run
    from alphapulse_lib.views import tearsheet

    sharpes = {each["spec_id"]: each["sharpe_per_period"] for each in family["trials"]}

    class Handed(Ledger):
        """The ledger as far as the API has handed it over."""

        def folder(self, run_id: str) -> Path:
            return self.root

        def family(self, spec: RunSpec) -> Family:
            return Family(family["name"], {name: math.nan if each is None else each for name, each in sharpes.items()})

        def of_spec(self, spec_id: str) -> list[RunRecord]:
            return [twin] if twin is not None and twin.spec_id == spec_id else []

    with tempfile.TemporaryDirectory(prefix="alphapulse-run-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        run = Run(replace(record, artefacts=held), Handed(Path(folder)))
        # The library escapes whatever comes from the record or its files.
        return str(Markup('<div class="sheet">{}</div>').format(Markup(tearsheet.body(run))))  # noqa: S704

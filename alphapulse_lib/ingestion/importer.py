"""An import from its request to its report, and back again.

Everything is read and judged before anything is written. Then each instrument's file is published whole, so an import
that is cut short leaves whole files; run again, it writes what is missing and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from tqdm.auto import tqdm

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, datasets, universes
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.unfinished import ended, settle, under_way
from alphapulse_lib.catalog.versions import Merge
from alphapulse_lib.catalog.writer import Bars, Written, remove_import, write_instruments, write_series
from alphapulse_lib.errors import CatalogError, InputError, NothingUsable, UnknownImport
from alphapulse_lib.ingestion import flags
from alphapulse_lib.ingestion.actions import stage_actions
from alphapulse_lib.ingestion.bars import stage_bars
from alphapulse_lib.ingestion.command import command
from alphapulse_lib.ingestion.facts import stage_articles
from alphapulse_lib.ingestion.identity import contested, stage_instruments, stage_universe
from alphapulse_lib.ingestion.instruments import Declared, Instruments, listing_of
from alphapulse_lib.ingestion.records import QUARANTINE, find, new_id, report_of, save
from alphapulse_lib.ingestion.report import Report, Reverted
from alphapulse_lib.ingestion.staged import Staged
from alphapulse_lib.ingestion.ticks import stage_ticks, write_ticks
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.providers.contract import Batch, Provider, Request

__all__ = ["Annotate", "ingest", "knows", "revert"]

#: What is done with articles beyond this layer: called with the written root, the import's id, what each table of
#: articles changed, and whether the articles held already are to be looked at again.
type Annotate = Callable[[PurePath, str, Sequence[Merge], bool], None]


def ingest(
    provider: Provider,
    requests: Sequence[Request],
    roots: Roots,
    *,
    title: str = "",
    declared: Mapping[str, Declared] | None = None,
    digest: str = "",
    annotate: Annotate | None = None,
) -> Report:
    """Import what is asked for, as one import.

    Parameters
    ----------
    provider, requests : Provider, sequence of Request
        Who reads, and what; several requests are written in their order.
    roots : Roots
        The catalogs; the writable one is written.
    title, digest : str
        What the report calls the whole, and what tells a dataset's content.
    declared : mapping of str to Declared
        By symbol: where it trades and what it is called.
    annotate : callable, optional
        Called at the end, as part of the import: see `Annotate`.

    Raises
    ------
    NothingUsable
        Every row was set aside; they are in the quarantine under the import's id.
    IngestError, InputError
        Something cannot be read, or a request cannot be used; nothing was written.
    """
    work = _Work(roots.writable, _begun(provider, requests, title, digest), Instruments(roots, declared or {}))
    left = settle(work.root)
    with ExitStack() as spools:
        for request in (part for each in requests for part in provider.requests(each)):
            staged = _stage(provider, request, roots, work.instruments)
            spools.callback(staged.spool.close)
            work.staged.append(staged)
        aside = work.plan()
        if not any(each.rows for each in work.staged):
            save(work.root, work.record | {"status": "refused", "ended": clock.now().isoformat()}, aside)
            raise _nothing(work.record, aside)
        with under_way(work.root, work.record["id"]):
            work.write(aside, annotate, again=bool(left))
    if annotate:
        ended(work.root, [each["id"] for each in left])
    return report_of(work.root, work.record)


def revert(roots: Roots, import_id: str, told: Mapping[str, str] = MappingProxyType({})) -> Reverted:
    """Take an import back: its rows, and the instruments that nothing else is left of. What it superseded returns.

    One that was cut short can be taken back too. The record keeps what went, and what it is ``told`` of who asked.

    Raises
    ------
    UnknownImport
        No such import was made.
    InputError
        It was taken back already.
    """
    root = roots.writable
    record = find(root, import_id)
    if record["status"] == "reverted":
        raise InputError(f"Import {record['id']} was taken back already, at {record['reverted']}.")
    removed = remove_import(root, record["id"])
    flags.forget(root, record["id"])
    taken = Reverted(record["id"], removed.bars, removed.actions, removed.articles, removed.instruments)
    save(root, record | {"status": "reverted", "reverted": clock.now().isoformat(), "taken": asdict(taken), **told})
    return taken


def taken_back(record: Mapping[str, Any]) -> Reverted:
    """What taking an import back did, as its record tells."""
    kept = dict(record["taken"])
    return Reverted(**kept | {"instruments": tuple(kept["instruments"])})


def knows(root: PurePath, import_id: str) -> bool:
    """Whether a root remembers an import by that id, or by a beginning of it."""
    try:
        find(root, import_id)
    except UnknownImport:
        return False
    return True


def _begun(provider: Provider, requests: Sequence[Request], title: str, digest: str) -> dict[str, Any]:
    parts = [part for each in requests for part in provider.requests(each)]
    return {
        "id": new_id(),
        "status": "running",
        "kind": parts[0].kind if len(parts) == 1 else "dataset",
        "provider": provider.name,
        "source": title or _told(requests[0].target),
        "digest": digest,
        "command": command(provider.name, requests, title),
        "started": clock.now().isoformat(),
    }


def _stage(provider: Provider, request: Request, roots: Roots, instruments: Instruments) -> Staged:
    if request.kind not in provider.kinds:
        raise InputError(f"{provider.name} has no {request.kind!r}.", f"It has {', '.join(sorted(provider.kinds))}.")
    request = replace(request, source=request.source or _told(request.target))
    for symbol, code in request.venue.items() if isinstance(request.venue, Mapping) else ():
        instruments.declare(symbol, venue=code)
    for symbol, name in request.name.items() if isinstance(request.name, Mapping) else ():
        instruments.declare(symbol, name=name)
    batches = _read(provider, request)
    if request.kind == "bars":
        return stage_bars(request, batches, roots, instruments)
    if request.kind in ("trades", "quotes"):
        return stage_ticks(request.kind, batches, instruments)
    if request.kind == "actions":
        return stage_actions(request, batches, instruments)
    if request.kind == "instruments":
        return stage_instruments(batches, instruments)
    if request.kind == "universe":
        return stage_universe(batches)
    return stage_articles(request, batches, instruments)


def _read(provider: Provider, request: Request) -> Iterator[Batch]:
    """What the provider reads; a bar tells how far it is, by the bytes of its sources."""
    size = sum(each.bytes for each in provider.sources(request))
    options = {"unit": "B", "unit_scale": True, "delay": 1, "leave": False, "disable": None}
    with tqdm(total=size, desc="reading", **options) as bar:
        for batch in provider.read(request):
            yield batch
            bar.update(batch.size)


@dataclass(slots=True)
class _Work:
    """An import under way: what is ready to be written, its record, and what was written."""

    root: PurePath
    record: dict[str, Any]
    instruments: Instruments
    staged: list[Staged] = field(default_factory=list)
    articles: list[Merge] = field(default_factory=list)
    total: Written = field(default_factory=Written)

    def plan(self) -> pa.Table:
        """Say in the record what is to be written, so that an import that dies has told what it touched.

        Returns
        -------
        pyarrow.Table
            The rows set aside.
        """
        aside = pa.concat_tables([QUARANTINE.empty_table(), *(part for each in self.staged for part in each.aside)])
        series = [each.told() for part in self.staged for each in part.series]
        self.record |= {
            "warnings": list(dict.fromkeys(text for each in self.staged for text in each.warnings)),
            "notes": list(dict.fromkeys(text for each in self.staged for text in each.notes)),
            "quarantined": aside.num_rows,
            "series": [dict(each) for each in dict.fromkeys(tuple(each.items()) for each in series)],
            "instruments": sorted(self._known()),
            "actions": 0,
            **dict.fromkeys(("written", "unchanged", "restated"), 0),
        }
        return aside

    def write(self, aside: pa.Table, annotate: Annotate | None, *, again: bool) -> None:
        """Write what is ready, part by part, and keep how it ended."""
        save(self.root, self.record, aside)
        flags.keep(self.root, self.record["id"], [part for each in self.staged for part in each.flags])
        try:
            with contested(self.root) as told:
                for written in self._parts():
                    self.total += written
            self.record["warnings"] += told
            # What an earlier import did not come to say of articles, nobody would say: it died, so this one does.
            again = again or bool(self.instruments.new or any(merge.same for merge in self.articles))
            if annotate and (self.articles or again):
                annotate(self.root, self.record["id"], self.articles, again)
        except BaseException:
            with suppress(CatalogError):  # the first error is the one to tell
                self._finish("interrupted")
            raise
        self._finish("finished")

    def _known(self) -> dict[str, Instrument]:
        """The instruments of all parts, by id; a later part says more of one than an earlier one."""
        return {name: each for part in self.staged for name, each in part.named().items()}

    def _parts(self) -> Iterator[Written]:
        """Write part by part: yields what each changed, keeps the merges of articles."""
        root, import_id = self.root, self.record["id"]
        yield from self._identities()
        yield from self._rows()
        recovered = [table for part in self.staged for table in part.recovered]
        if recovered:
            self.record["actions"] = actions.write(root, pa.concat_tables(recovered), import_id).new
        for table in (table for part in self.staged for table in part.actions):
            yield _counted(actions.write(root, table, import_id))
        for table in (table for part in self.staged for table in part.articles):
            self.articles.append(datasets.write(root, "articles", table, import_id))
            yield _counted(self.articles[-1])

    def _identities(self) -> Iterator[Written]:
        """Write instruments, their listings, and the members of universes."""
        root, import_id, known = self.root, self.record["id"], self._known()
        if known:
            declared = [each for part in self.staged for each in part.listings]
            told = {each.instrument_id for each in declared}
            plain = [listing_of(known[each]) for each in self.instruments.new if each in known and each not in told]
            added = write_instruments(root, known.values(), [*plain, *declared], import_id) - len(plain)
            if declared:
                yield Written(max(added, 0), len(declared) - max(added, 0))
        for table in (table for part in self.staged for table in part.members):
            yield _counted(universes.write(root, table, import_id))

    def _rows(self) -> Iterator[Written]:
        """Write bars and ticks."""
        root, import_id = self.root, self.record["id"]
        series = [each for part in self.staged for each in part.series]
        ticks = [each for part in self.staged for each in part.ticks]
        rows = sum(each.rows for each in series) + sum(each.rows for each in ticks)
        with tqdm(total=rows, desc="writing", unit="row", unit_scale=True, delay=1, leave=False, disable=None) as bar:
            arriving = (Bars(each.instrument, each.period, each.bars, each.assumed) for each in series)
            for each, written in zip(series, write_series(root, arriving, import_id), strict=True):
                yield written
                bar.update(each.rows)
            for tick in ticks:
                yield write_ticks(root, tick, import_id)
                bar.update(tick.rows)

    def _finish(self, status: str) -> None:
        self.record |= {
            "status": status,
            "written": self.total.rows_new,
            "unchanged": self.total.rows_same,
            "restated": self.total.rows_restated,
            "ended": clock.now().isoformat(),
        }
        save(self.root, self.record)


def _counted(merge: Merge) -> Written:
    return Written(merge.new, merge.same, merge.restated)


def _nothing(record: dict[str, Any], aside: pa.Table) -> NothingUsable:
    counts = (
        aside.group_by("reason").aggregate([("line", "min"), ("line", "count")]).sort_by([("line_count", "descending")])
    )
    first = [
        f"line {row['line_min']}: {row['reason']}" + (f" ({row['line_count']:,} rows)" if row["line_count"] > 1 else "")
        for row in counts.slice(0, 3).to_pylist()
    ]
    more = f"; and {counts.num_rows - 3} further reasons" if counts.num_rows > 3 else ""
    return NothingUsable(
        f"None of the {aside.num_rows:,} rows of {record['source']} can be used: {'; '.join(first)}{more}.",
        f"The rows and their reasons are kept in quarantine/{record['id']}.parquet of the catalog.",
    )


def _told(target: Any) -> str:
    """A target's short name."""
    if isinstance(target, list | tuple):
        return f"{_told(target[0])} and {len(target) - 1} more" if len(target) > 1 else _told(target[0])
    return PurePath(str(target)).name

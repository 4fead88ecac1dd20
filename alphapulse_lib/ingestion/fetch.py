"""A vendor's data into the catalog: asked for in parts, each judged, written whole and noted before the next one.

Whatever ends an ingest, the parts that were written stay and are noted in its record (``asked``); run again, it asks
for the rest. Memory holds one part, however long the history. `ap.revert` takes the notes back with the rows.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.listings import KINDS
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.unfinished import settle, under_way
from alphapulse_lib.catalog.writer import Bars, Written, write_instruments, write_series
from alphapulse_lib.errors import CatalogError, InputError, did_you_mean
from alphapulse_lib.ingestion import flags
from alphapulse_lib.ingestion.actions import stage_actions
from alphapulse_lib.ingestion.bars import stage_bars
from alphapulse_lib.ingestion.identity import contested
from alphapulse_lib.ingestion.instruments import Declared, Instruments, listing_of
from alphapulse_lib.ingestion.plan import Asked, Plan, lacking, planned
from alphapulse_lib.ingestion.progress import Bar, Progress
from alphapulse_lib.ingestion.records import QUARANTINE, new_id, records, report_of, save
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.ingestion.staged import Staged
from alphapulse_lib.ingestion.tickers import Spell, Tickers, Wanted
from alphapulse_lib.ingestion.ticks import stage_ticks, write_ticks
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers.contract import Fetch, Kind, Request, Stamps, Vendor

__all__ = ["Wanted", "plan", "run"]


def plan(vendor: Vendor, wanted: Wanted, roots: Roots) -> Plan:
    """What `run` would ask for, reckoned without a call."""
    found = Tickers.of(vendor, wanted, roots, ask=False)
    fetches = _fetches(vendor, wanted, roots, found)
    total = [vendor.estimate(each) for each in fetches]
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for each in fetches:
        for symbol in each.symbols:
            one = vendor.estimate(Fetch(each.kind, (symbol,), each.window, each.period, each.feed))
            key = (found.meant(symbol, each.window).id, each.kind, each.period or "")
            row = rows.setdefault(key, {"calls": 0, "rows": 0, "bytes": 0, "first": each.window.start})
            row |= {name: row[name] + getattr(one, name) for name in ("calls", "rows", "bytes")}
            row |= {"first": min(row["first"], each.window.start), "last": max(row.get("last", 0), each.window.end)}
    named = [dict(zip(("instrument_id", "kind", "period"), key, strict=True)) | row for key, row in rows.items()]
    text, whole = (pa.string(), pa.int64())
    schema = pa.schema([("instrument_id", text), ("kind", text), ("period", text), ("first", whole), ("last", whole),
                        ("calls", whole), ("rows", whole), ("bytes", whole)])  # fmt: skip
    calls, count, size = (sum(getattr(each, name) for each in total) for name in ("calls", "rows", "bytes"))
    return Plan(vendor.name, calls, count, size, pa.Table.from_pylist(named, schema))


def run(vendor: Vendor, wanted: Wanted, roots: Roots, progress: Progress | None = None) -> Report:
    """Bring what is wanted and missing into the catalog.

    Parameters
    ----------
    progress : Progress, optional
        Is told how far it is, and may end it between two parts; by default a bar where somebody looks.

    Raises
    ------
    ProviderError
        The vendor did not give what was asked; what it gave before is kept, and is not asked for again.
    InputError
        The vendor lists no such ticker, or does not offer such bars.
    """
    settle(roots.writable)
    found = Tickers.of(vendor, wanted, roots, ask=True)
    fetches = _fetches(vendor, wanted, roots, found)
    work = _Work(roots, vendor.name, found, _begun(vendor, wanted) | {"notes": found.notes})
    watching = progress or Bar()
    with under_way(roots.writable, work.record["id"]):
        work.save()
        try:
            watching.begin(work.record["id"], vendor.name, [vendor.estimate(each) for each in fetches])
            while fetches:
                work.take(vendor, fetches[0])
                if not watching.part(vendor.estimate(fetches[0]), work.total.rows_new):
                    break
                fetches = _left(vendor, wanted, roots, work, fetches)
        except BaseException:
            with suppress(CatalogError):  # the first error is the one to tell
                work.end("interrupted")
            raise
        finally:
            watching.end()
        work.end("finished")
    return report_of(roots.writable, work.record)


@dataclass(slots=True)
class _Work:
    """An ingest under way: its record, and what it has set aside."""

    roots: Roots
    vendor: str
    found: Tickers
    record: dict[str, Any]
    total: Written = field(default_factory=Written)
    aside: list[pa.Table] = field(default_factory=list)
    #: Whether an action came that changes what tickers mean.
    renamed: bool = False

    def take(self, vendor: Vendor, fetch: Fetch) -> None:
        """Ask for one part, write what can be used of it, and note that it was asked for."""
        declared = {each: _declared(self.found.meant(each, fetch.window)) for each in fetch.symbols}
        instruments = Instruments(self.roots, declared)
        batches = vendor.fetch(self._touching(fetch))
        if fetch.kind in ("trades", "quotes"):
            staged = stage_ticks(fetch.kind, batches, instruments)
        elif fetch.kind == "bars":
            period = Period.parse(fetch.period or "")
            stamps: Stamps = "session" if period.is_session else "close"
            request = Request(vendor.name, period=str(period), stamps=stamps, source=self.vendor)
            staged = stage_bars(request, batches, self.roots, instruments)
        else:
            acted = list(batches)
            request = Request(vendor.name, kind="actions", source=self.vendor)
            staged = stage_actions(request, acted, instruments) if acted else Staged()
        with closing(staged.spool):
            self._write(staged, instruments, fetch)
        self._note(fetch)

    def _touching(self, fetch: Fetch) -> Fetch:
        """The request with the days in its window whose bars are wanted: where markets never shut, a day closes at the
        midnight after it, so the first close of a window is that of the day before.
        """
        venues = [self.found.meant(symbol, fetch.window).venue for symbol in fetch.symbols]
        if fetch.period is None or not Period.parse(fetch.period).is_session:
            return fetch
        if not any(each.calendar.startswith("24") for each in venues):
            return fetch
        start = max(0, fetch.window.start - Period.parse(fetch.period).nanoseconds)
        return replace(fetch, window=Window(start, fetch.window.end))

    def _write(self, staged: Staged, instruments: Instruments, fetch: Fetch) -> None:
        root, import_id = self.roots.writable, self.record["id"]
        known = staged.named()
        if known:
            fresh = [listing_of(known[each]) for each in instruments.new if each in known]
            write_instruments(root, known.values(), fresh, import_id)
            self.record["instruments"] = sorted({*self.record["instruments"], *known})
        flags.keep(root, import_id, staged.flags)
        for each in staged.series:
            told = each.told() | {"available_at": "assumed"}
            if told not in self.record["series"]:
                self.record["series"].append(told)
        arriving = (
            Bars(each.instrument, each.period, _inside(each.bars, fetch.window), each.assumed) for each in staged.series
        )
        for written in write_series(root, arriving, import_id):
            self.total += written
        for tick in staged.ticks:
            self.total += write_ticks(root, tick, import_id)
        for table in staged.actions:
            with contested(root) as said:
                self.record["actions"] += actions.write(root, table, import_id).new
            self.record["warnings"] = list(dict.fromkeys([*self.record["warnings"], *said]))
            self.renamed |= bool(pc.any(pc.is_in(table["kind"], pa.array(KINDS))).as_py())
        self.aside += [each for each in staged.aside if each.num_rows]
        for name in ("warnings", "notes"):
            self.record[name] = list(dict.fromkeys([*self.record[name], *getattr(staged, name)]))

    def _note(self, fetch: Fetch) -> None:
        """Keep what was asked; a part that follows on another of the same tickers is one with it."""
        asked = sorted((self.found.meant(symbol, fetch.window).id, symbol) for symbol in fetch.symbols)
        ids, symbols = ([each[at] for each in asked] for at in (0, 1))
        entry = {"vendor": self.vendor, "feed": fetch.feed, "kind": fetch.kind, "period": fetch.period or "",
                 "instruments": ids, "tickers": symbols, "start": fetch.window.start,
                 "end": fetch.window.end}  # fmt: skip
        for held in self.record["asked"]:
            same = all(held[name] == entry[name] for name in entry.keys() - {"start", "end"})
            if same and held["end"] + 1 == entry["start"]:
                held["end"] = entry["end"]
                break
        else:
            self.record["asked"].append(entry)
        self.save()

    def save(self) -> None:
        """Keep the record as it stands, and the rows set aside."""
        aside = pa.concat_tables([QUARANTINE.empty_table(), *self.aside])
        self.record |= {
            "written": self.total.rows_new,
            "unchanged": self.total.rows_same,
            "restated": self.total.rows_restated,
            "quarantined": aside.num_rows,
        }
        save(self.roots.writable, self.record, aside)

    def end(self, status: str) -> None:
        """Keep how it ended."""
        self.record |= {"status": status, "ended": clock.now().isoformat()}
        self.save()


def _begun(vendor: Vendor, wanted: Wanted) -> dict[str, Any]:
    told = ", ".join(wanted.symbols[:3]) + (f" and {len(wanted.symbols) - 3} more" if len(wanted.symbols) > 3 else "")
    told = told or wanted.universe
    empty: dict[str, Any] = {name: [] for name in ("series", "instruments", "warnings", "notes", "asked")}
    return {
        "id": new_id(),
        "status": "running",
        "kind": "dataset" if wanted.title else wanted.kind,
        "provider": vendor.name,
        "source": wanted.title or f"{vendor.name}: {told}",
        "digest": "",
        "started": clock.now().isoformat(),
        "actions": 0,
        **empty,
    }


def _left(vendor: Vendor, wanted: Wanted, roots: Roots, work: _Work, fetches: list[Fetch]) -> list[Fetch]:
    """What is left to be asked for after a part: once the actions are there, under the tickers that they tell."""
    left = fetches[1:]
    if not work.renamed or (left and left[0].kind == "actions"):
        return left
    work.renamed = False
    work.found.read(roots)
    return _fetches(vendor, wanted, roots, work.found)


def _fetches(vendor: Vendor, wanted: Wanted, roots: Roots, found: Tickers) -> list[Fetch]:
    """Everything to be asked for: actions first, since they tell traded prices from adjusted ones."""
    asked = _asked(roots, vendor.name, wanted.feed)
    fetches: list[Fetch] = []
    sorts: list[tuple[Kind, Period | None]] = [("bars", Period.parse(each)) for each in wanted.periods]
    if wanted.kind in ("trades", "quotes"):
        sorts = [(wanted.kind, None)]
    elif "actions" in vendor.kinds:
        sorts.insert(0, ("actions", None))
    for kind, period in sorts:
        _offered(vendor, kind, period)
        final = vendor.final_until(kind, str(period) if period else None)
        missing: dict[str, list[Window]] = {}
        for each in found.spells:
            window = _final(wanted, each, final, by_close=kind == "bars")
            if window and (kind != "actions" or each.instrument.asset_class == "equity"):
                known = asked.get((each.instrument.id, each.ticker), ())
                missing.setdefault(each.ticker, []).extend(lacking(roots, each.instrument, kind, period, window, known))
        fetches += planned(vendor, missing, kind, period, wanted.feed)
    return fetches


def _final(wanted: Wanted, spell: Spell, final: int, *, by_close: bool) -> Window | None:
    """What is wanted of a spell, as far as it is final; ``None`` where nothing is."""
    venue = spell.instrument.venue
    asked = Window.of(wanted.start, wanted.end, venue.timezone, by_close=by_close and venue.over_midnight)
    start, end = max(asked.start, 0), min(asked.end, final, clock.now_ns())
    return spell.within(Window(start, end)) if start <= end else None


def _offered(vendor: Vendor, kind: str, period: Period | None) -> None:
    if kind not in vendor.kinds:
        raise InputError(f"{vendor.name} has no {kind}.", f"It has {', '.join(sorted(vendor.kinds))}.")
    if kind == "bars" and str(period) not in vendor.periods:
        raise InputError(
            f"{vendor.name} has no {period} bars.",
            did_you_mean(str(period), vendor.periods) or f"It has {', '.join(sorted(vendor.periods))}.",
        )


def _asked(roots: Roots, vendor: str, feed: str | None) -> dict[tuple[str, str], list[Asked]]:
    """What this vendor was asked for, by instrument and ticker, in imports that were not taken back."""
    found: dict[tuple[str, str], list[Asked]] = {}
    for record in records(roots.writable):
        if record.get("status") == "reverted":
            continue
        for entry in record.get("asked", ()):
            if (entry["vendor"], entry["feed"]) == (vendor, feed):
                one = Asked(entry["kind"], entry["period"], Window(entry["start"], entry["end"]))
                ids = entry["instruments"]
                for key in zip(ids, entry.get("tickers", [each.rpartition(".")[0] for each in ids]), strict=True):
                    found.setdefault(key, []).append(one)
    return found


def _declared(instrument: Instrument) -> Declared:
    return Declared(instrument.venue.code, instrument.name, instrument)


def _inside(bars: pa.Table, window: Window) -> pa.Table:
    """The bars that close within what was asked for: of days a vendor gives whole ones."""
    stamps = bars["ts"].cast(pa.int64())
    return bars.filter(pc.and_(pc.greater_equal(stamps, window.start), pc.less_equal(stamps, window.end)))

"""A person's own series into the team's catalog, with all their versions: checked, judged, recorded, taken back.

The team's catalog learns every version at the moment of publication: ``recorded_at`` is that moment, ``available_at``
is what it was, so that a question ``as_of`` any day has the same answer in both. The record of the import tells who
published what, when, and out of which imports of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, datasets, layout
from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.integrity import check
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import ACTIONS, BAR_INPUT, FIGURES, bars
from alphapulse_lib.catalog.unfinished import settle, under_way
from alphapulse_lib.catalog.writer import Written, held_versions, write_bars, write_instruments
from alphapulse_lib.errors import CatalogDamaged, InputError
from alphapulse_lib.ingestion.adjusted import Marks
from alphapulse_lib.ingestion.records import DECLARED, QUARANTINE, adjusted_series, find, new_id, report_of, save
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.ingestion.staged import set_aside
from alphapulse_lib.ingestion.validate import Figures, judge
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period

__all__ = ["publish", "require_held", "written_by"]


def publish(
    own: PurePath,
    team: PurePath,
    instruments: Sequence[Instrument],
    period: Period,
    by: str,
    begun: Callable[[str], None] = lambda _: None,
) -> Report:
    """Bring series of one root, and the actions of their instruments, into another.

    Parameters
    ----------
    own, team : PurePath
        The roots: read, and written under its lock.
    instruments : sequence of Instrument
        Whose bars of the period are published.
    by : str
        Who publishes.
    begun : callable
        Told the import's id when its record is kept, before anything else is written.

    Returns
    -------
    Report
        Of kind ``"publication"``. Bars that ingestion would set aside are set aside in the team's catalog, whence they
        can be released.

    Raises
    ------
    InputError
        A series is not held, or prices as traded would be mixed with adjusted ones.
    CatalogDamaged
        The check finds a fault in a file that is to be published.
    CatalogReadOnly
        This person may not write the team's catalog.
    """
    work = _Work(own, team, period, _begun(instruments, period, by))
    for each in instruments:
        work.require(each)
    work.check(instruments)
    settle(team)
    with under_way(team, work.record["id"]):
        work.save()
        begun(work.record["id"])
        try:
            for each in instruments:
                work.publish(each)
        except BaseException:
            work.end("interrupted")
            raise
        work.end("finished")
    return report_of(team, work.record)


def require_held(own: PurePath, instrument: Instrument, period: Period) -> list[PurePath]:
    """The published files of a series of one root.

    Raises
    ------
    InputError
        There is none.
    """
    files = layout.parquet_files(layout.bars_folder(own, period.bar_type(instrument.id)))
    if not files:
        held = [str(Period.of_bar_type(each)) for each in layout.bar_types(own, f"{_folder(instrument)}-")]
        raise InputError(
            f"Your own catalog holds no {period} bars of {instrument.id}: there is nothing to publish.",
            f"It holds {', '.join(held)}." if held else "Import them first: ap.ingest('files', ...).",
        )
    return files


def written_by(team: PurePath, import_ids: Iterable[str]) -> int:
    """How many rows earlier turns of a publication wrote, as their records say."""
    return sum(int(find(team, each)["written"]) for each in import_ids)


def _begun(instruments: Sequence[Instrument], period: Period, by: str) -> dict[str, Any]:
    named = ", ".join(each.id for each in instruments[:3])
    more = f" and {len(instruments) - 3} more" if len(instruments) > 3 else ""
    started = clock.now().isoformat()
    empty: dict[str, Any] = {"series": [], "warnings": [], "notes": [f"published by {by}"]}
    return {
        "id": new_id(),
        "status": "running",
        "kind": "publication",
        "provider": "publish",
        "source": f"{period} bars of {named}{more}",
        "digest": "",
        "started": started,
        "instruments": sorted(each.id for each in instruments),
        "published": {"by": by, "at": started, "period": str(period), "imports": []},
        "actions": 0,
        **empty,
    }


@dataclass(slots=True)
class _Work:
    """A publication under way."""

    own: PurePath
    team: PurePath
    period: Period
    record: dict[str, Any]
    total: Written = field(default_factory=Written)
    aside: list[pa.Table] = field(default_factory=list)

    def require(self, instrument: Instrument) -> None:
        """Refuse a series that is not held, or would mix with another sort of prices."""
        bar_type = self.period.bar_type(instrument.id)
        require_held(self.own, instrument, self.period)
        Marks(Roots(self.team)).refuse_mixture(bar_type, adjusted=self._mark(bar_type).startswith(DECLARED))

    def check(self, instruments: Sequence[Instrument]) -> None:
        """Refuse files in which ``alphapulse check`` finds a fault."""
        files = {str(path) for each in instruments for path in self._files(each)}
        faults = [each for each in check(Roots(self.own)) if str(each.file) in files]
        if faults:
            raise CatalogDamaged(
                f"{len(faults):,} faults in what is to be published; the first: {faults[0].problem}",
                "`alphapulse check` lists them, `alphapulse check --repair` mends what it can.",
            )

    def publish(self, instrument: Instrument) -> None:
        """Write all versions of one series, its instrument, and the instrument's actions."""
        bar_type, import_id = self.period.bar_type(instrument.id), self.record["id"]
        versions = self._versions(instrument)
        known = Index(self.team).get(instrument.id)
        listings = [each for each in Index(self.own).listings() if each.instrument_id == instrument.id]
        write_instruments(self.team, [known or instrument], listings, import_id)
        self.record["series"].append(
            {"bar_type": bar_type, "adjusted": self._mark(bar_type).partition(" (import ")[0], "available_at": "stated"}
        )
        imports = {name for each in versions["import_id"].unique().to_pylist() for name in [each] if name}
        self.record["published"]["imports"] = sorted({*self.record["published"]["imports"], *imports})
        self.save()
        good = self._judged(instrument, versions)
        self.total += write_bars(self.team, known or instrument, self.period, good, import_id)
        self._publish_actions(instrument)
        self.save()

    def _publish_actions(self, instrument: Instrument) -> None:
        held = datasets.held_versions(self.own, self.own / layout.ACTIONS, ACTIONS)
        rows = held.filter(pc.equal(held["instrument_id"], instrument.id))
        if rows.num_rows:
            table = rows.drop_columns(["recorded_at", "import_id"])
            self.record["actions"] += actions.write(self.team, table, self.record["id"]).new

    def _versions(self, instrument: Instrument) -> pa.Table:
        """Every version of every bar, as the writer takes them, with the import that brought it."""
        schema = bars(
            self.period.bar_type(instrument.id), instrument.id, instrument.price_precision, instrument.size_precision
        )
        parts = []
        for path in self._files(instrument):
            held = held_versions(self.own, path, schema)
            precision = {"volume": instrument.size_precision}
            figures = {name: to_floats(held[name], precision.get(name, instrument.price_precision)) for name in FIGURES}
            columns = {"ts": held["ts_event"], **figures, "available_at": held["available_at"]}
            parts.append(pa.table(columns | {"import_id": held["import_id"].cast(pa.string())}))
        return pa.concat_tables(parts)

    def _judged(self, instrument: Instrument, versions: pa.Table) -> pa.Table:
        """The bars that ingestion would write; the others are set aside."""
        stamps = versions["ts"].cast(pa.int64()).to_numpy()
        figures = Figures(stamps, *(versions[name].to_numpy() for name in FIGURES))
        reason = judge(figures, clock.now_ns(), instrument.price_precision, instrument.size_precision)
        bad = np.flatnonzero(reason != "")
        if len(bad):
            rows = versions.take(bad)
            texts = pc.binary_join_element_wise(*(rows[name].cast(pa.string()) for name in BAR_INPUT.names), ",")
            same = {"file": self.record["source"], "symbol": instrument.symbol, "kind": "bars",
                    "instrument_id": instrument.id, "period": str(self.period)}  # fmt: skip
            meant = {
                **{name: pa.array([value] * len(bad), pa.string()) for name, value in same.items()},
                "line": pa.array(bad + 1),
                "reason": pa.array(reason[bad].tolist(), pa.string()),
                "row": texts,
                "ts": pa.array(stamps[bad]),
                **{name: rows[name] for name in FIGURES},
                "available_at": rows["available_at"].cast(pa.int64()),
            }
            self.aside.append(set_aside(rows.select([]), **meant))
        return versions.take(np.flatnonzero(reason == "")).select(BAR_INPUT.names)

    def _mark(self, bar_type: str) -> str:
        return adjusted_series(self.own).get(bar_type, "")

    def _files(self, instrument: Instrument) -> list[PurePath]:
        return layout.parquet_files(layout.bars_folder(self.own, self.period.bar_type(instrument.id)))

    def save(self) -> None:
        """Keep the record as it stands, and the rows set aside."""
        aside = pa.concat_tables([QUARANTINE.empty_table(), *self.aside])
        self.record |= {
            "written": self.total.rows_new,
            "unchanged": self.total.rows_same,
            "restated": self.total.rows_restated,
            "quarantined": aside.num_rows,
        }
        save(self.team, self.record, aside)

    def end(self, status: str) -> None:
        """Keep how it ended."""
        self.record |= {"status": status, "ended": clock.now().isoformat()}
        self.save()


def _folder(instrument: Instrument) -> str:
    return instrument.id.replace("/", "")

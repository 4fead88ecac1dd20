"""The rows that imports set aside: listed, and written after all where they can be held.

``quarantine/<import>.parquet`` keeps each row as it arrived and, where that could be read, the figures it stands for.
A released row is written under the id of its import, so `ap.revert` of that import takes it back with the others; who
released it, and when, stays in the quarantine and in the import's record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, layout, storage
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_table
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import BAR_INPUT, TIME
from alphapulse_lib.catalog.writer import Written, write_bars, write_instruments
from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion.instruments import Instruments, decimals_of, listing_of
from alphapulse_lib.ingestion.records import QUARANTINE, find, records, save
from alphapulse_lib.ingestion.validate import Figures, impossible, judge_actions, repeated
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period

__all__ = ["Released", "listed", "release"]

_FIGURES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Released:
    """What releasing rows did.

    Attributes
    ----------
    id : str
        The import's; ``ap.revert(id)`` takes the rows back with the others.
    rows : tuple of int
        The numbers of the released rows in ``ap.quarantine(id)``.
    written, unchanged, restated : int
        Rows that are new, that the catalog held already, and that took an older row's place.
    by, at : str
        Who released them, and when (ISO 8601, UTC).
    """

    id: str
    rows: tuple[int, ...]
    written: int
    unchanged: int
    restated: int
    by: str
    at: str

    def __str__(self) -> str:
        return (
            f"{len(self.rows):,} rows of import {self.id} were released by {self.by}: {self.written:,} written, "
            f"{self.unchanged:,} unchanged, {self.restated:,} restated."
        )

    __repr__ = __str__


def listed(roots: Roots, import_id: str | None = None) -> pa.Table:
    """The rows set aside by one import, or by all that were not taken back.

    Returns
    -------
    pa.Table
        ``import_id``, ``number`` (within its import, from 1), then `QUARANTINE`'s columns, and ``held_back``: why the
        row cannot be released, empty where it can.

    Raises
    ------
    UnknownImport
        No such import was made.
    """
    root = roots.writable
    if import_id is not None:
        chosen = [find(root, import_id)]
    else:
        chosen = [each for each in records(root) if each["status"] != "reverted"]
    parts = []
    for record in chosen:
        rows = _rows(root, record["id"])
        numbered = rows.add_column(0, "number", pa.array(np.arange(1, rows.num_rows + 1)))
        numbered = numbered.add_column(0, "import_id", pa.array([record["id"]] * rows.num_rows, pa.string()))
        parts.append(numbered.append_column("held_back", pa.array(_held_back(rows).tolist(), pa.string())))
    empty = pa.schema([("import_id", pa.string()), ("number", pa.int64()), *QUARANTINE, ("held_back", pa.string())])
    return pa.concat_tables([empty.empty_table(), *parts])


def release(roots: Roots, import_id: str, numbers: Sequence[int] | None, by: str) -> Released:
    """Write rows that an import set aside after all.

    Parameters
    ----------
    numbers : sequence of int, optional
        Which, as `listed` numbers them; unless told, every one that can be held.
    by : str
        Who says so.

    Raises
    ------
    UnknownImport
        No such import was made.
    InputError
        A row cannot be held, was released already, contradicts another one, or does not exist. Nothing was written.
    """
    root = roots.writable
    with locked(root):
        record = find(root, import_id)
        if record["status"] == "reverted":
            raise InputError(
                f"Import {record['id']} was taken back, at {record['reverted']}: none of its rows can be released.",
                "Import its source again, then release the rows of that import.",
            )
        rows = _rows(root, record["id"])
        chosen = _chosen(rows, record["id"], numbers)
        written = _write(roots, rows.take(chosen), chosen, record)
        at = clock.now().isoformat()
        done = Released(record["id"], tuple(int(each) + 1 for each in chosen), *_counts(written), by, at)
        _mark(root, rows, chosen, record, done)
    return done


def _counts(written: Written) -> tuple[int, int, int]:
    return written.rows_new, written.rows_same, written.rows_restated


def _rows(root: PurePath, import_id: str) -> pa.Table:
    """The quarantine of an import; columns that an older AlphaPulse did not keep are null."""
    path = layout.quarantine_file(root, import_id)
    if not storage.exists(path):
        return QUARANTINE.empty_table()
    held = whole(path)
    columns = [held[name] if name in held.column_names else pa.nulls(held.num_rows, kind) for name, kind in
               zip(QUARANTINE.names, QUARANTINE.types, strict=True)]  # fmt: skip
    return pa.table(dict(zip(QUARANTINE.names, columns, strict=True))).cast(QUARANTINE)


def _chosen(rows: pa.Table, import_id: str, numbers: Sequence[int] | None) -> NDArray[np.int64]:
    """The rows to release, from 0."""
    why = _held_back(rows)
    if numbers is None:
        chosen = np.flatnonzero(why == "")
        if not len(chosen):
            told = f": {why[0]}" if len(why) else ", for it set none aside"
            raise InputError(f"None of the rows that import {import_id} set aside can be released{told}.")
        return chosen
    chosen = np.unique(np.array([int(each) for each in numbers], np.int64)) - 1
    strange = chosen[(chosen < 0) | (chosen >= rows.num_rows)]
    if not len(chosen) or len(strange):
        told = f"no row {int(strange[0]) + 1}" if len(strange) else "nothing to release"
        raise InputError(
            f"Import {import_id} has {told}: it set {rows.num_rows:,} rows aside.",
            f"ap.quarantine({import_id!r}) lists them; rows= takes their numbers.",
        )
    refused = chosen[why[chosen] != ""]
    if len(refused):
        told = "; ".join(f"row {at + 1}: {why[at]}" for at in refused[:3])
        more = f"; and {len(refused) - 3} more" if len(refused) > 3 else ""
        raise InputError(
            f"{len(refused):,} of the rows cannot be released: {told}{more}.",
            "Correct them in their source and import it again, or leave them out of rows=.",
        )
    return chosen


def _held_back(rows: pa.Table) -> NDArray[np.object_]:
    """Why each row cannot be written as it is; ``""`` where it can."""
    kind = np.array(rows["kind"].to_pylist(), object)
    why = np.full(rows.num_rows, "", object)
    bars, acted = kind == "bars", kind == "actions"
    why[~bars & ~acted] = "what it says could not be read, or is nothing that can be released"
    at = np.flatnonzero(bars)
    if len(at):
        why[at] = impossible(_figures(rows.take(at)), clock.now_ns())
    at = np.flatnonzero(acted)
    if len(at):
        part = rows.take(at)
        figures = [part[name].fill_null(np.nan).to_numpy() for name in ("ratio", "amount")]
        why[at] = judge_actions(kind_of_action := np.array(part["action"].to_pylist(), object), *figures)
        unnamed = np.isin(kind_of_action, ["spin_off", "rename"])
        why[at[unnamed]] = "its new symbol is not kept here: correct it in its source and import it again"
        lacking = np.asarray(pc.or_(pc.is_null(part["ex_date"]), pc.is_null(part["available_at"])))
        why[at[lacking | (kind_of_action == None)]] = "what it says could not be read"  # noqa: E711 an array of objects
    unplaced = np.asarray(pc.is_null(rows["instrument_id"])) & (bars | acted)
    why[unplaced] = "it names no instrument that the catalog knows"
    for number, stamp in enumerate(rows["released_at"].to_pylist()):
        if stamp:
            why[number] = f"it was released already, at {stamp}"
    return why


def _figures(rows: pa.Table) -> Figures:
    stamps = rows["ts"].fill_null(-1).to_numpy()
    return Figures(stamps, *(rows[name].fill_null(np.nan).to_numpy() for name in _FIGURES))


def _write(roots: Roots, rows: pa.Table, chosen: NDArray[np.int64], record: dict[str, Any]) -> Written:
    total = Written()
    known = Instruments(roots, {})
    numbered = rows.append_column("number", pa.array(chosen + 1))
    groups = list(
        dict.fromkeys(zip(*(rows[name].to_pylist() for name in ("kind", "instrument_id", "period")), strict=True))
    )
    parts = [
        (kind, instrument_id, period, _of(numbered, kind, instrument_id, period))
        for kind, instrument_id, period in groups
    ]
    for kind, _, _, part in parts:
        if kind == "bars":
            _refuse_contradictions(part)
    for kind, instrument_id, period, part in parts:
        if kind == "actions":
            total += _write_actions(roots.writable, part, record["id"])
        else:
            instrument = _instrument(roots, known, instrument_id, part, record["id"])
            table = pa.table([_cast(part, name) for name in BAR_INPUT.names], schema=BAR_INPUT)
            assumed = bool(pc.all(pc.equal(part["available_at"], part["ts"])).as_py())
            total += write_bars(roots.writable, instrument, Period.parse(period), table, record["id"], assumed=assumed)
    return total


def _of(rows: pa.Table, kind: str, instrument_id: str, period: str | None) -> pa.Table:
    same = pc.and_(pc.equal(rows["kind"], kind), pc.equal(rows["instrument_id"], instrument_id))
    return rows.filter(pc.and_(same, pc.equal(pc.coalesce(rows["period"], ""), period or "")))


def _cast(part: pa.Table, name: str) -> pa.ChunkedArray:
    return part[name].cast(BAR_INPUT.field(name).type)


def _refuse_contradictions(part: pa.Table) -> None:
    _, said = repeated(_figures(part), part["available_at"].to_numpy(), part["number"].to_numpy())
    if (said != "").any():
        at = int(np.flatnonzero(said != "")[0])
        raise InputError(
            f"Row {part['number'][at]} and another one to be released say different things of one moment "
            f"({said[at].replace('line', 'row')}).",
            "Release one of them: rows=[...].",
        )


def _instrument(roots: Roots, known: Instruments, instrument_id: str, part: pa.Table, import_id: str) -> Instrument:
    """The instrument of released bars; written to the index where no good row of its import brought it there."""
    prices = np.concatenate([part[name].to_numpy() for name in _FIGURES[:4]])
    decimals = (decimals_of(prices), decimals_of(part["volume"].to_numpy()))
    instrument = known.of(instrument_id, decimals=lambda: decimals)
    listings = [listing_of(instrument)] if instrument.id in known.new else []
    write_instruments(roots.writable, [instrument], listings, import_id)
    return instrument


def _write_actions(root: PurePath, part: pa.Table, import_id: str) -> Written:
    columns = {name: part[name] for name in ("instrument_id", "ex_date", "ratio", "amount")}
    source = [f"released from import {import_id}"] * part.num_rows
    stated = part["available_at"].cast(TIME)
    table = pa.table({**columns, "kind": part["action"], "available_at": stated, "source": pa.array(source)})
    merge = actions.write(root, table, import_id)
    return Written(merge.new, merge.same, merge.restated)


def _mark(root: PurePath, rows: pa.Table, chosen: NDArray[np.int64], record: dict[str, Any], done: Released) -> None:
    """Keep who released what and when, beside the rows and in the import's record."""
    picked = np.zeros(rows.num_rows, np.bool_)
    picked[chosen] = True
    for name, value in (("released_at", done.at), ("released_by", done.by)):
        marked = pc.if_else(pa.array(picked), pa.scalar(value, pa.string()), rows[name])
        rows = rows.set_column(rows.schema.get_field_index(name), name, marked)
    publish_table(root, layout.quarantine_file(root, record["id"]), rows)
    entry = {"by": done.by, "at": done.at, "rows": list(done.rows), "written": done.written, "restated": done.restated}
    save(root, record | {"released": [*record.get("released", ()), entry]})

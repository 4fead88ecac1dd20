"""Corporate actions and articles from a provider's rows, ready to be written."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.catalog.sessions import open_of, sessions
from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion.instruments import Instruments
from alphapulse_lib.ingestion.staged import Staged, gather, set_aside
from alphapulse_lib.ingestion.validate import judge_actions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.providers.contract import Batch, Request

__all__ = ["stage_actions", "stage_articles"]


def stage_actions(request: Request, batches: list[Batch], instruments: Instruments) -> Staged:
    """Corporate actions ready to be written; one without ``available_at`` counts as known from its ex-date's open.

    Raises
    ------
    InputError
        No row's symbol means an instrument; where only some do not, those rows are set aside.
    """
    table, notes = gather(batches)
    staged = Staged(notes=notes)
    figures = [np.asarray(table[name].fill_null(np.nan), np.float64) for name in ("ratio", "amount")]
    reason = _reasons(table)
    reason = np.where(reason == "", judge_actions(np.array(table["kind"].to_pylist(), object), *figures), reason)
    found: dict[tuple[str, str | None], Instrument] = {}
    unknown: dict[tuple[str, str | None], InputError] = {}
    keys = list(zip(table["symbol"].to_pylist(), table["venue"].to_pylist(), strict=True))
    for key in dict.fromkeys(keys):
        try:
            if key[0]:
                found[key] = instruments.of(*key)
        except InputError as refused:
            unknown[key] = refused
    if unknown and not found:
        raise next(iter(unknown.values()))
    opens = np.full(table.num_rows, -1, np.int64)
    days = np.asarray(table["ex_date"].cast(pa.int32()).fill_null(0)).astype("datetime64[D]")
    for key, instrument in found.items():
        rows = np.array([each == key for each in keys])
        opens[rows] = open_of(instrument.venue.code, days[rows])
    for at, key in enumerate(keys):
        if key in unknown and not reason[at]:
            reason[at] = f"{unknown[key].message} {unknown[key].hint}"
    closed = (opens < 0) & (reason == "")
    reason[closed] = [f"{day} is no session" for day in days[closed]]
    reason = _repeated(table, reason, ("symbol", "venue", "kind", "ex_date"))
    good = np.flatnonzero(reason == "")
    staged.aside.append(_aside(table, reason, **_meant(table, keys, found)))
    if not len(good):
        return staged
    rows = table.take(good)
    stated = pc.coalesce(rows["available_at"], pa.array(opens[good])).cast(TIME)
    staged.actions.append(
        pa.table(
            {
                "instrument_id": pa.array([found[keys[at]].id for at in good]),
                **{name: rows[name] for name in ("kind", "ex_date")},
                **{name: pc.if_else(pc.is_nan(rows[name]), None, rows[name]) for name in ("ratio", "amount")},
                "available_at": stated,
                "assumed": pc.is_null(rows["available_at"]),
                "source": pa.array([request.source] * len(good)),
            }
        )
    )
    staged.instruments = [each for key, each in found.items() if any(keys[at] == key for at in good)]
    assumed = int(rows["available_at"].null_count)
    if assumed:
        staged.notes.append(f"{assumed:,} actions count as known from the open of their ex-date (assumed)")
    return staged


def stage_articles(request: Request, batches: list[Batch], instruments: Instruments) -> Staged:
    """Articles ready to be written; one without an id gets one from its source, time and headline."""
    table, notes = gather(batches)
    staged = Staged(notes=notes)
    reason = _reasons(table)
    published = np.asarray(table["published_at"].fill_null(0))
    available = np.asarray(pc.coalesce(table["available_at"], table["published_at"]).fill_null(0))
    now = clock.now_ns()
    reason[(published > now) & (reason == "")] = "it was published in the future"
    source = [said or request.source for said in table["source"].to_pylist()]
    ids = [
        said or _digest(*facts)
        for said, *facts in zip(
            table["id"].to_pylist(), source, published.tolist(), table["headline"].to_pylist(), strict=True
        )
    ]
    table = table.set_column(table.schema.get_field_index("id"), "id", pa.array(ids))
    table = table.set_column(table.schema.get_field_index("source"), "source", pa.array(source))
    reason = _repeated(table, reason, ("source", "id", "available_at"))
    good = np.flatnonzero((reason == "") & ~_same_again(table, reason))
    staged.aside.append(_aside(table, reason))
    if not len(good):
        return staged
    rows = table.take(good)
    symbols, unknown = _named(rows["symbols"].to_pylist(), published[good], instruments)
    early = int((available[good] < published[good]).sum())
    if early:
        staged.warnings.append(f"{early:,} articles claim to have been available before they were published (kept so)")
    if unknown:
        shown = ", ".join(sorted(unknown)[:10])
        staged.notes.append(f"symbols the catalog has no instrument for were left out: {shown}")
    staged.articles.append(
        pa.table(
            {
                **{name: rows[name] for name in ("source", "id", "headline", "body", "url")},
                "published_at": pa.array(published[good]).cast(TIME),
                "available_at": pa.array(available[good]).cast(TIME),
                "symbols": pa.array(symbols, pa.list_(pa.string())),
            }
        )
    )
    return staged


def _reasons(table: pa.Table) -> NDArray[np.object_]:
    return np.array([each or "" for each in table["reason"].to_pylist()], object)


def _aside(table: pa.Table, reason: NDArray[np.object_], **meant: pa.Array) -> pa.Table:
    bad = np.flatnonzero(reason != "")
    at = table.schema.get_field_index("reason")
    rows = table.take(bad).set_column(at, "reason", pa.array(reason[bad].tolist(), pa.string()))
    return set_aside(rows, **{name: column.take(pa.array(bad)) for name, column in meant.items()})


def _meant(
    table: pa.Table, keys: list[tuple[str, str | None]], found: dict[tuple[str, str | None], Instrument]
) -> dict[str, pa.Array]:
    """What corporate actions say, for the quarantine; one without ``available_at`` counts from its day's open."""
    days = table["ex_date"].cast(pa.int32()).fill_null(0).to_numpy().astype("datetime64[D]")
    opens = np.full(len(days), -1, np.int64)
    for key, instrument in found.items():
        rows = np.array([each == key for each in keys])
        known = sessions(instrument.venue.code)
        opens[rows] = known.opens[np.minimum(np.searchsorted(known.days, days[rows]), len(known) - 1)]
    return {
        "kind": pa.array(["actions"] * table.num_rows),
        "instrument_id": pa.array([found[key].id if key in found else None for key in keys], pa.string()),
        "action": table["kind"],
        **{name: table[name] for name in ("ex_date", "ratio", "amount")},
        "available_at": pc.coalesce(table["available_at"], pa.array(opens, mask=opens < 0)),
    }


def _repeated(table: pa.Table, reason: NDArray[np.object_], key: tuple[str, ...]) -> NDArray[np.object_]:
    """The reasons, with those of usable rows that contradict an earlier usable row of the same key."""
    usable = np.flatnonzero(reason == "")
    facts = table.drop_columns(["line", "file", "row", "reason"]).take(usable).to_pandas()
    first = facts.groupby(list(key), dropna=False, sort=False).cumcount().to_numpy() == 0
    leader = facts[first].assign(row=np.flatnonzero(first))
    joined = facts[list(key)].merge(leader[[*key, "row"]], on=list(key), how="left")["row"].to_numpy()
    other = facts.iloc[joined].reset_index(drop=True)
    same = ((facts == other) | (facts.isna() & other.isna())).all(axis=1).to_numpy()
    lines = table["line"].to_numpy()[usable]
    contradicting = ~first & ~same
    result = reason.copy()
    result[usable[contradicting]] = [f"line {line} says otherwise of the same" for line in lines[joined[contradicting]]]
    return result


def _same_again(table: pa.Table, reason: NDArray[np.object_]) -> NDArray[np.bool_]:
    """The usable rows whose source, id and time an earlier usable row has: they say the same."""
    facts = table.select(["source", "id", "available_at"]).to_pandas()
    again = np.zeros(len(facts), np.bool_)
    usable = reason == ""
    again[usable] = facts[usable].duplicated().to_numpy()
    return again


def _named(
    texts: list[str | None], published: NDArray[np.int64], instruments: Instruments
) -> tuple[list[list[str]], set[str]]:
    """The instrument ids each source's symbols mean on the day, and the symbols that mean none."""
    result, unknown = [], set[str]()
    for text, stamp in zip(texts, published.tolist(), strict=True):
        day = date.fromtimestamp(0) if stamp < 0 else np.datetime64(stamp, "ns").astype("datetime64[D]").item()
        ids = []
        for symbol in filter(None, re.split(r"[;|,\s]+", (text or "").strip("[]() ").upper())):
            known = instruments.named(symbol.strip("$'\""), day)
            if known is None:
                unknown.add(symbol)
            elif known not in ids:
                ids.append(known)
        result.append(ids)
    return result, unknown


def _digest(source: str, published: int, headline: str | None) -> str:
    return hashlib.sha256(f"{source}\x1f{published}\x1f{headline}".encode()).hexdigest()[:20]

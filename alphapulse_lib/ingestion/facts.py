"""Articles from a provider's rows, ready to be written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.ingestion.instruments import Instruments
from alphapulse_lib.ingestion.staged import Staged, aside, contradicted, gather, reasons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.providers.contract import Batch, Request

__all__ = ["stage_articles"]


def stage_articles(request: Request, batches: Iterable[Batch], instruments: Instruments) -> Staged:
    """Articles ready to be written; one without an id gets one from its source, time and headline."""
    table, notes = gather(batches)
    staged = Staged(notes=notes)
    reason = reasons(table)
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
    reason = contradicted(table, reason, ("source", "id", "available_at"))
    good = np.flatnonzero((reason == "") & ~_same_again(table, reason))
    staged.aside.append(aside(table, reason))
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

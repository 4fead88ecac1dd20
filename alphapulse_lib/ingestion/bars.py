"""Bars from a provider's rows: closes found, figures judged, actions recovered; one instrument after the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import BAR_INPUT, TIME
from alphapulse_lib.catalog.sessions import open_of
from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion.adjusted import unseen_splits
from alphapulse_lib.ingestion.closes import close_times, meaning_of, stamp_doubts
from alphapulse_lib.ingestion.instruments import Instruments
from alphapulse_lib.ingestion.records import adjusted_series
from alphapulse_lib.ingestion.recover import recover
from alphapulse_lib.ingestion.staged import Series, Staged, gather, set_aside
from alphapulse_lib.ingestion.validate import Figures, judge, oddities, repeated
from alphapulse_lib.model.period import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.providers.contract import Batch, Request

__all__ = ["stage_bars"]

_FIGURES = ("open", "high", "low", "close", "volume")
_PRICE_CELL = 4


def stage_bars(request: Request, batches: list[Batch], roots: Roots, instruments: Instruments) -> Staged:
    """Bars ready to be written.

    Raises
    ------
    InputError
        What the stamps mean, or where an instrument trades, is told nowhere; or adjusted prices would be laid over
        prices as traded (or the reverse).
    IngestError
        The stamps cannot be those of such a period.
    """
    period = Period.parse(request.period)
    meaning_of(request.stamps, period)
    table, notes = gather(batches)
    staged = Staged(notes=notes)
    staged.aside.append(set_aside(table.filter(pc.is_valid(table["reason"]))))
    usable = table.filter(pc.is_null(table["reason"]))
    marked = adjusted_series(roots.writable)
    known_splits = _splits(roots)
    odd: dict[str, int] = {}
    for rows in _by_instrument(usable):
        one = _Rows(rows, request, period, instruments)
        one.stage(staged, odd)
        if one.kept:
            staged.series[-1:] = [_marked(staged.series[-1], one, request, roots, marked, known_splits, staged)]
    staged.warnings += [f"{count:,} bars {what}" for what, count in odd.items() if count]
    if staged.repeated:
        staged.notes.append(f"{staged.repeated:,} rows say the same as an earlier row and were passed over")
    return staged


def _by_instrument(table: pa.Table) -> Iterator[pa.Table]:
    """The rows of each symbol and venue, in the file's order."""
    if not table.num_rows:
        return
    keys = pc.binary_join_element_wise(table["symbol"], pc.coalesce(table["venue"], ""), "\x1f")
    codes = pc.dictionary_encode(keys).combine_chunks().indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    sorted_rows = table if (order[1:] > order[:-1]).all() else table.take(order)
    starts = [0, *edges.tolist(), len(order)]
    for start, end in zip(starts, starts[1:], strict=False):
        yield sorted_rows.slice(start, end - start)


class _Rows:
    """The rows of one instrument on their way."""

    def __init__(self, rows: pa.Table, request: Request, period: Period, instruments: Instruments) -> None:
        self.rows, self.request, self.period = rows, request, period
        figures = [rows[name].to_numpy() for name in _FIGURES]
        self.instrument: Instrument = instruments.of(
            rows["symbol"][0].as_py(),
            rows["venue"][0].as_py(),
            rows["name"][0].as_py() or (request.name if isinstance(request.name, str) else None),
            prices=np.concatenate(figures[:_PRICE_CELL]),
            volumes=figures[_PRICE_CELL],
        )
        self.stamps = meaning_of(request.stamps, period)
        ts, reason = close_times(
            rows["wall"].to_numpy(),
            rows["instant"].to_numpy(),
            rows["bare"].to_numpy(),
            venue=self.instrument.venue,
            period=period,
            stamps=self.stamps,
        )
        bars = Figures(ts, *figures)
        reason = np.where(reason == "", judge(bars, clock.now_ns()), reason)
        self.bars, self.reason = bars, reason
        self.available, self.too_early = self._available(ts)
        self.again = np.zeros(len(ts), np.bool_)
        good = np.flatnonzero(reason == "")
        self.again[good], self.reason[good] = repeated(bars[good], self.available[good], rows["line"].to_numpy()[good])
        chosen = np.flatnonzero((self.reason == "") & ~self.again)
        self.chosen = chosen[np.lexsort((self.available[chosen], ts[chosen]))]

    @property
    def kept(self) -> int:
        return len(self.chosen)

    def _available(self, ts: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """When each bar was available: as the file says, but not before its close; else its close."""
        said = self.rows["available_at"]
        if said.null_count == len(said):
            return ts, 0
        stated = np.where(np.asarray(pc.is_valid(said)), np.asarray(pc.fill_null(said, 0)), ts)
        return np.maximum(stated, ts), int((stated < ts).sum())

    def stage(self, staged: Staged, odd: dict[str, int]) -> None:
        """Add what can be written, and what cannot, with its reasons."""
        bad = np.flatnonzero(self.reason != "")
        if len(bad):
            reasons = pa.array(self.reason[bad].tolist(), pa.string())
            at = self.rows.schema.get_field_index("reason")
            staged.aside.append(set_aside(self.rows.take(bad).set_column(at, "reason", reasons)))
        staged.repeated += int(self.again.sum())
        if not self.kept:
            return
        bars = self.bars[self.chosen]
        columns = [bars.ts, *(getattr(bars, name) for name in _FIGURES), self.available[self.chosen]]
        arrays = [pa.array(each).cast(kind.type) for each, kind in zip(columns, BAR_INPUT, strict=True)]
        staged.series.append(Series(self.instrument, self.period, pa.table(arrays, schema=BAR_INPUT)))
        for what, count in oddities(bars, self.instrument.price_precision).items():
            odd[what] = odd.get(what, 0) + count
        if self.too_early:
            odd["claim to have been available before their close; the close was taken"] = self.too_early
        doubts = stamp_doubts(bars.ts, self.instrument.venue, self.period, self.stamps)
        staged.warnings += [f"{self.instrument.id}: {each}" for each in doubts]
        if self.request.recover and not self.request.adjusted and self.period.is_session:
            recovered = self._recovered()
            if recovered is not None:
                staged.recovered.append(recovered)

    def _recovered(self) -> pa.Table | None:
        """The actions between raw and adjusted closes; ``None`` where there are none."""
        adjusted = self.rows["adj_close"].to_numpy()[self.chosen]
        valid = np.isfinite(adjusted) & (adjusted > 0)
        ts = self.bars.ts[self.chosen]
        valid[:-1] &= ts[1:] != ts[:-1]
        close = self.bars.close[self.chosen][valid]
        found = recover(close, adjusted[valid])
        if not found:
            return None
        days = self.days()[valid][[each.row for each in found]]
        opens = open_of(self.instrument.venue.code, days)
        split = np.array([each.kind == "split" for each in found])
        value = np.array([each.value for each in found])
        return pa.table(
            {
                "instrument_id": pa.array([self.instrument.id] * len(found)),
                "kind": pa.array([each.kind for each in found]),
                "ex_date": pa.array(days),
                "ratio": pa.array(value, mask=~split),
                "amount": pa.array(value, mask=split),
                "available_at": pa.array(opens).cast(TIME),
                "source": pa.array([f"{self.request.source} (recovered from adjusted closes)"] * len(found)),
            }
        )

    def days(self) -> NDArray[np.datetime64]:
        """The session of each chosen bar."""
        from alphapulse_lib.catalog.sessions import sessions

        known = sessions(self.instrument.venue.code)
        place = np.searchsorted(known.closes, self.bars.ts[self.chosen])
        found: NDArray[np.datetime64] = known.days[np.minimum(place, len(known) - 1)]
        return found


def _marked(
    series: Series,
    one: _Rows,
    request: Request,
    roots: Roots,
    marked: dict[str, str],
    known_splits: dict[str, dict[date, float]],
    staged: Staged,
) -> Series:
    """The series with the reason why its prices are not as traded, if they are not or do not look so."""
    bar_type = series.period.bar_type(series.instrument.id)
    held = any(name_root[1] == roots.writable for name_root in [roots.series(bar_type)] if name_root)
    before = marked.get(bar_type, "").startswith("declared adjusted")
    if held and before != request.adjusted:
        kinds = ("adjusted", "as traded") if before else ("as traded", "adjusted")
        raise InputError(
            f"The catalog holds {series.instrument.id} {series.period} with prices {kinds[0]}, and these are {kinds[1]}.",
            "The two must not be mixed: revert the earlier import, or give these another symbol.",
        )
    if request.adjusted:
        return Series(series.instrument, series.period, series.bars, "declared adjusted")
    splits = dict(known_splits.get(series.instrument.id, {}))
    for table in staged.recovered[-1:]:
        chosen = table.filter(pc.equal(table["kind"], "split"))
        if chosen.num_rows and chosen["instrument_id"][0].as_py() == series.instrument.id:
            splits |= dict(zip(chosen["ex_date"].to_pylist(), chosen["ratio"].to_pylist(), strict=True))
    if not splits:
        return series
    days, last = np.unique(one.days()[::-1], return_index=True)
    unseen = unseen_splits(days, one.bars.close[one.chosen][::-1][last], splits)
    if not unseen:
        return series
    told = f"its price does not show the {unseen[0][1]:g}:1 split of {unseen[0][0]}"
    staged.warnings.append(
        f"{series.instrument.id}: declared as traded, but {told}: adjusted prices? Then import them with adjusted=True"
    )
    return Series(series.instrument, series.period, series.bars, told)


def _splits(roots: Roots) -> dict[str, dict[date, float]]:
    """The splits the catalog knows, by instrument."""
    found: dict[str, dict[date, float]] = {}
    table = actions.read(roots)
    table = table.filter(pc.equal(table["kind"], "split"))
    for row in table.select(["instrument_id", "ex_date", "ratio"]).to_pylist():
        found.setdefault(row["instrument_id"], {})[row["ex_date"]] = row["ratio"]
    return found

"""Bars from a provider's rows: closes found, figures judged, actions recovered; one instrument after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog.schemas import BAR_INPUT, TIME
from alphapulse_lib.catalog.sessions import open_of, sessions
from alphapulse_lib.ingestion.adjusted import Marks
from alphapulse_lib.ingestion.closes import close_times, meaning_of, stamp_doubts
from alphapulse_lib.ingestion.flags import of_bars
from alphapulse_lib.ingestion.groups import Groups
from alphapulse_lib.ingestion.instruments import decimals_of
from alphapulse_lib.ingestion.records import DECLARED
from alphapulse_lib.ingestion.recover import recover
from alphapulse_lib.ingestion.staged import Staged, set_aside
from alphapulse_lib.ingestion.validate import Figures, flagged, judge, oddities, repeated
from alphapulse_lib.model.period import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.ingestion.instruments import Instruments
    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.providers.contract import Batch, Request, Stamps

__all__ = ["stage_bars"]

_FIGURES = ("open", "high", "low", "close", "volume")


def stage_bars(request: Request, batches: Iterable[Batch], roots: Roots, instruments: Instruments) -> Staged:
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
    stamps = meaning_of(request.stamps, period)
    with Groups(batches, None if period.is_session else "Y") as groups:
        work = _Work(request, period, stamps, Marks(roots), instruments, Staged(aside=groups.aside, notes=groups.notes))
        for rows in groups:
            work.take(rows, _instrument(rows, groups, request, instruments))
            del rows  # or they would be held while the next are read
    return work.done()


@dataclass(frozen=True, slots=True)
class _Work:
    """An import's bars, taken group by group."""

    request: Request
    period: Period
    stamps: Stamps
    marks: Marks
    instruments: Instruments
    staged: Staged
    odd: Counter[str] = field(default_factory=Counter)

    def take(self, rows: pa.Table, instrument: Instrument) -> None:
        """Judge the bars of one instrument, or a year of them, and put them to what is ready."""
        request, period, staged = self.request, self.period, self.staged
        self.marks.refuse_mixture(period.bar_type(instrument.id), adjusted=request.adjusted)
        figures = [rows[name].to_numpy() for name in _FIGURES]
        times = (rows[name].to_numpy() for name in ("wall", "instant", "bare"))
        ts, reason = close_times(*times, venue=instrument.venue, period=period, stamps=self.stamps)
        reason = self.instruments.strayed(rows["symbol"][0].as_py(), instrument, ts, reason)
        bars = Figures(ts, *figures)
        available = _available(rows, ts, self.odd)
        chosen = _choose(rows, bars, available, reason, (instrument, period), staged)
        if not len(chosen):
            return
        bars, available = bars[chosen], available[chosen]
        self._note_oddities(bars, instrument)
        adjusted = DECLARED if request.adjusted else ""
        if period == Period(1, "d") and not request.adjusted:
            adjusted = _look_for_actions(rows, chosen, bars, instrument, request, self.marks, staged)
        columns = [bars.ts, *(getattr(bars, name) for name in _FIGURES), available]
        arrays = [pa.array(each).cast(kind.type) for each, kind in zip(columns, BAR_INPUT, strict=True)]
        assumed = rows["available_at"].null_count == rows.num_rows
        staged.add_bars(instrument, period, pa.table(arrays, schema=BAR_INPUT), adjusted, assumed=assumed)

    def _note_oddities(self, bars: Figures, instrument: Instrument) -> None:
        strange = oddities(bars, instrument.price_precision, instrument.size_precision)
        self.odd.update({what: int(where.sum()) for what, where in strange.items()})
        self.staged.flags.append(of_bars(instrument.id, str(self.period), bars.ts, flagged(strange)))
        self.odd.update(stamp_doubts(bars.ts, instrument.venue, self.period, self.stamps))

    def done(self) -> Staged:
        """All that is ready, with what there is to say about it."""
        staged = self.staged
        told = ((f"{count:,} {'bar' if count == 1 else 'bars'}", what) for what, count in self.odd.items() if count)
        staged.warnings += [f"{count}: {what}" for count, what in told]
        if staged.repeated:
            staged.notes.append(f"rows that say the same as an earlier one, passed over: {staged.repeated:,}")
        return staged


def _instrument(rows: pa.Table, groups: Groups, request: Request, instruments: Instruments) -> Instrument:
    def decimals() -> tuple[int, int]:
        prices, sizes = 0, 0
        for part in groups.alike(rows, _FIGURES):
            prices = max(prices, *(decimals_of(part[name].to_numpy()) for name in _FIGURES[:4]))
            sizes = max(sizes, decimals_of(part["volume"].to_numpy()))
        return prices, sizes

    return instruments.of(
        rows["symbol"][0].as_py(),
        rows["venue"][0].as_py(),
        rows["name"][0].as_py() or (request.name if isinstance(request.name, str) else None),
        decimals=decimals,
    )


def _available(rows: pa.Table, ts: NDArray[np.int64], odd: Counter[str]) -> NDArray[np.int64]:
    """When each bar was available: as the file says, but not before its close; else its close."""
    said = rows["available_at"]
    if said.null_count == len(said):
        return ts
    stated = np.where(np.asarray(pc.is_valid(said)), np.asarray(pc.fill_null(said, 0)), ts)
    odd["said to be available before the close; the close was taken"] += int((stated < ts).sum())
    later: NDArray[np.int64] = np.maximum(stated, ts)
    return later


def _choose(
    rows: pa.Table,
    bars: Figures,
    available: NDArray[np.int64],
    reason: NDArray[np.object_],
    series: tuple[Instrument, Period],
    staged: Staged,
) -> NDArray[np.int64]:
    """The rows to be written, in the order of time; the others are set aside or passed over."""
    instrument, period = series
    reason = judge(bars, clock.now_ns(), instrument.price_precision, instrument.size_precision, reason)
    told = reason.astype(np.bool_)
    bad, good = np.flatnonzero(told), np.flatnonzero(~told)
    stamps, chosen = bars.ts[good], good
    if not (stamps[1:] > stamps[:-1]).all():
        again, contradicting = repeated(bars[good], available[good], rows["line"].to_numpy()[good])
        reason[good] = contradicting
        bad = np.flatnonzero(reason.astype(np.bool_))
        staged.repeated += int(again.sum())
        chosen = good[~contradicting.astype(np.bool_) & ~again]
        chosen = chosen[np.lexsort((available[chosen], bars.ts[chosen]))]
    if len(bad):
        reasons = pa.array(reason[bad].tolist(), pa.string())
        at = rows.schema.get_field_index("reason")
        facts = _facts(bars[bad], available[bad], instrument, period)
        staged.aside.append(set_aside(rows.take(bad).set_column(at, "reason", reasons), **facts))
    return chosen


def _facts(bars: Figures, available: NDArray[np.int64], instrument: Instrument, period: Period) -> dict[str, pa.Array]:
    """What bars that are set aside stand for; a close that could not be told is null."""
    same = {"kind": "bars", "instrument_id": instrument.id, "period": str(period)}
    unknown = bars.ts == 0
    return {
        **{name: pa.array([value] * len(bars), pa.string()) for name, value in same.items()},
        "ts": pa.array(bars.ts, mask=unknown),
        **{name: pa.array(getattr(bars, name)) for name in _FIGURES},
        "available_at": pa.array(np.maximum(available, bars.ts), mask=unknown),
    }


def _look_for_actions(
    rows: pa.Table,
    chosen: NDArray[np.int64],
    bars: Figures,
    instrument: Instrument,
    request: Request,
    marks: Marks,
    staged: Staged,
) -> str:
    """Recover actions, and say why the prices do not look as traded, where they do not."""
    known = sessions(instrument.venue.code)
    days = known.days[np.minimum(np.searchsorted(known.closes, bars.ts), len(known) - 1)]
    adjusted = rows["adj_close"].to_numpy()[chosen]
    splits: dict[date, float] = {}
    if request.recover and np.isfinite(adjusted).any():
        recovered = _recovered(bars, adjusted, days, instrument, request.source)
        staged.recovered.append(recovered)
        plain = recovered.filter(pc.equal(recovered["kind"], "split")).select(["ex_date", "ratio"]).to_pylist()
        splits = {each["ex_date"]: each["ratio"] for each in plain}
    doubt = marks.doubt(instrument.id, days, bars.open, bars.close, splits)
    if doubt:
        staged.warnings.append(
            f"{instrument.id}: declared as traded, but {doubt}; if these are adjusted prices, say adjusted=True"
        )
    return doubt


def _recovered(
    bars: Figures, adjusted: NDArray[np.float64], days: NDArray[np.datetime64], instrument: Instrument, source: str
) -> pa.Table:
    """The actions between raw and adjusted closes."""
    valid = np.isfinite(adjusted) & (adjusted > 0)
    valid[:-1] &= days[1:] != days[:-1]
    found = recover(bars.close[valid], adjusted[valid])
    ex_dates = days[valid][np.array([each.row for each in found], np.int64)]
    split = np.array([each.kind == "split" for each in found], np.bool_)
    value = np.array([each.value for each in found], np.float64)
    return pa.table(
        {
            "instrument_id": pa.array([instrument.id] * len(found), pa.string()),
            "kind": pa.array([each.kind for each in found], pa.string()),
            "ex_date": pa.array(ex_dates, pa.date32()),
            "ratio": pa.array(value, mask=~split),
            "amount": pa.array(value, mask=split),
            "available_at": pa.array(open_of(instrument.venue.code, ex_dates), pa.int64()).cast(TIME),
            "assumed": pa.array([True] * len(found), pa.bool_()),
            "source": pa.array([f"{source} (recovered from adjusted closes)"] * len(found), pa.string()),
        }
    )

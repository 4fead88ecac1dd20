"""Two to six runs side by side: their numbers, what they differ in, and their equity as the growth of 1.

The page can be shared as a dashboard: whoever it is shared with sees each of its runs, until it is taken back.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from alphapulse_lib.errors import AlphaPulseError, Conflict, UnknownTarget
from alphapulse_lib.hub_client import Client
from alphapulse_lib.hub_client.runs import KeptRun
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.views import comparison, numbers
from hub.dashboards import difference, ledger
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.shares import Shares
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST", "Comparison"]

#: More runs than these cannot be told apart in one chart.
MOST = 6
_ID = re.compile(r"[0-9a-f]{1,32}")
#: With fewer sessions than these every bar is drawn.
_SESSIONS = 40
#: Characters of a value that are shown.
_LONGEST = 80
_NONE = "\N{EM DASH}"
#: What periods end in whose bars are of whole sessions.
_OF_SESSIONS = ("d", "w", "mo")


@dataclass(frozen=True)
class Side:
    """One of the runs compared."""

    number: int
    kept: KeptRun

    @property
    def row(self) -> ledger.Row:
        """Its numbers."""
        return ledger.row(self.kept.record, self.kept.family)

    @property
    def letter(self) -> str:
        """What it is called here."""
        return "ABCDEF"[self.number - 1]

    @property
    def label(self) -> str:
        """What it is called beside a curve."""
        return f"{self.letter} {self.row.strategy} {self.row.symbols}"

    @property
    def commission(self) -> float | None:
        """What was paid for trading."""
        return ledger.number(self.kept.record.statistics.get("commission"))

    @property
    def fills(self) -> float | None:
        """How many fills there were."""
        return ledger.number(self.kept.record.statistics.get("fills"))

    @property
    def currency(self) -> str:
        """Of its account."""
        return numbers.currency(self.kept.record)


@dataclass(frozen=True)
class _Missing:
    said: str


@dataclass(frozen=True)
class _Bare:
    """A run that cannot be drawn, and why."""

    label: str
    why: str


class Comparison(Page):
    """The page."""

    name, title, template = "runs", "Runs side by side", "compare"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._ids = list(dict.fromkeys(each.strip() for each in query.get("compare", "").split(",") if each.strip()))
        self._asked: asyncio.Task[tuple[list[Side], list[_Missing]]] | None = None
        self._shares = Shares(self)
        self._wrong = _wrong(self._ids)
        if not self._wrong:
            self.widgets = {
                "sides": Widget(self._table),
                "curves": Widget(self._curves, "compare_empty"),
                "lines": Widget(self._lines, "compare_empty"),
                "shares": Widget(self._shown_to, "compare_empty"),
            }

    def shell(self) -> dict[str, Any]:
        """What is wrong with the address, if anything is."""
        return {"wrong": self._wrong}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        """Share the page, or take it back."""
        sides, _ = await self._sides()
        await self._shares.act(name, value, fields, *(each.kept.record.id for each in sides))

    async def _shown_to(self) -> str:
        sides, _ = await self._sides()
        return await self._shares.of_dashboard([each.kept for each in sides]) if len(sides) > 1 else ""

    async def _sides(self) -> tuple[list[Side], list[_Missing]]:
        """The runs, asked for once for both widgets; asked for again after a failure."""
        asked = self._asked
        if asked is None or (asked.done() and (asked.cancelled() or asked.exception() is not None)):
            self._asked = asked = asyncio.get_running_loop().create_task(self._found())
        return await asyncio.shield(asked)

    async def _found(self) -> tuple[list[Side], list[_Missing]]:
        answers = await asyncio.gather(*(self._one(each) for each in self._ids))
        missing = [each for each in answers if isinstance(each, _Missing)]
        held = {each.record.id: each for each in answers if not isinstance(each, _Missing)}
        return [Side(number, each) for number, each in enumerate(held.values(), 1)], missing

    async def _one(self, run_id: str) -> KeptRun | _Missing:
        try:
            return await self.api.ask(self.api.client.runs.get, run_id)
        except UnknownTarget:
            return _Missing(f"The ledger holds no run {run_id}.")
        except Conflict:
            return _Missing(f"Several runs begin with {run_id}.")

    async def _table(self) -> str:
        sides, missing = await self._sides()
        if len(sides) < 2 and not missing:
            missing = [_Missing("The ids are all of one run.")]
        apart = comparison.apart([each.kept.record for each in sides])
        return render("compare_sides", sides=sides, missing=missing, apart=apart, differing=differing(sides))

    async def _curves(self) -> str:
        sides, _ = await self._sides()
        return await self.api.ask(_drawn, self.api.client, sides) if len(sides) > 1 else ""

    async def _lines(self) -> str:
        sides, _ = await self._sides()
        return await self.api.ask(_told_apart, self.api.client, sides) if len(sides) > 1 else ""


def _wrong(ids: list[str]) -> str:
    """What is wrong with the ids that an address names; empty where nothing is."""
    bad = next((each for each in ids if not _ID.fullmatch(each)), None)
    if bad is not None:
        return f"{bad[:_LONGEST]!r} is no id of a run."
    if len(ids) > MOST:
        return f"These are {len(ids)} runs."
    return "" if len(ids) > 1 else "This is one run." if ids else "No run is named."


def differing(sides: list[Side]) -> list[tuple[str, list[str]]]:
    """The parameters and settings in which runs differ, with the value of each run."""
    found = comparison.differing([each.kept.record for each in sides])
    return [(name, [each[:_LONGEST] for each in values]) for name, values in found]


@dataclass(frozen=True)
class _Pair:
    """The first run and another one: where they begin to differ. No fills where one's files are not here."""

    one: Side
    other: Side
    source: tuple[int, str, str] | None
    counts: tuple[int, int] | None
    lines: list[difference.Line]

    @property
    def first(self) -> difference.Line | None:
        """The first fill that is not the same."""
        return next((each for each in self.lines if each.differs), None)


def _told_apart(client: Client, sides: list[Side]) -> str:
    """The first run beside each other one, fill by fill from where they begin to differ."""
    held: dict[int, difference.Fills | None] = {}
    with tempfile.TemporaryDirectory(prefix="alphapulse-compare-") as folder:
        for side in sides:
            file = side.kept.record.artefacts.get("fills", "")
            if file in side.kept.files:
                path = Path(folder) / f"{side.number}.parquet"
                client.runs.download(side.kept.record.id, file, path)
                held[side.number] = difference.fills(path)
    return render("compare_lines", pairs=[_pair(sides[0], each, held) for each in sides[1:]])


def _pair(one: Side, other: Side, held: dict[int, difference.Fills | None]) -> _Pair:
    fills = (held.get(one.number), held.get(other.number))
    source = difference.first_line(*(each.kept.record.spec.strategy.text for each in (one, other)))
    if fills[0] is None or fills[1] is None:
        return _Pair(one, other, source, None, [])
    lines = difference.lines(fills[0], fills[1], one.row.zone)
    return _Pair(one, other, source, (len(fills[0]), len(fills[1])), lines)


def _drawn(client: Client, sides: list[Side]) -> str:
    """The curves of the runs whose files the API hands over."""
    held: dict[int, pd.Series[float]] = {}
    bare: list[_Bare] = []
    with tempfile.TemporaryDirectory(prefix="alphapulse-compare-") as folder:
        for side in sides:
            record = side.kept.record
            file = record.artefacts.get("equity", "")
            if file not in side.kept.files:
                why = f"its files are not here, they stay in {record.user}'s workspace until they are handed in."
                bare.append(_Bare(side.label, why))
                continue
            path = Path(folder) / f"{side.number}.parquet"
            client.runs.download(record.id, file, path)
            curve = growth(path, record.spec.cash)
            if curve is None:
                bare.append(_Bare(side.label, "its equity is empty or cannot be read."))
            else:
                held[side.number] = curve
    drawn = [each for each in sides if each.number in held]
    return render("compare_curves", drawn=drawn, bare=bare, **_chart(drawn, held))


def growth(path: Path, cash: float) -> pd.Series[float] | None:
    """The equity in a file over the starting cash, indexed by moment; None where it holds none."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = pq.read_table(path, columns=["ts", "equity"]).to_pandas()
        curve = pd.Series(
            frame["equity"].to_numpy("float64") / cash, index=pd.DatetimeIndex(pd.to_datetime(frame["ts"], utc=True))
        )
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    curve = curve[~curve.index.duplicated(keep="last")].sort_index()
    return curve if len(curve) else None


def _daily(spec: RunSpec, curve: pd.Series[float]) -> pd.Series[float]:
    """The value at the end of each session; all of them where the record does not tell what a session is."""
    from alphapulse_lib.results import breakdown

    try:
        return breakdown.by_session(spec, curve)
    except (AlphaPulseError, IndexError):
        return curve


def _chart(sides: list[Side], held: dict[int, pd.Series[float]]) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    from alphapulse_lib.results import breakdown
    from alphapulse_lib.views.drawing import Line, chart, spans_wide

    zones = {each.row.zone for each in sides}
    zone = zones.pop() if len(zones) == 1 else "UTC"
    said: dict[str, Any] = {"chart": "", "zone": zone, "by_session": False, "logarithmic": False}
    if not sides:
        return said
    daily = {each.number: _daily(each.kept.record.spec, held[each.number]) for each in sides}
    by_session = max(map(len, daily.values())) >= _SESSIONS or all(
        each.row.period.endswith(_OF_SESSIONS) for each in sides
    )
    curves = daily if by_session else held
    # Each where it has a value; between two moments of its own, the earlier one's.
    frame = pd.DataFrame(curves).sort_index()
    frame = frame.ffill().where(frame.bfill().notna())
    values = {name: frame[name].to_numpy(np.float64) for name in frame}
    logarithmic = spans_wide(*values.values())
    when = numbers.bar_day if by_session else partial(numbers.day, pattern="%Y-%m-%d %H:%M")
    # The drawing escapes the names and the labels that it writes.
    drawing = chart(
        breakdown.nanoseconds(frame.index),
        [Line(each.label, values[each.number], f"line-{each.number}") for each in sides],
        label=lambda value, more: numbers.ratio(value, 2 + more),
        day=lambda moment: when(moment, zone),
        height=320,
        logarithmic=logarithmic,
        title="Growth of 1 of each run",
    )
    return said | {"chart": Markup(drawing), "by_session": by_session, "logarithmic": logarithmic}  # noqa: S704

"""What is told where nothing is held: the command that would fetch it, from whom the catalog has such data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from shlex import join
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alphapulse_lib import clock
from alphapulse_lib.errors import CatalogDamaged, NoCoverage, PreflightError
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.threshold import Threshold
from alphapulse_lib.model.window import Window

if TYPE_CHECKING:
    from alphapulse_lib.catalog.index import Index
    from alphapulse_lib.catalog.roots import Roots
    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.query.reading import Reading
    from alphapulse_lib.session.question import Question

__all__ = ["Lacking", "Told", "advice", "is_held_around", "made_of_held", "with_command"]


@dataclass(frozen=True, slots=True)
class Lacking:
    """What is asked for: bars of a period, or ticks of a kind."""

    kind: str = "bars"
    period: str = "1d"

    @classmethod
    def of_bars(cls, period: str, source: str | None) -> Lacking:
        """Bars of a period, or the ticks that such bars are made of."""
        threshold = Threshold.parse(period)
        made_of = source or ("trades" if threshold else "bars")
        return cls(made_of, str(threshold or Period.parse(period)))

    def command(self, roots: Roots, symbol: str, instrument: Instrument | None, window: Window) -> str:
        """The command that would fetch it, in words; from a vendor the catalog was fed by, else from one that lists it.

        Parameters
        ----------
        instrument : Instrument, optional
            What the symbol means, where the catalog knows it.
        window : Window
            Where it is wanted; of one without a start from the year before its end's last one on.
        """
        vendor = _vendor(roots, instrument, self.kind)
        if not vendor:
            venue = instrument.venue.code if instrument else "XNAS"
            return f"A file of it: `{join(['alphapulse', 'ingest', 'files', 'FILE', *self._file(symbol, venue)])}`."
        zone = ZoneInfo(instrument.venue.timezone if instrument else "UTC")
        now = clock.now_ns()
        newest = _day(min(window.end, now) - 1, zone)  # what ends at midnight is of the day that ends then
        first = _day(window.start, zone) if window.start > 0 else date(newest.year - 2, 1, 1)
        last = ["--end", str(newest)] if window.end < now else []
        words = ["alphapulse", "ingest", vendor, symbol, *self._asked(vendor), "--start", str(first), *last]
        return f"To fetch it: `{join(words)}`."

    def _asked(self, vendor: str) -> list[str]:
        from alphapulse_lib.providers import registry

        if self.kind != "bars":
            return ["--kind", self.kind]
        offered = self.period in registry.vendor(vendor).periods
        return ["--period", self.period if offered else "1d" if Period.parse(self.period).is_session else "1m"]

    def _file(self, symbol: str, venue: str) -> list[str]:
        named = ["--symbol", symbol, "--venue", venue]
        if self.kind != "bars":
            return [*named, "--kind", self.kind]
        stamps = [] if Period.parse(self.period).is_session else ["--stamps", "close"]
        return [*named, "--period", self.period, *stamps]


class Told:
    """A reading (`query.reading`) whose refusals name the command that would fetch what is lacking."""

    def __init__(self, reading: Reading, asked: Question, lacking: Lacking) -> None:
        self.instruments = asked.instruments
        self.part, self.parts, self.groups = reading.part, reading.parts, reading.groups
        self._reading, self._asked, self._lacking = reading, asked, lacking

    def refusal(self, instrument: Instrument, window: Window) -> NoCoverage:
        """As the reading's; without a command where it is held now, but was not known then."""
        missing = self._reading.refusal(instrument, window)
        if self._asked.as_of is not None or self._asked.recorded_as_of is not None:
            return missing
        return with_command(missing, self._asked.roots, instrument, self._lacking, window)


def with_command[Missing: PreflightError](
    missing: Missing, roots: Roots, instrument: Instrument, lacking: Lacking, window: Window
) -> Missing:
    """The error with the command that would fetch what is lacking, unless what is held lies around it."""
    if is_held_around(roots, instrument, lacking, window):
        return missing
    command = lacking.command(roots, instrument.ticker or instrument.symbol, instrument, window)
    return type(missing)(missing.message, f"{missing.hint} {command}".strip())


def made_of_held(roots: Roots, instrument: Instrument, lacking: Lacking, window: Window) -> str:
    """The commands that store bars of a period made of shorter ones, where the window has such; and who has it itself.

    Returns
    -------
    str
        Empty where no bars that are held there make it.
    """
    from alphapulse_lib.catalog.coverage import held
    from alphapulse_lib.providers import registry

    if lacking.kind != "bars":
        return ""
    wanted = Period.parse(lacking.period)
    inside = [each for each in held(roots, instrument.id) if each.first <= window.end and window.start <= each.last]
    shorter = [each.period for each in inside if each.period.nanoseconds < wanted.nanoseconds]
    if not any(wanted.is_session or wanted.nanoseconds % each.nanoseconds == 0 for each in shorter):
        return ""
    symbol = instrument.ticker or instrument.symbol
    file, named = f"{symbol}-{wanted}.csv", ["--period", str(wanted)]
    make = join(["alphapulse", "bars", symbol, *named, "--adjust", "none", "--output", file])
    take = join(["alphapulse", "ingest", "files", file, "--venue", instrument.venue.code, *named, "--stamps", "close"])
    vendor = _vendor(roots, instrument, lacking.kind)
    has_it = vendor and lacking.period in registry.vendor(vendor).periods
    fetch = f" {lacking.command(roots, symbol, instrument, window)}" if has_it else ""
    return f"A run takes stored bars; to make them of the shorter ones: `{make}`, then `{take}`.{fetch}"


def is_held_around(roots: Roots, instrument: Instrument, lacking: Lacking, window: Window) -> bool:
    """Whether what is held begins before the window and ends after it: nothing is lacking then but trading."""
    from alphapulse_lib.catalog import ticks
    from alphapulse_lib.catalog.coverage import held

    if lacking.kind in ("trades", "quotes"):
        rows, first, last = ticks.held(roots, lacking.kind, instrument.id)  # type: ignore[arg-type]
        return bool(rows) and first <= window.start and window.end <= last
    return any(
        first.first <= window.start and window.end <= first.last
        for first in held(roots, instrument.id)
        if str(first.period) == lacking.period
    )


def advice(index: Index, symbol: str, lacking: Lacking, window: Window) -> str:
    """About a symbol that the catalog does not know: what is held of the nearest one, and the command to fetch it."""
    from alphapulse_lib.catalog.coverage import held_in_words

    known = {each.symbol: each for each in index.instruments()}
    near = get_close_matches(symbol.upper(), known, n=1, cutoff=0.55)
    told = held_in_words(index.roots, known[near[0]]) if near else ""
    command = lacking.command(index.roots, symbol.strip().upper(), None, window)
    return f"{told} {command}".strip()


def _vendor(roots: Roots, instrument: Instrument | None, kind: str) -> str:
    """The vendor that last fed the catalog with the instrument, or with anything; else one that lists such; or none."""
    from alphapulse_lib.ingestion.records import records
    from alphapulse_lib.providers import registry

    offering = [name for name in registry.vendors() if kind in registry.vendor(name).kinds]
    fed = {}
    for _, root in roots.all:
        try:
            for record in records(root):
                if record.get("provider") in offering:
                    fed["" if not instrument or instrument.id not in record["instruments"] else instrument.id] = record
        except CatalogDamaged:  # the error that is told is another one
            continue
    if found := fed.get(instrument.id if instrument else "") or fed.get(""):
        return str(found["provider"])
    venue = instrument.venue.code if instrument else ""
    listing = [name for name in offering if not venue or venue in getattr(registry.vendor(name), "venues", ())]
    return listing[0] if listing else ""


def _day(nanoseconds: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).astimezone(zone).date()

"""What a person asks of the catalog, as the stages below take it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.instrument import Instrument, zone_of_days
from alphapulse_lib.model.window import Moment, Window, day_of
from alphapulse_lib.session.choices import one_of
from alphapulse_lib.session.fetching import Lacking, advice
from alphapulse_lib.session.symbols import resolved

if TYPE_CHECKING:
    from alphapulse_lib.query.reading import Order

__all__ = ["HOURS", "Hours", "Question", "known_at"]

#: What traded at any hour, or inside the sessions' hours alone.
type Hours = Literal["all", "regular"]

HOURS = ("all", "regular")
#: Of several instruments' rows.
_ORDERS = ("time", "symbol")


@dataclass(frozen=True, slots=True)
class Question:
    """Which instruments, over which window, as known when.

    Attributes
    ----------
    window : Window
        Bounds of ``ts``; a bare date was read as that whole day in the exchange's zone, or UTC where the instruments
        do not share one.
    as_of, recorded_as_of : int or None
        Nanoseconds since 1970, UTC; ``None`` is now.
    """

    roots: Roots
    instruments: list[Instrument]
    window: Window
    as_of: int | None
    recorded_as_of: int | None

    @classmethod
    def of(
        cls,
        symbols: Any,
        start: Moment,
        end: Moment,
        as_of: Moment,
        recorded_as_of: Moment,
        lacking: Lacking,
        *,
        by_close: bool = False,
    ) -> Question:
        """A question as it was put; symbols are those of the window's days.

        Parameters
        ----------
        lacking : Lacking
            What is asked for of them: for the command that would fetch an unknown one's.
        by_close : bool
            Whether it is bars that are asked for: those of what trades over midnight are of the day that ends then.

        Raises
        ------
        InputError, UnknownSymbol, AmbiguousSymbol, ReversedWindow
            An argument cannot be used.
        CatalogEmpty
            Nothing was ever written to the catalog.
        """
        roots = Roots.of_settings()
        index = Index.shared(roots, known_at(as_of), known_at(recorded_as_of))
        first, last = (None if each is None else day_of(each) for each in (start, end))
        whenever = partial(Window.of, start, end)
        chosen = resolved(index, symbols, first, last, advice=lambda each: advice(index, each, lacking, whenever()))
        zone = zone_of_days(each.venue for each in chosen)
        by_close = by_close and any(each.venue.over_midnight for each in chosen)
        window = Window.of(start, end, zone, by_close=by_close)
        return cls(roots, chosen, window, known_at(as_of, zone, by_close=by_close), known_at(recorded_as_of, zone))

    def ordered(self, order: Order) -> Question:
        """With its instruments by name, where their rows are asked for in that order.

        Raises
        ------
        InputError
            There is no such order.
        """
        from alphapulse_lib.query.reading import names

        one_of("order", order, _ORDERS)
        if order == "time":
            return self
        called = dict(zip(self.instruments, names(self.instruments), strict=True))
        return replace(self, instruments=sorted(called, key=called.__getitem__))


def known_at(moment: Moment, zone: str = "UTC", *, by_close: bool = False) -> int | None:
    """The last nanosecond of a moment of knowledge: a bare date's is the day's end; ``None`` is now.

    With ``by_close`` it has what closes at the midnight that ends it, as `Window.of` says.
    """
    return None if moment is None else Window.of(None, moment, zone, by_close=by_close).end

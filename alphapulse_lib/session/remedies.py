"""The commands that mend the data which preflight refused, with symbol, period, days and source as they are."""

from __future__ import annotations

from shlex import join
from typing import Any

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AdjustedAsRaw, CatalogDamaged, CoverageGap, KnownTooLate, PreflightError, WrongStamps
from alphapulse_lib.ingestion.command import changed, without_column
from alphapulse_lib.ingestion.records import adjusted_series, records
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers.registry import is_vendor
from alphapulse_lib.session.fetching import Lacking

__all__ = ["with_remedy"]

#: So many imports of one series are named one by one.
_NAMED = 12


def with_remedy[Refused: PreflightError](refused: Refused, roots: Roots) -> Refused:
    """The error with the commands that mend what it refuses; as it is where it does not say of which series it tells.

    Parameters
    ----------
    refused : CoverageGap, AdjustedAsRaw, WrongStamps or KnownTooLate
        Its ``about`` names the instrument, the kind of data or the period, and the first and the last moment.
    """
    about = refused.about
    instrument = Index(roots).get(about.get("instrument", ""))
    if instrument is None:
        return refused
    series = _Series(roots, instrument, about)
    if isinstance(refused, CoverageGap):
        hint = f"{refused.hint} {series.filled()}"
    elif isinstance(refused, AdjustedAsRaw):
        hint = f"{refused.hint} {series.as_traded()}"
    elif isinstance(refused, WrongStamps):
        hint = series.stamped()
    elif isinstance(refused, KnownTooLate):
        hint = series.known_at_closes()
    else:
        return refused
    return type(refused)(refused.message, hint.strip(), about)


class _Series:
    """A series that a run was refused on, and the imports that brought it."""

    def __init__(self, roots: Roots, instrument: Instrument, about: dict[str, Any]) -> None:
        self._roots, self._instrument = roots, instrument
        self._symbol = instrument.ticker or instrument.symbol
        self._window = Window(about["first"], about["last"])
        self._period = about.get("period", "1d")
        self._lacking = Lacking(about.get("kind", "bars"), self._period)
        self._type = Period.parse(self._period).bar_type(instrument.id) if self._lacking.kind == "bars" else ""
        self._imports = self._found()

    def filled(self) -> str:
        """How to bring what is missing."""
        again = self._last
        told = ""
        if again and not is_vendor(again[2]):
            told = f"Where {_read(again)} has them by now, import it again: `{join(again)}`. "
        if adjusted_series(self._roots).get(self._type):  # a vendor's are as traded, and not to be mixed with these
            return told.strip()
        return told + self._lacking.command(self._roots, self._symbol, self._instrument, self._window)

    def as_traded(self) -> str:
        """How to have prices as traded in the place of adjusted ones."""
        fetched = self._lacking.command(self._roots, self._symbol, self._instrument, self._window)
        return f"For prices as traded: {self._taken_back}{fetched[0].lower()}{fetched[1:]}"

    def stamped(self) -> str:
        """How to import it with the right stamps."""
        again, stamps = self._again, "session" if Period.parse(self._period).is_session else "open"
        if len(again) == 3:
            declared = f"Declare `stamps: {stamps}` for its file in catalog/{again[2]}.yaml"
            return f"{declared}; {self._taken_back}`{join(again)}`."
        if again[2] != "files":
            again = self._by_file
        return f"Import it again: {self._taken_back}`{join(changed(again, '--stamps', stamps))}`."

    def known_at_closes(self) -> str:
        """How to import it so that each bar counts as known at its close."""
        again = join(without_column(self._again, "available_at"))
        told = "Where that says when the file was made, import it without that column"
        return f"{told} (each counts as known at its close then): {self._taken_back}`{again}`."

    @property
    def _again(self) -> list[str]:
        """The command of the last import that says it; else how files are imported."""
        return self._last or self._by_file

    @property
    def _by_file(self) -> list[str]:
        named = ["--symbol", self._symbol, "--venue", self._instrument.venue.code, "--period", self._period]
        return ["alphapulse", "ingest", "files", "FILE", *named]

    @property
    def _taken_back(self) -> str:
        """The commands that take back what is held, where that is this person's to take back; else nothing."""
        ids = [each["id"] for each in self._imports]
        if len(ids) > _NAMED:
            return f"take back its {len(ids)} imports (`alphapulse revert {ids[0]}` is the first), then "
        if not ids:
            return ""
        others = {name for each in self._imports for name in each.get("instruments", ())} - {self._instrument.id}
        beside = f" (which takes {len(others)} other instruments' rows too)" if others else ""
        return f"`{' && '.join(f'alphapulse revert {each}' for each in ids)}`{beside}, then "

    @property
    def _last(self) -> list[str]:
        """The command of the last import that says it."""
        return next((each["command"] for each in reversed(self._imports) if each.get("command")), [])

    def _found(self) -> list[dict[str, Any]]:
        """The imports that brought rows of it into the root it is read from, where this person may write that."""
        held = self._roots.series(self._type) if self._type else None
        if held is None or held[1] != self._roots.writable:
            return []
        try:
            return [
                each
                for each in records(held[1])
                if each.get("status") in ("finished", "interrupted")
                and (each.get("written") or each.get("restated"))
                and any(one["bar_type"] == self._type for one in each.get("series", ()))
            ]
        except CatalogDamaged:  # the error that is told is another one
            return []


def _read(command: list[str]) -> str:
    """What an import read, in words."""
    return f"the dataset {command[2]}" if len(command) == 3 else "what it was imported from"

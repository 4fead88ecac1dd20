"""What an import did: shown to the person, and kept in the catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Report", "Reverted"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did.

    Attributes
    ----------
    id : str
        For ``ap.revert(report.id)``.
    kind : str
        ``"bars"``, ``"actions"``, ``"articles"``, or ``"dataset"`` for a declared one of several files.
    source : str
        What was read.
    written, unchanged, restated : int
        Rows that are new, that the catalog held already, and that took an older row's place.
    quarantined : pandas.DataFrame
        One row for each that was set aside: ``file``, ``line`` (the header is line 1; of Parquet the row, from 1),
        ``symbol``, ``reason``, ``row`` (as it stands in the file).
    actions : int
        Splits and dividends recovered from adjusted closes.
    instruments : tuple of str
        Ids of the instruments the rows belong to.
    warnings, notes : tuple of str
        What deserves a look, and what was decided in reading.
    started, ended : str
        ISO 8601, UTC.
    """

    id: str
    kind: str
    source: str
    written: int
    unchanged: int
    restated: int
    quarantined: pd.DataFrame = field(repr=False, compare=False)
    actions: int = 0
    instruments: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    started: str = ""
    ended: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        plain["quarantined"] = self.quarantined.to_dict("records")
        return plain

    def __str__(self) -> str:
        counts = [f"{self.written:,} written"]
        counts += [
            f"{count:,} {word}" for count, word in ((self.unchanged, "unchanged"), (self.restated, "restated")) if count
        ]
        counts.append(f"{len(self.quarantined):,} set aside")
        lines = [f"Import {self.id} of {self.source} ({self.kind}): {', '.join(counts)}."]
        if self.actions:
            lines.append(f"  {self.actions:,} splits and dividends recovered from adjusted closes.")
        if self.instruments:
            shown = ", ".join(self.instruments[:8])
            rest = len(self.instruments) - 8
            lines.append(f"  Instruments: {shown}{f' and {rest} more' if rest > 0 else ''}.")
        lines += [f"  Warning: {each}." for each in self.warnings]
        lines += [f"  Note: {each}." for each in self.notes]
        lines += self._reasons()
        return "\n".join(lines)

    __repr__ = __str__

    def _reasons(self) -> list[str]:
        if not len(self.quarantined):
            return []
        first = self.quarantined.head(_SHOWN)
        lines = [f"  Set aside: {row.file} line {row.line}: {row.reason}." for row in first.itertuples(index=False)]
        more = len(self.quarantined) - len(first)
        return [*lines, f"  ... and {more:,} more in report.quarantined."] if more else lines


@dataclass(frozen=True, slots=True)
class Reverted:
    """What taking an import back did.

    Attributes
    ----------
    id : str
        The import's.
    bars, actions, articles : int
        Rows that were taken back; rows that they had superseded are seen again.
    instruments : tuple of str
        Instruments that it alone had brought, now gone.
    """

    id: str
    bars: int
    actions: int
    articles: int
    instruments: tuple[str, ...] = ()

    def __str__(self) -> str:
        taken = f"{self.bars:,} bars, {self.actions:,} actions, {self.articles:,} articles"
        gone = f", with {len(self.instruments)} instruments that nothing is left of" if self.instruments else ""
        return f"Import {self.id} was taken back: {taken}{gone}."

    __repr__ = __str__

"""What `ap.coverage` returns: a catalog's coverage in frames, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alphapulse_lib.views import cards

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.catalog.coverage import Coverage

__all__ = ["SessionCoverage"]


@dataclass(frozen=True, slots=True, repr=False)
class SessionCoverage:
    """What is held of a series, and what is missing. Times are UTC.

    Attributes
    ----------
    instrument_id, symbol, period : str
        Which series; of ticks ``"trades"`` or ``"quotes"``, which are counted where it says bars.
    root : str
        ``"team"`` or ``"personal"``: the catalog it is read from.
    bars : int
        How many bars are held.
    first, last : pandas.Timestamp
        The first and the last bar's ``ts``; ``NaT`` where the window lies within a gap and no bar is held.
    intervals : pandas.DataFrame
        Stretches without a gap: ``first``, ``last``, ``bars``.
    gaps : pandas.DataFrame
        What is missing: ``first``, ``last``, whole ``sessions``, and the ``bars`` a full market would have had there.
    off_session : int
        Bars whose ``ts`` no session of the exchange explains.
    """

    instrument_id: str
    period: str
    root: str
    bars: int
    first: pd.Timestamp
    last: pd.Timestamp
    intervals: pd.DataFrame = field(compare=False)
    gaps: pd.DataFrame = field(compare=False)
    off_session: int = 0

    @classmethod
    def of(cls, found: Coverage) -> SessionCoverage:
        """The catalog's own measure of a series that is held, in frames."""
        import pandas as pd

        return cls(
            instrument_id=found.instrument_id,
            period=str(found.period),
            root=found.root,
            bars=found.rows,
            first=pd.Timestamp("NaT" if found.first is None else found.first, tz="UTC"),
            last=pd.Timestamp("NaT" if found.last is None else found.last, tz="UTC"),
            intervals=found.intervals.to_pandas(),
            gaps=found.gaps.to_pandas(),
            off_session=found.off_session,
        )

    @property
    def symbol(self) -> str:
        """The instrument's short symbol."""
        return self.instrument_id.rpartition(".")[0]

    @property
    def missing_sessions(self) -> int:
        """Sessions of which nothing is held."""
        return int(self.gaps["sessions"].sum())

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.gaps.empty

    def to_dict(self) -> dict[str, Any]:
        """Plain values, times in ISO, for JSON."""
        frames = {"intervals": self.intervals, "gaps": self.gaps}
        return {
            "instrument_id": self.instrument_id,
            "period": self.period,
            "root": self.root,
            "bars": self.bars,
            "first": self.first.isoformat() if self.bars else None,
            "last": self.last.isoformat() if self.bars else None,
            "complete": self.complete,
            "missing_sessions": self.missing_sessions,
            "off_session": self.off_session,
            **{
                name: [
                    {k: v.isoformat() if hasattr(v, "isoformat") else int(v) for k, v in row.items()}
                    for row in frame.to_dict("records")
                ]
                for name, frame in frames.items()
            },
        }

    def __str__(self) -> str:
        return cards.text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return cards.html(self)

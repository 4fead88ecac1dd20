"""`ap.diff`: the first difference between two runs, and all others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.window import FOREVER
from alphapulse_lib.session.runs import SessionRun, run
from alphapulse_lib.views import numbers
from alphapulse_lib.views.told import Told

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.results.difference import Difference

__all__ = ["RunDifference", "diff", "differing"]

#: Characters of a value that are shown in a line, and of a row's values.
_LONGEST, _ROW = 200, 80
#: A number with more digits than ten that tell.
_DIGITS = re.compile(r"(?<![\w.:-])-?\d+\.\d{7,}(?:e[+-]?\d+)?(?![\w.:+-])")
#: Statistics that are told of many.
_LEADING = ("end_equity", "total_return", "sharpe", "max_drawdown", "trades")
#: Kinds of what came out.
_RESULTS = ("status", "orders", "fills", "equity", "statistic")
_MOMENTS = [("setting", name) for name in ("start", "end", "as_of", "recorded_as_of")]


@dataclass(frozen=True, eq=False)
class RunDifference(Told):
    """Where two runs differ.

    Attributes
    ----------
    one, other : SessionRun
        The runs.
    all : tuple of Difference
        All differences, causes first: ``kind``, ``name``, ``one``, ``other``, ``detail``.
    """

    _kind = "alphapulse-diff"

    one: SessionRun
    other: SessionRun
    all: tuple[Difference, ...]

    @property
    def first(self) -> Difference | None:
        """The first difference; ``None`` where there is none."""
        return self.all[0] if self.all else None

    @property
    def identical(self) -> bool:
        """Whether orders, fills, equity and statistics are the same to the last bit."""
        return not any(each.kind in _RESULTS for each in self.all)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a difference: ``kind``, ``name``, ``one``, ``other``, ``detail``."""
        import pandas as pd

        columns = ["kind", "name", "one", "other", "detail"]
        return pd.DataFrame([[getattr(each, name) for name in columns] for each in self.all], columns=columns)

    @property
    def text(self) -> str:
        """All of it in words, the first difference first; of code the lines."""
        names = f"{self.one.id[:8]} and {self.other.id[:8]}"
        if not self.all:
            return f"{names} are identical: {_came_out(self.one)}, to the last bit."
        zone = numbers.place(self.one.spec).timezone
        shown = self._shown()
        lines = [f"{names} differ first in {_told(shown[0], zone)}"]
        lines += [f"  then in {_told(each, zone)}" for each in shown[1:]]
        if more := len(self.all) - len(shown):
            lines.append(f"  and in {more} more statistics, that follow from it: .frame, or --json, has each.")
        if self.all[0].kind in _RESULTS[1:] and "probe" not in (self.one.record.purpose, self.other.record.purpose):
            lines.append(self._unexplained())
        if self.identical:
            lines.append(f"What came out is identical: {_came_out(self.one)}, to the last bit.")
        lines += [each.detail for each in self.all if each.kind == "code" and each.detail]
        return "\n".join(lines)

    def _unexplained(self) -> str:
        """What two runs of the same may differ by: what no run can be given, and its calls in their source."""
        from alphapulse_lib.engine.unrepeatable import unrepeatable

        calls = unrepeatable([self.one.spec.strategy.text, *self.one.code.values()])
        told = (
            f"Its source calls {', '.join(calls)}" if calls else "It draws without a seed, or reads a clock or a file"
        )
        return f"All that the two were given is the same. {told}: no rerun repeats that."

    def _shown(self) -> tuple[Difference, ...]:
        """All, but of many statistics that follow from something else those that most look for."""
        statistics = [each for each in self.all if each.kind == "statistic"]
        if len(statistics) == len(self.all) or len(statistics) <= len(_LEADING):
            return self.all
        return tuple(each for each in self.all if each.kind != "statistic" or each.name in _LEADING)


def diff(one: str | SessionRun, other: str | SessionRun) -> RunDifference:
    """Where two runs differ first: a row they read, their code, a parameter, a setting, a library, what came out.

    Parameters
    ----------
    one, other : str or SessionRun
        Runs, or their ids; inside a hub anybody's.

    Returns
    -------
    RunDifference
        ``.first``, ``.all``, ``.frame``, ``.text``, ``.identical``. Rows are named as the catalog tells them of the
        moment at which each run was made: which series, which moment, which figures.

    Raises
    ------
    UnknownRun
        The ledger holds no such run.
    LedgerError
        A file of one of the runs is gone.

    Examples
    --------
    >>> ap.diff("3f2a", "77c0").first  # doctest: +SKIP
    Difference(kind='parameter', name='fast', one='10', other='12', detail='')
    """
    return differing(*(each if isinstance(each, SessionRun) else run(each) for each in (one, other)))


def differing(one: SessionRun, other: SessionRun) -> RunDifference:
    """The difference of two runs that are at hand."""
    from alphapulse_lib.results.difference import differences

    return RunDifference(one, other, tuple(differences(one, other, Roots.of_settings())))


def _told(each: Difference, zone: str) -> str:
    longest = _ROW if each.kind in ("orders", "fills", "equity") else _LONGEST
    one, other = _brief(longest, *(_value(each, text, zone) for text in (each.one, each.other)))
    more = f" ({each.detail})" if each.detail and each.kind != "code" else ""
    return f"{each.kind} {each.name}: {one} | {other}{more}"


def _brief(longest: int, *values: str) -> list[str]:
    """Two values without digits that do not tell them apart, each no longer than a line has room for."""
    parts = [each.split(", ") for each in values]
    if len({*map(len, parts)}) == 1:
        parts = [[*each] for each in zip(*map(_rounded, *parts), strict=True)]
    else:  # of one of them alone
        parts = [[_DIGITS.sub(_short, part) for part in each] for each in parts]
    told = [", ".join(each) for each in parts]
    return [
        each if len(each) <= longest else f"{each[:longest].rpartition(', ')[0] or each[:longest]} ..." for each in told
    ]


def _rounded(one: str, other: str) -> tuple[str, str]:
    short = _DIGITS.sub(_short, one), _DIGITS.sub(_short, other)
    return short if short[0] != short[1] else (one, other)


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.10g}"


def _value(each: Difference, text: str, zone: str) -> str:
    """A value as it is told: of moments the day, with the time where they are neither its beginning nor its end."""
    if (each.kind, each.name) not in _MOMENTS or not text.isdecimal():
        return text
    at, whole = int(text), each.name in ("start", "end")
    if whole and (at <= 0 or at >= FOREVER):
        return "open"
    zone = zone if whole else "UTC"
    is_day = whole and numbers.day(at, zone, "%H:%M") in ("00:00", "23:59")
    return numbers.day(at, zone) if is_day else f"{numbers.day(at, zone, '%Y-%m-%d %H:%M')} {zone}"


def _came_out(run: SessionRun) -> str:
    counts = {"order": len(run.orders), "fill": len(run.fills), "moment": len(run.equity), "statistic": len(run.stats)}
    told = [f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
    ended = (
        "" if run.status == "finished" else f"both {run.status} ({' '.join(run.record.error.split()).rstrip('.')}), "
    )
    return f"{ended}{told[0]}, {told[1]}, {told[2]} of equity and {told[3]}"

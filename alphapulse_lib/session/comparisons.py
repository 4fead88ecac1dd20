"""`ap.compare`: runs side by side, what their specs do not share before their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import InputError
from alphapulse_lib.session.runs import SessionRun, run
from alphapulse_lib.views import comparison, headline, numbers
from alphapulse_lib.views.told import Told

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunComparison", "compare"]

#: Shown of every run, unless it has none of it: name and how it is written.
_NUMBERS: dict[str, Callable[[float | None], str]] = {
    "total_return": numbers.percent,
    "cagr": numbers.percent,
    "sharpe": numbers.ratio,
    "sortino": numbers.ratio,
    "calmar": numbers.ratio,
    "max_drawdown": numbers.percent,
    "volatility": partial(numbers.percent, signed=False),
    "deflated_sharpe": numbers.probability,
}
_COUNTS = ("trades", "fills", "trials")
#: What lines of every comparison are called: a parameter of that name, such as a window of twenty bars, is told as one.
_TAKEN = {"strategy", "instruments", "window", "fill", "currency", "status", *_NUMBERS, *_COUNTS}
_APART = "  "
#: In the notebook's own colours, light and dark: what differs stands on a wash, and is starred besides. The class is
#: written twice where JupyterLab's rules, of two classes as well, would win.
_STYLE = (
    "<style>.ap-compare{overflow-x:auto}.ap-compare table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    ".ap-compare th,.ap-compare td{padding:3px 12px 3px 0;border-bottom:1px solid #8884;text-align:right;"
    "max-width:320px;min-width:96px;overflow-wrap:anywhere}"
    ".ap-compare tbody th{font-weight:400;min-width:160px}.ap-compare.ap-compare tbody th{text-align:left}"
    ".ap-compare .ap-apart th,.ap-compare .ap-apart td{background:#8882;font-weight:600}</style>"
)


@dataclass(frozen=True, eq=False)
class RunComparison(Told):
    """Runs side by side.

    Attributes
    ----------
    runs : tuple of SessionRun
        In the order asked.
    differing : dict of str to list of str
        What their parameters, settings, rows and libraries do not share: name to the value of each run.
    """

    runs: tuple[SessionRun, ...]
    differing: dict[str, list[str]]

    @property
    def frame(self) -> pd.DataFrame:
        """One column a run (its id), one row a difference or a number; numbers are numbers.

        The index has two levels: ``"spec"`` or ``"result"``, and the name. Trials, and the deflated Sharpe ratio, are
        counted now, as in `ap.runs`.
        """
        import pandas as pd

        rows: dict[tuple[str, str], list[Any]] = {("spec", name): values for name, values in self._spec().items()}
        names = dict.fromkeys(name for stats in self._stats for name in stats)
        rows |= {("result", "status"): [each.status for each in self.runs]}
        rows |= {("result", name): [stats.get(name) for stats in self._stats] for name in names}
        index = pd.MultiIndex.from_tuples(list(rows), names=["of", "name"])
        return pd.DataFrame(list(rows.values()), index=index, columns=[each.id for each in self.runs], dtype=object)

    @property
    def text(self) -> str:
        """All of it in words; what differs is marked with a star."""
        return self.within(None)

    def within(self, width: int | None) -> str:
        """`text` in lines of at most ``width`` characters: runs that have no room beside others stand below them.

        Where not even one has room beside the names of its lines, these are told in words.
        """
        lines = self._lines()
        marked = [f"{'*' if name in self.differing else ' '} {name}" for name in lines]
        names = _aligned(["", *marked], "<")
        parts = [[names]]
        for at, each in enumerate(self.runs):
            values = [each.id[:8], *(values[at] for values in lines.values())]
            column = _aligned(values, ">")
            wide = sum(len(beside[0]) + len(_APART) for beside in parts[-1]) + len(column[0])
            if width is not None and wide > width and len(parts[-1]) > 1:
                parts.append([names])
            parts[-1].append(column)
        widest = max(len(names[0]) + len(_APART) + len(column[0]) for part in parts for column in part[1:])
        if width is not None and widest > width:
            return "\n\n".join(self._in_words(at, marked, width) for at in range(len(self.runs)))
        return "\n\n".join("\n".join(map(_APART.join, zip(*part, strict=True))) for part in parts)

    def _in_words(self, at: int, names: list[str], width: int) -> str:
        """One run's lines, of which none breaks but between words."""
        told = [f"{name}  {values[at]}" for name, values in zip(names, self._lines().values(), strict=True)]
        fold = TextWrapper(width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False).fill
        return "\n".join([self.runs[at].id[:8], *map(fold, told)])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(each.id[:8])}</th>" for each in self.runs)
        lines = self._lines().items()
        body = "".join(_html(name, values, marked=name in self.differing) for name, values in lines)
        return (
            f"{_STYLE}<div class='ap-compare'><table><thead><tr><th></th>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>"
        )

    @cached_property
    def _stats(self) -> list[dict[str, Any]]:
        return [each.stats | (each.deflated if each.stats else {}) for each in self.runs]

    def _lines(self) -> dict[str, list[str]]:
        return self._spec() | self._numbers()

    def _spec(self) -> dict[str, list[str]]:
        shared: dict[str, list[str]] = {
            "strategy": [each.strategy for each in self.runs],
            "instruments": [", ".join(each.symbols) for each in self.runs],
            "window": [numbers.window(each.record) for each in self.runs],
            "fill": [each.spec.fill for each in self.runs],
        }
        return shared | self.differing

    def _numbers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {"status": [each.status for each in self.runs]}
        found |= {name: [write(stats.get(name)) for stats in self._stats] for name, write in _NUMBERS.items()}
        for at, stats in enumerate(self._stats):
            if headline.came_back(stats.get("total_return"), stats.get("max_drawdown")):
                found["total_return"][at], found["cagr"][at] = headline.LOST, numbers.percent(None)
        return found | {
            name: [numbers.count(stats[name]) if name in stats else "" for stats in self._stats] for name in _COUNTS
        }


def compare(*runs: str | SessionRun | Iterable[str | SessionRun]) -> RunComparison:
    """Runs side by side: what their specs do not share, then their numbers.

    Parameters
    ----------
    *runs : str, SessionRun or iterable of them
        Two or more runs, or their ids, one by one or in one sequence; inside a hub anybody's.

    Returns
    -------
    RunComparison
        ``.differing``, ``.frame``, ``.text``; in a notebook a table with the differences of spec marked.

    Raises
    ------
    UnknownRun
        The ledger holds no such run.
    InputError
        Fewer than two runs.

    Examples
    --------
    >>> ap.compare("3f2a", "77c0")  # doctest: +SKIP
    >>> ap.compare(ap.runs(strategy="SmaCross")["id"][:3])  # doctest: +SKIP
    """
    named = [one for each in runs for one in _each_of(each)]
    found = tuple(each if isinstance(each, SessionRun) else run(each) for each in named)
    if len(found) < 2:
        count = "One run is compared with none." if found else "No run is given."
        raise InputError(count, "Give two or more: ap.compare('3f2a', '77c0'), or `alphapulse compare 3f2a 77c0`.")
    records = [each.record for each in found]
    differing = {f"parameter: {name}" if name in _TAKEN else name: each for name, each in comparison.differing(records)}
    return RunComparison(found, comparison.apart(records) | differing)


def _each_of(given: str | SessionRun | Iterable[str | SessionRun]) -> Iterable[str | SessionRun]:
    if isinstance(given, str | SessionRun) or not isinstance(given, Iterable):
        return [given]  # what is neither a run nor several is looked for in the ledger, which says that it has none
    return given


def _aligned(cells: list[str], side: str) -> list[str]:
    longest = max(map(len, cells))
    return [f"{each:{side}{longest}}" for each in cells]


def _html(name: str, values: list[str], *, marked: bool) -> str:
    cells = "".join(f"<td>{escape(each)}</td>" for each in values)
    if not marked:
        return f"<tr><th>{escape(name)}</th>{cells}</tr>"
    return f"<tr class='ap-apart'><th>{escape(name)} *</th>{cells}</tr>"

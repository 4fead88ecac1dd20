"""Tables for terminals: numbers as traders write them and right-aligned, in 120 characters where that can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alphapulse_lib.views import numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WIDTH", "runs", "stability", "sweep", "table", "walk_forward"]

#: Characters of a line that most terminals show.
WIDTH = 120

#: Characters of a text that a cell shows.
_LONGEST = 24
_APART = "  "
_NONE = "\N{EM DASH}"

type _Forms = Mapping[str, Callable[[Any], str]]

_RESULT: _Forms = {"return": numbers.percent, "drawdown": numbers.percent, "trades": numbers.count}
#: Statistics that are shares; the others that a sweep may look for are ratios.
_SHARES = ("total_return", "cagr", "volatility", "max_drawdown", "hit_rate", "alpha")


def table(frame: pd.DataFrame, forms: _Forms, least: Sequence[str] = ()) -> str:
    """A frame's columns side by side, its index not among them.

    Parameters
    ----------
    frame : pandas.DataFrame
        Numbers stand at the right of their column, a dash where there is nothing.
    forms : mapping of str to callable
        How a column's values are written. Unless told, moments are to the minute, whole numbers have their thousands
        separated, others four digits, and texts are cut.
    least : sequence of str
        Columns that are left out where a line would have more than `WIDTH` characters, the least telling first; a
        last line names them.

    Examples
    --------
    >>> import pandas as pd
    >>> print(table(pd.DataFrame({"name": ["GOOG", "A"], "gain": [0.1, None]}), {"gain": numbers.percent}))
    name     gain
    GOOG  +10.00%
    A           —
    """
    from pandas.api.types import is_numeric_dtype

    columns = {}
    for name in map(str, frame.columns):
        cells = [name, *(_cell(value, forms.get(name, _plain)) for value in frame[name])]
        width = max(map(len, cells))
        columns[name] = [f"{each:{'>' if is_numeric_dtype(frame[name]) else '<'}{width}}" for each in cells]
    kept = [name for name in columns if name not in least]
    for name in (each for each in reversed(least) if each in columns):
        wide = sum(len(columns[each][0]) + len(_APART) for each in (*kept, name)) - len(_APART)
        kept += [name] if wide <= WIDTH else []
    lines = [
        _APART.join(row).rstrip() for row in zip(*(columns[each] for each in columns if each in kept), strict=True)
    ]
    out = [each for each in columns if each not in kept]
    return "\n".join([*lines, *([f"Left out for the width: {', '.join(out)}."] if out else [])])


def runs(frame: pd.DataFrame) -> str:
    """What `ap.runs` returns. Runs that are no trials say so beside their status; what says nothing is left out."""
    shown = frame.assign(
        id=frame["id"].str[:8],
        status=frame["status"].where(frame["purpose"] == "trial", frame["status"] + ", " + frame["purpose"]),
    )
    silent = ["purpose", *(["strategy"] if (frame["strategy"] == frame["family"]).all() else [])]
    silent += [] if frame["similar_to"].any() else ["similar_to", "similarity"]
    shown = shown.drop(columns=silent).rename(columns={"started": "started (UTC)"})
    forms = {
        "sharpe": numbers.ratio,
        "deflated": numbers.probability,
        "drawdown": numbers.percent,
        "end_equity": numbers.money,
        "similarity": numbers.ratio,
    }
    least = ("similarity", "similar_to", "user", "strategy", "period", "end_equity", "trades", "started (UTC)")
    return table(shown, forms, least)


def sweep(frame: pd.DataFrame, objective: str) -> str:
    """The table of a sweep's trials."""
    shown = _with_short_id(frame)
    return table(shown, {**_RESULT, objective: _objective(objective)}, ("error",))


def walk_forward(frame: pd.DataFrame, objective: str) -> str:
    """The table of a walk-forward's folds."""
    form = _objective(objective)
    days = dict.fromkeys(("from", "to"), lambda day: f"{day:%Y-%m-%d}")
    return table(_with_short_id(frame), {**_RESULT, **days, "inside": form, "outside": form})


def stability(frame: pd.DataFrame) -> str:
    """How much a walk-forward's parameters changed."""
    shares = {"share": lambda share: numbers.percent(share, 0, signed=False)}
    return table(frame.reset_index(), {**shares, "mean": numbers.ratio, "deviation": numbers.ratio})


def _objective(name: str) -> Callable[[Any], str]:
    return numbers.percent if name.removeprefix("-") in _SHARES else numbers.ratio


def _with_short_id(frame: pd.DataFrame) -> pd.DataFrame:
    """With the first digits of each run's id, which are enough, and without errors where there are none."""
    shown = frame.reset_index().assign(id=frame["id"].str[:8].to_list())
    return shown.drop(columns="error") if "error" in shown and not shown["error"].any() else shown


def _cell(value: Any, form: Callable[[Any], str]) -> str:
    import pandas as pd

    is_nothing = not value if isinstance(value, str) else pd.api.types.is_scalar(value) and pd.isna(value)
    return _NONE if is_nothing else form(value)


def _plain(value: Any) -> str:
    from datetime import datetime

    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        text = " ".join(str(value).split())
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    return numbers.count(value) if float(value).is_integer() else numbers.parameter(float(value))

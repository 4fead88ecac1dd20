"""Tables for terminals: numbers as traders write them and right-aligned, in 120 characters where that can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from numbers import Real
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from alphapulse_lib.views import headline, numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WIDTH", "answer", "frame", "runs", "schedules", "shares", "stability", "sweep", "table", "walk_forward"]

#: Characters of a line that most terminals show.
WIDTH = 120

#: Characters of a text that a cell shows.
_LONGEST = 24
#: The same of an answer to a query, whose texts are what was asked for.
_LONGEST_OF_AN_ANSWER = 50
#: Columns whose numbers are names: of a year, of a line of a file, of a row that can be released.
_NAMES = ("year", "line", "number")
#: Decimals of an answer's numbers, at most.
_DECIMALS = 6
_APART = "  "
_NONE, _LESS = "\N{EM DASH}", "\N{MINUS SIGN}"

type _Forms = Mapping[str, Callable[[Any], str]]

_RESULT: _Forms = {"return": numbers.percent, "drawdown": numbers.percent, "trades": numbers.count}
#: Columns of a sweep's table that say what its objective does.
_SAME = {"total_return": "return", "max_drawdown": "drawdown"}


def table(frame: pd.DataFrame, forms: _Forms, least: Sequence[str] = (), width: int = WIDTH) -> str:
    """A frame's columns side by side, its index not among them.

    Parameters
    ----------
    frame : pandas.DataFrame
        Numbers stand at the right of their column, a dash where there is nothing.
    forms : mapping of str to callable
        How a column's values are written. Unless told, moments are to the minute, whole numbers have their thousands
        separated, others four digits, and texts are cut.
    least : sequence of str
        Columns that are left out where a line would have more than ``width`` characters, the least telling first; a
        last line names them.
    width : int
        Characters of a line.

    Examples
    --------
    >>> import pandas as pd
    >>> print(table(pd.DataFrame({"name": ["GOOG", "A"], "gain": [0.1, None]}), {"gain": numbers.percent}))
    name     gain
    GOOG  +10.00%
    A           —
    """
    return "\n".join(_lines(_columns(frame, forms), least, width))


def _columns(frame: pd.DataFrame, forms: _Forms, right: Collection[str] = ()) -> dict[str, list[str]]:
    """Each column's cells of one width, its name on top; at the right numbers, and what is said to be such."""
    from pandas.api.types import is_numeric_dtype

    columns = {}
    for name in map(str, frame.columns):
        cells = [name, *(_cell(value, forms.get(name, _plain)) for value in frame[name])]
        longest = max(map(len, cells))
        side = ">" if name in right or is_numeric_dtype(frame[name]) else "<"
        columns[name] = [f"{each:{side}{longest}}" for each in cells]
    return columns


def runs(frame: pd.DataFrame, width: int = WIDTH) -> str:
    """What `ap.runs` returns. Runs that are no trials say so beside their status; what says nothing is left out.

    Where not even a run's instruments fit beside its ratios, each run is told in words, as many lines as that takes.
    """
    shown = frame.assign(
        id=frame["id"].str[:8],
        status=frame["status"].where(frame["purpose"] == "trial", frame["status"] + ", " + frame["purpose"]),
        end_equity=_amounts(frame),
    )
    silent = ["purpose", "currency", *(["strategy"] if (frame["strategy"] == frame["family"]).all() else [])]
    silent += [] if frame["similar_to"].any() else ["similar_to", "similarity"]
    shown = shown.drop(columns=silent).rename(columns={"started": "started (UTC)"})
    forms = {
        "sharpe": numbers.ratio,
        "deflated": numbers.probability,
        "drawdown": numbers.percent,
        "similarity": numbers.ratio,
    }
    least = ("similarity", "similar_to", "user", "strategy", "period", "end_equity", "trades", "started (UTC)")
    columns = _columns(shown, forms, ("end_equity",))
    lines = _lines(columns, (*least, "family", "drawdown", "window", "symbols"), width, ("symbols", "window"))
    if "symbols" in lines[0].split():
        return "\n".join(lines)
    told = (dict(zip(columns, map(str.strip, cells), strict=True)) for cells in zip(*columns.values(), strict=True))
    next(told)  # the columns' names
    return "\n".join(_in_words(each, width) for each in told)


def _amounts(frame: pd.DataFrame) -> list[str]:
    """What runs came to, with the currency where there are several; nothing where they did not end."""
    named = frame["currency"].nunique() > 1
    told = []
    for value, currency, deepest in zip(frame["end_equity"], frame["currency"], frame["drawdown"], strict=True):
        lost = deepest <= -1 and value > 0
        amount = headline.LOST if lost else numbers.money(value, currency, named=named)
        told.append("" if _is_nothing(value) else amount)
    return told


def _in_words(run: Mapping[str, str], width: int) -> str:
    """A run, its cells by their columns, in lines of a width too small for a table."""
    from textwrap import wrap

    told = f"{run['id']}  {run['symbols']} {run['period']}, {run['window']}, sharpe {run['sharpe']}, "
    told += f"deflated {run['deflated']}, {run['trials']} trial{'s' if run['trials'] != '1' else ''}, {run['status']}"
    return "\n".join(wrap(told, width, subsequent_indent=_APART, break_on_hyphens=False))


def sweep(frame: pd.DataFrame, objective: str, width: int = WIDTH, *, currency: str = "") -> str:
    """The table of a sweep's trials. What says nothing is left out, as a status that all of them share.

    Whose account was lost has no return: what it came to is nobody's.
    """
    same = _SAME.get(objective.removeprefix("-"))
    had = frame.assign(**{"return": frame["return"].mask(frame["drawdown"].astype("float64") <= -1)})
    shown = _with_what_tells(had).drop(columns=[same] if same else [])
    forms = {**_RESULT, objective: numbers.statistic(objective, currency)}
    return table(shown, forms, ("error", "trial", "trades", "drawdown", "return"), width)


def walk_forward(frame: pd.DataFrame, objective: str, width: int = WIDTH, *, currency: str = "") -> str:
    """The table of a walk-forward's folds; without their status where all finished."""
    form = numbers.statistic(objective, currency)
    days = dict.fromkeys(("from", "to"), lambda day: f"{day:%Y-%m-%d}")
    forms = {**_RESULT, **days, "inside": form, "outside": form}
    return table(_with_what_tells(frame), forms, ("trades", "drawdown", "to", "inside", "return", "fold"), width)


def stability(frame: pd.DataFrame) -> str:
    """How much a walk-forward's parameters changed."""
    shares = {"share": lambda share: numbers.percent(share, 0, signed=False)}
    return table(frame.reset_index(), {**shares, "mean": numbers.ratio, "deviation": numbers.ratio})


def shares(frame: pd.DataFrame) -> str:
    """What `ap.shares` returns."""
    return table(_with_moments(frame, "made"), {}, ("made_by", "kind", "subject"))


def schedules(frame: pd.DataFrame) -> str:
    """What `ap.schedules` returns; the notebook or the dataset is one column, the state is said of a firing."""
    what = frame["notebook"].where(frame["notebook"].fillna("") != "", frame["dataset"])
    shown = frame.assign(paused=frame["paused"].map({True: "yes", False: ""})).drop(columns=["notebook", "dataset"])
    shown.insert(2, "what", what)
    return table(
        _with_moments(shown, "next", "last"),
        {"what": partial(_one_line, _LONGEST_OF_AN_ANSWER)},
        ("owner", "paused", "last", "state"),
    )


def answer(names: Sequence[str], columns: Sequence[Sequence[Any]], most: int | None = None) -> str:
    """An answer whose columns nobody knows beforehand, such as one to a query.

    Parameters
    ----------
    most : int, optional
        Rows that are shown, of more the first and the last; unless told, all.

    Notes
    -----
    Numbers stand at the right, thousands separated (but those of a column of years, or of numbers of lines and rows),
    with the decimals that the column needs, none or from two to six; a moment has seconds only where one of its column
    has. Texts of more than 50 characters are cut.

    Examples
    --------
    >>> print(answer(["symbol", "volume", "close"], [["GOOG", "A"], [1234567, None], [100.25, 99.0]]))
    symbol     volume   close
    GOOG    1,234,567  100.25
    A               —   99.00
    """
    count = len(columns[0]) if columns else 0
    half = _half(count, most)
    shown = [[*each[:half], *each[-half:]] if half else each for each in columns]
    written = [_column(name, values, _LONGEST_OF_AN_ANSWER) for name, values in zip(names, shown, strict=True)]
    return _with_what_is_between([_APART.join(row).rstrip() for row in zip(*written, strict=True)], count, half)


def frame(found: pd.DataFrame, most: int | None = None, least: Sequence[str] = (), width: int = WIDTH) -> str:
    """A frame as `answer` tells an answer, its texts in full and the zone of its moments beside their names.

    Parameters
    ----------
    most : int, optional
        Rows that are shown, of more the first and the last; unless told, all.
    least : sequence of str
        As of `table`; their texts are cut, and those of them that say nothing are not named.
    width : int
        Characters of a line.

    Examples
    --------
    >>> import pandas as pd
    >>> print(frame(pd.DataFrame({"ts": pd.to_datetime(["2024-01-02 21:00Z"]), "volume": [1234567.0], "url": [""]})))
    ts (UTC)             volume  url
    2024-01-02 21:00  1,234,567  —
    """
    import pandas as pd

    half = _half(len(found), most)
    shown = pd.concat([found.head(half), found.tail(half)]) if half else found
    columns = {}
    for number, name in enumerate(map(str, found.columns)):
        values = [", ".join(map(str, e)) if isinstance(e, list) else e for e in shown.iloc[:, number].tolist()]
        zone = getattr(found.dtypes.iloc[number], "tz", None)
        if name not in least:
            longest = None
        elif all(map(_is_nothing, values)):
            continue
        else:
            longest = _LONGEST_OF_AN_ANSWER
        columns[name] = _column(name, values, longest, f"{name} ({zone})" if zone else name)
    return _with_what_is_between(_lines(columns, least, width), len(found), half)


def _half(count: int, most: int | None) -> int:
    """How many rows are shown of each end; 0 for all."""
    return most // 2 if most is not None and count > most else 0


def _column(name: str, values: Sequence[Any], longest: int | None, head: str = "") -> list[str]:
    """Cells of one width, the name on top."""
    held = [value for value in values if not _is_nothing(value)]
    right = bool(held) and all(isinstance(each, Real | Decimal) and not isinstance(each, bool) for each in held)
    form = _numbers(name, held) if right else _moments(held) if _are_moments(held) else partial(_one_line, longest)
    cells = [head or name, *(_cell(value, form) for value in values)]
    width = max(map(len, cells))
    return [f"{each:{'>' if right else '<'}{width}}" for each in cells]


def _lines(
    columns: Mapping[str, list[str]], least: Sequence[str], width: int = WIDTH, first: Collection[str] = ()
) -> list[str]:
    """The columns side by side, without those for which a line has no room; what stands below names those.

    Where there is no room for one of ``first``, none that tells less takes it.
    """
    kept = [name for name in columns if name not in least]
    for name in (each for each in reversed(least) if each in columns):
        wide = sum(len(columns[each][0]) + len(_APART) for each in (*kept, name)) - len(_APART)
        if wide <= width:
            kept.append(name)
        elif name in first:
            break
    rows = zip(*(columns[each] for each in columns if each in kept), strict=True)
    out = [each for each in columns if each not in kept]
    left = wrap(f"Left out for the width: {', '.join(out)}.", width, break_long_words=False) if out else []
    return [*(_APART.join(row).rstrip() for row in rows), *left]


def _with_what_is_between(lines: list[str], count: int, half: int) -> str:
    between = [f"... {numbers.count(count - 2 * half)} rows more ..."] if half else []
    return "\n".join([*lines[: half + 1], *between, *lines[half + 1 :]])


def _numbers(name: str, held: Sequence[Any]) -> Callable[[Any], str]:
    """How the numbers of a column are written: with as many decimals as one of them needs."""
    apart = "" if name.lower() in _NAMES else ","
    finite = [each for each in held if abs(each) != math.inf]
    if any(each and not 1e-4 <= abs(each) < 1e15 for each in finite if not isinstance(each, int)):
        return lambda value: f"{value:.6g}".replace("-", _LESS, 1 if value < 0 else 0)
    decimals = max((len(f"{each:.{_DECIMALS}f}".rstrip("0").partition(".")[2]) for each in finite), default=0)
    decimals = max(decimals, 2) if decimals else 0
    return lambda value: f"{value:{apart}.{decimals}f}".replace("-", _LESS)


def _are_moments(held: Sequence[Any]) -> bool:
    return bool(held) and all(isinstance(each, datetime) for each in held)


def _moments(held: Sequence[datetime]) -> Callable[[Any], str]:
    """How the moments of a column are written: days alone where all are midnights, seconds where one has any."""
    parts = [(each.second, each.microsecond, getattr(each, "nanosecond", 0)) for each in held]
    seconds = any(map(any, parts))
    if not seconds and all((each.hour, each.minute) == (0, 0) for each in held):
        return lambda value: f"{value:%Y-%m-%d}"
    return lambda value: str(value.replace(tzinfo=None)) if seconds else f"{value:%Y-%m-%d %H:%M}"


def _one_line(longest: int | None, value: Any) -> str:
    return _cut(" ".join(str(value).split()), longest)


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"


def _with_moments(frame: pd.DataFrame, *moments: str) -> pd.DataFrame:
    """With the first digits of each id, which are enough, and the zone of the moments beside their names."""
    shown = frame.assign(id=frame["id"].str[:8])
    return shown.rename(columns={name: f"{name} (UTC)" for name in moments})


def _with_what_tells(frame: pd.DataFrame) -> pd.DataFrame:
    """With the first digits of each run's id, which are enough; without errors, or a status, where all finished."""
    shown = frame.reset_index().assign(id=frame["id"].str[:8].to_list())
    silent = ["error"] if "error" in shown and not shown["error"].any() else []
    silent += ["status"] if "status" in shown and (shown["status"] == "finished").all() else []
    return shown.drop(columns=silent)


def _cell(value: Any, form: Callable[[Any], str]) -> str:
    return _NONE if _is_nothing(value) else form(value)


def _is_nothing(value: Any) -> bool:
    import pandas as pd

    if isinstance(value, str):
        return not value
    return bool(value != value) if isinstance(value, float) else pd.api.types.is_scalar(value) and bool(pd.isna(value))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        return _cut(" ".join(str(value).split()), _LONGEST)
    return numbers.count(value) if float(value).is_integer() else numbers.parameter(float(value))

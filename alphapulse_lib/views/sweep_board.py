"""A sweep as a card: how far it is, the best trials, and a heat map of two parameters; drawn anew while it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from statistics import median
from typing import Any

from alphapulse_lib.results.robustness import axes
from alphapulse_lib.results.swept import Trial
from alphapulse_lib.views import numbers
from alphapulse_lib.views.cards import STYLE
from alphapulse_lib.views.coded import coded

__all__ = ["BOARD", "heat", "html", "line"]

#: Trials of the table, and values of a parameter that a card's heat map has room for.
_ROWS, _CELLS = 6, 16
#: What a row tells besides, unless it is the objective: the column and the statistic.
_BESIDE = {"return": "total_return", "drawdown": "max_drawdown", "trades": "trades"}

BOARD = """
<style>
.ap-card .ap-board { display: flex; flex-wrap: wrap; gap: 12px 32px; margin-top: 8px; }
.ap-card .ap-scroll { max-width: 100%; overflow-x: auto; }
.ap-card table.ap-trials { border-collapse: collapse; font-size: 13px; margin: 0; width: auto; color: var(--ap-ink); }
.ap-card table.ap-trials caption { caption-side: top; text-align: left; font-size: 12.5px; color: var(--ap-quiet);
  padding: 0 0 4px; }
.ap-card table.ap-trials th, .ap-card table.ap-trials td { padding: 2px 8px; text-align: right; font-weight: 400;
  white-space: nowrap; background: none; border: 0; color: inherit; }
.ap-card table.ap-trials th { color: var(--ap-quiet); }
.ap-card table.ap-heat td { padding: 3px 6px; min-width: 34px; text-align: center; border: 1px solid transparent;
  background: color-mix(in srgb, var(--ap-tone) var(--ap-share), transparent); }
.ap-card table.ap-heat td.ap-best { outline: 2px solid currentColor; outline-offset: -2px; font-weight: 600; }
</style>
""".strip()


def html(
    title: str,
    objective: str,
    trials: Sequence[Trial],
    total: int,
    notes: Sequence[str] = (),
    *,
    count: int | None = None,
) -> str:
    """The card.

    Parameters
    ----------
    title : str
        Which strategy on what.
    objective : str
        Its name.
    trials : sequence of Trial
        Those that ended.
    total : int
        How many there will be.
    notes : sequence of str
        Said below.
    count : int, optional
        How many ended, where those shown are of one window of several.
    """
    ranked = sorted((each for each in trials if math.isfinite(each.value)), key=lambda each: -each.value)
    failed = sum(each.record.status == "failed" for each in trials)
    far = f"{len(trials) if count is None else count:,} of {total:,} trials" + (
        f", {failed:,} failed" if failed else ""
    )
    parts = [_table(objective, ranked[:_ROWS]), _heat_table(objective, trials, ranked)]
    said = "".join(f"<li>{coded(note)}</li>" for note in notes)
    return (
        f'{STYLE}{BOARD}<div class="ap-card"><div class="ap-head"><span class="ap-title">{escape(title)}'
        f'<span class="ap-badge">{far}</span></span></div><div class="ap-board">'
        + "".join(f'<div class="ap-scroll" tabindex="0">{part}</div>' for part in parts if part)
        + f"</div>{f'<ul class="ap-notes">{said}</ul>' if said else ''}</div>"
    )


def line(objective: str, best: Trial | None) -> str:
    """The best trial in one line."""
    if best is None:
        return ""
    told = " ".join(f"{name}={numbers.parameter(value)}" for name, value in best.parameters.items())
    return f"best {objective} {_form(objective, best)(best.value)} at {told}"


def heat(trials: Sequence[Trial], x: str, y: str) -> tuple[list[Any], list[Any], list[list[float]]]:
    """The objective over two parameters: the values of both, and rows of cells.

    A cell of several trials, which differ in other parameters, is their median; one of none is ``nan``.
    """
    tried = axes(trials)
    cells: dict[tuple[str, str], list[float]] = {}
    for each in trials:
        if math.isfinite(each.value):
            cells.setdefault((repr(each.parameters[x]), repr(each.parameters[y])), []).append(each.value)
    rows = [
        [median(found) if (found := cells.get((repr(across), repr(down)))) else math.nan for across in tried[x]]
        for down in tried[y]
    ]
    return tried[x], tried[y], rows


def _form(objective: str, trial: Trial) -> Callable[[float | None], str]:
    """How the objective is written, an amount in the money of the trials, which all have the same."""
    return numbers.statistic(objective, numbers.currency(trial.record))


def _table(objective: str, ranked: Sequence[Trial]) -> str:
    if not ranked:
        return ""
    names = list(ranked[0].parameters)
    beside = {title: name for title, name in _BESIDE.items() if name != objective.removeprefix("-")}
    titles = (*names, objective, *beside)
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in titles)
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(each, names, objective, beside.values()))
        + "</tr>"
        for each in ranked
    )
    return f'<table class="ap-trials"><caption>The best</caption><tr>{head}</tr>{rows}</table>'


def _cells(trial: Trial, names: Sequence[str], objective: str, beside: Iterable[str]) -> list[str]:
    stats = trial.record.statistics
    forms = {name: numbers.count if name == "trades" else numbers.percent for name in beside if name in stats}
    return [
        *(numbers.parameter(trial.parameters[name]) for name in names),
        _form(objective, trial)(trial.value),
        *(forms[name](stats[name]) if name in forms else "" for name in beside),
    ]


def _heat_table(objective: str, trials: Sequence[Trial], ranked: Sequence[Trial]) -> str:
    tried = axes(trials)
    names = [name for name, values in tried.items() if 1 < len(values) <= _CELLS]
    if not ranked or len(names) < 2:
        return ""
    x, y = names[1], names[0]
    across, down, cells = heat(trials, x, y)
    form = _form(objective, ranked[0])
    most = max((abs(cell) for row in cells for cell in row if math.isfinite(cell)), default=0.0) or 1.0
    best = (repr(ranked[0].parameters[x]), repr(ranked[0].parameters[y]))
    head = "".join(f'<th scope="col">{escape(numbers.parameter(each))}</th>' for each in across)
    rows = "".join(
        f'<tr><th scope="row">{escape(numbers.parameter(each))}</th>'
        + "".join(
            _cell(cell, most, form, (repr(column), repr(each)) == best)
            for column, cell in zip(across, row, strict=True)
        )
        + "</tr>"
        for each, row in zip(down, cells, strict=True)
    )
    told = escape(f"{objective}: {y} down, {x} across")
    return f'<table class="ap-trials ap-heat"><caption>{told}</caption><tr><td></td>{head}</tr>{rows}</table>'


def _cell(value: float, most: float, form: Callable[[float | None], str], is_best: bool) -> str:
    if not math.isfinite(value):
        return "<td></td>"
    tone = numbers.tone(value, form)
    share = round(55 * abs(value) / most) if tone else 0
    mark = ' class="ap-best"' if is_best else ""
    return f'<td{mark} style="--ap-tone:var(--ap-{tone or "ink"});--ap-share:{share}%">{form(value)}</td>'

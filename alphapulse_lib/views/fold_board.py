"""A walk-forward as a card: what came out of sample, a row a fold, and how steady the parameters were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from alphapulse_lib.views import drawing, numbers
from alphapulse_lib.views.card import STYLE, Fact, facts
from alphapulse_lib.views.coded import coded
from alphapulse_lib.views.sweep_board import BOARD

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["html"]

_NONE = "\N{EM DASH}"

type _Forms = Mapping[str, Callable[[Any], str]]


def html(
    title: str,
    objective: str,
    currency: str,
    span: str,
    stats: Mapping[str, float],
    deflated: Mapping[str, float],
    efficiency: float,
    equity: pd.Series[float],
    folds: pd.DataFrame,
    stability: pd.DataFrame,
    *notes: str,
) -> str:
    """The card.

    Parameters
    ----------
    title : str
        Which strategy on what.
    objective : str
        What parameters were chosen by.
    currency : str
        What the account is kept in.
    span : str
        What a return is of, such as a session.
    stats, deflated, efficiency, equity
        Out of sample.
    folds, stability : pandas.DataFrame
        The walk-forward's tables.
    *notes : str
        Said below.
    """
    form = numbers.statistic(objective, currency)
    days: _Forms = dict.fromkeys(("from", "to"), lambda day: f"{day:%Y-%m-%d}")
    results: _Forms = {"return": numbers.percent, "drawdown": numbers.percent, "trades": numbers.count}
    asked = f"inside, outside: the {objective} that the parameters were chosen by, and what they came to"
    told = folds.reset_index().assign(id=folds["id"].str[:8].to_list())
    if (told["status"] == "finished").all():
        told = told.drop(columns="status")
    shares: _Forms = {"share": lambda share: numbers.percent(share, 0, signed=False)}
    steady: _Forms = {**shares, "mean": numbers.ratio, "deviation": numbers.ratio}
    parts = [
        _table(asked, told, {**days, **results, "inside": form, "outside": form}),
        _table("How steady the parameters were", stability.reset_index(), steady),
    ]
    said = "".join(f"<li>{coded(note)}</li>" for note in notes)
    return (
        f'{STYLE}{BOARD}<div class="ap-card"><div class="ap-head"><div><span class="ap-title">{escape(title)}'
        f'<span class="ap-badge">{numbers.counted(len(folds), "fold")}</span></span>'
        f'<div class="ap-quiet">out of sample, {numbers.counted(len(equity), span)}</div></div>'
        f"{drawing.spark(equity.to_numpy())}</div>{facts(_facts(stats, deflated, efficiency))}"
        + "".join(f'<div class="ap-board"><div class="ap-scroll" tabindex="0">{part}</div></div>' for part in parts)
        + f'<ul class="ap-notes">{said}</ul></div>'
    )


def _facts(stats: Mapping[str, float], deflated: Mapping[str, float], efficiency: float) -> tuple[Fact, ...]:
    trials = numbers.counted(int(deflated["trials"]), "trial")
    whole, year, deepest = stats["total_return"], stats["cagr"], stats["max_drawdown"]
    return (
        Fact("Total return", numbers.percent(whole), "", numbers.tone(whole)),
        Fact("Return a year", numbers.percent(year), "", numbers.tone(year)),
        Fact(
            "Sharpe ratio",
            numbers.ratio(stats["sharpe"]),
            f"deflated {numbers.probability(deflated['deflated_sharpe'])}, {trials}",
        ),
        Fact("Deepest drawdown", numbers.percent(deepest), "", numbers.tone(deepest)),
        Fact("Efficiency", numbers.ratio(efficiency), "growth outside over inside"),
    )


def _table(caption: str, frame: pd.DataFrame, forms: _Forms) -> str:
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in frame.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(_cell(value, forms.get(str(name), numbers.parameter)))}</td>"
            for name, value in zip(frame.columns, row, strict=True)
        )
        + "</tr>"
        for row in frame.itertuples(index=False, name=None)
    )
    return f'<table class="ap-trials"><caption>{escape(caption)}</caption><tr>{head}</tr>{rows}</table>'


def _cell(value: Any, form: Callable[[Any], str]) -> str:
    return _NONE if value is None or value == "" or value != value else form(value)

"""Rows that say what held from one day to another: listings of instruments, members of universes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.errors import MissingColumn
from alphapulse_lib.model.instrument import SYMBOL
from alphapulse_lib.providers.text import as_text

if TYPE_CHECKING:
    from alphapulse_lib.providers.contract import Request
    from alphapulse_lib.providers.delimited import Grid

__all__ = ["spans"]

_TEXTS = {"instruments": ("id", "ticker", "venue", "name"), "universe": ("universe", "ticker")}


def spans(grid: Grid, found: dict[str, str], request: Request) -> tuple[dict[str, pa.Array], list[str]]:
    """The canonical columns of a file of listings or members; days are ISO dates, empty where a side is open.

    Raises
    ------
    MissingColumn
        Neither the file nor the request names the universe.
    """
    columns: dict[str, pa.Array] = {}
    for name in _TEXTS[request.kind]:
        text = as_text(grid.rows[found[name]]) if name in found else pa.nulls(grid.rows.num_rows, pa.string())
        columns[name] = pc.utf8_trim_whitespace(pc.coalesce(text, ""))
    if request.kind == "universe" and "universe" not in found:
        if not isinstance(request.name, str) or not request.name:
            raise MissingColumn("The universe is named nowhere.", "Say which one it is: name='sp500'.")
        columns["universe"] = pa.array([request.name] * grid.rows.num_rows, pa.string())
    reason: list[str | None] = [None] * grid.rows.num_rows
    for name in ("start", "end"):
        days: list[date | None] = []
        texts = as_text(grid.rows[found[name]]).to_pylist() if name in found else [None] * grid.rows.num_rows
        for row, text in enumerate(texts):
            try:
                days.append(date.fromisoformat(text.strip()[:10]) if text and text.strip() else None)
            except ValueError:
                days.append(None)
                reason[row] = f"{name} {text!r} is no date such as 2020-12-31"
        columns[name] = pa.array(days, pa.date32())
    reversed_ = pc.fill_null(pc.less(columns["end"], columns["start"]), False)
    nameless = pc.equal(columns["ticker"], "")
    said = pa.array(reason, pa.string())
    said = pc.if_else(reversed_, "it ends before it starts", said)
    said = pc.if_else(nameless, "no ticker", said)
    for name in ("ticker", "id") if request.kind == "instruments" else ():
        text = columns[name]
        bare = pc.replace_substring_regex(pc.utf8_upper(text), r"\.[A-Z0-9]+$", "")  # an id's venue
        strange = pc.invert(pc.or_(pc.equal(text, ""), pc.match_substring_regex(bare, SYMBOL)))
        told = pc.binary_join_element_wise(name, text, "cannot name an instrument", " ")
        said = pc.if_else(pc.and_(strange, pc.is_null(said)), told, said)
    columns["reason"] = said
    return columns, []

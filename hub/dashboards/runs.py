"""The ledger: the runs that one sees as a table, the page of one run, and a few of them side by side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from alphapulse_lib.errors import NotUnderstood
from hub.dashboards import ledger, web
from hub.dashboards.compare import MOST, Comparison
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.run_page import RunPage
from hub.dashboards.shares import Shares
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor

__all__ = ["Runs", "runs"]

_PAGE = 50
_FILTERS = ("strategy", "symbol", "user", "status", "purpose", "family")


def runs(somebody: Visitor, services: Services, query: dict[str, str]) -> Page:
    """The page of one run, or of several side by side, where the address names them; else the table."""
    if query.get("compare"):
        return Comparison(somebody, services, query)
    return (RunPage if query.get("id") else Runs)(somebody, services, query)


@dataclass(frozen=True)
class _Group:
    """Runs of one family, which are trials of each other."""

    family: str
    trials: int
    rows: tuple[ledger.Row, ...]


class Runs(Page):
    """The table."""

    name, title = "runs", "Runs"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._pages = 1
        self._shares = Shares(self)
        self.widgets = {
            "table": Widget(self._table, "runs_table_empty", every=10),
            "shares": Widget(self._shares.all, "shares_empty", every=30),
        }

    def shell(self) -> dict[str, Any]:
        """The filters as the address has them."""
        return {"query": {name: self.query.get(name, "") for name in (*_FILTERS, "group")}}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        """Filter, show more, compare what is ticked, or take back what is shared."""
        if name == "filter":
            self.query = {key: fields.get(key, "").strip() for key in (*_FILTERS, "group")}
            self._pages = 1
            self.tell("address", query="?" + web.page("", **self.query).partition("?")[2])
            self.busy("table")
        elif name == "more":
            self._pages += 1
        elif name == "compare":
            ticked = [each for key, each in fields.items() if key == f"pick-{each}"]
            if 2 <= len(ticked) <= MOST:
                self.tell("go", to=web.page("runs", compare=",".join(ticked)))
            else:
                self.note(f"Tick two to {MOST} runs to compare them.", bad=True)
            return
        else:
            await self._shares.act(name, value, fields)
            return
        await self.reload("table")

    async def _table(self) -> str:
        wanted = {name: self.query.get(name) or None for name in _FILTERS}
        most = self._pages * _PAGE
        try:
            found = await ledger.rows(self.api, most + 1, **wanted)
        except NotUnderstood:  # what no run can be, no run is
            found = []
        rows = found[:most]
        if not rows:
            return "" if not any(wanted.values()) else render("runs_none", wanted=wanted)
        groups = _grouped(rows) if self.query.get("group") else [_Group("", 0, tuple(rows))]
        return render("runs_table", groups=groups, more=len(found) > most, count=len(rows), most=MOST)


def _grouped(rows: list[ledger.Row]) -> list[_Group]:
    """The families in the order of their newest runs."""
    newest = list(dict.fromkeys(each.family for each in rows))
    by_family = sorted(rows, key=lambda each: newest.index(each.family))
    return [
        _Group(family, max((each.trials or 0 for each in held), default=0), held)
        for family, held in ((name, tuple(each)) for name, each in groupby(by_family, key=lambda each: each.family))
    ]

"""Home: what a person wants to know first, on one page."""

from __future__ import annotations

import asyncio
import re

import panel as pn

from alphapulse_lib.errors import AlphaPulseError, CatalogDamaged
from hub.dashboards import catalog, charts, ledger, times, timetable, web
from hub.dashboards.catalog import Listed, Quote
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.remote import TroubleError
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor

__all__ = ["Home", "watched"]

_WATCHED = 10  # names that somebody who never chose sees
_NEWS, _RUNS, _PLANS, _TOLD = 8, 8, 6, 8
_MOST_PLANS = 200


async def watched(services: Services, user: str) -> list[Listed]:
    """The names that somebody watches; of one who never chose, those with the most daily bars."""
    held = await services.shelf.get(30, catalog.instruments)
    chosen = services.watchlists.of(user)
    if chosen is None:
        newest = sorted((each for each in held if each.bars), key=lambda each: (-each.last, -each.bars))
        return sorted(newest[:_WATCHED], key=lambda each: each.symbol)
    known = {each.id: each for each in held}
    return [known[each] for each in chosen if each in known]


class Home(Page):
    """The page."""

    name, title = "home", "Home"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._place = charts.pane("price")
        nothing_due = "schedules_empty" if somebody.may_schedule else "plans_none"
        self.widgets = {
            "watchlist": Widget(self._watchlist, "watchlist_empty", every=60),
            "chosen": Widget(self._chosen),
            "chart": Widget(self._chart, "chart_empty"),
            "news": Widget(self._news, "news_empty", every=60),
            "runs": Widget(self._runs, "runs_empty", every=10),
            "schedules": Widget(self._schedules, nothing_due, every=15),
            "mentions": Widget(self._mentions, "mentions_empty", every=10),
        }

    def roots(self) -> dict[str, pn.viewable.Viewable]:
        """The price chart."""
        return {"chart": self._place}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:  # noqa: ARG002
        """Choose a name or whose runs are shown, or mark what one was told as read."""
        if name == "choose":
            self.query["symbol"] = value
            self._keep_address()
            await self.reload("chosen", "watchlist", "chart")
        elif name == "whose":
            self.query["runs"] = "all" if value else ""
            self._keep_address()
            await self.reload("runs")
        elif name == "read" and re.fullmatch("[0-9]{1,18}", value):
            await self.api.ask(self.api.client.notifications.read, int(value))
            await self.reload("mentions")

    def _keep_address(self) -> None:
        asked = web.page("", symbol=self.query.get("symbol"), runs=self.query.get("runs"))
        self.tell("address", query=f"?{asked.partition('?')[2]}")

    def theme_changed(self) -> None:
        """A canvas keeps its colours until it is drawn again."""
        self.spawn(self.reload("chart"))

    async def _selected(self) -> Listed | None:
        held = await self.services.shelf.get(30, catalog.instruments)
        asked = self.query.get("symbol")
        if asked:
            for each in held:
                if asked in (each.id, each.symbol):
                    return each
            return None
        names = await watched(self.services, self.visitor.name)
        return next((each for each in names if each.bars), None)

    async def _quotes(self, names: list[Listed]) -> list[Quote]:
        return await self.services.shelf.get(60, catalog.quotes, tuple(names))

    async def _watchlist(self) -> str:
        names = await watched(self.services, self.visitor.name)
        if not names:
            return ""
        rows = await self._quotes(names)
        selected = await self._selected()
        return render(
            "watchlist",
            rows=rows,
            faults=[each for each in names if each.fault],
            chosen=selected.id if selected else "",
        )

    async def _chosen(self) -> str:
        listed = await self._selected()
        if listed is None:
            if self.query.get("symbol"):
                raise TroubleError(f"The catalog holds no {self.query['symbol'][:80]!r}.", "Choose a name you watch.")
            return ""
        if listed.fault:
            raise AlphaPulseError(listed.fault)
        quotes = await self._quotes([listed])
        return render("chosen", listed=listed, quote=quotes[0] if quotes else None)

    async def _chart(self) -> str:
        listed = await self._selected()
        if listed is None or not listed.bars:
            return ""
        data = await self.services.shelf.get(60, _drawing, listed)
        figure = await asyncio.to_thread(charts.drawn, data, dark=self.dark)
        self.later(lambda: setattr(self._place, "object", figure))
        return render("chart_note", listed=listed)

    async def _news(self) -> str:
        found = await self.services.shelf.get(30, catalog.articles, None, None, None, _NEWS)
        return render("news", articles=found) if found else ""

    async def _runs(self) -> str:
        everybody = self.query.get("runs") == "all"
        whose = None if everybody else self.visitor.name
        found = await ledger.rows(self.api, _RUNS, user=whose)
        if everybody and not found:
            return ""
        return render("home_runs", runs=found, everybody=everybody)

    async def _schedules(self) -> str:
        found = await timetable.plans(self.api, _MOST_PLANS)
        late, more = sum(bool(each.late) for each in found), max(len(found) - _PLANS, 0)
        return render("home_schedules", items=found[:_PLANS], late=late, more=more) if found else ""

    async def _mentions(self) -> str:
        found = await self.api.all(self.api.client.notifications.list, limit=_TOLD)
        items = [(each, web.told(each.about), times.ns(each.created_at)) for each in found]
        unread = sum(each.read_at is None for each in found)
        newest = found[0].id if found else 0
        return render("mentions", items=items, unread=unread, newest=newest) if items else ""


def _drawing(listed: Listed) -> charts.Drawing:
    """A year of an instrument, with its articles."""
    import alphapulse_lib as ap

    start = catalog.window_start(listed, "1y" if listed.period.endswith(("d", "w", "mo")) else "1m")
    bars = ap.bars(listed.id, listed.period, catalog.stamp(start))
    try:
        found = catalog.articles(listed.id, start, listed.last, 200)
    except CatalogDamaged:
        found = []  # the news says so itself
    return charts.Drawing(bars, listed.zone, listed.currency, articles=found, height=370)

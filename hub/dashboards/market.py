"""One instrument: its price, what is held of it, what was written about it, and what the team says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import panel as pn

from alphapulse_lib.errors import AlphaPulseError, CatalogDamaged, InputError
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from hub.dashboards import catalog, charts, web
from hub.dashboards.catalog import Listed
from hub.dashboards.home import watched
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.remote import TroubleError
from hub.dashboards.templating import render
from hub.dashboards.thread import Thread
from hub.dashboards.visitor import Visitor

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Market", "View"]

_MOST_BARS = 5000
_ARTICLES = 40
_FIELDS = ("symbol", "period", "window", "start", "end", "adjust", "style", "log", "article")


@dataclass(frozen=True)
class View:
    """What the address asks to see of an instrument. Moments are nanoseconds since 1970, UTC."""

    listed: Listed
    period: str
    window: str
    start: int
    end: int
    adjust: str
    style: str
    logarithmic: bool

    @classmethod
    def of(cls, listed: Listed, query: dict[str, str]) -> View:
        """What a query asks for; what it asks wrongly is taken for what is usual.

        Raises
        ------
        InputError
            A date is none.
        """
        period = query.get("period", "")
        period = period if period in listed.periods else listed.period
        usual = "1y" if period[-1:] in "dw" else "1m"
        window = query.get("window", "")
        window = window if window in catalog.WINDOWS else usual
        start, end = query.get("start", ""), query.get("end", "")
        day = partial(Window.of, timezone=listed.zone, by_close=listed.over_midnight)
        first = day(start=start).start if start else catalog.window_start(listed, window)
        last = day(end=end).end if end else listed.last
        adjust, style = query.get("adjust", ""), query.get("style", "")
        return cls(
            listed=listed,
            period=period,
            window="" if start or end else window,
            start=first if not end or start else max(last - (listed.last - first), 0),
            end=last,
            adjust=adjust if adjust in ("none", "splits", "total") else "splits",
            style=style if style in ("candles", "line") else "candles",
            logarithmic=bool(query.get("log")),
        )


class Market(Page):
    """The page."""

    name, title = "market", "Market"

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        super().__init__(somebody, services, query)
        self._place = charts.pane("price")
        self._thread: Thread | None = None
        self._article = query.get("article", "")
        self.widgets = {
            "controls": Widget(self._controls),
            "chosen": Widget(self._chosen),
            "chart": Widget(self._chart, "chart_empty"),
            "coverage": Widget(self._coverage, "coverage_empty"),
            "articles": Widget(self._articles, "articles_empty", every=60),
            "thread": Widget(self._comments, "thread_empty"),
            "names": Widget(self._names, "chart_empty"),
        }
        if self._article:
            self.widgets["article"] = Widget(self._one_article)

    def shell(self) -> dict[str, Any]:
        """Whether an article is asked for."""
        return {"article": self._article}

    def roots(self) -> dict[str, pn.viewable.Viewable]:
        """The price chart."""
        return {"chart": self._place}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        """Look at something else, watch a name, or comment."""
        if name == "look":
            await self._look(fields)
        elif name in ("watch", "unwatch"):
            names = [each.id for each in await watched(self.services, self.visitor.name)]
            if any(each.id == value for each in await self._held()):
                await asyncio.to_thread(
                    self.services.watchlists.change, self.visitor.name, names, value, watched=name == "watch"
                )
            await self.reload("controls", "names")
        elif self._thread is not None:
            await self._thread.act(name, value, fields)

    def theme_changed(self) -> None:
        """A canvas keeps its colours until it is drawn again."""
        self.spawn(self.reload("chart"))

    async def _look(self, fields: dict[str, str]) -> None:
        wanted = {name: fields.get(name, "").strip() for name in _FIELDS}
        listed = _named(await self._held(), wanted["symbol"])
        if listed is None:
            self.note(f"The catalog holds no {wanted['symbol']!r}. The names it holds are listed below.", bad=True)
            return
        wanted["symbol"] = listed.id
        if listed != await self._selected():
            self.tell("go", to=web.page("market", **wanted))
            return
        if wanted["window"] and wanted["window"] != self.query.get("window", wanted["window"]):
            wanted["start"] = wanted["end"] = ""  # another window of the list takes the place of dates
        self.query = wanted
        self.tell("address", query="?" + web.page("", **wanted).partition("?")[2])
        await self.reload("controls", "chart", "coverage", "articles")

    async def _held(self) -> list[Listed]:
        return await self.services.shelf.get(30, catalog.instruments)

    async def _selected(self) -> Listed | None:
        held = await self._held()
        asked = self.query.get("symbol", "")
        if not asked and self._article:
            found = await self.services.shelf.get(30, catalog.article, self._article)
            asked = found.symbols.split(", ")[0] if found else ""
        if asked:
            return _named(held, asked)
        return next((each for each in await watched(self.services, self.visitor.name) if each.bars), None)

    async def _view(self) -> View | None:
        listed = await self._selected()
        if listed is None and self.query.get("symbol"):
            raise TroubleError(f"The catalog holds no {self.query['symbol']!r}.", "Choose one of the names below.")
        if listed is not None and listed.fault:
            raise AlphaPulseError(listed.fault, "The other names are below.")
        try:
            view = View.of(listed, self.query) if listed is not None and listed.bars else None
        except InputError as wrong:
            raise TroubleError(wrong.message, wrong.hint) from None
        if view is not None and view.start > view.end:
            raise TroubleError("The window ends before it begins.", "Choose other dates above.")
        return view

    async def _seen(self) -> View | None:
        """What is looked at; none where the address asks for what is not there, which is told beside the name."""
        try:
            return await self._view()
        except TroubleError:
            return None

    async def _controls(self) -> str:
        held = await self._held()
        listed = await self._selected()
        view = None
        if listed is not None:
            try:
                view = View.of(listed, self.query)
            except InputError:  # told beside the name
                view = View.of(listed, {**self.query, "start": "", "end": ""})
        mine = {each.id for each in await watched(self.services, self.visitor.name)}
        return render("market_controls", held=held, view=view, query=self.query, windows=catalog.WINDOWS, mine=mine)

    async def _chosen(self) -> str:
        view = await self._view()
        if view is None:
            return ""
        quotes = await self.services.shelf.get(60, catalog.quotes, (view.listed,))
        return render("chosen", listed=view.listed, quote=quotes[0] if quotes else None)

    async def _chart(self) -> str:
        view = await self._seen()
        if view is None:
            return ""
        data, total, faults = await self.services.shelf.get(60, _drawing, view)
        figure = await asyncio.to_thread(charts.drawn, data, dark=self.dark)
        self.later(lambda: setattr(self._place, "object", figure))
        pays = any(view.start <= at <= view.end for at, _ in data.dividends)
        return render("market_note", view=view, shown=len(data.bars), total=total, pays=pays, faults=faults)

    async def _coverage(self) -> str:
        view = await self._seen()
        return await self.services.shelf.get(60, _covered, view.listed, view.period) if view else ""

    async def _articles(self) -> str:
        view = await self._seen()
        if view is None:
            return ""
        found = await self.services.shelf.get(30, catalog.articles, view.listed.id, view.start, view.end, _ARTICLES + 1)
        return render("market_articles", articles=found[:_ARTICLES], more=len(found) > _ARTICLES) if found else ""

    async def _one_article(self) -> str:
        found = await self.services.shelf.get(30, catalog.article, self._article)
        if found is None:
            raise TroubleError("The catalog holds no such article.", "It may be in a catalog of somebody's own.")
        return render("article", article=found)

    async def _names(self) -> str:
        held = await self._held()
        mine = {each.id for each in await watched(self.services, self.visitor.name)}
        return render("market_names", held=held, mine=mine) if held else ""

    async def _comments(self) -> str:
        if self._thread is None:
            listed = await self._selected()
            if self._article:
                self._thread = Thread(self, f"article:{self._article}")
            elif listed is not None:
                self._thread = Thread(self, f"instrument:{listed.id}")
            else:
                return render("thread_none")
            self._thread.follow()
        return await self._thread.widget.load()


def _named(held: list[Listed], asked: str) -> Listed | None:
    """The instrument of that id, symbol or name, or whose name alone holds the words."""
    plain = asked.casefold()
    for kind in ("id", "symbol", "name"):
        for each in held:
            if str(getattr(each, kind)).casefold() == plain:
                return each
    alike = [each for each in held if plain and plain in each.name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _drawing(view: View) -> tuple[charts.Drawing, int, list[str]]:
    """What the chart shows, how many bars the window has in all, and what beside the prices cannot be read."""
    import alphapulse_lib as ap

    listed = view.listed
    faults: dict[str, None] = {}

    def beside[T](make: Callable[..., T], *given: Any) -> T | None:
        try:
            return make(*given)
        except CatalogDamaged as damaged:
            faults[damaged.message] = None
            return None

    bars = ap.bars(
        listed.id, view.period, catalog.stamp(view.start), catalog.stamp(view.end), adjust=view.adjust  # type: ignore[arg-type]
    )  # fmt: skip
    total = len(bars)
    bars = bars.tail(_MOST_BARS)
    first = int(bars["ts"].iloc[0].value)
    since = max(view.start, first - catalog.step(7))
    drawing = charts.Drawing(
        bars,
        listed.zone,
        listed.currency,
        style=view.style,
        logarithmic=view.logarithmic,
        articles=beside(catalog.articles, listed.id, since, view.end, 500) or (),
        splits=beside(catalog.splits, listed.id) or (),
        dividends=beside(catalog.dividends, listed.id, listed.zone) or (),
        sentiment=beside(_moods, listed.id, first, view.end),
        height=380,
    )
    return drawing, total, list(faults)


def _moods(instrument_id: str, start: int, end: int) -> pd.DataFrame | None:
    import alphapulse_lib as ap

    found: pd.DataFrame = ap.sentiment(instrument_id, catalog.stamp(start), catalog.stamp(end))
    return found if len(found) else None


def _covered(listed: Listed, period: str) -> str:
    """The coverage of a series as a strip of what is held and what is missing."""
    import alphapulse_lib as ap

    found = ap.coverage(listed.id, period)
    # A day's bar that closes at midnight is of the day that ends then.
    back = int(listed.never_closes and Period.parse(period).is_session)
    first, span = found.first.value, max(found.last.value - found.first.value, 1)

    def place(frame: pd.DataFrame) -> list[dict[str, Any]]:
        return [
            {
                "left": 100 * (row["first"].value - first) / span,
                "width": max(100 * (row["last"].value - row["first"].value) / span, 0.15),
                "first": row["first"].value - back,
                "last": row["last"].value - back,
                "bars": int(row["bars"]),
            }
            for row in frame.to_dict("records")
        ]

    held, gaps = place(found.intervals), place(found.gaps)
    return render(
        "coverage", listed=listed, period=period, found=found, ends=(first - back, found.last.value - back),
        held=held[:_SEGMENTS], gaps=gaps[:_SEGMENTS],
        count=len(gaps), missing=sum(each["bars"] for each in gaps),
    )  # fmt: skip


#: Pieces of the strip; more could not be told apart.
_SEGMENTS = 400

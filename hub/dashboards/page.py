"""A page: widgets that load by themselves, each with its states, and what happens when a control is used."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.document import Document

from alphapulse_lib import clock
from alphapulse_lib.errors import AlphaPulseError, CatalogEmpty
from alphapulse_lib.hub_client import Damaged
from hub.dashboards import catalog
from hub.dashboards.bridge import Bridge
from hub.dashboards.remote import Remote, TroubleError
from hub.dashboards.shelf import Shelf
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor
from hub.dashboards.watchlist import Watchlists
from hub.logs import about, request_id

__all__ = ["Page", "Services", "Widget"]

log = logging.getLogger(__name__)

#: What pages read the catalog and draw with, imported before anybody is served: Panel looks at each module that was
#: imported while it made a page, and fails at one that a thread imports just then, which is not there for an instant.
_IMPORTED = (
    "alphapulse_lib.session.bars",
    "alphapulse_lib.session.holdings",
    "alphapulse_lib.session.news",
    "alphapulse_lib.views.drawing",
    "pandas",
)
#: Damaged rows that a page speaks of.
_MOST_TOLD = 3
#: Characters of a control's name that are logged; whatever a browser sends may be forged.
_LONGEST_ACT = 40


class Services:
    """What all pages share.

    Parameters
    ----------
    api : str
        Where the REST API is, such as ``http://127.0.0.1:8001``.
    folder : Path
        Where the dashboards keep what is theirs.
    """

    def __init__(self, api: str, folder: Path) -> None:
        self._api = f"{api}/services/api"
        #: The loop that all pages live in; Panel calls them from threads of its own.
        self.loop: asyncio.AbstractEventLoop | None = None
        self.watchlists = Watchlists(folder)
        #: The pages that are open. Panel's threads add and remove, which a set does at once.
        self.open: set[Page] = set()
        self.shelf = Shelf()

    @property
    def watching(self) -> Counter[str]:
        """How many pages each person has open."""
        return Counter(each.visitor.name for each in list(self.open))

    def remote(self, somebody: Visitor, damaged: Callable[[Damaged], None]) -> Remote:
        """The API in somebody's name; ``damaged`` is told of each row that a list of its leaves out."""
        return Remote(self._api, somebody.token, damaged)

    @asynccontextmanager
    async def lifespan(self, _: Any) -> AsyncIterator[None]:
        """As long as the service runs."""
        for name in _IMPORTED:
            import_module(name)
        self.loop = asyncio.get_running_loop()
        warm = asyncio.ensure_future(self._warm())
        yield
        warm.cancel()

    async def _warm(self) -> None:
        """Read the catalog's index before anybody asks."""
        try:
            await self.shelf.get(30, catalog.instruments)
        except AlphaPulseError as empty:
            log.info("The catalog cannot be read yet: %s", empty.message)


@dataclass
class Widget:
    """A part of a page that is loaded by itself.

    Attributes
    ----------
    load : callable
        Makes its HTML; an empty text where there is nothing to show, which the slot's ``empty`` template then explains.
    empty : str
        The template that says what would be here and how to fill it.
    every : float
        Seconds after which it is loaded again; 0: never by itself.
    """

    load: Callable[[], Awaitable[str]]
    empty: str = ""
    every: float = 0
    good: str = field(default="", init=False)
    good_at: int = field(default=0, init=False)
    failing_since: int = field(default=0, init=False)
    #: How often its loading was begun, and which of these is seen: one that took long does not hide a later one.
    begun: int = field(default=0, init=False)
    seen: int = field(default=0, init=False)

    def is_news(self, begun: int) -> bool:
        """Whether nothing later is seen than what was begun so; then it is what is seen."""
        news = begun > self.seen
        self.seen = max(self.seen, begun)
        return news


class Page:
    """One visitor's page. Its subclasses name their template and their widgets.

    Parameters
    ----------
    somebody : Visitor
        Whose page it is.
    services : Services
        What it shows.
    query : dict of str to str
        What its address asks for.
    """

    #: The name in the address, and in the navigation.
    name = ""
    title = ""
    #: The template, where it is not called like the page.
    template = ""

    def __init__(self, somebody: Visitor, services: Services, query: dict[str, str]) -> None:
        self.visitor, self.services, self.query = somebody, services, query
        self.api = services.remote(somebody, self._left_out)
        self._damaged: set[str] = set()
        self.dark = False
        self.bridge = Bridge(self._heard)
        self.widgets: dict[str, Widget] = {}
        self._document: Document | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what a page is made of -----------------------------------------------------------------------------------

    def shell(self) -> dict[str, Any]:
        """Values of the page's template: what is known without asking anybody."""
        return {}

    def roots(self) -> dict[str, pn.viewable.Viewable]:
        """Further Panel objects that the template embeds, by name."""
        return {}

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        """A control was used."""

    def arrived(self) -> None:
        """The browser is ready; widgets are about to load."""

    def theme_changed(self) -> None:
        """The browser went from light to dark, or back."""

    # --- telling the browser --------------------------------------------------------------------------------------

    def tell(self, kind: str, **said: Any) -> None:
        """Send the browser something; see `Bridge`."""
        if self._document is not None:
            self.bridge.tell(self._document, kind, **said)

    def later(self, change: Callable[[], None]) -> None:
        """Change a Panel object as soon as the page's document may be changed."""
        if self._document is not None:
            self._document.add_next_tick_callback(change)

    def note(self, text: str, *, bad: bool = False) -> None:
        """Say something in passing."""
        self.tell("note", text=text, tone="bad" if bad else "good")

    def _left_out(self, row: Damaged) -> None:
        """Say, once a page, what its lists cannot show. Called in whichever thread asks the API."""
        # Widgets ask again and again; and where much is damaged, the first few say so without covering the page.
        if row.id not in self._damaged and len(self._damaged) < _MOST_TOLD and self.services.loop is not None:
            self._damaged.add(row.id)
            said = f"The hub's list leaves out {row.id}, which cannot be read: {row.why.rstrip('.')}."
            said += " Tell an administrator of the hub."
            self.services.loop.call_soon_threadsafe(lambda: self.note(said, bad=True))

    # --- a page's life --------------------------------------------------------------------------------------------

    def live_in(self, document: Document) -> None:
        """Belong to a document, until its session ends."""
        self._document = document
        self.services.open.add(self)
        document.on_session_destroyed(lambda _: self._end())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside, as long as the page lives."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reload(self, *names: str) -> None:
        """Load widgets again."""
        await asyncio.gather(*(self._show(each) for each in names))

    def busy(self, name: str) -> None:
        """Show a widget's skeleton again: something else is about to be there."""
        widget = self.widgets[name]
        widget.good, widget.seen = "", widget.begun  # what is being loaded is what was there before
        self.tell("html", slot=name, html=render("skeleton", rows=4), state="loading")

    def _end(self) -> None:
        self.services.open.discard(self)
        self._document = None
        for task in list(self._tasks):
            task.get_loop().call_soon_threadsafe(task.cancel)
        self.api.close()

    def _heard(self, act: str, value: str, fields: dict[str, str]) -> None:
        if self.services.loop is not None:
            self.services.loop.call_soon_threadsafe(self._do, act, value, fields)

    def _do(self, act: str, value: str, fields: dict[str, str]) -> None:
        if act == "ping":
            self.tell("pong")
        elif act in ("ready", "theme"):
            self.dark = value == "dark"
            if act == "theme":
                self.theme_changed()
            else:
                self.arrived()
                for name in self.widgets:
                    self.spawn(self._keep(name))
        elif act == "retry" and value in self.widgets:
            self.spawn(self._show(value))
        else:
            with about(secrets.token_hex(16)):  # the task goes on under it, and so do the API and the worker
                log.info("%s used %s of %s", self.visitor.name, act[:_LONGEST_ACT], self.name)
                self.spawn(self.act(act, value, fields))

    async def _keep(self, name: str) -> None:
        await self._show(name)
        while self.widgets[name].every:
            await asyncio.sleep(self.widgets[name].every)
            await self._show(name)

    async def _show(self, name: str) -> None:
        widget = self.widgets[name]
        widget.begun += 1
        mine = widget.begun
        try:
            html = await self._loaded(widget)
        except AlphaPulseError as failed:
            if widget.is_news(mine):
                self._failed(name, widget, failed.message, failed.hint)
        except MemoryError:
            log.warning("The widget %s of %s needs more memory than the pages may take", name, self.name)
            if widget.is_news(mine):
                self._failed(name, widget, "This takes more memory than a page may.", "Look at it in a notebook.")
        except Exception:
            log.exception("The widget %s of %s", name, self.name)
            if widget.is_news(mine):
                self._failed(name, widget, "This could not be shown: our mistake.", "The service's log says why.")
        else:
            if not widget.is_news(mine):
                return
            state = "ready" if html else "empty"
            shown = html or (render(widget.empty) if widget.empty else "")
            changed = shown != widget.good or widget.failing_since
            widget.good, widget.good_at, widget.failing_since = shown, clock.now_ns(), 0
            if changed:
                self.tell("html", slot=name, html=shown, state=state)

    async def _loaded(self, widget: Widget) -> str:
        try:
            return await widget.load()
        except TroubleError as wrong:  # no fault of anything here: what was asked for is not there
            return render("wrong", said=wrong.message, hint=wrong.hint)
        except CatalogEmpty:
            return ""

    def _failed(self, name: str, widget: Widget, said: str, hint: str) -> None:
        widget.failing_since = widget.failing_since or clock.now_ns()
        values = {"name": name, "said": said, "hint": hint, "since": widget.failing_since}
        if widget.good:
            stale = render("stale", good_at=widget.good_at, **values)
            self.tell("html", slot=name, html=stale + widget.good, state="stale")
        else:
            self.tell("html", slot=name, html=render("error", **values), state="error")

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except AlphaPulseError as failed:
            self.note(f"{failed.message} {failed.hint}".strip(), bad=True)
        except Exception:
            log.exception("The page %s", self.name)
            self.note(f"That did not work: our mistake. The service's log says why, under {request_id()}.", bad=True)

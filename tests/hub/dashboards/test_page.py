"""A page's widgets: each in its four states, and what a browser may say."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from misbehaving_api import PREFIX, GarblingApi, misbehaving

from alphapulse_lib.errors import CatalogEmpty, NoCoverage
from hub.dashboards.page import Page, Services, Widget
from hub.dashboards.remote import TroubleError
from hub.dashboards.visitor import Visitor
from hub.logs import JsonLines

ANN = Visitor("ann", is_admin=False, token="t0k3n", session="s")


class Told(Page):
    """A page that keeps what it tells its browser."""

    name = "told"

    def __init__(
        self,
        folder: Path,
        load: Callable[[], Awaitable[str]],
        empty: str = "",
        every: float = 0,
        api: str = "http://127.0.0.1:9",
    ) -> None:
        super().__init__(ANN, Services(api, folder), {})
        self.widgets = {"one": Widget(load, empty, every)}
        self.said: list[dict[str, Any]] = []
        self.acts: list[tuple[str, str, dict[str, str]]] = []

    def tell(self, kind: str, **said: Any) -> None:
        self.said.append({"kind": kind} | said)

    async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
        self.acts.append((name, value, fields))
        if name == "break":
            raise NoCoverage("<b>No</b> bars.", "Bring some in.")
        if name == "fault":
            raise ZeroDivisionError

    @property
    def states(self) -> list[str]:
        return [each["state"] for each in self.said if each["kind"] == "html"]


async def comes(true: Callable[[], bool]) -> None:
    """Wait until something is true, however busy the machine is."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


def of(*answers: str | Exception) -> Callable[[], Awaitable[str]]:
    left = list(answers)

    async def load() -> str:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return load


def test_a_widget_that_has_something_is_ready_and_is_sent_again_only_when_it_changed(tmp_path: Path):
    page = Told(tmp_path, of("<p>1</p>", "<p>1</p>", "<p>2</p>"))
    for _ in range(3):
        asyncio.run(page.reload("one"))
    assert [(each["html"], each["state"]) for each in page.said] == [("<p>1</p>", "ready"), ("<p>2</p>", "ready")]


def test_a_widget_without_anything_says_what_would_be_there_and_what_fills_it(tmp_path: Path):
    page = Told(tmp_path, of(""), "runs_empty")
    asyncio.run(page.reload("one"))
    assert page.states == ["empty"]
    assert "None is in the ledger yet" in page.said[0]["html"]
    assert "<a href=" in page.said[0]["html"]


def test_a_widget_that_fails_says_why_since_when_and_offers_to_try_again(tmp_path: Path):
    page = Told(tmp_path, of(NoCoverage("<b>No</b> bars.", "Bring some in.")))
    asyncio.run(page.reload("one"))
    shown = page.said[0]["html"]
    assert page.states == ["error"]
    assert "&lt;b&gt;No&lt;/b&gt; bars." in shown
    assert "Bring some in." in shown
    assert "Since <time" in shown
    assert 'data-act="retry" data-value="one"' in shown


def test_an_empty_catalog_is_nothing_to_show_and_no_fault(tmp_path: Path):
    page = Told(tmp_path, of(CatalogEmpty("Empty.", "")), "watchlist_empty")
    asyncio.run(page.reload("one"))
    assert page.states == ["empty"]
    assert "The names you watch" in page.said[0]["html"]


def test_what_was_asked_wrongly_is_told_and_not_offered_again(tmp_path: Path):
    page = Told(tmp_path, of(TroubleError("There is no <b>x</b>.", "Choose another.")))
    asyncio.run(page.reload("one"))
    assert page.states == ["ready"]
    assert "There is no &lt;b&gt;x&lt;/b&gt;.</b> Choose another." in page.said[0]["html"]
    assert "retry" not in page.said[0]["html"]


def test_what_was_shown_stays_and_says_how_old_it_is_when_it_cannot_be_had_again(tmp_path: Path):
    page = Told(tmp_path, of("<p>1</p>", NoCoverage("Gone.", ""), "<p>1</p>"))
    for _ in range(3):
        asyncio.run(page.reload("one"))
    assert page.states == ["ready", "stale", "ready"]
    assert "As of" in page.said[1]["html"]
    assert page.said[1]["html"].endswith("<p>1</p>")


@pytest.mark.parametrize("late", ["<p>what was asked before</p>", NoCoverage("Gone.", ""), ZeroDivisionError()])
@pytest.mark.parametrize("overtaken", [True, False])
def test_what_comes_late_hides_nothing_that_was_asked_for_after_it(
    tmp_path: Path, late: str | Exception, overtaken: bool
):
    begun, held, first = asyncio.Event(), asyncio.Event(), iter((True, False))

    async def load() -> str:
        if not next(first):
            return "<p>what is asked for now</p>"
        begun.set()
        await held.wait()
        if isinstance(late, Exception):
            raise late
        return late

    async def filtered(page: Told) -> None:
        before = asyncio.ensure_future(page.reload("one"))
        await begun.wait()
        page.busy("one")
        if overtaken:
            await page.reload("one")
        held.set()
        await before
        if not overtaken:
            await page.reload("one")

    page = Told(tmp_path, load)
    asyncio.run(filtered(page))
    assert page.states == ["loading", "ready"]
    assert page.said[-1]["html"] == "<p>what is asked for now</p>"


def test_our_own_mistake_is_no_reason_to_show_its_words(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    page = Told(tmp_path, of(ZeroDivisionError("secret /path")))
    asyncio.run(page.reload("one"))
    assert page.states == ["error"]
    assert "secret" not in page.said[0]["html"]
    assert "ZeroDivisionError" in caplog.text


def test_a_widget_is_loaded_when_the_browser_is_ready_again_by_itself_and_on_request(tmp_path: Path):
    page = Told(tmp_path, of(*(f"<p>{number}</p>" for number in range(100))), every=0.05)

    async def live() -> None:
        page.services.loop = asyncio.get_running_loop()
        page._heard("ready", "dark", {})
        await comes(lambda: len(page.states) >= 3)
        page._heard("retry", "one", {})
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        page._end()
        await asyncio.sleep(0.01)
        after = len(page.states)
        await asyncio.sleep(0.2)
        assert len(page.states) == after, "it goes on though nobody looks"

    asyncio.run(live())
    assert page.dark


def test_a_control_that_fails_tells_the_person_and_the_page_goes_on(tmp_path: Path):
    page = Told(tmp_path, of("x"))

    async def live() -> None:
        page.services.loop = asyncio.get_running_loop()
        for name in ("break", "fault", "fine"):
            page._heard(name, "v", {"a": "b"})
        await comes(lambda: len(page.acts) == 3 and len(page.said) == 2)

    asyncio.run(live())
    assert [each[0] for each in page.acts] == ["break", "fault", "fine"]
    notes = [each for each in page.said if each["kind"] == "note"]
    assert [each["tone"] for each in notes] == ["bad", "bad"]
    assert notes[0]["text"] == "<b>No</b> bars. Bring some in."


@pytest.mark.parametrize("said", [None, "ready", {}, {"act": 3}, {"act": ["x"]}, {"act": None, "value": "x"}])
def test_what_is_no_message_is_passed_over(tmp_path: Path, said: Any):
    page = Told(tmp_path, of("x"))
    page.bridge._handle_msg(said)
    assert page.acts == []


def test_only_texts_come_through_the_bridge(tmp_path: Path):
    page = Told(tmp_path, of("x"))
    heard: list[Any] = []
    page.bridge._heard = lambda *said: heard.append(said)
    page.bridge._handle_msg({"act": "save", "value": {"x": 1}, "fields": {"a": "b", "c": 3, "d": ["e"]}})
    assert heard == [("save", "", {"a": "b"})]


def test_what_a_list_leaves_out_is_told_once_and_breaks_nothing(tmp_path: Path):
    rows = [{"id": "3f2a", "why": "about: <b>is</b> no object"}, *({"id": f"{n}", "why": "x"} for n in range(9))]
    said = json.dumps({"items": [], "next": None, "damaged": rows})
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\nConnection: close\r\n"
    with misbehaving(GarblingApi(f"{head}\r\n{said}".encode())) as server:
        page = Told(tmp_path, of(""), api=server.url.removesuffix(PREFIX))

        async def load() -> str:
            return f"{len(await page.api.all(page.api.client.notifications.list))} items"

        async def looked_at_twice() -> None:
            page.services.loop = asyncio.get_running_loop()
            for _ in range(2):
                await page.reload("one")

        page.widgets = {"one": Widget(load)}
        asyncio.run(looked_at_twice())
        page.api.close()
    assert page.states == ["ready"]
    notes = [each["text"] for each in page.said if each["kind"] == "note"]
    assert len(notes) == 3, "a page is not covered with them"
    assert notes[0] == (
        "The hub's list leaves out 3f2a, which cannot be read: about: <b>is</b> no object."
        " Tell an administrator of the hub."
    )


def test_what_a_control_does_is_logged_and_asked_of_the_api_under_one_id(tmp_path: Path):
    class Asking(Told):
        async def act(self, name: str, value: str, fields: dict[str, str]) -> None:
            await super().act(name, value, fields)
            await self.api.ask(self.api.client.health)

    async def live(page: Told) -> None:
        page.services.loop = asyncio.get_running_loop()
        for name in ("one", "two" * 200):
            page._heard(name, "v", {})
        page._heard("fault", "", {})
        await comes(lambda: len(page.said) == 3)  # each failed

    written = io.StringIO()
    handler, heard = logging.StreamHandler(written), logging.getLogger("hub.dashboards.page")
    handler.setFormatter(JsonLines())
    heard.addHandler(handler)
    heard.setLevel(logging.INFO)
    try:
        with misbehaving(GarblingApi(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")) as server:
            page = Asking(tmp_path, of("x"), api=server.url.removesuffix(PREFIX))
            asyncio.run(live(page))
    finally:
        heard.removeHandler(handler)
        heard.setLevel(logging.NOTSET)
    logged = [json.loads(line) for line in written.getvalue().splitlines()]
    used = {each["message"]: each["request"] for each in logged if " used " in each["message"]}
    assert list(used) == ["ann used one of told", f"ann used {('two' * 200)[:40]} of told", "ann used fault of told"]
    asked = {found[1].decode() for each in server.requests if (found := re.search(rb"(?i)x-request-id: (\w+)", each))}
    assert len(asked) == 2 and asked == set(list(used.values())[:2])
    (failed,) = [each["request"] for each in logged if "error" in each]
    assert failed == used["ann used fault of told"]
    assert any(failed in each["text"] for each in page.said), "who meets it can name it"


def test_what_pages_read_and_draw_with_is_there_before_anybody_is_served(tmp_path: Path):
    """A thread that imports while Panel makes a page can spoil that page."""
    code = (
        "import asyncio, sys; from pathlib import Path; from hub.dashboards.page import Services\n"
        "async def begun():\n"
        "    async with Services('http://127.0.0.1:9', Path(sys.argv[1])).lifespan(None):\n"
        "        print(*sorted({*sys.argv[2:]} & {*sys.modules}))\n"
        "asyncio.run(begun())"
    )
    needed = ["alphapulse_lib.session.bars", "alphapulse_lib.views.drawing", "pandas"]
    begun = subprocess.run([sys.executable, "-c", code, tmp_path, *needed], capture_output=True, text=True, check=True)
    assert begun.stdout.split() == needed

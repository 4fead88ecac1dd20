"""The dashboards of a real hub: who gets in, what a browser shows, and that nothing a person wrote runs."""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_runs
from browser import CHROMIUM, Witness
from processes import command, lives
from running_hub import PROJECT, RunningHub
from signed_in import DASHBOARDS, SignedIn
from sitting import fits, sit, visit
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

from alphapulse_lib.hub_client import Client
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.results.ledger import Ledger
from hub import family

pytestmark = pytest.mark.timeout(600)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium")

EVIL = "<img src=x onerror=\"document.title='ran'; window.ran=1\"><script>window.ran=1</script>"
PAGES = ("home", "market", "market?symbol=SPY&period=1m&style=line&log=1", "runs", "runs?group=family", "schedules")


@pytest.fixture(scope="module")
def admin(hub: RunningHub) -> SignedIn:
    return SignedIn(hub, "admin")


@pytest.fixture(scope="module")
def bob(hub: RunningHub) -> SignedIn:
    return SignedIn(hub, "bob")


def client(somebody: SignedIn) -> Client:
    return Client(f"{somebody.url}/services/api", somebody.api_token())


# --- the gate ---------------------------------------------------------------------------------------------------------


def socket(hub: RunningHub, *, cookies: str = "", token: str = "", origin: str | None = None) -> int:
    """What the handshake of a page's websocket answers."""
    headers = {"Origin": hub.url if origin is None else origin} | ({"Cookie": cookies} if cookies else {})

    async def knock() -> int:
        request = HTTPRequest(f"ws{hub.url[4:]}{DASHBOARDS}home/ws", headers=headers)
        try:
            opened = await websocket_connect(request, subprotocols=["bokeh", token])
        except HTTPClientError as refused:
            return refused.code
        opened.close()
        return 101

    return IOLoop(make_current=False).run_sync(knock)


def test_a_page_asks_whoever_has_no_cookie_to_sign_in_and_returns_to_what_was_wanted(hub: RunningHub, bob: SignedIn):
    stranger = httpx.get(f"{hub.url}{DASHBOARDS}runs?user=bob", timeout=60, trust_env=False)
    assert stranger.status_code == 302
    assert stranger.headers["location"].startswith("/hub/api/oauth2/authorize?")
    assert "code_challenge" in stranger.headers["location"]
    assert bob.landed.url.path == f"{DASHBOARDS}home"
    assert "bob" in bob.landed.text
    again = SignedIn(hub, "bob")
    again.http.cookies.delete("service-dashboards", path=DASHBOARDS, domain="127.0.0.1")
    back = again.http.get(f"{DASHBOARDS}runs?user=bob")
    assert (back.status_code, str(back.url)) == (200, f"{hub.url}{DASHBOARDS}runs?user=bob")


def test_the_websocket_opens_for_the_page_s_owner_and_nobody_else(hub: RunningHub, admin: SignedIn, bob: SignedIn):
    mine, theirs = bob.page_token(), admin.page_token()
    assert socket(hub, cookies=bob.cookies(), token=mine) == 101
    assert socket(hub, token=mine) == 403
    assert socket(hub, cookies=bob.cookies(), token=theirs) == 403
    assert socket(hub, cookies=admin.cookies(), token=mine) == 403
    for origin in ("http://evil.example", "", "null", f"{hub.url}.evil.example"):
        assert socket(hub, cookies=bob.cookies(), token=mine, origin=origin) == 403, origin
    for rubbish in ("", "x", "e30.e30", base64.urlsafe_b64encode(b'{"__bk__zlib_":"AAAA"}').decode()):
        assert socket(hub, cookies=bob.cookies(), token=rubbish) != 101, rubbish


def test_a_token_that_somebody_forged_in_their_own_name_opens_no_document(hub: RunningHub, bob: SignedIn):
    body = zlib.compress(json.dumps({"headers": {"x-hub-user": "bob"}}).encode())
    forged = {"session_id": "a" * 44, "session_expiry": 9_999_999_999, "__bk__zlib_": base64.b64encode(body).decode()}
    token = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")

    async def first_word() -> Any:
        headers = {"Origin": hub.url, "Cookie": bob.cookies()}
        request = HTTPRequest(f"ws{hub.url[4:]}{DASHBOARDS}home/ws", headers=headers)
        try:
            opened = await websocket_connect(request, subprotocols=["bokeh", token])
        except HTTPClientError:
            return None
        return await opened.read_message()

    assert IOLoop(make_current=False).run_sync(first_word, timeout=20) is None


def test_other_pages_of_the_origin_cannot_read_a_page(admin: SignedIn):
    for mode in ("cors", "no-cors", "same-origin"):
        assert admin.page(headers={"Sec-Fetch-Mode": mode}).status_code == 403
    assert (
        admin.page("home/autoload.js?bokeh-autoload-element=x", headers={"Sec-Fetch-Mode": "no-cors"}).status_code
        == 403
    )
    assert admin.http.post(f"{DASHBOARDS}home").status_code == 403
    assert "frame-ancestors 'none'" in admin.page().headers["content-security-policy"]


def test_a_page_holds_no_secret_and_its_cookie_is_the_service_s_own(admin: SignedIn):
    page = admin.page().text
    assert admin.oauth_token() not in page
    for cookie in admin.http.cookies.jar:
        assert (cookie.value or "?") not in page
    decoded = json.loads(base64.urlsafe_b64decode(admin.page_token().split(".")[0] + "=="))
    packed = json.loads(zlib.decompress(base64.urlsafe_b64decode(decoded["__bk__zlib_"] + "==")))
    assert packed["headers"] == {"x-hub-user": "admin"}
    assert not packed.get("cookies")
    cookie = admin.cookie("service-dashboards")
    assert cookie.path == DASHBOARDS
    assert cookie.has_nonstandard_attr("HttpOnly")


def test_nobody_names_somebody_else_s_session_or_oneself(admin: SignedIn, bob: SignedIn):
    taken = json.loads(base64.urlsafe_b64decode(admin.page_token().split(".")[0] + "=="))["session_id"]
    for answer in (
        bob.page(f"home?bokeh-session-id={taken}"),
        bob.page(headers={"Bokeh-Session-Id": taken}),
        bob.page(headers={"X-Hub-User": "admin"}),
    ):
        assert answer.status_code == 200
        assert taken not in answer.text
        assert ">bob<" in answer.text
        assert ">admin<" not in answer.text


def test_a_sign_in_that_somebody_else_began_is_refused(bob: SignedIn):
    for query in ("", "?code=abc&state=made-up", "?state=made-up", "?error=access_denied"):
        answer = bob.http.get(f"{DASHBOARDS}oauth_callback{query}", follow_redirects=False)
        assert answer.status_code == 400, query


def test_signing_out_at_the_hub_ends_the_dashboards_too(hub: RunningHub):
    leaving = SignedIn(hub, "bob")
    assert leaving.page().status_code == 200
    kept = leaving.cookies()
    token = leaving.page_token()
    leaving.http.get("/hub/logout")
    assert leaving.page().status_code == 302
    time.sleep(6)  # what the service believes of a token it saw before
    assert socket(hub, cookies=kept, token=token) == 403


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sitting(hub: RunningHub, browser: Any) -> Iterator[Callable[[SignedIn], tuple[Any, Witness]]]:
    """A page in the browser of somebody who signed in."""
    contexts = []

    def opened(somebody: SignedIn, **more: Any) -> tuple[Any, Witness]:
        page, witness = sit(browser, hub, somebody, **more)
        contexts.append(page.context)
        return page, witness

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def written(hub: RunningHub, bob: SignedIn, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Words that would do harm where they are shown without care, in every place that takes words."""
    with client(bob) as api:
        plain = small_runs.spec()
        spec = replace(plain, strategy=replace(plain.strategy, name=f"module:{EVIL}", text=EVIL))
        now = 1_700_000_000 * 10**9
        told = RunRecord(
            id="e1" * 8, spec_id=spec.id, spec=spec, status="failed", purpose="trial", user="bob", started_at=now,
            ended_at=now, environment={EVIL: EVIL}, error=EVIL, traceback=EVIL,
        )  # fmt: skip
        api.runs.append(told)
        api.shares.make(told.id, "*")
        comment = api.comments.write("instrument:AAPL.XNAS", f"{EVIL} [x](javascript:window.ran=1) @admin")
        api.schedules.create(f"{EVIL.replace('/', '|')}.ipynb", "0 7 * * 1-5", parameters={"symbol": EVIL})
    articles = tmp_path_factory.mktemp("articles") / "articles.csv"
    quoted = EVIL.replace('"', '""')
    articles.write_text(
        "id,published_at,headline,body,symbols,source,url\n"
        f'evil-1,2013-02-28T12:00-05:00,"{quoted}","{quoted}",AAPL.XNAS,"{quoted}",javascript:window.ran=1\n'
    )
    program = str(Path(sys.executable).with_name("alphapulse"))
    command = [program, "ingest", "files", str(articles), "--kind", "articles"]
    done = subprocess.run(
        [*command, "--timezone", "America/New_York"],
        env=os.environ | hub.environment, cwd=PROJECT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return {"run": told.id, "comment": comment.id}


@needs_browser
def test_every_page_opens_without_an_error_and_asks_no_other_host(hub: RunningHub, admin: SignedIn, sitting: Any):
    page, witness = sitting(admin)
    for name in PAGES:
        visit(page, hub, name)
        assert page.locator(".who .name").inner_text() == "admin"
        assert page.locator('[data-state="error"]').all_inner_texts() == [], name
        for width in (1280, 400):
            assert fits(page, width), (name, width)
    assert witness.errors == []
    assert witness.strangers == set()


@needs_browser
def test_runs_are_ticked_and_compared(hub: RunningHub, admin: SignedIn, sitting: Any, tmp_path: Path):
    ledger = Ledger(tmp_path)
    runs = [small_runs.kept(ledger, parameters={"fast": fast, "slow": 20}) for fast in (5, 6, 7)]
    with client(admin) as api:
        for run in runs:
            api.runs.append(run)
        for run in runs[:2]:
            api.runs.upload(run.id, run.artefacts["equity"], ledger.file(run.id, run.artefacts["equity"]))
    page, witness = sitting(admin)
    visit(page, hub, "runs")
    compare = page.locator("[data-compare]")
    for number, run in enumerate(runs):
        assert compare.is_disabled() == (number < 2)
        page.locator(f"[data-pick][value='{run.id}']").focus()
        page.keyboard.press("Space")
    compare.click()
    page.wait_for_selector(".sides")
    assert "runs?compare=" in page.url
    page.wait_for_selector("figure.chart")
    assert page.locator("figure.chart path.line").count() == 2
    assert "its files are not here" in page.locator("[data-slot=curves]").inner_text()
    assert page.locator(".sides tr", has_text="fast").locator("td").count() == 3
    for name in ("home?runs=all", "runs", "market"):
        visit(page, hub, name)
        cut = "() => [...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth).length"
        assert page.evaluate(cut) == 0, f"a table of {name} is cut at 1280 px"
    visit(page, hub, f"runs?id={runs[0].id}")
    page.wait_for_selector("[data-slot=family] table")
    cut = "() => document.querySelector('[data-slot=family] .scroll')"
    assert page.evaluate(f"{cut}.scrollWidth") == page.evaluate(f"{cut}.clientWidth"), "its links to compare are cut"
    names = (
        page.url.rpartition("/")[2],
        f"runs?compare={runs[0].id}",
        f"runs?compare={runs[0].id},{runs[1].id},{'0' * 16}",
        f"runs?compare={quote(EVIL)},x",
        "runs",
    )
    for name in names:
        visit(page, hub, name)
        assert page.locator('[data-state="error"]').all_inner_texts() == [], name
        for width in (1280, 400):
            assert fits(page, width), (name, width)
    assert witness.errors == []


@needs_browser
def test_a_run_is_shared_on_its_page_and_taken_back(
    hub: RunningHub, admin: SignedIn, bob: SignedIn, sitting: Any, tmp_path: Path
):
    run = small_runs.kept(Ledger(tmp_path / "ledger"), user="admin", parameters={"fast": 7, "slow": 30})
    with client(admin) as api:
        api.runs.append(run)
    reading, _ = sitting(bob)
    page, witness = sitting(admin)
    visit(reading, hub, f"runs?id={run.id}")
    assert f"The ledger holds no run {run.id}." in reading.locator("main").inner_text()
    visit(page, hub, f"runs?id={run.id}")
    page.fill("#whom", "bbo")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notes >> text=The hub knows nobody called 'bbo'")
    page.fill("#whom", "bob")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-slot=shares] li >> text=bob")
    visit(reading, hub, f"runs?id={run.id}")
    assert "It is admin's" in reading.locator("[data-slot=shares]").inner_text()
    assert reading.locator("#whom, [data-act=take-back]").count() == 0
    visit(reading, hub, "home")
    reading.click(f".mentions a >> text=(run {run.id[:8]}) with you")
    reading.wait_for_url(f"**/runs?id={run.id}")
    visit(page, hub, "runs")
    page.get_by_role("button", name=re.compile(rf"Take back from bob: .*\(run {run.id[:8]}\)")).click()
    page.wait_for_selector("#notes >> text=Taken back.")
    visit(reading, hub, f"runs?id={run.id}")
    assert f"The ledger holds no run {run.id}." in reading.locator("main").inner_text()
    assert witness.errors == []


@needs_browser
def test_runs_side_by_side_are_shared_as_a_dashboard_and_taken_back(
    hub: RunningHub, admin: SignedIn, bob: SignedIn, sitting: Any, tmp_path: Path
):
    ledger = Ledger(tmp_path / "ledger")
    runs = [small_runs.kept(ledger, user="admin", parameters={"fast": fast, "slow": 40}) for fast in (3, 4)]
    with client(admin) as api:
        for run in runs:
            api.runs.append(run)
        drawn = api.renderings.make("found.ipynb", "<p id='found'>found</p>")
        api.shares.make(drawn.id, "*", kind="rendering")
    page, witness = sitting(admin)
    reading, _ = sitting(bob)
    visit(page, hub, f"runs?compare={runs[0].id},{runs[1].id}")
    assert "This page is shared with nobody." in page.locator("[data-slot=shares]").inner_text()
    page.fill("#whom", "bob")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-slot=shares] li >> text=bob")
    link = page.locator("[data-slot=shares] a").get_attribute("href")
    visit(reading, hub, "home")
    reading.click(f".mentions a >> text=(run {runs[0].id[:8]}) and 1 other run with you")
    reading.wait_for_url(f"**/runs?compare={runs[0].id},{runs[1].id}")
    reading.wait_for_selector(".sides")
    reading.wait_for_selector("[data-slot=shares] >> text=The runs are admin's")
    assert reading.locator("#whom, [data-act=take-back]").count() == 0
    visit(page, hub, "runs")
    page.select_option("#what", label="found.ipynb")
    page.fill("#whom", "bob")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notes >> text=Shared with bob.")
    page.get_by_role("button", name="Take back from bob: found.ipynb").wait_for()
    assert page.input_value("#whom") == ""
    page.get_by_role(
        "button", name=re.compile(rf"Take back from bob: .*\(run {runs[0].id[:8]}\) and 1 other run")
    ).click()
    page.wait_for_selector("#notes >> text=Taken back.")
    gone = reading.goto(f"{hub.url}/services/dashboards/{link}")
    assert gone is not None and gone.status == 404
    assert "shared with you no more" in reading.content()
    visit(reading, hub, f"runs?compare={runs[0].id},{runs[1].id}")
    assert f"The ledger holds no run {runs[0].id}." in reading.locator("main").inner_text()
    assert witness.errors == []


@needs_browser
def test_nothing_that_somebody_wrote_runs(hub: RunningHub, admin: SignedIn, sitting: Any, written: dict[str, str]):
    page, witness = sitting(admin)  # who sees everybody's runs and schedules
    page.on("dialog", lambda dialog: witness.errors.append(f"a dialog: {dialog.message}"))
    names = ("market?symbol=AAPL", "market?article=evil-1", "home", "runs", f"runs?id={written['run']}", "schedules")
    for name in names:
        visit(page, hub, name)
        page.wait_for_timeout(500)
        assert "onerror" in page.locator("main").inner_text(), f"{name} does not show it"
        assert page.evaluate("() => window.ran") is None, name
        assert page.locator("main img, main script:not([type='application/json'])").count() == 0, name
        assert page.locator("a[href^='javascript']").count() == 0, name
    assert witness.errors == []


def expanding(path: Path, like: Path) -> Path:
    """A file like another of a hundred million rows: kilobytes as it is sent, and 0.8 GB a column once read."""
    first = pq.read_table(like).slice(0, 1)
    rows = pa.table({name: pa.repeat(first[name][0], 10_000_000) for name in first.column_names}, first.schema)
    with pq.ParquetWriter(path, rows.schema, compression="zstd") as file:
        for _ in range(10):
            file.write_table(rows, row_group_size=len(rows))
    return path


@needs_browser
def test_a_run_s_files_that_would_take_all_memory_are_not_read_and_nobody_else_notices(
    hub: RunningHub, bob: SignedIn, admin: SignedIn, sitting: Any, tmp_path: Path
):
    ledger = Ledger(tmp_path)
    sent, beside = (small_runs.kept(ledger, user="bob", parameters={"fast": fast, "slow": 20}) for fast in (8, 9))
    with client(bob) as api:
        api.runs.append(beside)
        api.runs.append(sent)
        for name, file in sent.artefacts.items():
            path = ledger.file(sent.id, file)
            api.runs.upload(sent.id, file, expanding(tmp_path / file, path) if name == "equity" else path)
    (dashboards,) = [each for each in family.members(hub.home) if command(each).endswith("-m hub.dashboards")]
    most, hard = resource.prlimit(dashboards.pid, resource.RLIMIT_DATA)
    assert most == max(psutil.virtual_memory().total // 2, 4_000_000_000)
    less = dashboards.memory_info().data + 1_000_000_000  # a file for so much is sooner written
    resource.prlimit(dashboards.pid, resource.RLIMIT_DATA, (less, hard))
    page, witness = sitting(bob)
    visit(page, hub, f"runs?id={sent.id}")
    assert "This takes more memory than a page may. Look at it in a notebook." in page.inner_text("[data-slot=sheet]")
    visit(page, hub, f"runs?compare={sent.id},{beside.id}")
    assert "its equity is empty or cannot be read" in page.inner_text("[data-slot=curves]")
    assert lives(dashboards)
    other, _ = sitting(admin)
    visit(other, hub, "home")
    assert other.locator("[data-state=error]").count() == 0
    assert witness.errors == []


@needs_browser
def test_an_address_with_words_that_would_do_harm_shows_them(hub: RunningHub, bob: SignedIn, sitting: Any):
    page, witness = sitting(bob)
    for name in ("market?symbol=", "runs?strategy=", "runs?id=", "schedules?id=", "market?article=", "home?symbol="):
        visit(page, hub, name + quote(f'">{EVIL}'))
        page.wait_for_timeout(300)
        assert page.evaluate("() => window.ran") is None, name
        assert page.locator("main img").count() == 0, name
    assert witness.errors == []


@needs_browser
def test_a_comment_of_somebody_else_appears_without_reloading_and_is_answered(
    hub: RunningHub, admin: SignedIn, bob: SignedIn, sitting: Any
):
    reading, seen = sitting(admin)
    writing, _ = sitting(bob)
    visit(reading, hub, "market?symbol=MSFT")
    visit(writing, hub, "market?symbol=MSFT")
    reading.evaluate("() => { window.same = true; }")
    writing.fill("#body", "Is the *gap* real, @admin?")
    writing.click("#write button.main")
    reading.wait_for_selector("#thread em >> text=gap")
    writing.wait_for_function("() => document.querySelector('#body').value === ''")
    reading.click("#thread button >> text=Answer")
    reading.wait_for_selector("text=Answering bob")
    reading.fill("#body", "It is.")
    reading.keyboard.press("Control+Enter")
    writing.wait_for_selector("#thread ol ol >> text=It is.")
    assert reading.evaluate("() => window.same")
    visit(reading, hub, "home")
    reading.click(".mentions a >> text=bob mentioned you")
    reading.wait_for_selector("#thread em >> text=gap")
    assert seen.errors == []


#: Looked up and measured in one step: the table is drawn anew every few seconds, which takes elements away.
_EDGES = """([named, parts]) => {
    const row = [...document.querySelectorAll(".plans-table tr")].find((each) => each.textContent.includes(named));
    const found = [...row.querySelectorAll("*")].filter((each) => parts.includes(each.textContent.trim()));
    return Object.fromEntries(found.map((each) => {
        const {left, right} = each.getBoundingClientRect();
        return [each.textContent.trim(), [left, right]];
    }));
}"""


@needs_browser
def test_a_schedule_is_made_paused_and_deleted_with_the_form(hub: RunningHub, bob: SignedIn, sitting: Any):
    page, witness = sitting(bob)
    page.on("dialog", lambda dialog: dialog.accept())
    visit(page, hub, "schedules")
    page.fill("#notebook", "backtests/sma.ipynb")
    page.keyboard.press("Tab")
    page.wait_for_function("() => document.querySelector('[name=parameters]').value.includes('fast')")
    page.fill("[name=cron]", "0 7 31 2 *")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=never fires")
    page.fill("[name=cron]", "0 7 * * 1-5")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=Next:")
    page.click("#new-schedule button.main")
    mine = page.locator(".plans-table tr", has_text="backtests/sma.ipynb")
    mine.get_by_role("button", name="Pause", exact=True).click()
    mine.get_by_text("paused", exact=True).wait_for()
    mine.get_by_role("button", name="Resume", exact=True).click()
    mine.get_by_role("button", name="Pause", exact=True).wait_for()
    page.set_viewport_size({"width": 400, "height": 900})
    parts = ["0 7 * * 1-5", "not yet", "Delete"]
    edges = page.evaluate(_EDGES, ["backtests/sma.ipynb", parts])
    assert set(edges) == set(parts)
    for part, (left, right) in edges.items():
        assert 0 <= left < right <= 388, f"{part} lies beyond the card's edge"
    mine.locator("text=Delete").click()
    mine.wait_for(state="detached")
    assert witness.errors == []


@needs_browser
def test_a_name_is_chosen_watched_and_drawn_in_the_dark(hub: RunningHub, bob: SignedIn, sitting: Any):
    page, witness = sitting(bob, color_scheme="dark")
    visit(page, hub, "market?symbol=WMT")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 24)"
    assert "7 whole sessions" in page.locator("[data-slot=coverage]").inner_text()
    page.locator("[data-slot=controls] button >> text=Watch").click()
    page.wait_for_selector("text=★ Watching")
    visit(page, hub, "home")
    page.click(".watch a >> text=WMT")
    page.wait_for_selector("[data-slot=chosen] >> text=WMT")
    assert "symbol=WMT.XNYS" in page.url
    page.click("#theme")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert witness.errors == []

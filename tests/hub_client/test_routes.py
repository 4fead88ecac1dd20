"""The typed client covers the API: each route of its document is asked, with each of its parameters, and is read."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from alphapulse_lib.hub_client import Client
from alphapulse_lib.results.ledger import Ledger
from tests.resources.api_server import RunningApi
from tests.resources.small_runs import kept

TARGET = "notebook:backtests/routes.ipynb"
#: Sent by the client itself where it is needed, not by whoever calls it.
ITS_OWN = {"accept", "cursor", "limit"}
#: What the hub and Prometheus ask by keys of their own.
NOBODYS = {
    ("POST", "/services/api/v1/audit"),
    ("GET", "/services/api/metrics"),
    ("PUT", "/services/api/v1/usage"),  # a server's own word, which it says without the library
}


def ask_all(client: Client, ledger: Ledger, here: Path) -> None:
    """Every method of every part of the client, with every argument."""
    client.health()
    comments = client.comments
    written = comments.write(TARGET, "one", key="routes")
    comments.write(TARGET, "two", parent=written.id)
    assert len(list(comments.list(TARGET, limit=1))) == 1
    comments.page(TARGET, parent=written.id, newest_first=True, limit=1)
    comments.get(written.id)
    comments.edit(written.id, "three")
    comments.history(written.id)
    comments.thread(written.id)
    comments.thread_text(written.id)
    assert next(comments.events(TARGET, after="0")).comment.id == written.id
    comments.delete(written.id)
    run = kept(ledger)
    client.runs.append(run, mine=True)
    assert client.runs.hand_in(run, mine=True) == ()
    assert client.runs.held(run.id) == ()
    assert client.runs.record(run.id) == run
    wanted = {"status": run.status, "purpose": run.purpose, "strategy": "SmaCross", "symbol": "GOOG", "user": run.user}
    assert next(client.runs.list(**wanted, family="SmaCross", spec=run.spec_id)).id == run.id
    client.runs.page(**wanted, limit=1)
    client.runs.get(run.id)
    assert [each.family for _, each in client.runs.counted(1, **wanted, family="SmaCross")] == ["SmaCross"]
    client.runs.families([run.spec.strategy])
    client.runs.upload(run.id, "equity.parquet", ledger.folder(run.id) / "equity.parquet")
    client.runs.download(run.id, "equity.parquet", here / "equity.parquet")
    shared = client.shares.make(run.id, "bob")
    assert next(client.shares.list(kind="run", subject=run.id, owner="ada", limit=1)) == shared
    assert client.shares.page(limit=1).items == (client.shares.get(shared.id),)
    client.shares.take_back(shared.id)
    drawn = client.renderings.make("a.ipynb", "<p>drawn</p>", key="drawn")
    assert client.renderings.get(drawn.id) == drawn
    assert client.renderings.page(drawn.id) == b"<p>drawn</p>"
    schedules = client.schedules
    made = schedules.create("a.ipynb", "0 7 * * *", key="another")
    assert schedules.create_for_dataset("sample", "0 7 * * *").dataset == "sample"
    list(schedules.list(owner="ada", limit=1))
    schedules.page(owner="ada")
    schedules.get(made.id)
    schedules.change(made.id, cron="0 8 * * *")
    schedules.pause(made.id)
    schedules.resume(made.id)
    fired = schedules.fire(made.id)
    list(schedules.firings(made.id, state="due"))
    list(schedules.firings(owner="ada", state="due", run=run.id))
    schedules.firings_page(made.id)
    assert schedules.firing(made.id, fired.id) == schedules.firing(None, fired.id)
    schedules.cancel(made.id, fired.id)
    schedules.delete(made.id)
    asked = client.backtests.run("a.ipynb")
    client.backtests.run_strategy("SmaCross", ["GOOG"])
    list(client.backtests.list(owner="ada", state="due"))
    client.backtests.get(asked.id)
    client.backtests.cancel(asked.id)
    wants = client.ingests.ask("alpaca", ["AAPL"], "1d", start="2020-01-02", end="2020-01-03", feed="iex", kind="bars")
    client.ingests.ask_dataset("sample")
    list(client.ingests.list(owner="ada", state="waiting", limit=1))
    client.ingests.page(owner="ada")
    assert client.ingests.cancel(wants.id) == client.ingests.get(wants.id)
    upload = uuid4().hex
    for name in ("instruments.parquet", "data/bars/ACME.XNAS-1-DAY-LAST-EXTERNAL/1970.parquet"):
        content = (ledger.folder(run.id) / "equity.parquet").read_bytes()
        client.publications.upload(upload, name, content)
    client.publications.ask(upload, ["ACME.XNAS"], adjusted=["ACME.XNAS"])
    client.publications.revert("20261126T120000-5f3a1c")
    told = client.notifications
    list(told.list(unread=True))
    told.page()
    told.read(1)
    list(client.usage.list())
    client.usage.page()
    assert client.measures.now().budgets == ()
    assert client.notices.now().text == ""
    client.notices.say("Down at six.", datetime.now(UTC) + timedelta(hours=1))
    done = next(client.audit.list(who="ada", action="notice.said", limit=1))
    assert client.audit.page(who="ada", action="notice.said", limit=1).items == (done,)
    assert (done.about, done.detail, done.at.utcoffset()) == ("everybody", {"text": "Down at six."}, timedelta(0))
    catalog = client.catalog
    catalog.instruments()
    days = ("2010-01-04", "2010-01-08")
    catalog.bars(["AAPL"], "1d", *days, adjust="none", as_of="2011-01-01")
    catalog.news("AAPL", *days, as_of="2011-01-01")
    catalog.coverage("AAPL", "1d", *days)


def test_every_route_and_every_parameter_is_asked(
    api: RunningApi, ada: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    an_administrator_s = ("custom:notice:say", "custom:usage:read", "custom:audit:read")
    monkeypatch.setitem(api.door.scopes, "ada", (*api.door.scopes["ada"], *an_administrator_s))
    document = httpx.get(f"{api.url}/openapi.json", timeout=60).json()
    routes = {
        (method.upper(), path): {each["name"] for each in operation.get("parameters", ()) if each["in"] != "path"}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    sent: dict[tuple[str, str], set[str]] = defaultdict(set)

    def note(request: httpx.Request) -> None:
        fitting = [
            (method, path)
            for method, path in routes
            if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path)
        ]
        # Of /comments/events and /comments/{id} the one without a variable is meant.
        route = min(fitting, key=lambda each: each[1].count("{"))
        sent[route] |= set(request.url.params) | {name for name in routes[route] if name in request.headers}

    ada._transport.http.event_hooks["request"].append(note)
    ask_all(ada, Ledger(tmp_path / "ledger"), tmp_path)
    assert set(routes) == set(sent) | NOBODYS
    given_by_headers = {"Idempotency-Key"}
    for route in sent:
        names = routes[route]
        assert names - ITS_OWN - given_by_headers <= sent[route], route


@pytest.mark.parametrize(
    "part",
    [
        *("comments", "runs", "shares", "renderings", "schedules", "backtests", "publications", "notifications"),
        *("notices", "usage", "measures", "audit", "catalog"),
    ],
)
def test_no_method_of_the_client_is_left_out_above(part: str):
    text = Path(__file__).read_text(encoding="utf-8")
    kind = Client("http://127.0.0.1:1").__getattribute__(part)
    methods = [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]
    assert methods
    for name in methods:
        assert re.search(rf"\b(client\.)?{part}\.{name}\(|told\.{name}\(", text), name

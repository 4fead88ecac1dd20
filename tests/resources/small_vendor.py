"""A vendor with the sample's own rows behind a socket: pages of JSON, every request counted, cut off when told to."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.errors import VendorUnreachable
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers.contract import Batch, Estimate, Fetch

SAMPLE = Path(__file__).parents[2] / "catalog" / "sample"
DAY = 86_400_000_000_000
MINUTE = 60_000_000_000
#: Rows of a page.
PAGE = 500


def rows() -> dict[str, list[dict[str, Any]]]:
    """The sample's daily bars by ticker, and SPY's minutes; ``t`` is the session's date or the open, as vendors do."""
    days = pl.read_csv(SAMPLE / "us5_daily.csv.gz", infer_schema_length=0).rename(str.lower)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in days.iter_rows(named=True):
        stamp = int(datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).timestamp()) * 10**9
        found.setdefault(f"{row['symbol']} 1d", []).append(_row(stamp, row))
    minutes = pl.read_csv(SAMPLE / "spy_1min_20201215_18.csv.gz", infer_schema_length=0).rename(str.lower)
    name = minutes.columns[2]
    for row in minutes.iter_rows(named=True):
        wall = datetime.fromisoformat(row[name]).replace(tzinfo=UTC)  # New York in December: UTC less five hours
        found.setdefault("SPY 1m", []).append(_row(int(wall.timestamp()) * 10**9 + 5 * 3600 * 10**9, row))
    return found


def _row(stamp: int, row: dict[str, str]) -> dict[str, Any]:
    return {"t": stamp, **{name[0]: float(row[name]) for name in ("open", "high", "low", "close", "volume")}}


class VendorServer:
    """The far side. ``calls`` has every request that was answered; ``fail_after`` cuts off all later ones."""

    def __init__(self) -> None:
        self.rows = rows()
        self.actions = [{"symbol": "AAPL", "kind": "split", "ex_date": "2005-02-28", "ratio": 2.0}]
        self.calls: list[dict[str, str]] = []
        self.fail_after: int | None = None
        self.delay = 0.0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                if server.fail_after is not None and len(server.calls) >= server.fail_after:
                    self.connection.close()
                    return
                time.sleep(server.delay)
                server.calls.append(asked)
                body = json.dumps(server.answer(asked)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, asked: dict[str, str]) -> Any:
        if asked["kind"] == "instruments":
            names = {key.split()[0] for key in self.rows}
            return [{"symbol": each, "venue": "ARCX" if each == "SPY" else "XNAS"} for each in sorted(names)]
        first, last = int(asked["start"]), int(asked["end"])
        if asked["kind"] == "actions":
            return [each for each in self.actions if each["symbol"] in asked["symbols"].split(",")]
        chosen = [
            {"S": symbol, **row}
            for symbol in asked["symbols"].split(",")
            for row in self.rows.get(f"{symbol} {asked['period']}", [])
            if first <= row["t"] <= last
        ]
        at = int(asked["page"]) * PAGE
        return chosen[at : at + PAGE]


class SmallVendor:
    """The near side, a `Vendor`; the address is in the environment, as the kill test's process needs it."""

    name = "small"
    kinds = frozenset({"bars", "actions"})
    periods = frozenset({"1m", "1d"})

    def instruments(self, at: date | None = None) -> pa.Table:
        listed = self._ask(kind="instruments")
        names = [each["symbol"] for each in listed]
        text = {"name": [f"{each} Inc." for each in names], "asset_class": ["equity"] * len(names),
                "currency": ["USD"] * len(names), "status": ["active"] * len(names)}  # fmt: skip
        precision = {"price_precision": [4] * len(names), "size_precision": [0] * len(names)}
        return pa.table({"symbol": names, "venue": [each["venue"] for each in listed], **text, **precision})

    def estimate(self, fetch: Fetch) -> Estimate:
        days = (fetch.window.end - fetch.window.start) // DAY + 1
        each = {"1m": 390, "1d": 1}.get(fetch.period or "", 0) * days * 5 // 7 + 1
        count = each * len(fetch.symbols)
        return Estimate(-(-count // PAGE), count, count * 100)

    def final_until(self, kind: str, period: str | None = None) -> int:
        return clock.now_ns() - 15 * MINUTE

    def fetch(self, fetch: Fetch) -> Iterator[Batch]:
        start, end = fetch.window.start, fetch.window.end
        if fetch.kind == "actions":
            yield self._actions(fetch)
            return
        bare = fetch.period == "1d"
        shift = 0 if bare else MINUTE  # it stamps the open
        window = Window(start // DAY * DAY if bare else start - shift, end - shift)
        for page in range(10**9):
            found = self._ask(
                kind="bars", symbols=",".join(fetch.symbols), period=fetch.period, start=window.start, end=window.end,
                page=page,
            )  # fmt: skip
            if found:
                yield _batch(found, bare, shift)
            if len(found) < PAGE:
                return

    def _actions(self, fetch: Fetch) -> Batch:
        window = {"start": fetch.window.start, "end": fetch.window.end}
        found = self._ask(kind="actions", symbols=",".join(fetch.symbols), **window)
        count = len(found)
        table = pa.table(
            {
                "line": pa.array(range(1, count + 1), pa.int64()),
                "symbol": pa.array([each["symbol"] for each in found], pa.string()),
                "venue": pa.nulls(count, pa.string()),
                "kind": pa.array([each["kind"] for each in found], pa.string()),
                "ex_date": pa.array([date.fromisoformat(each["ex_date"]) for each in found], pa.date32()),
                "ratio": pa.array([each["ratio"] for each in found], pa.float64()),
                "amount": pa.nulls(count, pa.float64()),
                "available_at": pa.nulls(count, pa.int64()),
                "new_symbol": pa.nulls(count, pa.string()),
                "part": pa.nulls(count, pa.string()),
                "reason": pa.nulls(count, pa.string()),
            }
        )
        return Batch("actions", table, pa.table({"row": pa.array([json.dumps(each) for each in found], pa.string())}))

    def _ask(self, **asked: Any) -> Any:
        url = f"{os.environ['SMALL_VENDOR_URL']}/?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError) as refused:
            raise VendorUnreachable(f"small does not answer: {refused}.", "Run it again.") from None


def _batch(found: list[dict[str, Any]], bare: bool, shift: int) -> Batch:
    count = len(found)
    stamps = [each["t"] + shift for each in found]
    figures = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    table = pa.table(
        {
            "line": pa.array(range(1, count + 1), pa.int64()),
            "symbol": pa.array([each["S"] for each in found], pa.string()),
            **{name: pa.nulls(count, pa.string()) for name in ("venue", "name")},
            **{name: pa.array(stamps, pa.int64()) for name in ("instant", "wall")},
            "bare": pa.array([bare] * count),
            **{name: pa.array([each[key] for each in found], pa.float64()) for name, key in figures.items()},
            "adj_close": pa.nulls(count, pa.float64()),
            "available_at": pa.nulls(count, pa.int64()),
            "reason": pa.nulls(count, pa.string()),
        }
    )
    return Batch("bars", table, pa.table({"row": pa.array([json.dumps(each) for each in found], pa.string())}))

"""Alpaca's market data protocol on a real socket, as published, with data given to it; and how it may misbehave.

It stands for Alpaca in every test. Opens are stamped, pages go over the symbols in their order and then over time, a
page's limit counts the rows of all symbols, calls are counted by key in windows with ``X-RateLimit-*``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import threading
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Row = dict[str, Any]
KEY, SECRET = "PKTEST", "secret-of-the-test"
_TICKER = re.compile(r"[A-Z][A-Z0-9.]{0,9}(/[A-Z]{3,5})?")
_OWN = {"bars": "bars", "trades": "trades", "quotes": "quotes"}


def stamp(text: str) -> int:
    """Nanoseconds of a stamp as Alpaca writes it: ``2024-03-08T14:30:00.123456789Z``, or a bare date."""
    text = re.sub(r"(Z|\+00:00)$", "", text)
    return int(np.datetime64(text, "ns").astype(np.int64))


@dataclass
class Market:
    """What the server holds. Rows are those of Alpaca's JSON, in the order of ``t``.

    ``bars`` by symbol and timeframe (``"1Min"``), ``trades`` and ``quotes`` by symbol, ``actions`` by the name of the
    list they stand in (``"forward_splits"``), ``assets`` as they are.
    """

    bars: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    trades: dict[str, list[Row]] = field(default_factory=dict)
    quotes: dict[str, list[Row]] = field(default_factory=dict)
    actions: dict[str, list[Row]] = field(default_factory=dict)
    assets: list[Row] = field(default_factory=list)
    #: A ticker of today to the one that its company had before.
    renamed: dict[str, str] = field(default_factory=dict)

    def rows(self, kind: str, symbol: str, timeframe: str, *, is_mapped: bool = False) -> list[Row]:
        """The rows under a ticker; mapped, those under the company's former ticker too."""
        before = self.renamed.get(symbol) if is_mapped else None
        if before:
            return self.rows(kind, before, timeframe) + self.rows(kind, symbol, timeframe)
        if kind == "bars":
            return self.bars.get((symbol, timeframe), [])
        return (self.trades if kind == "trades" else self.quotes).get(symbol, [])


class Misbehaviour:
    """Something the server does wrong, so many times; it spoils a right answer or gives none."""

    def __init__(self, times: int = 1_000_000, after: int = 0) -> None:
        self.times, self.after = times, after

    def is_due(self) -> bool:
        self.after -= 1
        if self.after >= 0 or self.times <= 0:
            return False
        self.times -= 1
        return True

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        raise NotImplementedError


class Server5xx(Misbehaviour):
    """Answers with a fault of its own."""

    status = 503

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        return JSONResponse({"message": "internal server error occurred"}, self.status)


class AsksToWait(Misbehaviour):
    """Says that the calls of this window were used up by somebody else with the same key."""

    until = 0.0

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        AsksToWait.until = int(time.time()) + 2
        server.said = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(AsksToWait.until)}
        return JSONResponse({"message": "too many requests."}, 429)


class TimesOut(Misbehaviour):
    """Says nothing for as long as ``seconds``."""

    seconds = 2.0

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        await asyncio.sleep(self.seconds)
        return answer


class HoldsBack(Misbehaviour):
    """Has been asked, and says nothing until it is told to go on; then it answers rightly."""

    def __init__(self, after: int = 0) -> None:
        super().__init__(1, after)
        self.is_asked, self.may_go_on = threading.Event(), threading.Event()

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        self.is_asked.set()
        while not self.may_go_on.is_set():
            await asyncio.sleep(0.01)
        return answer


class HangsUp(Misbehaviour):
    """Promises an answer, and closes the connection before it is whole."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        return _Cut(answer.body, promised=len(answer.body))


class TruncatedPage(Misbehaviour):
    """Sends the first half of a page as if that were all."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        return Response(bytes(answer.body)[: len(answer.body) // 2], media_type="application/json")


class BadJson(Misbehaviour):
    """Sends a page for people in place of data."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        return Response("<html>Down for maintenance</html>", media_type="text/html")


class ReorderedPages(Misbehaviour):
    """Gives a page of before once more where the next was asked for, with the next one's token."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        known = json.loads(bytes(answer.body))
        return JSONResponse(json.loads(server.pages[0]) | {"next_page_token": known["next_page_token"]})


class ShuffledRows(Misbehaviour):
    """Gives the rows of each symbol backwards."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        known = json.loads(bytes(answer.body))
        for kind in _OWN.keys() & known.keys():
            known[kind] = {symbol: rows[::-1] for symbol, rows in known[kind].items()}
        return JSONResponse(known)


class RepeatedToken(Misbehaviour):
    """Names the page that was just given as the next one."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        known = json.loads(bytes(answer.body))
        return JSONResponse(known | {"next_page_token": request.query_params.get("page_token") or "QUFQTHwx"})


class ForeignSymbol(Misbehaviour):
    """Answers about somebody else."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        known = json.loads(bytes(answer.body))
        for kind in _OWN.keys() & known.keys():
            known[kind] = {"WRONG": [row for rows in known[kind].values() for row in rows]}
        return JSONResponse(known)


class CorrectedBars(Misbehaviour):
    """Gives each bar with a close that is a cent higher, as after a correction of the exchange's."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        known = json.loads(bytes(answer.body))
        for rows in known.get("bars", {}).values():
            for row in rows:
                row |= {"c": round(row["c"] + 0.01, 4), "h": round(max(row["h"], row["c"] + 0.01), 4)}
        return JSONResponse(known)


class NoData(Misbehaviour):
    """Answers with no rows, and without the name they would stand under."""

    async def spoil(self, request: Request, answer: Response, server: AlpacaServer) -> Any:
        return JSONResponse({"next_page_token": None})


class AlpacaServer:
    """Alpaca, in a thread; its data and trading addresses are one.

    Parameters
    ----------
    calls, window : int, float
        So many calls a key in each window of seconds; Alpaca's free plan has 200 a minute.
    is_free : bool
        Whether the keys' plan refuses SIP data of the last 15 minutes.
    """

    def __init__(
        self, market: Market | None = None, *, calls: int = 200, window: float = 60.0, is_free: bool = True
    ) -> None:
        self.market = market or Market()
        self.calls, self.window, self.is_free = calls, window, is_free
        self.keys = {KEY: SECRET}
        #: What was asked, in its order: the path and the parameters; the status that was answered.
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.statuses: list[int] = []
        self.pages: list[bytes] = []
        self.misbehaviours: list[Misbehaviour] = []
        #: Headers of the next answer in place of the right ones.
        self.said: dict[str, str] = {}
        self._used: dict[tuple[str, int], int] = defaultdict(int)
        self._stamps: dict[tuple[str, str, str], tuple[int, list[int]]] = {}
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as in api_server.py
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def misbehave(self, how: Misbehaviour) -> None:
        self.misbehaviours.append(how)

    @property
    def refused_for_pace(self) -> int:
        """How many calls it answered with 429."""
        return self.statuses.count(429)

    async def answer(self, request: Request) -> Any:
        key = request.headers.get("APCA-API-KEY-ID", "")
        self.asked.append((request.url.path, dict(request.query_params)))
        limits, is_over = self._count(key)
        if is_over:
            answer: Any = JSONResponse({"message": "too many requests."}, 429)
        else:
            answer = self._refused(request, key) or self._found(request)
            if answer.status_code == 200:
                self.pages.append(bytes(answer.body))
            for each in self.misbehaviours:
                if each.is_due():
                    answer = await each.spoil(request, answer, self)
        self.statuses.append(answer.status_code)
        answer.headers.update(limits | self.said)
        self.said = {}
        return answer

    def _count(self, key: str) -> tuple[dict[str, str], bool]:
        now = time.time()
        place = int(now // self.window)
        self._used[key, place] += 1
        left = self.calls - self._used[key, place]
        reset = (place + 1) * self.window
        headers = {
            "X-RateLimit-Limit": str(self.calls),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": str(int(-(-reset // 1))),
        }
        return headers, left < 0

    def _refused(self, request: Request, key: str) -> Response | None:
        path, asked = request.url.path, request.query_params
        if "/crypto/" not in path and self.keys.get(key) != request.headers.get("APCA-API-SECRET-KEY"):
            return JSONResponse({"message": "forbidden."}, 403 if path.startswith("/v2/assets") else 401)
        if path.startswith("/v2/assets"):
            return None
        for symbol in filter(None, asked.get("symbols", "").split(",")):
            if not _TICKER.fullmatch(symbol):
                return JSONResponse({"message": f"invalid symbol: {symbol}"}, 400)
        end = stamp(asked["end"]) if "end" in asked else time.time_ns()
        is_recent = end > time.time_ns() - 15 * 60 * 10**9
        if path.startswith("/v2/stocks") and self.is_free and asked.get("feed", "sip") == "sip" and is_recent:
            return JSONResponse({"message": "subscription does not permit querying recent SIP data"}, 403)
        if not 1 <= int(asked.get("limit", 1000)) <= 10_000:
            return JSONResponse({"message": "invalid limit: value has to be between 1 and 10000"}, 400)
        return None

    def _found(self, request: Request) -> Response:
        path, asked = request.url.path, request.query_params
        if path.endswith("/assets"):
            wanted = asked.get("asset_class"), asked.get("status")
            chosen = [
                each
                for each in self.market.assets
                if wanted[0] in (None, each["class"]) and wanted[1] in (None, each["status"])
            ]
            return JSONResponse(chosen)
        if path.endswith("/corporate-actions"):
            return self._actions(asked)
        return self._rows(path.rpartition("/")[2], asked)

    def _rows(self, kind: str, asked: Any) -> Response:
        start = stamp(asked["start"]) if "start" in asked else 0
        end = stamp(asked["end"]) if "end" in asked else time.time_ns()
        room = int(asked.get("limit", 1000))
        begun, at = "", 0
        if "page_token" in asked:
            begun, _, place = base64.b64decode(asked["page_token"]).decode().rpartition("|")
            at = int(place)
        found: dict[str, list[Row]] = {}
        token = None
        for symbol in sorted(set(asked["symbols"].split(","))):
            if symbol < begun:
                continue
            timeframe = asked.get("timeframe", "")
            rows = self.market.rows(kind, symbol, timeframe, is_mapped=asked.get("asof") != "-")
            times = self._times(kind, symbol, timeframe, rows)
            first, last = bisect_left(times, start), bisect_right(times, end)
            first = max(first, at) if symbol == begun else first
            if first >= last:
                continue
            if not room:
                token = base64.b64encode(f"{symbol}|{first}".encode()).decode()
                break
            found[symbol] = rows[first : min(first + room, last)]
            room -= len(found[symbol])
            if first + len(found[symbol]) < last:
                token = base64.b64encode(f"{symbol}|{first + len(found[symbol])}".encode()).decode()
                break
        return JSONResponse({kind: found, "next_page_token": token})

    def _times(self, kind: str, symbol: str, timeframe: str, rows: Sequence[Row]) -> list[int]:
        known = self._stamps.get((kind, symbol, timeframe))
        if known is None or known[0] != len(rows):
            known = len(rows), [stamp(row["t"]) for row in rows]
            self._stamps[kind, symbol, timeframe] = known
        return known[1]

    def _actions(self, asked: Any) -> Response:
        symbols = set(filter(None, asked.get("symbols", "").split(",")))
        kinds = {f"{each}s" for each in filter(None, asked.get("types", "").split(","))}
        matching = [
            (row["process_date"], name, row)
            for name, rows in self.market.actions.items()
            for row in rows
            if (not kinds or name in kinds)
            and (not symbols or symbols & {row.get(f"{part}symbol") for part in ("", "old_", "source_", "acquiree_")})
            and asked.get("start", "") <= row["process_date"] <= asked.get("end", "9999")
        ]
        matching.sort(key=lambda each: each[:2])
        at, room = int(base64.b64decode(asked.get("page_token", "MA=="))), int(asked.get("limit", 100))
        found: dict[str, list[Row]] = {}
        for _, name, row in matching[at : at + room]:
            found.setdefault(name, []).append(row)
        more = base64.b64encode(str(at + room).encode()).decode() if at + room < len(matching) else None
        return JSONResponse({"corporate_actions": found, "next_page_token": more})

    def start(self) -> AlpacaServer:
        routes = [Route(path, self.answer) for path in _PATHS]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(60)


_PATHS = [
    *(f"/v2/stocks/{kind}" for kind in _OWN),
    *(f"/v1beta3/crypto/us/{kind}" for kind in _OWN),
    "/v1/corporate-actions",
    "/v2/assets",
]


class _Cut(Response):
    """A response that ends before it is whole."""

    def __init__(self, body: Any, promised: int) -> None:
        super().__init__(body, media_type="application/json")
        self.headers["content-length"] = str(promised)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": True})


@contextmanager
def alpaca(market: Market | None = None, **more: Any) -> Iterator[AlpacaServer]:
    """The server, for as long as the block lasts."""
    server = AlpacaServer(market, **more).start()
    try:
        yield server
    finally:
        server.stop()

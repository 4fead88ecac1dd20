"""The catalog over HTTP answers what the library answers."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

import alphapulse_lib as ap
from tests.resources.api_server import Api

ARROW = "application/vnd.apache.arrow.stream"


def test_bars_in_json_and_in_arrow_are_those_of_the_library(api: Api):
    asked = {"symbol": ["AAPL", "MSFT"], "start": "2005-02-22", "end": "2005-03-04"}
    ours = ap.bars(["AAPL", "MSFT"], "1d", "2005-02-22", "2005-03-04", frame="arrow")
    arrow = api("GET", "/v1/bars", params=asked, headers={"Accept": ARROW})
    assert arrow.headers["content-type"] == ARROW
    assert pa.ipc.open_stream(arrow.content).read_all().equals(ours)
    rows = api("GET", "/v1/bars", params=asked).json()["items"]
    assert [row["close"] for row in rows] == ours["close"].to_pylist()
    # A figure from outside: Apple closed at 88.99 as traded on 2005-02-25, the eve of its 2:1 split.
    raw = api(
        "GET", "/v1/bars", params={"symbol": "AAPL", "start": "2005-02-25", "end": "2005-02-25", "adjust": "none"}
    )
    assert [(row["ts"], row["close"]) for row in raw.json()["items"]] == [("2005-02-25T21:00:00+00:00", 88.99)]


def test_pages_of_bars_are_the_whole(api: Api):
    asked = {"symbol": "GOOG", "start": "2010-01-01", "end": "2010-03-31", "limit": 20}
    seen, cursor = [], ""
    while cursor is not None:
        page = api("GET", "/v1/bars", params=asked | {"cursor": cursor}).json()
        seen += [row["ts"] for row in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 61, "the NYSE was open on 61 days of that quarter"
    assert seen == sorted(seen)


def test_what_was_not_known_is_not_told(api: Api):
    asked = {"symbol": "AAPL", "start": "2011-08-24", "end": "2011-08-25"}
    assert len(api("GET", "/v1/news", params=asked).json()["items"]) == 1
    assert api("GET", "/v1/news", params=asked | {"as_of": "2011-08-24 16:00"}).json()["items"] == []


def test_coverage_and_instruments(api: Api):
    found = api("GET", "/v1/coverage", params={"symbol": "WMT"}).json()
    assert (found["complete"], found["missing_sessions"]) == (False, 7)
    listed = api("GET", "/v1/instruments", params={"limit": 500}).json()["items"]
    assert {"AAPL.XNAS", "SPY.ARCX"} <= {row["id"] for row in listed}
    json.dumps(listed, allow_nan=False)


@pytest.mark.parametrize(
    ("path", "asked", "status", "said"),
    [
        ("bars", {"symbol": "AAPPL"}, 404, "AAPL"),
        ("bars", {}, 422, "symbol"),
        ("bars", {"symbol": "AAPL", "period": "1x"}, 422, "1x"),
        ("bars", {"symbol": "AAPL", "period": "1m"}, 404, "1m"),
        ("bars", {"symbol": "AAPL", "start": "2012-01-01", "end": "2011-01-01"}, 422, "2011"),
        ("bars", {"symbol": "AAPL", "start": "yesterday-ish"}, 422, "yesterday-ish"),
        ("bars", {"symbol": "AAPL", "adjust": "magic"}, 422, "adjust"),
        ("bars", {"symbol": "AAPL", "cursor": "zzzz"}, 422, "cursor"),
        ("bars", {"symbol": "AAPL", "limit": 0}, 422, "limit"),
        ("bars", {"symbol": "AAPL", "as_of": "9999999-01-01"}, 422, "9999999"),
        ("bars", {"symbol": "a\x00b"}, 422, "symbol"),
        ("news", {"symbol": "NOPE"}, 404, "NOPE"),
        ("coverage", {"symbol": "../../x"}, 404, "../../x"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(
    api: Api, path: str, asked: dict[str, Any], status: int, said: str
):
    answer = api("GET", f"/v1/{path}", params=asked)
    assert answer.status_code == status, answer.text
    assert said in json.dumps(answer.json(), ensure_ascii=False)

"""What servers use: told by each of itself, read by administrators, forgotten when it speaks no more."""

from __future__ import annotations

import pytest

from alphapulse_lib import clock
from tests.resources.api_server import Api

TOLD = {
    "server": "",
    "kernels": 2,
    "terminals": 1,
    "jobs": 0,
    "processors": 0.25,
    "memory": 300_000_000,
    "memory_limit": 4_000_000_000,
    "disk": 1_900_000,
    "disk_limit": 2_000_000,
    "active_at": "2026-11-27T10:00:00+01:00",
}


def tell(api: Api, who: str, **changes: object) -> int:
    return api("PUT", "/v1/usage", who, json=TOLD | changes).status_code


def read(api: Api, **query: object) -> list[dict[str, object]]:
    return api("GET", "/v1/usage", "root", params=query).json()["items"]


def test_each_server_is_listed_as_it_last_said(api: Api):
    assert api("GET", "/v1/usage", "ada").status_code == 403
    assert [tell(api, "ada"), tell(api, "bob"), tell(api, "bob", server="job-1", disk=None, disk_limit=None)] == [
        204
    ] * 3
    assert tell(api, "ada", kernels=0, memory=5) == 204
    found = {(each["user"], each["server"]): each for each in read(api)}
    assert list(found) == [("bob", "job-1"), ("bob", ""), ("ada", "")]
    assert (found["ada", ""]["kernels"], found["ada", ""]["memory"], found["bob", ""]["kernels"]) == (0, 5, 2)
    assert found["bob", ""] | {"told_at": ""} == TOLD | {
        "user": "bob",
        "told_at": "",
        "active_at": "2026-11-27T09:00:00Z",
    }
    assert found["bob", "job-1"]["disk"] is None
    first = api("GET", "/v1/usage", "root", params={"limit": 2}).json()
    rest = api("GET", "/v1/usage", "root", params={"limit": 2, "cursor": first["next"]}).json()
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]


def test_one_that_speaks_no_more_is_listed_no_more(api: Api, monkeypatch: pytest.MonkeyPatch):
    assert tell(api, "ada") == 204
    now = clock.now_ns()
    monkeypatch.setattr(clock, "now_ns", lambda: now + 140 * 10**9)
    assert "ada" in [each["user"] for each in read(api)]
    monkeypatch.setattr(clock, "now_ns", lambda: now + 160 * 10**9)
    assert read(api) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kernels": -1},
        {"memory": 2**63},
        {"processors": -0.1},
        {"processors": "NaN"},
        {"server": "a\nb"},
        {"active_at": "2026-11-27T10:00:00"},
        {"user": "bob"},
    ],
)
def test_what_no_server_says_is_refused(api: Api, wrong: dict[str, object]):
    assert tell(api, "ada", **wrong) == 422


def test_a_moment_that_no_clock_can_be_at_is_taken_for_the_nearest(api: Api):
    for moment in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        assert tell(api, "ada", active_at=moment) == 204
        assert read(api)[0]["user"] in ("ada", "bob")

"""What each role's token may do at each route: every operation of the API, asked with a token of every role."""

from __future__ import annotations

import httpx
import pytest

from hub import roles
from tests.resources.api_server import Api

#: Written by hand, not read from the code: what each operation asks for.
WANTED = {
    "comments:read": [
        *("GET /v1/comments", "GET /v1/comments/events", "GET /v1/comments/{comment_id}"),
        *("GET /v1/comments/{comment_id}/history", "GET /v1/comments/{comment_id}/thread"),
    ],
    "comments:write": [
        *("POST /v1/comments", "PATCH /v1/comments/{comment_id}", "DELETE /v1/comments/{comment_id}"),
    ],
    "ledger:read": [
        *("GET /v1/runs", "GET /v1/runs/{run_id}", "GET /v1/runs/{run_id}/files/{name}", "POST /v1/families"),
    ],
    "shares:read": [
        *("GET /v1/shares", "GET /v1/shares/{share_id}"),
        *("GET /v1/renderings/{rendering_id}", "GET /v1/renderings/{rendering_id}/page"),
    ],
    "shares:write": ["POST /v1/shares", "DELETE /v1/shares/{share_id}", "POST /v1/renderings"],
    "ledger:write": ["POST /v1/runs", "PUT /v1/runs/{run_id}/files/{name}"],
    "catalog:read": ["GET /v1/instruments", "GET /v1/bars", "GET /v1/news", "GET /v1/coverage"],
    "schedules:read": [
        *("GET /v1/schedules", "GET /v1/schedules/{schedule_id}", "GET /v1/schedules/{schedule_id}/firings"),
        *("GET /v1/schedules/{schedule_id}/firings/{firing_id}", "GET /v1/firings", "GET /v1/firings/{firing_id}"),
        *("GET /v1/backtests", "GET /v1/backtests/{firing_id}"),
    ],
    "schedules:write": [
        *("POST /v1/schedules", "PATCH /v1/schedules/{schedule_id}", "DELETE /v1/schedules/{schedule_id}"),
        *(f"POST /v1/schedules/{{schedule_id}}/{verb}" for verb in ("pause", "resume", "fire")),
        "POST /v1/schedules/{schedule_id}/firings/{firing_id}/cancel",
        *("POST /v1/backtests", "POST /v1/backtests/{firing_id}/cancel"),
    ],
    "ingests:read": ["GET /v1/ingests", "GET /v1/ingests/{ingest_id}"],
    "ingests:write": ["POST /v1/ingests", "POST /v1/ingests/{ingest_id}/cancel"],
    "catalog:publish": [
        *("PUT /v1/publications/{upload}/files", "POST /v1/publications", "POST /v1/publications/reverts"),
    ],
    "notifications:read": ["GET /v1/notifications", "POST /v1/notifications/read"],
    "notice:say": ["PUT /v1/notice"],
    "usage:tell": ["PUT /v1/usage"],
    "usage:read": ["GET /v1/usage", "GET /v1/measures"],
    "audit:read": ["GET /v1/audit"],
    "audit:tell": ["POST /v1/audit"],  # the hub's, and no person's
}
READING = {
    "comments:read",
    "ledger:read",
    "shares:read",
    "catalog:read",
    "schedules:read",
    "ingests:read",
    "notifications:read",
}
WORKING = READING | {"comments:write", "ledger:write", "shares:write", "schedules:write", "ingests:write", "usage:tell"}
MAY = {
    "viewer": READING,
    "researcher": WORKING,
    "trader": WORKING,
    "reviewer": WORKING | {"catalog:publish"},
    "admin": WORKING | {"catalog:publish", "notice:say", "usage:read", "audit:read"},
}
#: The first two are told to everybody, and the third is no person's.
OF_NOBODY = {"GET /health", "GET /notice", "GET /metrics"}


def operations(api: Api) -> set[str]:
    paths = api("GET", "/openapi.json").json()["paths"]
    prefix = "/services/api"
    return {f"{method.upper()} {path.removeprefix(prefix)}" for path, each in paths.items() for method in each}


def asked(api: Api, operation: str, who: str) -> httpx.Response:
    method, path = operation.split(" ")
    for name, value in {"comment_id": "1" * 16, "name": "equity.parquet", "upload": "0" * 32}.items():
        path = path.replace(f"{{{name}}}", value)
    for name in ("run_id", "share_id", "rendering_id", "schedule_id", "firing_id", "ingest_id"):
        path = path.replace(f"{{{name}}}", "0" * 16)
    headers = {"Authorization": f"Bearer {who}"}
    with httpx.stream(method, f"{api.url}{path}", headers=headers, timeout=30) as answer:  # one of them never ends
        if answer.status_code != 200:
            answer.read()
        return answer


def test_each_operation_is_known_to_this_test(api: Api):
    told = {operation for each in WANTED.values() for operation in each}
    assert operations(api) - OF_NOBODY == told


@pytest.mark.parametrize("role", MAY)
def test_a_role_s_token_does_what_the_role_says_and_no_more(api: Api, role: str):
    api.door.scopes = {role: ("access:services!service=api", *roles.expanded(role))}
    wrong = []
    for scope, told in WANTED.items():
        for operation in told:
            answer = asked(api, operation, role)
            refused = answer.status_code == 403 and "lacks custom:" in answer.text
            if refused == (scope in MAY[role]) or answer.status_code in (401, 405) or answer.status_code >= 500:
                wrong.append((operation, answer.status_code))
    assert wrong == []


def test_a_role_without_the_door_s_scope_comes_in_nowhere(api: Api):
    api.door.scopes = {"outsider": tuple(roles.expanded("admin"))}
    for told in WANTED.values():
        for operation in told:
            assert asked(api, operation, "outsider").status_code == 403, operation

"""``/v1/publications``: who may, what may be sent, whose it is, and the request it becomes."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import update

from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.ingests.schema import FETCHES
from tests.resources.api_server import EVERYTHING, Api

BARS = "data/bars/ACME.XNAS-1-DAY-LAST-EXTERNAL/1970-01-01T00-00-00-000000000Z_2262-04-11T23-47-16-854775807Z.parquet"


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    return (tmp_path / "a.parquet").read_bytes()


def send(api: Api, upload: str, path: str, content: bytes, who: str = "ada") -> httpx.Response:
    return api("PUT", f"/v1/publications/{upload}/files", who, params={"path": path}, content=content)


def refused(answer: httpx.Response, status: int) -> dict[str, str]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    found: dict[str, str] = answer.json()
    return found


def test_who_may_not_is_told_by_name_and_whom_to_ask(api: Api, content: bytes) -> None:
    api.door.scopes["bob"] = tuple(each for each in EVERYTHING if each != "custom:catalog:publish")
    wanted = {"upload": uuid4().hex, "instruments": ["ACME.XNAS"]}
    for answer in (
        send(api, wanted["upload"], BARS, content, "bob"),
        api("POST", "/v1/publications", "bob", json=wanted),
    ):
        told = refused(answer, 403)
        assert told["detail"].startswith("bob may not publish into the team's catalog")
        assert told["hint"] == "Ask an administrator (admin) to name bob in ALPHAPULSE_PUBLISHERS."


@pytest.mark.parametrize(
    "path",
    [
        "../instruments.parquet",
        "/etc/instruments.parquet",
        "data/bars/../instruments.parquet",
        "data/bars/../../x/1970.parquet",
        "data/bars/.hidden/1970.parquet",
        "data/bars/A\\B/1970.parquet",
        "data/bars/A\0B/1970.parquet",
        f"data/bars/{'é' * 150}/1970.parquet",
        f"data/bars/{'A' * 390}/1970.parquet",
        "data/bars/ACME/../1970.parquet",
        "instruments.parquet\n",
        "catalog.json",
        "imports/1.json",
        "",
    ],
)
def test_no_name_leads_out_of_the_folder(api: Api, content: bytes, chosen: Settings, path: str) -> None:
    before = sorted(chosen.home_root.rglob("*.parquet"))
    refused(send(api, uuid4().hex, path, content), 422)
    assert sorted(chosen.home_root.rglob("*.parquet")) == before


@pytest.mark.parametrize("wrong", [b"", b"PAR1", b"Date,Open\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_refused_and_not_kept(api: Api, chosen: Settings, wrong: bytes) -> None:
    upload = uuid4().hex
    told = refused(send(api, upload, BARS, wrong), 422)
    assert "is no Parquet file" in told["detail"]
    assert [each for each in chosen.home_root.rglob(f"{upload}/**/*") if each.is_file()] == []


def test_a_file_that_is_too_large_is_a_problem(api: Api) -> None:
    at = httpx.URL(api.url)
    asking = HTTPConnection(at.host, at.port or 80, timeout=30)
    asking.putrequest("PUT", f"{at.path}/v1/publications/{uuid4().hex}/files?path={BARS}")
    for name, value in (("Authorization", "Bearer ada"), ("Content-Length", "1000000001")):
        asking.putheader(name, value)
    asking.endheaders(b"PAR1")
    answer = asking.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (413, "application/problem+json")
    asking.close()


def test_the_request_stands_in_the_line_and_is_its_senders(api: Api, content: bytes, chosen: Settings) -> None:
    upload = uuid4().hex
    wanted = {"upload": upload, "instruments": ["ACME.XNAS", "ACME.XNAS"], "period": "1d"}
    assert refused(api("POST", "/v1/publications", json=wanted), 404)["detail"].endswith(upload + ".")
    assert send(api, upload, "instruments.parquet", content).status_code == 201
    assert "lacks data/bars" in refused(api("POST", "/v1/publications", json=wanted), 422)["detail"]
    assert send(api, upload, BARS, content).status_code == 201
    assert send(api, upload, BARS, content).status_code == 201, "sent again"
    refused(api("POST", "/v1/publications", "bob", json=wanted), 404)
    headers = {"Idempotency-Key": uuid4().hex}
    first, again = (api("POST", "/v1/publications", json=wanted, headers=headers) for _ in range(2))
    assert first.status_code == 201, first.text
    assert first.json() == again.json()
    made = first.json()
    assert (made["kind"], made["symbols"], made["period"]) == ("publication", ["ACME.XNAS"], "1d")
    kept = api("GET", f"/v1/ingests/{made['id']}", "bob").json()
    assert (kept["owner"], kept["state"], kept["provider"]) == ("ada", "waiting", "publish")
    engine, cancelling = opened(chosen), f"/v1/ingests/{made['id']}/cancel"
    for state, status in (("running", 409), ("waiting", 200)):
        with engine.begin() as connection:
            connection.execute(update(FETCHES).where(FETCHES.c.provider == "publish").values(state=state))
        assert api("POST", cancelling).status_code == status
    engine.dispose()
    assert not list(chosen.home_root.glob(f"api/uploads/*/{upload}")), "what was sent is removed with the request"


def test_reversals_are_shared_and_are_publishers_alone(api: Api) -> None:
    wanted = {"import": f"20261126T120000-{uuid4().hex[:6]}"}
    first, other = (api("POST", "/v1/publications/reverts", who, json=wanted).json() for who in ("ada", "bob"))
    assert (first["kind"], first["symbols"], other["shared"]) == ("reversal", [wanted["import"]], 2)
    refused(api("POST", "/v1/publications/reverts", json={"import": "../x"}), 422)
    api.door.scopes["bob"] = tuple(each for each in EVERYTHING if each != "custom:catalog:publish")
    refused(api("POST", "/v1/publications/reverts", "bob", json=wanted), 403)


@pytest.mark.parametrize(
    "wrong",
    [{"upload": "../x"}, {"instruments": []}, {"instruments": ["A\nB"]}, {"period": "1x"}, {"owner": "bob"}],
)
def test_what_cannot_be_asked_is_refused_in_words(api: Api, wrong: dict[str, object]) -> None:
    wanted = {"upload": uuid4().hex, "instruments": ["ACME.XNAS"]} | wrong
    refused(api("POST", "/v1/publications", json=wanted), 422)

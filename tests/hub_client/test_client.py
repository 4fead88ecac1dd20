"""The client against the real API, and against servers that misbehave."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from api_server import RunningApi
from misbehaving_api import AbsentApi, BusyApi, DroppingApi, ForeignServer, GarblingApi, SilentApi, SlowApi, misbehaving

from alphapulse_lib.errors import (
    AlphaPulseError,
    HubFault,
    HubUnreachable,
    InputError,
    NotAllowed,
    NotSignedIn,
    NotUnderstood,
    SettingsError,
    UnknownTarget,
)
from alphapulse_lib.hub_client import Client
from alphapulse_lib.hub_client.sign_in import make_token
from alphapulse_lib.model.run import StrategySource


def test_health_needs_no_token(api: RunningApi):
    with Client(api.url) as client:
        assert client.health().status == "ok"
        assert client.health().version


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/", "http://[::1/services/api", "http://host:port/"])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(SettingsError, match="no address"):
        Client(url)


@pytest.mark.parametrize("token", ["a b", "ö", "a\nb", "x" * 600])
def test_a_token_that_is_none_is_refused_without_being_shown(token: str):
    with pytest.raises(NotSignedIn) as refused:
        Client("http://127.0.0.1:1/services/api", token)
    assert token not in str(refused.value)


def test_each_refusal_is_an_error_in_the_hub_s_own_words(api: RunningApi):
    with Client(api.url, "ada") as ada, Client(api.url, "bad") as bad, Client(api.url) as nobody:
        with pytest.raises(NotSignedIn, match="does not know this token") as refused:
            next(bad.comments.list())
        assert refused.value.hint == "It may have ended; make a new one."
        with pytest.raises(NotSignedIn, match="No token was sent"):
            nobody.comments.page()
        with pytest.raises(UnknownTarget, match=r"no instrument 'NONE\.XNAS'"):
            ada.comments.write("instrument:NONE.XNAS", "hello")
        with pytest.raises(NotUnderstood, match=r"body\.target"):
            ada.comments.write("planet:mars", "hello")
        with pytest.raises(NotUnderstood, match="cursor='nonsense'"):
            ada.comments.page(cursor="nonsense")
    with Client(api.url, "guest") as guest, pytest.raises(NotAllowed, match="custom:comments:read"):
        guest.comments.page()


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_what_json_cannot_hold_is_refused_before_it_is_sent(api: RunningApi, value: object):
    with Client(api.url, "ada") as client, pytest.raises(InputError, match="cannot be sent"):
        client.comments.write("instrument:AAPL.XNAS", value)  # type: ignore[arg-type]


def test_half_a_character_is_the_hub_s_to_refuse(api: RunningApi):
    with Client(api.url, "ada") as client:
        with pytest.raises(NotUnderstood):
            client.comments.write("instrument:AAPL.XNAS", "\ud800")
        with pytest.raises(InputError):
            client.comments.get("\ud800")


def test_nothing_there_is_one_sentence(tmp_path: Path):
    with Client("http://127.0.0.1:1/services/api", retries=0) as client, pytest.raises(HubUnreachable) as refused:
        client.health()
    assert refused.value.message == "Nothing answers at http://127.0.0.1:1/services/api."
    assert "make up" in refused.value.hint
    assert refused.value.__cause__ is None and refused.value.__suppress_context__


def test_a_slow_api_is_left_after_the_time_given():
    with misbehaving(SilentApi()) as server, Client(server.url, timeout=0.2) as client:
        with pytest.raises(HubUnreachable, match=r"did not answer within 0\.2 s"):
            client.health()
        server.may_answer.set()  # which nobody waits for any more


def test_a_write_that_nobody_answered_is_sent_once_more_under_its_key(api: RunningApi):
    with Client(api.url, "ada") as client:
        whole = client._transport.send(
            "GET", f"/v1/comments/{client.comments.write('instrument:FB.XNAS', 'x').id}"
        ).text
    with misbehaving(SlowApi(times=1, whole=whole)) as server, Client(server.url, "ada", timeout=3) as client:
        assert client.comments.write("instrument:FB.XNAS", "x").body == "x"
        assert len(server.requests) == 2


def test_a_dropped_answer_is_asked_for_again():
    with misbehaving(DroppingApi(times=2)) as server, Client(server.url) as client:
        assert client.health().status == "ok"
        assert len(server.requests) == 3


def test_an_api_that_always_drops_is_given_up():
    with misbehaving(DroppingApi(times=99)) as server, Client(server.url, retries=1) as client:
        with pytest.raises(HubUnreachable, match="broke off"):
            client.health()
        assert len(server.requests) == 2


def test_a_busy_api_is_asked_again():
    with misbehaving(BusyApi(times=1)) as server, Client(server.url) as client:
        assert client.health().status == "ok"
        assert len(server.requests) == 2
    with (
        misbehaving(BusyApi(times=99)) as server,
        Client(server.url, retries=1) as client,
        pytest.raises(HubUnreachable, match="The database does not answer"),
    ):
        client.health()


def test_an_api_that_is_started_again_is_waited_for():
    with misbehaving(AbsentApi(seconds=4.5)) as server, Client(server.url, "ada") as client:
        assert client.health().status == "ok"


def test_what_may_not_be_done_twice_is_sent_once():
    with misbehaving(DroppingApi(times=99)) as server, Client(server.url, "ada") as client:
        with pytest.raises(HubUnreachable):
            client._transport.ask(dict, "POST", "/v1/something", body={})
        assert len(server.requests) == 1


def test_a_comment_is_sent_again_under_one_key():
    with misbehaving(DroppingApi(times=99)) as server, Client(server.url, "ada", retries=2) as client:
        with pytest.raises(HubUnreachable):
            client.comments.write("instrument:AAPL.XNAS", "hello")
        keys = {line for sent in server.requests for line in sent.split(b"\r\n") if b"dempotency-" in line.lower()}
        assert (len(server.requests), len(keys)) == (3, 1)


def test_another_server_is_not_taken_for_the_hub():
    with misbehaving(ForeignServer()) as server, Client(server.url) as client, pytest.raises(HubFault, match="read"):
        client.health()


def raw(status: str, kind: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body


PROBLEM, JSON, ARROW = "application/problem+json", "application/json", "application/vnd.apache.arrow.stream"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        raw("200 OK", JSON, b"no gzip at all", "Content-Encoding: gzip\r\n"),
        raw("200 OK", "text/event-stream", b"no gzip at all", "Content-Encoding: gzip\r\n"),
        raw("200 OK", JSON, b"[" * 100_000),
        raw("200 OK", JSON, b'{"items": 1}'),
        raw("200 OK", JSON, b"\xff\xfe"),
        raw("200 OK", "text/html", b"<html>sign in</html>"),
        raw("200 OK", ARROW, b"ARROW1\0\0" + b"\xff" * 64),
        raw("200 OK", ARROW, b""),
        raw("204 No Content", JSON, b""),
        raw("302 Found", "text/html", b"", "Location: /hub/login\r\n"),
        raw("401 Unauthorized", PROBLEM, b"[" * 100_000),
        raw("403 Forbidden", PROBLEM, b'{"detail": 7}'),
        raw("404 Not Found", PROBLEM, b"[]"),
        raw("413 Too Large", "text/html", b"<html>nginx</html>"),
        raw("418 Teapot", PROBLEM, b'{"detail": "short and stout", "hint": null}'),
        raw("429 Too Many Requests", PROBLEM, b'{"detail": "wait"}', "Retry-After: \xb2\r\n"),
        raw("502 Bad Gateway", "text/html", b"<html>proxy</html>"),
        raw("503 Service Unavailable", "text/html; charset=nonsense", b"\xff", "Retry-After: soon\r\n"),
        raw("599 Something", "text/plain", b""),
    ],
    ids=lambda said: said[:60].decode("latin-1").splitlines()[0] if said else "nothing",
)
def test_whatever_is_answered_is_an_error_that_says_what_to_do(said: bytes, tmp_path: Path):
    with misbehaving(GarblingApi(said)) as server, Client(server.url, "ada", timeout=1, retries=1) as client:
        calls: list[Callable[[], object]] = [
            client.health,
            lambda: client.comments.write("instrument:AAPL.XNAS", "x"),
            lambda: client.comments.page(),
            lambda: next(client.comments.events(stop=lambda: bool(server.requests[1:])), None),  # asked again once
            lambda: client.runs.get("abcd"),
            lambda: client.runs.families([StrategySource("a", "")]),
            lambda: client.runs.download("abcd", "equity.parquet", tmp_path / "no such folder" / "equity.parquet"),
            lambda: client.catalog.bars("AAPL"),
            lambda: client.notifications.read(1),
            lambda: client.schedules.change("abcd", cron="0 7 * * *"),
            lambda: make_token(server.url, "ada", 1, "a test", password="secret"),
        ]
        told = []
        for call in calls:
            server.requests.clear()
            try:
                call()
            except AlphaPulseError as error:
                told.append(error)
                assert error.message.endswith((".", "stout", "wait")), error
        assert len(told) >= len(calls) - 3, "only where the answer happens to fit"
        assert list(tmp_path.iterdir()) == []


def test_a_certificate_nobody_vouches_for_is_not_taken_for_silence(tmp_path: Path):
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names]
    subprocess.run([*made, "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    silent = GarblingApi(b"")
    silent._listening = context.wrap_socket(silent._listening, server_side=True)
    with misbehaving(silent) as server:
        url = server.url.replace("http:", "https:")
        with Client(url, "ada", timeout=60, retries=0) as client, pytest.raises(HubUnreachable) as refused:
            client.health()
    assert "certificate" in refused.value.message
    assert "SSL_CERT_FILE" in refused.value.hint


def test_a_hub_without_the_api_says_so(api: RunningApi):
    with Client(api.url.replace("/services/api", "/elsewhere"), "ada") as client, pytest.raises(UnknownTarget):
        client.comments.page()


def test_the_catalog_comes_as_arrow(ada: Client):
    bars = ada.catalog.bars("AAPL", start="2010-01-04", end="2010-01-05")
    assert bars.column_names[:2] == ["symbol", "ts"]
    assert bars.num_rows == 2
    assert ada.catalog.bars(["AAPL", "MSFT"], start="2010-01-04", end="2010-01-05").num_rows == 4
    assert "AAPL.XNAS" in ada.catalog.instruments()["id"].to_pylist()
    assert ada.catalog.news("AAPL", "2007-01-01", "2007-12-31").num_rows > 0
    held = ada.catalog.coverage("FB")
    assert (held.symbol, held.period) == ("FB", "1d")
    assert held.intervals
    with pytest.raises(UnknownTarget, match="AAPPL"):
        ada.catalog.bars("AAPPL")

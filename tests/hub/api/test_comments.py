"""Comments: what is written is read, by whom it may be, and can harm nobody."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from alphapulse_lib import clock
from hub.api.comments import stream
from tests.resources.api_server import Api

APPLE = "instrument:AAPL.XNAS"


def write(api: Api, body: str, who: str = "ada", target: str = APPLE, **more: Any) -> dict[str, Any]:
    answer = api("POST", "/v1/comments", who, json={"target": target, "body": body, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_what_one_writes_another_reads_and_answers(api: Api):
    first = write(api, "Why the gap on **2010-01-04**?")
    second = write(api, "The new year.", "bob", parent=first["id"])
    thread = api("GET", f"/v1/comments/{first['id']}/thread", "bob").json()
    assert [(each["author"], each["parent"]) for each in thread] == [("ada", None), ("bob", first["id"])]
    assert first["html"] == "<p>Why the gap on <strong>2010-01-04</strong>?</p>\n"
    assert api("GET", f"/v1/comments/{second['id']}").json() == second


def test_a_thread_is_exported_as_markdown(api: Api):
    first = write(api, "one")
    write(api, "two", "bob", parent=first["id"])
    told = api("GET", f"/v1/comments/{first['id']}/thread", headers={"Accept": "text/markdown"}).text
    assert told.index("### ada") < told.index("one") < told.index("### bob") < told.index("two")


def test_no_browser_takes_an_answer_for_a_page(api: Api):
    first = write(api, "<script>alert(1)</script>")
    path = f"/v1/comments/{first['id']}/thread"
    for headers in ({"Accept": "text/markdown"}, {"Accept": "text/html"}):
        answer = api("GET", path, headers=headers)
        assert answer.headers["content-type"].split(";")[0] in ("text/markdown", "application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
    for refused in (api("GET", "/v1/comments?target=<script>"), api("POST", "/v1/comments", content=b"x" * 1_100_000)):
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["x-content-type-options"] == "nosniff"


@pytest.mark.timeout(120)
def test_hostile_text_of_the_greatest_length_is_rendered_or_refused(api: Api):
    """Each took up to two seconds with a parser that looks back; pytest's own limit ends this if one does again."""
    shapes = ("[", "![", "[a](", "[x][", "[^", "[(", "*a_ ", "**a", "`", "<", "<!--", "[a\n", "a\n", "> ", "- ", "1. ")
    for shape in shapes:
        for _ in range(5):
            answer = api("POST", "/v1/comments", json={"target": APPLE, "body": (shape * 20_000)[:20_000]})
            assert answer.status_code in (201, 422), answer.text


def test_pages_hold_each_comment_once_while_more_are_written(api: Api):
    target = "notebook:backtests/pages.ipynb"
    wanted = [write(api, str(number), target=target)["id"] for number in range(7)]
    seen, cursor = [], ""
    while True:
        page = api("GET", "/v1/comments", params={"target": target, "limit": 3, "cursor": cursor}).json()
        seen += [each["id"] for each in page["items"]]
        if len(seen) == 3:
            wanted.append(write(api, "late", target=target)["id"])
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == wanted


@pytest.mark.parametrize(
    ("new", "status", "said"),
    [
        ({"target": "instrument:NOPE.XNAS", "body": "x"}, 404, "NOPE.XNAS"),
        ({"target": "run:0123456789abcdef", "body": "x"}, 404, "0123456789abcdef"),
        ({"target": "article:nothing", "body": "x"}, 404, "nothing"),
        ({"target": "notebook:../../etc/passwd", "body": "x"}, 422, "no notebook"),
        ({"target": "notebook:/root/a.ipynb", "body": "x"}, 422, "no notebook"),
        ({"target": "weather:today", "body": "x"}, 422, "target"),
        ({"target": APPLE, "body": ""}, 422, "body"),
        ({"target": APPLE, "body": " \n "}, 422, "empty"),
        ({"target": APPLE, "body": "a\x00b"}, 422, "control"),
        ({"target": APPLE, "body": "x" * 20_001}, 422, "body.body: 20,001 characters arrived; it takes 20,000 at most"),
        ({"target": APPLE, "body": "x", "parent": "ffff"}, 422, "ffff"),
        ({"target": APPLE, "body": "x", "colour": "red"}, 422, "colour"),
        ({"body": "x"}, 422, "target"),
        ([], 422, "body"),
    ],
)
def test_what_cannot_be_a_comment_is_refused_with_the_reason(api: Api, new: Any, status: int, said: str):
    answer = api("POST", "/v1/comments", json=new)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in json.dumps(answer.json())


@pytest.mark.parametrize("sent", [b"{", b"\xff\xfe", b"[1,", b"nul", b'{"target": "\\ud800", "body": "\\ud800"}'])
def test_malformed_json_is_no_fault_of_ours(api: Api, sent: bytes):
    answer = api("POST", "/v1/comments", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    if sent.isascii() and len(sent) < 4:
        assert "this is no JSON: " in answer.json()["detail"]


def test_a_huge_request_is_refused_before_it_is_read(api: Api):
    answer = api("POST", "/v1/comments", content=b"x" * 1_100_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 413


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://example.com/x.png)",
        "<svg/onload=alert(1)>",
        "<a href='x' onclick='alert(1)'>x</a>",
        '[x](https://example.com "a" onmouseover=alert(1))',
        "<iframe src=//example.com></iframe>",
        "```html\n<script>alert(1)</script>\n```",
        "`<script>`",
    ],
)
def test_no_comment_brings_anything_that_runs_or_loads(api: Api, body: str):
    from html.parser import HTMLParser

    class Seen(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[str] = []
            self.attributes: list[tuple[str, str | None]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append(tag)
            self.attributes += attrs

    seen = Seen()
    seen.feed(write(api, body)["html"])
    assert not {"script", "img", "svg", "iframe", "style", "object"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    links = [value or "" for name, value in seen.attributes if name == "href"]
    assert all(link.startswith(("http:", "https:", "mailto:")) for link in links)


def test_the_author_and_administrators_change_it_and_the_old_words_are_kept(api: Api):
    written = write(api, "first words")
    path = f"/v1/comments/{written['id']}"
    assert api("PATCH", path, "bob", json={"body": "mine now"}).status_code == 403
    assert api("DELETE", path, "bob").status_code == 403
    assert api("PATCH", path, json={"body": "second words"}).json()["body"] == "second words"
    assert [each["body"] for each in api("GET", f"{path}/history", "bob").json()] == ["first words"]
    gone = api("DELETE", path, "root").json()
    assert (gone["body"], gone["html"], gone["mentions"]) == ("", "", [])
    assert gone["deleted_at"]
    assert api("PATCH", path, json={"body": "third"}).status_code == 409
    assert api("GET", f"{path}/history", "bob").status_code == 403
    assert [each["body"] for each in api("GET", f"{path}/history").json()] == ["first words"]


def test_what_somebody_else_made_of_it_bears_their_name(api: Api):
    api.door.scopes["dora"] = api.door.scopes["ada"]
    written = write(api, "I like it")
    changed = api("PATCH", f"/v1/comments/{written['id']}", "root", json={"body": "I hate it @dora"}).json()
    assert (changed["author"], changed["edited_by"]) == ("ada", "root")
    (told,) = api("GET", "/v1/notifications", "dora").json()["items"]
    assert told["text"].startswith("root mentioned you")
    api("PATCH", f"/v1/comments/{written['id']}", json={"body": "I do like it"})
    history = api("GET", f"/v1/comments/{written['id']}/history").json()
    assert [(each["body"], each["written_by"]) for each in history] == [
        ("I like it", "ada"),
        ("I hate it @dora", "root"),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (" ".join(f"@name{number}" for number in range(51)), "51 people"),
        ("|a" * 200 + "\n" + "|-" * 200 + "\n" + "||\n" * 6000, "HTML"),
        (">" * 20_000, "nested 20000 deep"),
        ("*" * 9_000 + "a" + "*" * 9_000, "nested"),
    ],
)
def test_what_would_burden_every_reader_is_refused(api: Api, body: str, said: str):
    answer = api("POST", "/v1/comments", json={"target": APPLE, "body": body})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_a_listener_whose_token_ended_hears_no_more(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "BELIEVED", 2)  # seconds
    api.door.scopes["eve"] = api.door.scopes["ada"]
    heard = []
    with httpx.stream(
        "GET", f"{api.url}/v1/comments/events", headers={"Authorization": "Bearer eve"}, timeout=30
    ) as answer:
        lines = answer.iter_lines()
        next(lines)
        del api.door.scopes["eve"]
        heard += list(lines)  # until the service ends it
    assert not [line for line in heard if line.startswith("data")]


def test_a_post_that_is_sent_twice_is_done_once(api: Api):
    new = {"target": "notebook:backtests/once.ipynb", "body": "once"}
    key = {"Idempotency-Key": "a-key"}
    sent = key | {"Authorization": "Bearer ada"}
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(httpx.post(f"{api.url}/v1/comments", json=new, headers=sent, timeout=60))
        )
        for _ in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.status_code for each in answers] == [201] * 8
    assert len({each.json()["id"] for each in answers}) == 1
    again = api("POST", "/v1/comments", json=new, headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    found = api("GET", "/v1/comments", params={"target": new["target"]}).json()["items"]
    assert [each["id"] for each in found] == [again.json()["id"]]
    other = api("POST", "/v1/comments", json=new | {"body": "other"}, headers=key)
    assert other.status_code == 422
    assert api("POST", "/v1/comments", "bob", json=new, headers=key).status_code == 201, "a key is its sender's alone"


def test_a_refused_post_leaves_its_key_free(api: Api):
    key = {"Idempotency-Key": "free-again"}
    bad = {"target": APPLE, "body": "x", "parent": "ffff"}
    assert api("POST", "/v1/comments", json=bad, headers=key).status_code == 422
    assert api("POST", "/v1/comments", json={"target": APPLE, "body": "x"}, headers=key).status_code == 201


def test_who_is_named_or_answered_is_told_once(api: Api):
    api.door.scopes["cleo"] = api.door.scopes["ada"]
    assert write(api, "@Eve@example.org, see @above.")["mentions"] == ["eve@example.org", "above"], "a provider's name"
    first = write(api, "@Cleo see `@bob`, @cleo, mail bob@example.com")
    write(api, "@ada done", "cleo", parent=first["id"])
    mine = api("GET", "/v1/notifications", "cleo").json()["items"]
    assert [(each["kind"], each["about"]["comment"]) for each in mine] == [("mention", first["id"])]
    told = [each["kind"] for each in api("GET", "/v1/notifications").json()["items"] if each["about"]["by"] == "cleo"]
    assert told == ["mention"], "named and answered is told once"
    assert api("POST", "/v1/notifications/read", "cleo", json={"id": mine[0]["id"]}).json() == {"count": 1}
    assert api("GET", "/v1/notifications?unread=true", "cleo").json()["items"] == []


def test_what_one_was_told_and_read_is_kept_for_half_a_year_and_what_one_did_not_read_until_one_does(api: Api):
    api.door.scopes["dana"] = api.door.scopes["ada"]

    def told() -> list[str]:
        return [each["about"]["comment"] for each in api("GET", "/v1/notifications", "dana").json()["items"]][::-1]

    def read(until: int) -> None:
        assert api("POST", "/v1/notifications/read", "dana", json={"id": until}).status_code == 200

    began = datetime.now(UTC)
    one, other = write(api, "@dana")["id"], write(api, "@dana")["id"]
    first = api("GET", "/v1/notifications", "dana").json()["items"][-1]["id"]
    read(first)
    with clock.at(began + timedelta(days=179)):
        read(0)
    assert told() == [one, other]
    with clock.at(began + timedelta(days=181)):
        read(0)
    assert told() == [other]


def test_what_happens_is_heard_and_a_break_loses_nothing(api: Api):
    target = "notebook:backtests/live.ipynb"
    heard: list[tuple[str, str, str]] = []

    def listen(last: str, count: int) -> None:
        headers = {"Authorization": "Bearer bob", **({"Last-Event-ID": last} if last else {})}
        path = f"{api.url}/v1/comments/events"
        with httpx.stream("GET", path, params={"target": target}, headers=headers, timeout=60) as stream:
            event: dict[str, str] = {}
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name == "" and value == "listening":
                    ready.set()
                elif line == "" and "data" in event:
                    heard.append((event["id"], event["event"], json.loads(event["data"])["body"]))
                    event = {}
                    if len(heard) >= count:
                        return
                elif name:
                    event[name] = value

    ready = threading.Event()
    first = threading.Thread(target=listen, args=("", 2))
    first.start()
    assert ready.wait(60)
    written = write(api, "one", target=target)
    api("PATCH", f"/v1/comments/{written['id']}", json={"body": "two"})
    first.join(60)
    assert [kind for _, kind, _ in heard] == ["created", "edited"]
    write(api, "while nobody listens", target=target)
    write(api, "elsewhere")
    second = threading.Thread(target=listen, args=(heard[-1][0], 3))
    second.start()
    second.join(60)
    assert heard[2][1:] == ("created", "while nobody listens")

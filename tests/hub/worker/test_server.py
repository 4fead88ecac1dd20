"""A firing's server as the worker meets it: its owner may have put anything in its place."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hub.worker.server import AwayError, JobServer, NotStartedError, RefusedError

HUB, PUBLIC = "http://hub/hub/api", "http://proxy"
DONE = {"state": "done", "error": "", "cells": 2, "cells_done": 2}
TOLD = DONE | {"progress": None}
FAR = {"bars": 1_000_000, "bars_done": 412_000, "seconds_left": 8.1}
SWEPT = {"trials": 40, "trials_done": 12, "trials_slow": 1, "seconds_left": 8.1}


class Answering:
    """The hub and the server behind one transport; what each is asked is kept."""

    def __init__(self, job: httpx.Response | None = None) -> None:
        self.job = job or httpx.Response(200, json=DONE)
        self.start = httpx.Response(201)
        self.user = httpx.Response(200, json={"servers": {"job-f1": {"ready": True, "url": "/user/ada/job-f1/"}}})
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.host == "proxy":
            return self.job
        if request.url.path.endswith("/tokens"):
            return httpx.Response(201, json={"token": "narrow"})
        return self.start if request.method == "POST" else self.user

    def server(self) -> JobServer:
        http = httpx.Client(transport=httpx.MockTransport(self), headers={"Authorization": "token the-worker-s"})
        return JobServer(http, HUB, PUBLIC, "ada", "f1")


def test_the_worker_s_own_token_never_reaches_a_server() -> None:
    world = Answering()
    server = world.server()
    assert server.is_ready()
    assert server.submit({"notebook": "a.ipynb"}) == TOLD
    assert server.state() == TOLD
    shown = {(each.url.host, each.headers["Authorization"]) for each in world.asked}
    assert shown == {("hub", "token the-worker-s"), ("proxy", "token narrow")}
    (made,) = [each for each in world.asked if each.url.path.endswith("/tokens")]
    assert b'"access:servers!server=ada/job-f1"' in made.content


def test_a_token_that_is_refused_is_replaced() -> None:
    world = Answering(httpx.Response(403))
    server = world.server()
    server.is_ready()
    with pytest.raises(AwayError, match="403"):
        server.state()
    world.job = httpx.Response(200, json=DONE)
    assert server.state() == TOLD
    assert len([each for each in world.asked if each.url.path.endswith("/tokens")]) == 2


@pytest.mark.parametrize(
    "told",
    [
        *("a text", [], {}, DONE | {"state": "owned"}, DONE | {"cells": 10**30}, DONE | {"cells_done": -1}),
        *(DONE | {"error": None}, DONE | {"error": "x" * 2_000_000}),
        *(DONE | {"progress": each} for each in ([], FAR | {"bars": -1}, FAR | {"seconds_left": "soon"}, {"bars": 1})),
        *(DONE | {"progress": each} for each in (SWEPT | {"trials": -1}, {"trials": 40, "seconds_left": None})),
    ],
)
def test_an_answer_that_is_no_state_is_not_taken(told: Any) -> None:
    world = Answering(httpx.Response(200, json=told))
    server = world.server()
    server.is_ready()
    with pytest.raises(AwayError, match="no job's state"):
        server.state()


@pytest.mark.parametrize("far", [FAR, FAR | {"seconds_left": None}, SWEPT])
def test_how_far_the_backtest_or_the_sweep_is_that_runs_is_taken(far: dict[str, Any]) -> None:
    server = Answering(httpx.Response(200, json=DONE | {"state": "running", "progress": far})).server()
    server.is_ready()
    assert server.state()["progress"] == far


def test_a_page_in_place_of_a_state_is_not_taken_and_no_redirect_followed() -> None:
    world = Answering(httpx.Response(200, text="<html>"))
    server = world.server()
    server.is_ready()
    with pytest.raises(AwayError, match="no job's state"):
        server.state()
    world.job = httpx.Response(302, headers={"Location": "http://elsewhere/"})
    with pytest.raises(AwayError, match="302"):
        server.state()
    assert {each.url.host for each in world.asked} == {"hub", "proxy"}


def test_what_the_server_refuses_is_said_in_its_words() -> None:
    world = Answering(httpx.Response(400, json={"message": "There is no notebook 'a.ipynb' in this workspace."}))
    server = world.server()
    server.is_ready()
    with pytest.raises(RefusedError, match="There is no notebook"):
        server.submit({})


def test_an_owner_whom_the_hub_does_not_know_and_a_start_that_fails() -> None:
    world = Answering()
    world.user = httpx.Response(404)
    with pytest.raises(RefusedError, match="knows no user 'ada'"):
        world.server().is_ready()
    world.start = httpx.Response(500, json={"message": "spawner"})
    with pytest.raises(NotStartedError, match="500 spawner"):
        world.server().start()

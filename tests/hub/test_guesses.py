"""Passwords that are guessed: the wait for the next grows, and is nobody else's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders
from traitlets.config import Config

from alphapulse_lib.settings import Settings
from hub import access, deeds
from hub.authenticator import authenticator
from hub.guesses import Guesses, HeldBackError, came_from
from hub.keys import Keys
from hub.outbox import Outbox

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(clock)


def wait(guesses: Guesses, name: str = "ann", address: str = HERE, typed: str = "another") -> int:
    """The seconds that somebody is told to wait; 0 where they need not, and have guessed once more."""
    try:
        guesses.begin(name, address, typed)
    except HeldBackError as held:
        assert held.status_code == 429
        return int(held.headers["Retry-After"])
    return 0


def test_five_guesses_are_free_and_the_wait_for_each_further_one_is_doubled(guesses: Guesses, clock: Clock):
    assert [wait(guesses, typed=f"{turn}") for turn in range(5)] == [0] * 5
    waits = []
    for turn in range(11):
        waits.append(wait(guesses, typed=f"more {turn}"))
        clock.at += waits[-1]
        assert wait(guesses, typed=f"more {turn}") == 0
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    clock.at += 3600
    assert wait(guesses, typed="the next day") == 0


def test_nobody_elsewhere_waits_and_nobody_of_another_name_here(guesses: Guesses):
    for turn in range(6):
        wait(guesses, typed=f"{turn}")
    assert wait(guesses) > 0
    assert wait(guesses, address=ELSEWHERE) == 0, "an attacker would keep ann out"
    assert wait(guesses, name="bob") == 0


def test_the_same_wrong_password_again_is_no_new_guess(guesses: Guesses, clock: Clock):
    assert [wait(guesses, typed="of last year") for _ in range(20)] == [0] * 20
    assert wait(guesses, typed="of this year") == 0
    guesses.right("ann", HERE)
    assert wait(guesses, typed="of last year") == 0


def test_many_names_from_one_address_wait_and_who_is_at_home_there_does_not(guesses: Guesses, clock: Clock):
    wait(guesses, name="bob", typed="right")
    guesses.right("bob", HERE)
    assert [wait(guesses, name=f"name-{turn}") for turn in range(30)] == [0] * 30
    assert wait(guesses, name="ann") == 1
    assert wait(guesses, name="bob") == 0
    for turn in range(20):
        clock.at += 60
        assert wait(guesses, name=f"late-{turn}") == 0
    assert wait(guesses, name="ann") == 60, "an office behind one address is let in again soon"


def test_all_of_a_customer_s_ipv6_addresses_are_one(guesses: Guesses):
    for turn in range(6):
        wait(guesses, address=f"2001:db8:1:2::{turn + 1:x}", typed=f"{turn}")
    assert wait(guesses, address="2001:db8:1:2:ffff::1") > 0
    assert wait(guesses, address="2001:db8:1:3::1") == 0
    for turn in range(6):
        wait(guesses, address="::ffff:198.51.100.7", typed=f"{turn}")
    assert wait(guesses, address="198.51.100.7") > 0


def test_a_right_one_ends_the_wait_for_the_next_and_trouble_is_no_guess(guesses: Guesses):
    for turn in range(4):
        wait(guesses, typed=f"{turn}")
    wait(guesses, typed="right")
    guesses.right("ann", HERE)
    assert [wait(guesses, typed=f"again {turn}") for turn in range(5)] == [0] * 5
    for turn in range(9):
        assert wait(guesses, name="bob", typed=f"{turn}") == 0
        guesses.neither("bob", HERE)


def test_what_is_remembered_does_not_grow_for_ever(guesses: Guesses):
    for number in range(12_000):
        wait(guesses, address=f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    assert len(guesses._counts) <= 10_000


def test_who_guesses_at_the_hub_waits_and_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    held, config, told = Keys(), Config(), []
    access.configure(config, Settings(admins="ann", users="bob"), held)
    outbox = Outbox(tmp_path / "outbox", "http://127.0.0.1:1", "hub")
    monkeypatch.setattr(outbox, "put", told.append)
    monkeypatch.setattr(deeds, "outbox", lambda: outbox)

    async def typing() -> list[Any]:
        door = authenticator("shared-password")(config=config)
        door._guesses = Guesses(Clock())

        async def typed(password: str, address: str = HERE) -> Any:
            headers = HTTPHeaders({"X-Forwarded-For": f"{address}, 127.0.0.1"})
            asks = SimpleNamespace(request=SimpleNamespace(headers=headers, remote_ip="127.0.0.1"))
            try:
                found = await door.get_authenticated_user(asks, {"username": "Ann", "password": password})
            except HeldBackError as held_back:
                return held_back.status_code
            return found and found["name"]

        wrong = [await typed(f"guess {turn}") for turn in range(8)]
        return [*wrong, await typed(held.admin_password), await typed(held.admin_password, ELSEWHERE)]

    assert asyncio.run(typing()) == [None] * 5 + [429] * 4 + ["ann"]
    noticed = [(each["action"], each["who"], each["origin"]) for each in told]
    guessed = [("sign-in.refused", "ann", HERE)] * 5 + [("sign-in.held-back", "ann", HERE)]
    assert noticed == [*guessed, ("sign-in.accepted", "ann", ELSEWHERE)]


def test_where_it_came_from_is_the_word_of_our_proxy():
    said = SimpleNamespace(headers=HTTPHeaders({"X-Forwarded-For": "198.51.100.7, 127.0.0.1"}), remote_ip="127.0.0.1")
    assert came_from(said) == "198.51.100.7"
    assert came_from(SimpleNamespace(headers=HTTPHeaders(), remote_ip="127.0.0.1")) == "127.0.0.1"

"""Answers that are kept for a moment."""

from __future__ import annotations

import asyncio
import time

import pytest

from hub.dashboards.shelf import Shelf


def test_an_answer_is_made_once_however_many_ask_and_again_when_it_is_old():
    made = []

    def slow(what: str) -> str:
        made.append(what)
        time.sleep(0.05)
        return what.upper()

    async def asked() -> None:
        shelf = Shelf()
        assert await asyncio.gather(*(shelf.get(10, slow, "a") for _ in range(5))) == ["A"] * 5
        assert await shelf.get(10, slow, "b") == "B"
        assert made == ["a", "b"]
        await asyncio.sleep(0.02)
        assert await shelf.get(0.01, slow, "a") == "A"
        assert made == ["a", "b", "a"]

    asyncio.run(asked())


def test_a_failure_is_told_to_all_who_wait_and_tried_again_by_the_next():
    tries = []

    def failing() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("no")
        return "yes"

    async def asked() -> None:
        shelf = Shelf()
        with pytest.raises(ValueError, match="no"):
            await shelf.get(10, failing)
        assert await shelf.get(10, failing) == "yes"

    asyncio.run(asked())


def test_it_holds_no_more_than_it_may():
    async def asked() -> int:
        shelf = Shelf(most=3)
        for number in range(10):
            await shelf.get(10, str, number)
        return len(shelf._held)

    assert asyncio.run(asked()) == 3

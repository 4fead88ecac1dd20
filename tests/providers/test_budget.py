"""A budget of calls, in real time."""

from __future__ import annotations

import threading
import time

import pytest
from alpaca_server import KEY, SECRET, alpaca

from alphapulse_lib.providers.alpaca_calls import Calls
from alphapulse_lib.providers.budget import Budget, budget_of


def test_no_window_holds_more_than_the_limit_whoever_calls() -> None:
    budget, made = Budget(10, window=0.5), list[float]()

    def call() -> None:
        for _ in range(9):
            budget.take()
            made.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(3)]
    began = time.monotonic()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    # Nine of ten are used: each call comes a window after its predecessor by nine. A thread may note its time late, so
    # what the last is held against is a moment before the first.
    assert max(made) - began >= 2 * 0.5
    assert len(made) == 27


def test_what_an_answer_says_of_the_limit_is_kept() -> None:
    budget = Budget(1000, window=0.4)
    budget.learn({"X-RateLimit-Limit": "2"})
    began = time.monotonic()
    budget.take()
    budget.take()
    assert time.monotonic() - began >= 0.4


def test_nobody_calls_before_the_reset_when_nothing_remains() -> None:
    budget = Budget(1000, window=30)
    reset = int(time.time()) + 3
    waits = budget.learn({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)})
    assert waits <= 3 and (waits > 0 or time.time() >= reset)
    budget.take()
    assert time.time() >= reset - 0.05


def test_odd_headers_are_passed_over_and_no_wait_is_longer_than_a_window() -> None:
    budget = Budget(1000, window=10)
    assert budget.learn({"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "", "X-RateLimit-Reset": "soon"}) == 0
    assert budget.learn({"X-RateLimit-Reset": "99999999999"}) == 10
    assert budget.take() < 5


def test_a_key_has_one_budget_in_the_process() -> None:
    assert budget_of("somebody", "a") is budget_of("somebody", "a")
    assert budget_of("somebody", "a") is not budget_of("somebody", "b")


def test_how_long_calls_will_take_is_how_long_they_take() -> None:
    budget = Budget(10, window=0.5)  # nine are used
    assert budget.seconds_for(9) == 0
    assert 0.4 < budget.seconds_for(10) <= 0.5
    for _ in range(5):
        budget.take()
    for calls in (4, 5, 9, 14):
        longer = []
        for _ in range(10):  # a busy machine only ever makes it longer
            began, told, copy = time.monotonic(), budget.seconds_for(calls), Budget(10, window=0.5)
            copy._made.extend(budget._made)
            for _ in range(calls):
                copy.take()
            longer.append(time.monotonic() - began - told)
            if longer[-1] < 0.2:
                break
        assert min(longer) > -0.2 and longer[-1] < 0.2, (calls, longer)
    spent = Budget(10, window=60)
    spent.learn({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 30)})
    assert 10 < spent.seconds_for(1) <= 30, "nobody calls before the reset"


def test_a_process_that_starts_anew_goes_on_with_what_the_key_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor counts by key: seven calls of ten were made by a process that died."""
    with alpaca(calls=10, window=3.0) as server:
        for name, value in {"KEY": KEY, "SECRET": SECRET, "URL": server.url}.items():
            monkeypatch.setenv(f"ALPHAPULSE_ALPACA_{name}", value)
        asked = {"symbols": "AAPL", "timeframe": "1Day", "start": "2020-08-27", "end": "2020-08-28"}
        for process, calls in ((Calls(Budget(10, 3.0)), 7), (Calls(Budget(10, 3.0)), 9)):
            for _ in range(calls):
                process.get("stocks", "/stocks/bars", asked)
        assert (len(server.asked), server.refused_for_pace) == (16, 0)


def test_what_others_use_counts_until_the_reset_and_no_longer() -> None:
    def learned(until: float) -> Budget:
        budget = Budget(100, window=60)  # 95 are used
        budget.take()
        budget.learn({"X-RateLimit-Remaining": "40", "X-RateLimit-Reset": str(time.time() + until)})
        return budget

    budget = learned(30)
    assert budget.seconds_for(40) == 0
    assert 10 < budget.seconds_for(41) <= 30
    budget = learned(1)
    time.sleep(1.1)
    assert budget.seconds_for(94) == 0, "but for the call of its own"

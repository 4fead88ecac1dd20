"""A strategy's digest changes with its code and with what it captures, and with nothing else."""

from __future__ import annotations

import linecache
from typing import Any

from alphapulse_lib.engine.source import source_of

CODE = """
from nautilus_trader.trading import Strategy
def helper(x):
    return x + STEP
STEP = 1
UNUSED = 1
class Mine(Strategy):
    def on_bar(self, bar):
        self.UNUSED = helper(1)
"""


def digest(code: str = CODE, **values: Any) -> str:
    space: dict[str, Any] = {"__name__": "__main__"}
    name = f"<cell {hash(code)}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    exec(compile(code, name, "exec"), space)
    space.update(values)
    return source_of(space["Mine"]).digest


def test_the_same_code_has_the_same_digest() -> None:
    assert digest() == digest()
    assert len(digest()) == 64


def test_its_own_code_counts() -> None:
    assert digest(CODE.replace("helper(1)", "helper(2)")) != digest()


def test_a_function_it_calls_counts() -> None:
    assert digest(CODE.replace("x + STEP", "x - STEP")) != digest()


def test_a_global_it_reads_counts_however_deep() -> None:
    assert digest(STEP=2) != digest()
    assert digest(STEP=[1, 1]) != digest(STEP=[1])
    assert digest(STEP={"a": 1}) != digest(STEP={"a": 2})


def test_a_global_that_only_shares_an_attributes_name_does_not_count() -> None:
    assert digest(UNUSED=2) == digest()


def test_a_class_of_a_cell_has_its_text() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    linecache.cache["<one cell>"] = (len(CODE), None, CODE.splitlines(keepends=True), "<one cell>")
    exec(compile(CODE, "<one cell>", "exec"), space)
    assert source_of(space["Mine"]).text == CODE[CODE.index("class Mine") :]

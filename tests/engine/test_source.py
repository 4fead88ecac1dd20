"""A strategy's digest changes with its code and with what it captures, and with nothing else."""

from __future__ import annotations

import importlib
import inspect
import linecache
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from nautilus_trader.model import OrderSide

from alphapulse_lib.engine.source import parts_of, source_of
from alphapulse_lib.engine.strategies import SmaCross
from alphapulse_lib.errors import StrategyUnusable

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


def made(code: str = CODE, **values: Any) -> type:
    space: dict[str, Any] = {"__name__": "__main__"}
    name = f"<cell {hash(code)}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    exec(compile(code, name, "exec"), space)
    space.update(values)
    strategy: type = space["Mine"]
    return strategy


def digest(code: str = CODE, **values: Any) -> str:
    return source_of(made(code, **values)).digest


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


def test_a_side_it_captures_counts_which_pickle_does_not_take() -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(OrderSide.BUY)
    assert digest(STEP=OrderSide.BUY) == digest(STEP=OrderSide.BUY)
    assert digest(STEP=OrderSide.BUY) != digest(STEP=OrderSide.SELL)
    assert digest(STEP=[OrderSide.BUY]) != digest(STEP=[OrderSide.SELL])


def test_a_global_that_only_shares_an_attributes_name_does_not_count() -> None:
    assert digest(UNUSED=2) == digest()


def test_a_class_of_a_cell_has_its_text() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    linecache.cache["<one cell>"] = (len(CODE), None, CODE.splitlines(keepends=True), "<one cell>")
    exec(compile(CODE, "<one cell>", "exec"), space)
    assert source_of(space["Mine"]).text == CODE[CODE.index("class Mine") :]


WITH_A_CONFIGURATION = """
from dataclasses import dataclass, field
from nautilus_trader.trading import Strategy

@dataclass(DECORATED)
class Config:
    fast: int = 5
    names: tuple = ("a", "b")
    levels: list = field(default_factory=list)

class Mine(Strategy):
    def __init__(self, config: Config):
        pass
"""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is of no file, as a kernel is to what its cells define."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))


@pytest.mark.usefixtures("notebook")
@pytest.mark.parametrize("decorated", ["frozen=True", "frozen=True, slots=True"])
def test_a_configuration_of_a_cell_has_its_text_though_it_has_no_functions(decorated: str) -> None:
    first = WITH_A_CONFIGURATION.replace("DECORATED", decorated)
    edited = first.replace("fast: int = 5", "fast: int = 50")
    one, other = made(first), made(edited)
    made(first.replace("levels", "prices"))  # another cell that has another such class at its line
    texts = [parts_of(each).texts["__main__.Config"] for each in (one, other)]
    assert texts[0] == first[first.index("@dataclass") : first.index("\nclass Mine")]
    assert texts[1] == texts[0].replace("= 5\n", "= 50\n")


@pytest.mark.usefixtures("notebook")
def test_a_configuration_that_no_cell_tells_of_has_no_text() -> None:
    code = WITH_A_CONFIGURATION.replace("DECORATED", "frozen=True").replace("fast", "quick")
    mine = made(code)
    del linecache.cache[f"<cell {hash(code)}>"]
    assert "__main__.Config" not in parts_of(mine).texts


#: One class that captures whatever Python orders or numbers anew in each process.
CAPTURING = """
import enum, functools, threading
from dataclasses import dataclass
from nautilus_trader.trading import Strategy

class Side(enum.Enum):
    LONG = 1
    SHORT = 2

@dataclass(frozen=True)
class Config:
    order_id_tag: str = "1"
    fast: int = 1
    slow: int = 2

class Rule:
    def __init__(self, factor):
        self.names, self.factor = {"AAPL", "MSFT", "GOOG", "IBM"}, factor
    def of(self, value):
        return value * self.factor

def twice(value):
    return value * 2

SIDES = {Side.LONG, Side.SHORT}
DEEP = {("a", frozenset({"x", "y", "z"})): [{"p", "q", "r"}], Side.LONG: {1.5, "one", None}}
RULE = Rule(3)
LATER = functools.partial(twice)
LOCK = threading.Lock()
ORDER = lambda name: name in {"AAPL", "MSFT", "GOOG", "IBM"}

class Mine(Strategy):
    def __init__(self, config: Config):
        super().__init__(config)
    def on_bar(self, bar):
        return SIDES, DEEP, RULE.of(1), LATER(1), LOCK, ORDER("AAPL"), bar in {"one", "two", "three"}
"""

TOLD = """
import sys
from alphapulse_lib.engine.source import parts_of, source_of
from alphapulse_lib.errors import StrategyUnusable
from alphapulse_lib.engine import strategies
for name in strategies.__all__:
    each = getattr(strategies, name)
    if isinstance(each, type) and hasattr(each, "on_start"):
        print(name, source_of(each).digest)
space = {"__name__": "__main__"}
exec(compile(sys.stdin.read(), "<no file>", "exec"), space)
print("Mine", source_of(space["Mine"]).digest, parts_of(space["Mine"]).texts)
"""


def in_a_process(seed: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        input=CAPTURING,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_every_process_gives_the_same_digest_and_the_same_texts():
    told = {in_a_process(seed) for seed in (0, 1, 2, 3, 4)}
    assert len(told) == 1, told
    assert len(told.pop().splitlines()) > 2


PROGRAM = """
'another' # {}
from dataclasses import dataclass
from nautilus_trader.trading import Strategy
from alphapulse_lib.engine.source import parts_of, source_of
from alphapulse_lib.engine.strategies import SmaCross
def helper(x):
    return x
@dataclass
class Config:
    order_id_tag: str = "1"
class Mine(Strategy):
    def __init__(self, config: Config):
        super().__init__(config)
    def on_bar(self, bar):
        return helper(bar)
print(source_of(SmaCross).digest, source_of(Mine).digest, source_of(Mine).text.count("return helper(bar)"))
"""


def test_what_a_dataclass_makes_is_no_line_of_the_program_that_python_was_given(tmp_path: Path) -> None:
    def told(program: str) -> str:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
        return done.stdout

    one, other, changed = (
        told(PROGRAM.format("1")),
        told(PROGRAM.format("2")),
        told(PROGRAM.format("1").replace("return x", "return -x")),
    )
    assert one == other
    assert one.split()[2] == "1"
    shipped, mine = zip(*(each.split()[:2] for each in (one, changed)), strict=True)
    assert shipped == (source_of(SmaCross).digest,) * 2
    assert mine[0] != mine[1], "its own helper counts"


def capturing(tmp_path: Path, changed: str = "", to: str = "") -> str:
    """The digest of that class, written to a file, with a change."""
    code = CAPTURING.replace(changed, to) if changed else CAPTURING
    assert not changed or code != CAPTURING
    space: dict[str, Any] = {"__name__": "__main__"}
    path = str(tmp_path / "mine.py")
    linecache.cache[path] = (len(code), None, code.splitlines(keepends=True), path)
    exec(compile(code, path, "exec"), space)
    return source_of(space["Mine"]).digest


@pytest.mark.parametrize(
    ("changed", "to"),
    [
        ('"z"})', '"y"})'),
        ('"r"}', '"s"}'),
        ("SIDES = {Side.LONG, Side.SHORT}", "SIDES = {Side.LONG}"),
        ("Rule(3)", "Rule(4)"),
        ("value * self.factor", "value + self.factor"),
        ("value * 2", "value * 3"),
        ("LONG = 1", "LONG = 3"),
        ('1.5, "one"', '1.5, "two"'),
        ("fast: int = 1", "fast: int = 2"),
        ("slow: int = 2", "slow: int = 1"),
    ],
)
def test_what_sets_and_objects_hold_counts_and_so_does_their_code(tmp_path: Path, changed: str, to: str):
    assert capturing(tmp_path, changed, to) != capturing(tmp_path)


class Level:
    def __init__(self, value: float) -> None:
        self.value = value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(5000.0), np.where(np.arange(5000) == 2500, 0.0, np.arange(5000.0))),
        (np.array([0.12345678901]), np.array([0.12345678902])),
        (pd.DataFrame({"x": np.arange(500)}), pd.DataFrame({"x": np.arange(500)}).replace(250, 7)),
        ([Level(1.0)], [Level(2.0)]),
        ([*range(3000)], [*range(2999), 0]),
    ],
)
def test_what_python_does_not_show_of_a_value_is_told_by_its_digest(one: Any, other: Any) -> None:
    def told(step: Any) -> str:
        return parts_of(made(STEP=step)).texts["__main__.STEP"]

    assert told(one) == told(one) != told(other)
    assert len(told(one)) < 2_100


DECORATED = """
import functools
from nautilus_trader.trading import Strategy
def every(function):
    @functools.wraps(function)
    def inner(self, bar):
        return function(self, bar) if bar % 2 else None
    return inner
def doubled(function):
    @functools.wraps(function)
    def inner(x):
        return function(x) * 2
    return inner
@functools.lru_cache
def kept(x):
    return x + 1
@doubled
def helped(x):
    return x + 10
class Kind(type):
    def chosen(cls):
        return 30
class Sizes(metaclass=Kind):
    pass
class Mine(Strategy):
    @every
    def on_bar(self, bar):
        self.size = kept(1) + helped(2) + Sizes.chosen()
    @property
    def size(self):
        return 100
    @size.setter
    def size(self, value):
        self._size = value + 1000
    @functools.cached_property
    def once(self):
        return 10_000
    @staticmethod
    @functools.cache
    def still():
        return 100_000
"""


@pytest.mark.parametrize(
    ("changed", "to"),
    [
        ("bar % 2", "bar % 3"),
        ("function(x) * 2", "function(x) * 3"),
        ("x + 1\n", "x + 2\n"),
        ("x + 10\n", "x + 20\n"),
        ("return 30", "return 40"),
        ("return 100\n", "return 200\n"),
        ("value + 1000", "value + 2000"),
        ("10_000", "20_000"),
        ("100_000", "200_000"),
        ("kept(1)", "kept(2)"),
    ],
)
def test_what_decorators_put_around_a_function_counts_and_so_does_the_function(changed: str, to: str):
    assert DECORATED.count(changed) == 1
    assert digest(DECORATED.replace(changed, to)) != digest(DECORATED)


def test_a_decorators_own_code_is_kept_under_its_own_name():
    space: dict[str, Any] = {"__name__": "__main__"}
    linecache.cache["<decorated>"] = (len(DECORATED), None, DECORATED.splitlines(keepends=True), "<decorated>")
    exec(compile(DECORATED, "<decorated>", "exec"), space)
    texts = parts_of(space["Mine"]).texts
    assert "bar % 2" in texts["__main__.every.<locals>.inner"]
    assert "x + 10" in texts["__main__.helped"]
    assert "x + 1\n" in texts["__main__.kept"]


def test_a_value_counts_wherever_it_stands():
    code = CODE.replace("STEP = 1", "STEP, FIRST, SECOND = 1, 2, 2").replace("x + STEP", "x + STEP + FIRST + SECOND")
    assert digest(code, SECOND=1) != digest(code, SECOND=2)


def test_what_it_does_not_read_does_not_count(tmp_path: Path):
    assert capturing(tmp_path, "LOCK = threading.Lock()", "OTHER = 1; LOCK = threading.Lock()") == capturing(tmp_path)


def test_a_family_is_declared_in_the_class():
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("from nautilus_trader.trading import Strategy\nclass Mine(Strategy):\n    family = 'carry'", space)
    assert source_of(space["Mine"]).family == "carry"
    space["Mine"].family = 7
    with pytest.raises(StrategyUnusable, match="no name of a family"):
        source_of(space["Mine"])


@pytest.mark.parametrize("name", ["C", "F", "Config"])
def test_the_text_of_a_configuration_is_its_own_however_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Its functions are in files of Python's, which hold something else at its line, and classes of other names."""
    own = f"@dataclass(frozen=True)\nclass {name}:\n    fast: int = 10\n"
    code = f"from dataclasses import dataclass\nfrom nautilus_trader.trading import Strategy\n\n{own}\n"
    code += f"class Mine(Strategy):\n    def __init__(self, config: {name}):\n        super().__init__(config)\n"
    module = f"short_{name.lower()}"
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = importlib.import_module(module)
    assert parts_of(found.Mine).texts[f"{module}.{name}"] == own


def test_no_module_is_looked_at_that_the_strategy_has_nothing_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """`inspect` alone looks at all that are loaded, for each function: most of what a run's digest took."""
    looked: list[str] = []

    class Watched(ModuleType):
        @property
        def __file__(self) -> str:
            looked.append(self.__name__)
            return f"{self.__name__}.py"

    monkeypatch.setitem(sys.modules, "a_module_of_somebody_else", Watched("a_module_of_somebody_else"))
    source_of(SmaCross), source_of(made())
    assert not looked
    inspect.getsource(SmaCross.on_bar.__code__)
    assert looked, "it no longer does: text_of may use it again"

"""A strategy as bytes: by value where it is somebody's own, whoever packs at the same time."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from alphapulse_lib.engine.packing import Packed, packed
from alphapulse_lib.errors import StrategyUnusable

TEXT = """
from tests.resources.toy_market import Planned, PlannedConfig
SLOW = None
def doubled(number):
    return 2 * number if SLOW is not None else 0
class Own(Planned):
    def __init__(self, config: PlannedConfig):
        super().__init__(config)
        self.four = doubled(2)
"""


class Slow:
    """Held by the strategy's module: while it is packed, another thread packs the same class, or begins to."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.beside: list[Any] = []
        self.other: threading.Thread | None = None

    def __reduce__(self) -> Any:
        if self.other is None and "own_module" in cloudpickle.list_registry_pickle_by_value():  # not while it is read
            self.other = threading.Thread(target=self._pack)
            self.other.start()
            self.other.join(0.5)
        return dict, ()

    def _pack(self) -> None:
        try:
            self.beside.append(packed(self._kind))
        except StrategyUnusable as refused:  # shown by what compares it
            self.beside.append(refused)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the workspace, in which something takes long to be packed."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_module.py").write_text(TEXT)
    importlib.invalidate_caches()
    module = importlib.import_module("own_module")
    yield module
    sys.modules.pop("own_module", None)


#: Of a class that is read from standard input, where no module of its own is to be found.
THERE = """
import pickle, sys
plan = pickle.load(sys.stdin.buffer)
print(plan.strategy.__init__.__globals__["doubled"](2))
"""


def doubled_in_another_process(found: Packed) -> str:
    asked = subprocess.run([sys.executable, "-c", THERE], input=found.blueprint, capture_output=True, check=True)
    return asked.stdout.decode().strip()


def test_two_threads_that_pack_the_same_class_take_nothing_from_each_other(own: Any) -> None:
    own.SLOW = slow = Slow(own.Own)
    first = packed(own.Own)
    assert slow.other is not None
    slow.other.join(120)
    assert cloudpickle.list_registry_pickle_by_value() == set()
    assert [doubled_in_another_process(each) for each in (first, *slow.beside)] == ["4", "4"]


def test_what_somebody_else_has_cloudpickle_take_by_value_it_still_does_afterwards(own: Any) -> None:
    cloudpickle.register_pickle_by_value(own)
    try:
        packed(own.Own)
        assert cloudpickle.list_registry_pickle_by_value() == {"own_module"}
    finally:
        cloudpickle.unregister_pickle_by_value(own)

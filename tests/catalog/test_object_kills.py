"""Imports into an object store that are killed in the middle, and a store that fails there."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from desk_in_a_store import SYMBOLS, closes, daily
from object_store import Edge, ObjectStore

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.catalog import integrity, storage
from alphapulse_lib.errors import CatalogError
from alphapulse_lib.location import ObjectPath

#: The root is a bucket's, and the settings' catalog.
pytestmark = pytest.mark.parametrize("root", ["store"], indirect=True)

#: An import in a process of its own, which is killed from outside.
IMPORTING = "import sys, alphapulse_lib as ap; ap.ingest('files', sys.argv[1], period='1d')"


def besiege(store: ObjectStore, edge: Edge, root: ObjectPath, tmp_path: Path, kills: int) -> str:
    """Restating imports, killed as their nth request arrives: before it is passed on, or after. No moment twice."""
    first, second = daily(tmp_path), daily(tmp_path, add=1.0)
    ap.ingest("files", first, period="1d")
    held = store.contents(root.bucket)
    before = {symbol: closes(root, symbol) for symbol in SYMBOLS}
    wanted = {symbol: [each + 1 for each in before[symbol]] for symbol in SYMBOLS}
    moment, ended = clock.now_ns(), Counter[str]()

    def importing() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", IMPORTING, str(second)], stderr=subprocess.PIPE, text=True)

    edge.seen.clear()
    undisturbed = importing()
    assert undisturbed.wait(240) == 0
    steps = len(edge.seen)
    assert {symbol: closes(root, symbol) for symbol in SYMBOLS} == wanted
    moments = [(step, how) for step in range(steps) for how in ("cut request", "swallow")]
    for at in np.random.default_rng(20261126).choice(len(moments), kills, replace=False):
        step, how = moments[at]
        store.put_back(root.bucket, held)
        assert {symbol: closes(root, symbol) for symbol in SYMBOLS} == before
        seen = 0
        process = importing()

        def kill(method: str, asked: str, step: int = step, how: str = how) -> str:
            nonlocal seen
            seen += 1
            if seen - 1 != step:
                return ""
            process.send_signal(signal.SIGKILL)  # noqa: B023 each turn's own, which ends within the turn
            process.wait()  # noqa: B023
            return how

        edge.harm = kill
        ended[signal.Signals(-code).name if (code := process.wait(240)) else "ended before its kill"] += 1
        edge.harm = lambda method, asked: ""
        restated = 0
        for symbol in SYMBOLS:  # Whatever happened, each series is the old one or the new one, whole.
            found = closes(root, symbol)
            assert found in (before[symbol], wanted[symbol])
            restated += found == wanted[symbol]
            assert closes(root, symbol, recorded_as_of=moment) == before[symbol]
        ended[f"left {restated} of {len(SYMBOLS)} series restated"] += 1
        ap.ingest("files", second, period="1d")
        assert {symbol: closes(root, symbol) for symbol in SYMBOLS} == wanted
        assert {symbol: closes(root, symbol, recorded_as_of=moment) for symbol in SYMBOLS} == before
        assert integrity.check(root) == []
        assert not [path for path in storage.files(root / "imports") if path.suffix == ".unfinished"]
    assert ended["SIGKILL"] > kills / 2  # the others had ended: what an import asks for last, not all of them need
    return f"{kills} kills of imports of {steps} requests: {dict(ended)}"


def test_imports_killed_in_the_middle_tear_lose_and_double_nothing(
    object_store: ObjectStore, edge: Edge, root: ObjectPath, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    told = besiege(object_store, edge, root, tmp_path, 4)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")


@pytest.mark.siege
@pytest.mark.timeout(10_800)  # a busy machine is no defect
def test_a_hundred_kills_tear_lose_and_double_nothing(
    object_store: ObjectStore, edge: Edge, root: ObjectPath, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    told = besiege(object_store, edge, root, tmp_path, 100)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")


def test_an_error_of_the_store_in_mid_import_is_told_and_the_next_import_does_the_rest(
    edge: Edge, root: ObjectPath, tmp_path: Path
):
    path = daily(tmp_path)
    edge.harm = lambda method, asked: "refuse" if method == "PUT" and "/bars/CORE" in asked else ""
    with pytest.raises(CatalogError, match="CORE"):
        ap.ingest("files", path, period="1d")
    edge.harm = lambda method, asked: ""
    assert (len(closes(root, "ACME")), len(closes(root, "CORE"))) == (250, 0)
    assert ap.ingest("files", path, period="1d").written == 250
    assert ap.check().empty

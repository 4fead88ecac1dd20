"""A sweep of two hundred trials whose processes are killed over and over: in the end each trial is recorded once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import settings
from tests.resources.toy_market import write_minutes

TRIALS = 200
SCRIPT = f"""
import alphapulse_lib as ap
from tests.resources.toy_market import Planned
swept = ap.sweep(Planned, "TOY", "1m", grid={{"plan": [{{"1": n}} for n in range(1, {TRIALS + 1})]}},
                 objective="end_equity", progress=False)
print(len(swept.trials), swept.returns.shape)
"""


def start(script: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, script], env=environment, text=True, stdout=subprocess.PIPE, start_new_session=True
    )


def victims(process: subprocess.Popen[str], kind: str) -> list[psutil.Process]:
    """The processes of a sweep of one kind: Dask's workers, those that hold the data, or the sweep itself."""
    try:
        mine = psutil.Process(process.pid)
        if kind == "sweep":
            return [mine]
        return [each for each in mine.children(recursive=True) if kind in " ".join(each.cmdline())]
    except psutil.Error:
        return []


def whole(ledger: Ledger) -> list[str]:
    """The ids of the recorded runs; each must have its files."""
    ids = ledger.ids()
    for record in ledger.runs():
        assert all(ledger.file(record.id, name).exists() for name in record.artefacts.values())
    return ids


@pytest.mark.siege
@pytest.mark.timeout(1800)
def test_each_trial_is_recorded_once_whatever_is_killed(tmp_path: Path) -> None:
    write_minutes("TOY")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ledger, dice = Ledger(settings().ledger_root), random.Random(3)
    killed = {"spawn_main": 0, "engine.nursery": 0, "sweep": 0}
    kept: list[str] = []
    before = 0
    running = start(script)
    while running.poll() is None:
        time.sleep(dice.uniform(1, 4))
        kind = dice.choice(list(killed))
        if len(ledger.ids()) < before + 3:
            continue  # between two deaths it must come forward: over whom a process dies twice, he is said to kill it
        before = len(ledger.ids())
        for each in victims(running, kind)[:1]:
            family = psutil.Process(running.pid).children(recursive=True) if kind == "sweep" else []
            each.kill()
            killed[kind] += 1
            if kind == "sweep":
                running.wait()
                assert not psutil.wait_procs(family, timeout=60)[1]
                assert whole(ledger)[: len(kept)] == kept
                kept = whole(ledger)
                running = start(script)
    told, _ = running.communicate()
    records = ledger.runs()
    print(f"killed: {killed}; recorded: {len(records)}, specs: {len({each.spec_id for each in records})}")  # noqa: T201
    assert running.returncode == 0
    assert told.startswith(f"{TRIALS} (1, {TRIALS})")
    assert len(records) == len({each.spec_id for each in records}) == TRIALS
    assert {each.status for each in records} == {"finished"}
    # What a killed sweep wrote and no ledger heard of goes as the next one begins, once it is too old to be under way.
    recorded = {each.id for each in records}
    for each in (ledger.root / "runs").iterdir():
        os.utime(each, (0, 0) if each.name in recorded else (1, 1))
    again = start(script)
    assert again.communicate()[0].startswith(f"{TRIALS} (1, {TRIALS})")
    assert again.returncode == 0
    assert sorted(each.name for each in (ledger.root / "runs").iterdir()) == sorted(each.id for each in records)
    assert sorted(whole(ledger)) == sorted(each.id for each in records)

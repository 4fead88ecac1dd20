"""A full disk, where the ledger lies or where runs keep their own files: it is said, and nothing is half done."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from nautilus_trader.model import Bar
from toy_market import Planned, write_minutes

import alphapulse_lib as ap
from alphapulse_lib.errors import LedgerError, RunError

BARS = [(100.0 + number % 7, 110.0, 90.0, 100.0 + number % 5) for number in range(3_000)]
PLANS = [{"1": shares} for shares in range(1, 31)]


class Prints(Planned):
    """Fills the small disk that its own temporary files lie on, and prints."""

    def on_bar(self, bar: Bar) -> None:
        print("a word " * 1000)  # noqa: T201  what a strategy prints
        place = Path(os.environ["TMPDIR"])
        if place.is_mount() and not (place / "filling").exists():
            with contextlib.suppress(OSError), (place / "filling").open("wb", buffering=0) as file:
                for _ in range(4_000):
                    file.write(b"x" * 4096)


def bought() -> ap.Run:
    return ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 50}}, progress=False)


def swept() -> int:
    found = ap.sweep(Planned, "TOY", "1m", grid={"plan": PLANS}, objective="end_equity", progress=False)
    return len(found.table)


@pytest.mark.parametrize("full", [LedgerError, RunError])
def test_a_full_disk_is_said_and_what_comes_once_there_is_room_goes_on(
    full: type[Exception],
    small_disk: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    disk = small_disk("3m")
    ledger = disk if full is LedgerError else tmp_path / "ledger"
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(ledger))
    if full is LedgerError:
        request.getfixturevalue("shared")
    else:  # a cluster of the sweep's own, whose files lie there, too
        monkeypatch.setenv("TMPDIR", str(disk))
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
    write_minutes("TOY", BARS)
    first = bought()

    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 4096)
    for act in (bought, swept):
        with pytest.raises(full, match="disk is full"):
            act()
    assert ap.runs()["trials"].tolist() == [1], "what there is can be seen, and made room of"
    assert ap.run(first.id).equity.equals(first.equity)
    filling.unlink()
    assert bought().equity.equals(first.equity)
    assert len(ap.runs()) == 2

    small_disk(f"{shutil.disk_usage(disk).used // 1024 + 150}k")
    with pytest.raises(full, match="disk is full"):
        swept()
    small_disk("30m")
    for run_id in ap.runs()["id"]:
        assert len(ap.run(run_id).equity) == len(BARS), "it is in the ledger, and its files are not"
    assert swept() == len(PLANS)
    assert len(ap.runs()) == 2 + len(PLANS)

    (ledger / "ledger.sqlite").unlink()
    with pytest.warns(UserWarning, match=f"made anew from records.jsonl with its {2 + len(PLANS)} runs"):
        assert len(ap.runs()) == 2 + len(PLANS)


def test_trials_that_fill_a_disk_are_no_failed_ones(
    small_disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = small_disk("6m")
    monkeypatch.setenv("TMPDIR", str(disk))
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    write_minutes("TOY", BARS[:100])
    given = {"progress": False}
    with pytest.raises(RunError, match="disk is full"):
        ap.backtest(Prints, "TOY", "1m", params={"plan": PLANS[0]}, **given)
    (disk / "filling").unlink()
    with pytest.raises(RunError, match="disk is full"):
        ap.sweep(Prints, "TOY", "1m", grid={"plan": PLANS[:2]}, workers=1, **given)
    assert len(ap.runs()) == 0, "once there is room, the same call runs them"

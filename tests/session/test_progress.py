"""How far a run is, told to the job whose notebook makes it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from toy_market import SIX, Planned, write_minutes

import alphapulse_lib as ap


class Slow(Planned):
    """Says at its fortieth bar what is told of it; its plan holds the file."""

    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        time.sleep(0.05)
        if self._seen == 40:
            file = Path(self._plan["file"])
            sys.stdout.write(f"told {file.read_text() if file.exists() else 'nothing'}\n")


@pytest.mark.parametrize("progress", [True, False])
def test_a_job_reads_how_far_the_run_is_that_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], progress: bool
) -> None:
    write_minutes("TOY", SIX * 8)
    file = tmp_path / "progress.json"
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", str(file))
    ap.backtest(Slow, "TOY", "1m", params={"plan": {"file": str(file)}}, progress=progress)
    said = capsys.readouterr().out.partition("told ")[2].strip()
    assert not list(tmp_path.glob("progress*")), "it is over"
    if not progress:
        assert said == "nothing"
        return
    told = json.loads(said)
    assert told["bars"] == 48
    assert 10 <= told["bars_done"] <= 40
    assert 0.02 < told["seconds_left"] / (48 - told["bars_done"]) < 1.0, "a bar takes 0.05 s, on a busy machine more"


def test_a_run_ends_well_though_nothing_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_minutes("TOY", SIX * 8)
    monkeypatch.setenv("ALPHAPULSE_PROGRESS_FILE", str(tmp_path / "gone" / "progress.json"))
    made = ap.backtest(Slow, "TOY", "1m", params={"plan": {"file": str(tmp_path / "none")}}, progress=True)
    assert made.status == "finished"

"""The papermill template, run with other parameters than its own."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Workspace

SPEC = """
import json, sys
import alphapulse_lib as ap
spec = ap.run(sys.argv[1]).record.spec
print(json.dumps([spec.instruments, spec.parameters["fast"], spec.parameters["slow"]]))
"""


def test_it_runs_with_other_parameters_and_ends_with_the_id_of_a_run(workspace: Workspace) -> None:
    done = workspace.run(
        "-m", "papermill", "backtests/sma.ipynb", "out.ipynb", "--no-progress-bar",
        *("-p", "symbol", "MSFT", "-p", "fast", "20", "-p", "slow", "60", "-p", "start", "2010-01-01"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    made = json.loads((workspace.folder / "out.ipynb").read_text())
    (said,) = [cell for cell in made["cells"] if "run-id" in cell["metadata"].get("tags", [])]
    run_id = "".join(said["outputs"][0]["data"]["text/plain"]).strip("'")

    asked = workspace.run("-c", SPEC, run_id)
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout) == [["MSFT.XNAS"], 20, 60]


def test_it_runs_with_the_parameters_that_the_how_to_schedules_it_with(workspace: Workspace) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "schedule.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^alphapulse schedule add backtests/sma\.ipynb .*$", page, re.MULTILINE)
    words = shlex.split(line)
    given = dict(words[place + 1].split("=") for place, word in enumerate(words) if word == "-p")
    (told,) = re.findall(r"parameters=(\{.*?\})", page)
    assert {name: str(value) for name, value in json.loads(told).items()} == given
    pairs = [each for name, value in given.items() for each in ("-p", name, value)]
    done = workspace.run("-m", "papermill", "backtests/sma.ipynb", "told.ipynb", "--no-progress-bar", *pairs)
    assert done.returncode == 0, done.stderr[-4000:]


def test_the_one_for_any_strategy_takes_one_from_a_file(workspace: Workspace) -> None:
    mine = "from alphapulse_lib.engine.strategies import SmaCross\n\nclass Mine(SmaCross):\n    pass\n"
    (workspace.folder / "strategies").mkdir()
    (workspace.folder / "strategies" / "mine.py").write_text(mine)
    asked = (
        'strategy: "../strategies/mine.py:Mine"\nsymbols: [MSFT]\nparams: {fast: 20, slow: 60}\ncosts: {percent: 0.1}\n'
    )
    done = workspace.run(
        "-m", "papermill", "backtests/strategy.ipynb", "any.ipynb", "--no-progress-bar",
        *("--cwd", "backtests", "-y", asked),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    made = json.loads((workspace.folder / "any.ipynb").read_text())
    (said,) = [cell for cell in made["cells"] if "run-id" in cell["metadata"].get("tags", [])]
    asked = workspace.run("-c", SPEC, "".join(said["outputs"][0]["data"]["text/plain"]).strip("'"))
    assert json.loads(asked.stdout) == [["MSFT.XNAS"], 20, 60]


def test_a_parameter_that_cannot_be_used_fails_the_notebook(workspace: Workspace) -> None:
    done = workspace.run(
        "-m", "papermill", "backtests/sma.ipynb", "bad.ipynb", "--no-progress-bar", "-p", "symbol", "NOBODY"
    )
    assert done.returncode != 0
    assert "UnknownSymbol" in done.stderr

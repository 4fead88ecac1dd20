"""The papermill template, run with other parameters than its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Workspace


def test_it_runs_with_other_parameters_and_ends_with_the_id_of_a_run(workspace: Workspace) -> None:
    done = workspace.run(
        "-m", "papermill", "backtests/sma.ipynb", "out.ipynb", "--no-progress-bar",
        *("-p", "symbol", "MSFT", "-p", "fast", "20", "-p", "slow", "60", "-p", "start", "2010-01-01"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    made = json.loads((workspace.folder / "out.ipynb").read_text())
    (said,) = [cell for cell in made["cells"] if "run-id" in cell["metadata"].get("tags", [])]
    run_id = "".join(said["outputs"][0]["data"]["text/plain"]).strip("'")

    asked = workspace.run("-m", "alphapulse_lib.cli", "run", run_id, "--json")
    assert asked.returncode == 0, asked.stderr
    record = json.loads(asked.stdout)
    assert record["spec"]["instruments"] == ["MSFT.XNAS"]
    assert (record["spec"]["parameters"]["fast"], record["spec"]["parameters"]["slow"]) == (20, 60)


def test_a_parameter_that_cannot_be_used_fails_the_notebook(workspace: Workspace) -> None:
    done = workspace.run(
        "-m", "papermill", "backtests/sma.ipynb", "bad.ipynb", "--no-progress-bar", "-p", "symbol", "NOBODY"
    )
    assert done.returncode != 0
    assert "UnknownSymbol" in done.stderr

"""`alphapulse sweep` and `alphapulse walk-forward`: JSON, tables, exit codes."""

from __future__ import annotations

import json

import pytest
from command_line import alphapulse

GRID = ("SmaCross", "GOOG", "-g", "fast=[5, 10]", "-g", "slow=[20]", "--start", "2008-01-01", "--end", "2009-06-30")

pytestmark = pytest.mark.usefixtures("sample", "shared")


def test_a_sweep_as_json() -> None:
    done = alphapulse("sweep", *GRID, "-c", "per_share=0.01", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [(each["fast"], each["slow"]) for each in told["trials"]] in ([(5, 20), (10, 20)], [(10, 20), (5, 20)])
    assert told["best"] == told["trials"][0]["id"]
    assert told["statistics"]["sharpe"] == told["trials"][0]["sharpe"] >= told["trials"][1]["sharpe"]
    assert told["statistics"]["commission"] > 0
    assert 0 <= told["pbo"] <= 1
    assert told["deflated"]["trials"] == 2


def test_walking_forward_as_json() -> None:
    done = alphapulse("walk-forward", *GRID, "--train", "200", "--test", "80", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [each["fold"] for each in told["folds"]] == [0, 1]
    assert told["statistics"]["observations"] == 160
    assert {each["parameter"] for each in told["stability"]} == {"fast", "slow"}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("sweep", "SmaCross", "GOOG"), 2, "--grid"),
        (("sweep", "SmaCross", "GOOG", "-g", "fast=5"), 2, "no JSON list"),
        (("sweep", "SmaCross", "GOOG", "-g", "fats=[5]"), 2, "fast"),
        (("walk-forward", "SmaCross", "GOOG", "-g", "fast=[5]", "--train", "0"), 2, "train=0"),
    ],
)
def test_a_wrong_call_is_told(words: tuple[str, ...], code: int, told: str) -> None:
    done = alphapulse(*words)
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr

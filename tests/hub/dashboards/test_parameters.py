"""What a person writes into the form of a schedule."""

from __future__ import annotations

import pytest

from hub.dashboards.parameters import read, shipped, written
from hub.dashboards.remote import TroubleError


def test_parameters_are_read_as_they_are_written_back():
    given = {
        "symbol": "GOOG",
        "fast": 10,
        "costs": {"per_share": 0.005},
        "names": ["A", "B"],
        "on": True,
        "no": None,
        "symbol2": "ON",
        "at": "09:30",
        "text": "1e5",
        "day": "2010-01-04",
        "small": 1e-07,
        "x": "null",
        "y": "true",
        "z": "010",
    }
    assert read(written(given)) == given
    assert written({"share": 0.5, "fast": 10, "name": "ON"}) == "share: 0.5\nfast: 10\nname: ON"
    assert read("a: 0.5\nb: 1e3\nc: -2\nd: .5\ne: NO\nf: 12:30") == {
        "a": 0.5, "b": 1000.0, "c": -2, "d": 0.5, "e": "NO", "f": "12:30",
    }  # fmt: skip
    assert read("start: 2010-01-04") == {"start": "2010-01-04"}
    assert read(" \n") == {}


@pytest.mark.parametrize(
    "text", ["fast", "- 1\n- 2", "a: b: c", "x: [1", "!!python/object/apply:os.system ['true']", "3"]
)
def test_what_is_no_parameter_is_refused_with_words(text: str):
    with pytest.raises(TroubleError) as refused:
        read(text)
    assert "fast: 10" in refused.value.hint


def test_the_parameters_of_a_notebook_that_came_along_are_known():
    found = read(shipped("backtests/sma.ipynb"))
    assert {"fast", "slow"} <= found.keys()


@pytest.mark.parametrize(
    "path", ["", "none.ipynb", "../pyproject.toml", "../../etc/passwd", "/etc/passwd", "backtests", "\0.ipynb"]
)
def test_no_other_file_is_looked_into(path: str):
    assert shipped(path) == ""

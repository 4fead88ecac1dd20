"""What a function's own text says of what was to come is named, and what anybody writes in one is not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from alphapulse_lib.engine.written import written_data

SINCE = 1_325_376_000 * 10**9  # 2012-01-01
MANY = ", ".join(map(str, range(16)))
DAYS = ", ".join(f"{day}: 1.5" for day in range(16))


def written(body: str, whole: bool = False) -> list[str]:
    return written_data({"Idea": f"class Idea:\n    def on_bar(self, bar):\n        {body}\n"}, SINCE, whole)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (f"wanted = [{MANY}]", "the list of 16 values on line 3 in Idea"),
        (f"wanted = ({MANY})[self.at]", "the tuple of 16 values on line 3 in Idea"),
        (f"wanted = {{{DAYS}}}.get(bar.ts)", "the mapping of 32 values on line 3 in Idea"),
        (f"wanted = np.array([[{MANY[:20]}], [{MANY[20:]}]])", "the list of 16 values on line 3 in Idea"),
        (f"wanted = {'+-' * 80!r}[self.at]", "the text '+-+-+-+-+-+-+-+-+-+-' ... on line 3 in Idea"),
        ("wanted = bar.day == '2012-06-01'", "the text '2012-06-01' on line 3 in Idea"),
        ("wanted = bar.day == date(2012, 6, 1)", "the date 2012-06-01 on line 3 in Idea"),
        (f"wanted = {2**70} >> self.at & 1", "the value on line 3 in Idea"),
        (f"wanted = lambda at: [{MANY}][at]", "the list of 16 values on line 3 in Idea"),
    ],
)
def test_what_may_know_the_future_is_named_with_its_line(body: str, told: str) -> None:
    assert written(body) == [told]


@pytest.mark.parametrize(
    "body",
    [
        f"'''{'What it does, at length. ' * 10}'''",
        f"raise ValueError({'It cannot. ' * 20!r})",
        f"self.log.info({'It is so. ' * 20!r})",
        f"print({'It is so. ' * 20!r})",
        f"ap.sql({'SELECT close FROM bars_1d WHERE close > 0 ' * 4!r})",
        "wanted = [1, 2, 3]",
        "wanted = bar.day > '2011-12-31'",
        "wanted = date(2011, 1, 2)",
        "wanted = [each * 2 for each in self.held]",
    ],
)
def test_what_anybody_writes_is_not(body: str) -> None:
    assert written(body) == []


def test_what_lies_outside_of_functions_and_what_was_captured_is_looked_at_where_nothing_else_tells_it() -> None:
    code = {
        "desk": f"TABLE = [{MANY}]\ndef used():\n    return TABLE\n",
        "desk.LEVEL": "5",
        "desk.DAYS": f"[{MANY}]",
        "desk.FRAME": "            close\n2012-03-04  1.5\n...",
    }
    assert written_data(code, SINCE) == []
    assert written_data(code, SINCE, whole=True) == [
        "the list of 16 values on line 1 in desk",
        "desk.DAYS",
        "desk.FRAME",
    ]


def test_a_module_that_a_function_imports_late_is_named_unless_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "desk_far_away.py").write_text("LEVEL = 5\n")
    importlib.invalidate_caches()
    body = "import json, desk_far_away; from pandas import Series; from nowhere_at_all import nothing"
    late = ["the module desk_far_away, which Idea imports while it runs,"]
    assert written(body) == late
    assert "desk_far_away" not in sys.modules, "the question imports nothing"
    importlib.import_module("desk_far_away")
    try:
        assert written(body) == []
        assert written(body, whole=True) == late
    finally:
        del sys.modules["desk_far_away"]

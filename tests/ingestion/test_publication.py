"""A person's own series into the team's catalog: the same answers, a record of who did it, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog.reader import bar_floats
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged, InputError
from alphapulse_lib.ingestion.records import find

HEADER = "Date,Open,High,Low,Close,Volume,available_at\n"
FIRST = "2013-05-01,10,11,9,10.5,100,2013-05-01\n2013-05-02,10.5,12,10,11,200,2013-05-02\n"
#: What was said of the first of May two weeks later.
CORRECTED = "2013-05-01,10,11,9,10.75,100,2013-05-14\n"


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Roots:
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "team"))
    monkeypatch.setenv("ALPHAPULSE_PERSONAL_CATALOG", str(tmp_path / "own"))
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    return Roots(tmp_path / "team", tmp_path / "own")


@pytest.fixture
def mine(tmp_path: Path, roots: Roots) -> list[str]:
    """Two imports of one's own, the second of which corrects the first, and the split of the name."""
    ids = []
    for number, text in enumerate((FIRST, CORRECTED)):
        (tmp_path / f"{number}.csv").write_text(HEADER + text)
        ids.append(ap.ingest("files", tmp_path / f"{number}.csv", symbol="ACME", venue="XNAS").id)
    (tmp_path / "splits.csv").write_text("ex_date,kind,ratio\n2013-05-02,split,2\n")
    ap.ingest("files", tmp_path / "splits.csv", kind="actions", symbol="ACME", venue="XNAS")
    return ids


def closes(root: Path, **options: Any) -> list[float]:
    return bar_floats(root, "ACME.XNAS", "1d", **options)["close"].to_pylist()


def at(day: int) -> int:
    return int(datetime(2013, 5, day, 12, tzinfo=UTC).timestamp()) * 10**9


def test_as_of_any_day_the_team_has_the_same_answer(roots: Roots, mine: list[str]) -> None:
    report = ap.publish("ACME")
    assert (report.kind, report.written, report.restated, report.actions) == ("publication", 2, 1, 1)
    for day in (2, 4, 13, 16):
        assert closes(roots.team, as_of=at(day)) == closes(Path(str(roots.personal)), as_of=at(day))
    assert closes(roots.team, as_of=at(4)) == [10.5, 11]
    assert closes(roots.team) == [10.75, 11]


def test_the_team_learns_it_now_and_keeps_who_published_out_of_what(roots: Roots, mine: list[str]) -> None:
    before = pd.Timestamp.now("UTC").value
    report = ap.publish("ACME")
    assert closes(roots.team, recorded_as_of=before) == []
    record = find(roots.team, report.id)
    assert record["published"] | {"at": ""} == {"by": "ada", "at": "", "period": "1d", "imports": sorted(mine)}


def test_again_it_changes_nothing_and_revert_takes_it_back(roots: Roots, mine: list[str]) -> None:
    first = ap.publish("ACME")
    again = ap.publish("ACME")
    assert (again.written, again.restated, again.actions) == (0, 0, 0)
    assert ap.revert(first.id).bars == 3
    assert closes(roots.team) == []
    assert closes(Path(str(roots.personal))) == [10.75, 11]


def test_what_ingestion_would_set_aside_is_set_aside_in_the_teams(tmp_path: Path, roots: Roots) -> None:
    (tmp_path / "oil.csv").write_text(
        "Date,Open,High,Low,Close,Volume\n2020-04-20,18,18,-40,-37.63,1\n2020-04-22,11,16,7,14,1\n"
    )
    imported = ap.ingest("files", tmp_path / "oil.csv", symbol="CL", venue="XCME")
    ap.release(imported.id)
    report = ap.publish("CL")
    assert report.written == 1
    assert report.quarantined.reason.tolist() == ["low -40 is not above 0"]


def test_what_is_not_held_or_damaged_is_refused(roots: Roots, mine: list[str]) -> None:
    with pytest.raises(InputError, match="holds no 1m bars of ACME") as refused:
        ap.publish("ACME", "1m")
    assert "It holds 1d" in refused.value.hint
    for path in Path(str(roots.personal)).glob("data/bars/*/*.parquet"):
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CatalogDamaged):
        ap.publish("ACME")
    assert not list(Path(roots.team).glob("data/bars/*"))


def test_adjusted_prices_stay_marked(tmp_path: Path, roots: Roots) -> None:
    (tmp_path / "a.csv").write_text(HEADER + FIRST)
    ap.ingest("files", tmp_path / "a.csv", symbol="ADJ", venue="XNAS", adjusted=True)
    report = ap.publish("ADJ")
    assert find(roots.team, report.id)["series"][0]["adjusted"] == "declared adjusted"


def test_with_one_catalog_there_is_nothing_to_publish(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALPHAPULSE_PERSONAL_CATALOG")
    with pytest.raises(InputError, match="one catalog here"):
        ap.publish("ACME")

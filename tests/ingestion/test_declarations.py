"""Datasets declared in YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, UnreadableFile
from alphapulse_lib.ingestion import importer
from alphapulse_lib.ingestion.declarations import ingest_dataset, read
from alphapulse_lib.settings import Settings

BARS = "symbol,date,o,h,l,c\nA,2013-05-01,1,2,1,1\nB,2013-05-01,1,2,1,1\n"
NEWS = "id,time,title,symbols\n1,2013-05-01 10:00,Something,A\n"
DECLARED = """
source: test
instruments: lists/names.csv
files:
  - {path: data/bars.csv, kind: bars, period: 1d}
  - {path: data/news.csv, kind: articles, timezone: America/New_York}
"""


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    for name, text in {
        "data/bars.csv": BARS,
        "data/news.csv": NEWS,
        "lists/names.csv": "symbol,venue,name\nA,XNAS,Alpha Inc.\nB,XNYS,Beta Corp.\n",
        "mine.yaml": DECLARED,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "mine.yaml"


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "catalog")


def test_all_files_make_one_import(declared: Path, roots: Roots) -> None:
    report = ingest_dataset(declared, roots)
    assert (report.kind, report.source, report.written) == ("dataset", "mine", 3)
    assert report.instruments == ("A.XNAS", "B.XNYS")
    assert Index(roots).resolve("B").name == "Beta Corp."
    taken = importer.revert(roots, report.id)
    assert (taken.bars, taken.articles) == (2, 1)


def test_again_changes_nothing_until_a_file_does(declared: Path, roots: Roots) -> None:
    first = ingest_dataset(declared, roots)
    again = ingest_dataset(declared, roots)
    assert (again.id, again.written, again.unchanged) == (first.id, 0, 3)
    (declared.parent / "data" / "bars.csv").write_text(BARS + "A,2013-05-02,1,2,1,1\n")
    changed = ingest_dataset(declared, roots)
    assert changed.id != first.id
    assert (changed.written, changed.unchanged) == (1, 3)


def test_after_a_revert_it_is_imported_anew(declared: Path, roots: Roots) -> None:
    importer.revert(roots, ingest_dataset(declared, roots).id)
    assert ingest_dataset(declared, roots).written == 3


def test_names_are_the_files(declared: Path) -> None:
    known = Settings(datasets=declared.parent).declarations
    assert known["mine"] == declared
    assert known["sample"].parent.name == "catalog", "those of the project are there beside them"
    assert [request.kind for request in read(declared).requests] == ["bars", "articles"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("files: [", "is not YAML"),
        ("title: empty", "declares no files"),
        ("files: [{kind: bars}]", "names no path"),
        (DECLARED.replace("source:", "sorce:"), "unknown key 'sorce'"),
        (DECLARED.replace("period:", "perod:"), "unknown key 'perod'"),
    ],
)
def test_a_declaration_that_cannot_be_used(declared: Path, text: str, said: str) -> None:
    declared.write_text(text)
    with pytest.raises(InputError, match=said):
        read(declared)


def test_a_file_that_is_not_there(declared: Path, roots: Roots) -> None:
    (declared.parent / "data" / "news.csv").unlink()
    with pytest.raises(UnreadableFile, match=r"news\.csv"):
        ingest_dataset(declared, roots)
    assert not roots.team.exists()

"""What an import of files would read, told without reading it all and without writing anything."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import alphapulse_lib as ap
from alphapulse_lib.errors import InputError, UnreadableFile
from alphapulse_lib.ingestion.preview import Preview

LINE = "2013-05-01,10.25,11.25,9.25,10.50,100\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "catalog"))
    place = tmp_path / "bars"
    place.mkdir()
    (place / "a.csv").write_text("Date,Open,High,Low,Close,Volume\n" + LINE * 5)
    (place / "b.csv").write_text("Date,Open,High,Low,Close,Volume\n" + LINE * 20_000)
    (place / "c.csv.gz").write_bytes(gzip.compress(("Date,Open,High,Low,Close,Volume\n" + LINE * 3).encode(), mtime=0))
    pq.write_table(pa.table({"date": ["2013-05-01"] * 7, "close": [1.0] * 7}), place / "d.parquet")
    return place


def test_a_mixed_folder(folder: Path, tmp_path: Path) -> None:
    told = ap.ingest("files", folder, dry_run=True)
    assert isinstance(told, Preview)
    rows = {each.name: each.rows for each in told.files}
    assert (rows["a.csv"], rows["c.csv.gz"], rows["d.parquet"]) == (5, 3, 7)
    assert rows["b.csv"] == pytest.approx(20_000, rel=0.01)  # reckoned from its first lines
    assert told.bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert str(told).startswith("files would read 4 files, about 20,0")
    assert told.to_dict()["files"][0]["name"] == "a.csv"
    assert not (tmp_path / "catalog").exists()


def test_a_declared_dataset_of_files() -> None:
    told = ap.ingest("sample", dry_run=True)
    assert isinstance(told, Preview)
    assert told.rows > 20_000


def test_what_is_no_data_is_told(folder: Path) -> None:
    with pytest.raises(UnreadableFile):
        ap.ingest("files", folder / "absent.csv", dry_run=True)
    (folder / "d.parquet").write_bytes(b"none")
    with pytest.raises(UnreadableFile, match="torn"):
        ap.ingest("files", folder, dry_run=True)
    with pytest.raises(InputError, match="feed"):
        ap.ingest("files", folder, feed="iex", dry_run=True)

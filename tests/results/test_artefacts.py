"""A run's files: all or none, and never silently wrong."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_runs import raw

from alphapulse_lib.errors import LedgerError
from alphapulse_lib.results.artefacts import read_table, read_text, replace_text, write_artefacts


def test_files_are_read_back_by_us_and_by_pyarrow(tmp_path: Path) -> None:
    write_artefacts({tmp_path / "runs" / "a": {"marks.parquet": raw().marks, "log.txt": "Müller\n"}})
    assert read_table(tmp_path / "runs/a/marks.parquet").equals(raw().marks)
    assert pq.read_table(tmp_path / "runs/a/marks.parquet")["ts"].type == pa.timestamp("ns", "UTC")
    assert read_text(tmp_path / "runs/a/log.txt") == "Müller\n"
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["a"]


def test_a_folder_is_whole_or_absent(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        write_artefacts({tmp_path / "runs" / "a": {"log.txt": "x", "marks.parquet": 5}})  # type: ignore[dict-item]
    assert list((tmp_path / "runs").iterdir()) == []


def test_files_are_written_once(tmp_path: Path) -> None:
    write_artefacts({tmp_path / "a": {"log.txt": "first"}})
    with pytest.raises(LedgerError, match="exists already"):
        write_artefacts({tmp_path / "a": {"log.txt": "second"}})
    assert read_text(tmp_path / "a" / "log.txt") == "first"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be written"):
        write_artefacts({tmp_path / "file" / "a": {"log.txt": "x"}})
    with pytest.raises(LedgerError, match="cannot be written"):
        replace_text(tmp_path / "nowhere" / "a.html", "x")


def test_a_file_that_is_gone_or_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "torn.txt").write_bytes(b"\xff\xfe\xff")
    for read, name in ((read_table, "gone.parquet"), (read_table, "torn.parquet"), (read_text, "torn.txt")):
        with pytest.raises(LedgerError, match=name) as refused:
            read(tmp_path / name)
        assert "ap.backtest with the same arguments makes a new run" in refused.value.hint


def test_a_text_is_replaced_whole(tmp_path: Path) -> None:
    replace_text(tmp_path / "a.html", "one")
    replace_text(tmp_path / "a.html", "two")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["two"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    found = {"pipe": "a named pipe", "socket": "a socket", "folder": "a folder", "link": "a named pipe"}
    for name, what in found.items():
        before = (tmp_path / name).lstat()
        with pytest.raises(LedgerError, match=f"{name} cannot be written: {what} stands there") as refused:
            replace_text(tmp_path / name, "x")
        assert "Name another path" in refused.value.hint
        assert (tmp_path / name).lstat() == before
    assert {each.name for each in tmp_path.iterdir()} == {*found}


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a.html").write_text("one")
    (tmp_path / "link.html").symlink_to("kept/a.html")
    replace_text(tmp_path / "link.html", "two")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "kept" / "a.html").read_text() == "two"
    assert {each.name for each in tmp_path.rglob("*")} == {"kept", "a.html", "link.html"}

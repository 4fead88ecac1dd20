"""Strategies' code beside a ledger: kept once, read by who wrote it alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alphapulse_lib.errors import LedgerError
from alphapulse_lib.results.kept_code import keep_code, kept_code

DIGEST = "ab" * 32


def test_it_is_kept_once_and_read_back(tmp_path: Path) -> None:
    assert kept_code(tmp_path, DIGEST) is None
    keep_code(tmp_path, DIGEST, lambda: b"one")
    keep_code(tmp_path, DIGEST, lambda: pytest.fail("it is there"))
    assert kept_code(tmp_path, DIGEST) == b"one"


def test_what_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    keep_code(tmp_path, DIGEST, lambda: b"")
    assert list(tmp_path.iterdir()) == []


def test_what_another_account_may_have_written_is_not_loaded(tmp_path: Path) -> None:
    keep_code(tmp_path, DIGEST, lambda: b"one")
    (path,) = (tmp_path / "code").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(0o666)
    with pytest.raises(LedgerError, match="another account"):
        kept_code(tmp_path, DIGEST)
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        with pytest.raises(LedgerError, match="another account"):
            kept_code(tmp_path, DIGEST)


def test_a_digest_that_is_a_path_is_none(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no digest"):
        kept_code(tmp_path, "../../etc/passwd")

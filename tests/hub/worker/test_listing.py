"""The vendor's list of instruments, kept for an hour."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from small_vendor import SmallVendor, VendorServer

from hub.worker.listing import Listed


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    running = VendorServer()
    monkeypatch.setenv("SMALL_VENDOR_URL", running.url)
    yield running
    running.stop()


def test_it_is_asked_for_once_an_hour_and_outlives_who_asked(server: VendorServer, tmp_path: Path) -> None:
    plain = SmallVendor().instruments()
    before = len(server.calls)
    assert Listed(SmallVendor(), tmp_path / "new").instruments().equals(plain)
    assert Listed(SmallVendor(), tmp_path / "new").instruments().equals(plain)
    assert len(server.calls) == before + 1
    [kept] = (tmp_path / "new").glob("*.arrow")
    kept.write_bytes(b"half a f")
    assert Listed(SmallVendor(), tmp_path / "new").instruments().equals(plain), "a damaged one is made again"
    os.utime(kept, (time.time() - 3700, time.time() - 3700))
    Listed(SmallVendor(), tmp_path / "new").instruments()
    Listed(SmallVendor(), tmp_path / "new").instruments(date(2012, 1, 3))
    assert len(server.calls) == before + 4


def test_a_vendor_without_a_budget_says_nothing_of_time(server: VendorServer, tmp_path: Path) -> None:
    assert Listed(SmallVendor(), tmp_path).seconds_for(1_000) == 0.0

"""A small catalog to ask; a hub's API, and workspaces of it to be in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from api_server import RunningApi
from five_sessions import DAYS, write

from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.sessions import open_of
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.settings import Settings


@pytest.fixture
def api(tmp_path: Path, sample: Path) -> Iterator[RunningApi]:
    running = RunningApi(Settings(home=tmp_path / "hub", catalog=sample)).start()
    yield running
    running.stop()


@pytest.fixture
def person(api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Become somebody in a workspace of that hub."""

    def become(name: str) -> None:
        monkeypatch.setenv("ALPHAPULSE_API_URL", api.url)
        monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path / "users" / name / "ledger"))
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", name)

    return become


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five sessions of AAPL with a split on the fourth, two of MSFT with one missing between them."""
    root = tmp_path / "catalog"
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    write(root, Instrument("AAPL.XNAS", "Apple Inc."), DAYS, [100.0, 102.0, 104.0, 53.0, 54.0])
    write(root, Instrument("MSFT.XNAS"), ["2013-07-01", "2013-07-03"], [30.0, 32.0])
    opens = open_of("XNAS", np.array(["2013-07-05"], "datetime64[D]"))
    split = {"instrument_id": ["AAPL.XNAS"], "kind": ["split"], "ex_date": [date(2013, 7, 5)], "ratio": [2.0]}
    actions.write(root, pa.table(split | {"available_at": opens, "source": ["x"]}), "x")
    return root

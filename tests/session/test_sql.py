from __future__ import annotations

from pathlib import Path

import pytest

import alphapulse_lib as ap
from alphapulse_lib.errors import QueryError


def test_sql(catalog: Path):
    assert ap.sql("SELECT count(*) FROM bars_1d").fetchall() == [(7,)]
    assert ap.sql("SELECT count(*) FROM bars_1d", as_of="2013-07-01").fetchall() == [(2,)]
    with pytest.raises(QueryError, match="bars_1m"):
        ap.sql("FROM bars_1m")

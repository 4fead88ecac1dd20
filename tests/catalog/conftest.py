"""Small catalogs, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath

import pyarrow as pa
import pytest
from hypothesis import settings
from object_store import Edge, ObjectStore

from alphapulse_lib.catalog import schemas
from alphapulse_lib.location import ObjectPath
from alphapulse_lib.model.instrument import Instrument

# A busy machine is no defect.
settings.register_profile("catalog", deadline=None)
settings.load_profile("catalog")

type Row = tuple[str, float] | tuple[str, float, str]

AAPL = Instrument("AAPL.XNAS", "Apple Inc.")


def moment(text: str) -> int:
    """Nanoseconds of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def at() -> Callable[[str], int]:
    return moment


@pytest.fixture
def aapl() -> Instrument:
    return AAPL


@pytest.fixture
def root(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PurePath:
    """A root of nothing: a folder or, where a test is parametrised with "store", a bucket, which the settings name."""
    if getattr(request, "param", "folder") == "folder":
        return tmp_path / "catalog"
    found: PurePath = request.getfixturevalue("bucket")
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(found))
    return found


@pytest.fixture
def edge(object_store: ObjectStore, bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    """The network between this test and the store."""
    between = Edge(object_store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
    yield between
    between.close()


@pytest.fixture
def bars() -> Callable[[Sequence[Row]], pa.Table]:
    """Bars from (ts, close) or (ts, close, available_at); open, high and low follow the close."""

    def make(rows: Sequence[Row]) -> pa.Table:
        ts = [moment(row[0]) for row in rows]
        close = [float(row[1]) for row in rows]
        available = [moment(row[2]) if len(row) > 2 else stamp for row, stamp in zip(rows, ts, strict=True)]
        return pa.table(
            {
                "ts": pa.array(ts).cast(schemas.TIME),
                "open": close,
                "high": [each + 1 for each in close],
                "low": [each - 1 for each in close],
                "close": close,
                "volume": [1000.0] * len(rows),
                "available_at": pa.array(available).cast(schemas.TIME),
            }
        )

    return make

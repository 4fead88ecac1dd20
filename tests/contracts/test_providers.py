"""What every provider must keep to. A new provider adds a class that says how it is asked; the tests are inherited."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pytest

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.providers.contract import KINDS, Batch, Provider, Request
from alphapulse_lib.providers.registry import provider

COLUMNS = {
    "bars": {
        "symbol": pa.string(), "venue": pa.string(), "name": pa.string(), "instant": pa.int64(), "wall": pa.int64(),
        "bare": pa.bool_(), "open": pa.float64(), "high": pa.float64(), "low": pa.float64(), "close": pa.float64(),
        "volume": pa.float64(), "adj_close": pa.float64(), "available_at": pa.int64(),
    },
    "trades": {
        "symbol": pa.string(), "venue": pa.string(), "instant": pa.int64(), "price": pa.float64(),
        "size": pa.float64(), "trade_id": pa.string(), "conditions": pa.string(), "exchange": pa.string(),
        "side": pa.string(), "available_at": pa.int64(),
    },
    "quotes": {
        "symbol": pa.string(), "venue": pa.string(), "instant": pa.int64(), "bid": pa.float64(), "ask": pa.float64(),
        "bid_size": pa.float64(), "ask_size": pa.float64(), "available_at": pa.int64(),
    },
    "actions": {
        "symbol": pa.string(), "venue": pa.string(), "kind": pa.string(), "ex_date": pa.date32(),
        "ratio": pa.float64(), "amount": pa.float64(), "new_symbol": pa.string(), "part": pa.string(),
        "available_at": pa.int64(),
    },
    "articles": {
        "id": pa.string(), "source": pa.string(), "headline": pa.string(), "body": pa.string(), "url": pa.string(),
        "symbols": pa.string(), "published_at": pa.int64(), "available_at": pa.int64(),
    },
}  # fmt: skip


class ProviderContract:
    """Inherit, name the provider, and give one good and one impossible request of each kind it offers."""

    name: ClassVar[str]

    @pytest.fixture
    def asked(self, tmp_path: Path) -> dict[str, Request]:
        """By kind: a request that yields at least two usable rows and one that is not."""
        raise NotImplementedError

    @pytest.fixture
    def impossible(self, tmp_path: Path) -> Request:
        """A request that nothing can be read for."""
        raise NotImplementedError

    @pytest.fixture
    def provider(self) -> Provider:
        return provider(self.name)

    @pytest.fixture(params=COLUMNS)
    def batches(self, request: pytest.FixtureRequest, provider: Provider, asked: dict[str, Request]) -> list[Batch]:
        if request.param not in provider.kinds:
            pytest.skip(f"{provider.name} offers no {request.param}")
        self.kind = request.param
        return list(provider.read(asked[request.param]))

    def test_it_is_called_what_it_calls_itself(self, provider: Provider) -> None:
        assert provider.name == self.name
        assert provider.kinds <= set(KINDS)
        assert provider.kinds

    def test_rows_have_the_canonical_columns(self, batches: list[Batch]) -> None:
        expected = {"line": pa.int64(), "reason": pa.string(), **COLUMNS[self.kind]}
        for batch in batches:
            assert {field.name: field.type for field in batch.table.schema} == expected

    def test_each_row_stands_beside_its_text(self, batches: list[Batch]) -> None:
        for batch in batches:
            assert batch.raw.num_rows == batch.table.num_rows
            assert all(batch.raw["row"].to_pylist())

    def test_bad_rows_are_kept_with_their_reason(self, batches: list[Batch]) -> None:
        reasons = [reason for batch in batches for reason in batch.table["reason"].to_pylist()]
        assert sum(reason is None for reason in reasons) >= 2
        assert sum(bool(reason) for reason in reasons) >= 1

    def test_usable_rows_lack_nothing(self, batches: list[Batch]) -> None:
        needed = {
            "bars": ["symbol", "instant", "wall", "close"],
            "trades": ["symbol", "instant", "price", "size"],
            "quotes": ["symbol", "instant", "bid", "ask"],
            "actions": ["symbol", "kind", "ex_date"],
        }
        for batch in batches:
            usable = batch.table.filter(pa.compute.is_null(batch.table["reason"]))
            for name in needed.get(self.kind, ["headline", "published_at", "available_at"]):
                assert usable[name].null_count == 0

    def test_what_would_be_read_is_told_before(self, provider: Provider, asked: dict[str, Request]) -> None:
        for request in asked.values():
            assert provider.requests(request)
            batches = list(provider.read(request))
            assert sum(each.rows for each in provider.sources(request)) == sum(each.table.num_rows for each in batches)
            assert sum(each.bytes for each in provider.sources(request)) == sum(each.size for each in batches) > 0

    def test_asking_twice_gives_the_same(self, provider: Provider, asked: dict[str, Request]) -> None:
        for request in asked.values():
            first, second = list(provider.read(request)), list(provider.read(request))
            for one, other in zip(first, second, strict=True):
                pd.testing.assert_frame_equal(one.table.to_pandas(), other.table.to_pandas())

    def test_the_impossible_is_refused_in_our_own_words(self, provider: Provider, impossible: Request) -> None:
        with pytest.raises(AlphaPulseError) as refused:
            list(provider.read(impossible))
        assert refused.value.message


class TestFiles(ProviderContract):
    name = "files"

    @pytest.fixture
    def asked(self, tmp_path: Path) -> dict[str, Request]:
        texts = {
            "bars": "Date,O,H,L,C,V\n2013-05-01,1,2,0.5,1.5,10\n2013-05-02,1,2,x,1,1\n2013-05-03,1,2,1,1,5\n",
            "trades": "time,price,qty,id,side\n"
            "2013-05-01 09:30,1,2,a,buy\n2013-05-01 09:31,1,x,b,\n2013-05-01 10:00,2,3,c,s\n",
            "quotes": "time,bid,ask,bs,as\n"
            "2013-05-01 09:30,1,2,5,5\n2013-05-01 09:31,1,x,1,1\n2013-05-02 09:30,1,2,1,1\n",
            "actions": "ex_date,kind,ratio,amount\n2013-05-01,split,2,\n2013-05-02,dividend,,1\n2013-05-03,merger,,\n",
            "articles": "time,title\n2013-05-01 09:30,One\n2013-05-02 09:30,\n2013-05-03 09:30,Three\n",
        }
        for kind, text in texts.items():
            (tmp_path / f"{kind}.csv").write_text(text)
        return {
            kind: Request(tmp_path / f"{kind}.csv", kind=kind, symbol="A", venue="XNYS")  # type: ignore[arg-type]
            for kind in texts
        }

    @pytest.fixture
    def impossible(self, tmp_path: Path) -> Request:
        return Request(tmp_path / "absent.csv", symbol="A", venue="XNYS")

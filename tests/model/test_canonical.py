"""A record as JSON, and back."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from small_runs import kept, spec

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.canonical import from_json, to_json
from alphapulse_lib.model.run import Costs
from alphapulse_lib.results.ledger import Ledger


def test_there_and_back(tmp_path) -> None:
    record = kept(Ledger(tmp_path), costs=Costs(percent=0.1), parameters={"fast": 3, "names": ["a"]})
    again = from_json(to_json(record))
    assert again == record
    assert again.spec.strategy.text == spec().strategy.text
    assert again.spec.id == record.spec_id


def test_equal_records_are_equal_text_whatever_the_order_of_their_keys(tmp_path) -> None:
    record = kept(Ledger(tmp_path))
    turned = dataclasses.replace(record, statistics=dict(reversed(record.statistics.items())))
    assert to_json(turned) == to_json(record)


def test_numbers_that_json_cannot_hold_are_null(tmp_path) -> None:
    record = dataclasses.replace(
        kept(Ledger(tmp_path)), statistics={"sharpe": math.nan, "calmar": math.inf, "trades": 1}
    )
    assert json.loads(to_json(record))["statistics"] == {"sharpe": None, "calmar": None, "trades": 1}
    again = from_json(to_json(record)).statistics
    assert math.isnan(again["sharpe"])
    assert again["trades"] == 1


def test_an_unknown_key_is_refused(tmp_path) -> None:
    values = json.loads(to_json(kept(Ledger(tmp_path))))
    values["spec"]["leverage"] = 2
    with pytest.raises(InputError, match="leverage"):
        from_json(json.dumps(values))

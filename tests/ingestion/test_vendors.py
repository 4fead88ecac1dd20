"""A vendor's datasets, declared in YAML and brought up to date by their name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_vendor import VendorServer

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, UnreadableFile
from alphapulse_lib.ingestion import vendors
from alphapulse_lib.ingestion.declarations import ingest_dataset
from alphapulse_lib.ingestion.plan import Plan
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.providers import registry

README = Path(__file__).parents[2] / "catalog" / "README.md"
GOOD: dict[str, Any] = {
    "provider": "small", "universe": ["AAPL", "IBM"], "periods": ["1d"], "history": date(2012, 1, 1),
    "calendar": "XNYS",
}  # fmt: skip


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    server = VendorServer()
    monkeypatch.setenv("SMALL_VENDOR_URL", server.url)
    for name in ("small", "alpaca"):
        monkeypatch.setitem(registry._BUILT_IN[registry.VENDORS], name, "small_vendor:SmallVendor")
    yield server
    server.stop()


def declared(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "us.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in {**GOOD, **changes}.items() if value is not None}))
    return path


def test_a_dataset_is_brought_up_to_date_and_nothing_asked_twice(vendor: VendorServer, tmp_path: Path) -> None:
    roots, path = Roots(tmp_path / "catalog"), declared(tmp_path)
    plan = ingest_dataset(path, roots, dry_run=True)
    assert isinstance(plan, Plan)
    assert vendor.calls == []
    first = ingest_dataset(path, roots)
    assert isinstance(first, Report)
    assert (first.kind, first.source, first.written) == ("dataset", "us", 2 * 291)
    before = [each["start"] for each in vendor.calls if each["kind"] == "bars"]
    again = ingest_dataset(path, roots)
    assert isinstance(again, Report)
    assert again.written == 0
    later = [each["start"] for each in vendor.calls if each["kind"] == "bars"]
    assert before == later, "nothing is final that was not then"


def test_the_example_of_the_documentation_is_one(vendor: VendorServer) -> None:
    example = re.search(r"```yaml\n(# catalog/us-daily.yaml.*?)```", README.read_text(), re.DOTALL)
    assert example
    found = vendors.read(Path("us-daily.yaml"), yaml.safe_load(example[1]))
    assert (found.provider, found.universe, found.periods) == ("alpaca", ("AAPL", "MSFT", "SPY"), ("1d",))
    assert (found.history, found.calendar, found.feed) == (date(2016, 1, 1), "XNYS", "iex")


def test_a_universe_may_stand_in_a_file(vendor: VendorServer, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("# large\naapl\n\nMSFT  # software\nAAPL\n")
    said = {**GOOD, "universe": "names.txt"}
    assert vendors.read(tmp_path / "us.yaml", said).universe == ("AAPL", "MSFT")
    with pytest.raises(UnreadableFile, match=r"takes its universe from absent\.txt"):
        vendors.read(tmp_path / "us.yaml", {**GOOD, "universe": "absent.txt"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"perods": ["1d"]}, "unknown key 'perods'.\nDid you mean periods"),
        ({"history": None}, "does not say its history"),
        ({"provider": "smal"}, "no vendor is called 'smal'.\nDid you mean small?"),
        ({"calendar": "XNYX"}, "no venue has the calendar 'XNYX'"),
        ({"universe": [True]}, "True is no ticker"),
        ({"periods": {"1d": 1}}, "periods are"),
        ({"periods": ["1x"]}, "Unknown period '1x'"),
        ({"history": "yesterday"}, "'yesterday' is not a moment"),
        ({"calendar": "24/7"}, "trades by the calendar XNYS, not by 24/7"),
    ],
)
def test_what_a_declaration_must_not_say(
    vendor: VendorServer, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        ingest_dataset(declared(tmp_path, **changes), Roots(tmp_path / "catalog"))
    assert said in str(refused.value)

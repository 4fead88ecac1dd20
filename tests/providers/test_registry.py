"""Providers by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse_lib.errors import InputError
from alphapulse_lib.providers.registry import is_vendor, names, provider, vendor, vendors


def test_files_is_built_in() -> None:
    assert "files" in names()
    assert provider("files").name == "files"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(InputError) as refused:
        provider("flies")
    assert "files" in refused.value.hint


def test_alpaca_is_a_vendor_and_no_provider() -> None:
    assert "alpaca" in vendors()
    assert vendor("alpaca").name == "alpaca"
    with pytest.raises(InputError) as refused:
        vendor("alpacca")
    assert "alpaca" in refused.value.hint


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution of somebody else's, as an installer lays it out, on the path."""
    (tmp_path / "acme_data.py").write_text(
        "class Acme:\n    name = 'acme'\n    kinds = frozenset({'bars'})\n    periods = frozenset({'1d'})\n\n"
        "class Impostor:\n    name = 'alpaca'\n"
    )
    about = tmp_path / "acme_data-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-data\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[alphapulse.vendors]\nacme = acme_data:Acme\nalpaca = acme_data:Impostor\n"
        "[alphapulse.providers]\nacme-files = acme_data:Acme\n"
    )
    (about / "RECORD").write_text("acme_data.py,,\nacme_data-1.0.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("acme_data", None)


def test_an_installed_package_offers_a_vendor(installed: None) -> None:
    assert {"acme", "alpaca"} <= set(vendors())
    assert vendor("acme").periods == {"1d"}
    assert provider("acme-files").name == "acme"
    assert "acme" not in names()
    assert [is_vendor(each) for each in ("acme", "acme-files", "alpaca", "files")] == [True, False, True, False]


def test_a_built_in_name_cannot_be_taken(installed: None) -> None:
    assert type(vendor("alpaca")).__name__ == "Alpaca"
    assert vendors().count("alpaca") == 1

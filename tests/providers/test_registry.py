"""Providers by name."""

from __future__ import annotations

import pytest

from alphapulse_lib.errors import InputError
from alphapulse_lib.providers.registry import names, provider


def test_files_is_built_in() -> None:
    assert "files" in names()
    assert provider("files").name == "files"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(InputError) as refused:
        provider("flies")
    assert "files" in refused.value.hint

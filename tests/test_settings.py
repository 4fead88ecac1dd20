"""Settings: each documented, read from where it is said to be, and refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.session.strategies import reach
from alphapulse_lib.settings import PROJECT, Settings, settings

EXAMPLE = (PROJECT / ".env.example").read_text()
DOCUMENTED = dict(re.findall(r"^# (ALPHAPULSE_[A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def variable(field: str) -> str:
    return f"ALPHAPULSE_{field.upper()}"


def test_where_the_working_folder_is_gone_it_is_said_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for ask in (settings, lambda: reach("desk/ideas.py:Idea")):
        with pytest.raises(SettingsError, match="works in is gone") as refused:
            ask()
        assert "os.chdir" in refused.value.hint


def test_every_setting_is_documented_and_nothing_else_is():
    assert sorted(DOCUMENTED) == sorted(variable(field) for field in Settings.model_fields)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_the_documented_default_is_the_default(field: str):
    default = Settings.model_fields[field].default
    assert DOCUMENTED[variable(field)] == ("" if default is None else str(default))


def test_a_catalog_may_lie_in_an_object_store(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHAPULSE_CATALOG", "s3://desk/prices/")
    root = settings().catalog_root
    assert (str(root), root.name, str(root / "actions.parquet")) == (
        "s3://desk/prices",
        "prices",
        "s3://desk/prices/actions.parquet",
    )
    assert settings().model_dump(mode="json")["catalog"] == "s3://desk/prices"
    for wrong in ("gs://desk/prices", "s3://"):
        monkeypatch.setenv("ALPHAPULSE_CATALOG", wrong)
        with pytest.raises(SettingsError, match=r"neither a folder nor s3://bucket/prefix"):
            settings()


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_help(field: str):
    assert (Settings.model_fields[field].description or "").endswith(".")


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".env").write_text("ALPHAPULSE_PORT=8111\nALPHAPULSE_ADMINS=ann\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPHAPULSE_PORT", "8222")
    assert (settings().port, settings().admins, settings().auth) == (8222, "ann", "password")


def test_nothing_is_kept_between_two_readings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHAPULSE_PORT", "8222")
    assert settings().port == 8222
    monkeypatch.setenv("ALPHAPULSE_PORT", "8223")
    assert settings().port == 8223


def test_an_empty_variable_is_no_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHAPULSE_PORT", "")
    monkeypatch.setenv("ALPHAPULSE_CATALOG", "")
    assert settings().port == 8000
    assert settings().catalog_root == settings().home_root / "catalog"


def test_folders_are_absolute_wherever_the_command_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALPHAPULSE_HOME")
    assert settings().home_root == PROJECT / "var"
    assert settings().ledger_root == PROJECT / "var" / "ledger"
    monkeypatch.setenv("ALPHAPULSE_HOME", "elsewhere/../kept")
    assert settings().catalog_root == PROJECT / "kept" / "catalog"
    monkeypatch.setenv("ALPHAPULSE_LEDGER", "~/ledger")
    assert settings().ledger_root == Path.home() / "ledger"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eighty", "ALPHAPULSE_PORT='eighty'"),
        ("PORT", "70000", "65535"),
        ("LOG_LEVEL", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"ALPHAPULSE_{name}", value)
    with pytest.raises(SettingsError) as refused:
        settings()
    assert says.lower() in str(refused.value).lower()
    assert Settings.model_fields[name.lower()].description in refused.value.hint

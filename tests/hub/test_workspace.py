"""A person's folder: given the notebooks once, theirs from then on."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from alphapulse_lib.settings import settings
from hub import workspace


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    folder = tmp_path / "notebooks"
    for name in ("tutorials/01-one.ipynb", "tutorials/02-two.ipynb", "dashboards/run.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"first {name}")
    (folder / "dashboards" / "voila").mkdir()
    (folder / "dashboards" / "voila" / "index.html.j2").write_text("a template, not a notebook")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "users" / "ann"


def test_a_new_person_gets_every_notebook_in_a_folder_nobody_else_reads(home: Path, notebooks: Path):
    written = workspace.fill(home, notebooks)
    assert sorted(written) == ["dashboards/run.ipynb", "tutorials/01-one.ipynb", "tutorials/02-two.ipynb"]
    assert (home / "tutorials" / "01-one.ipynb").read_text() == "first tutorials/01-one.ipynb"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not (home / "dashboards" / "voila").exists()


def test_what_the_person_changed_or_deleted_stays_so(home: Path, notebooks: Path):
    workspace.fill(home, notebooks)
    (home / "tutorials" / "01-one.ipynb").write_text("mine")
    (home / "tutorials" / "02-two.ipynb").unlink()
    for name in ("01-one.ipynb", "02-two.ipynb"):
        (notebooks / "tutorials" / name).write_text("second edition")
    assert workspace.fill(home, notebooks) == []
    assert (home / "tutorials" / "01-one.ipynb").read_text() == "mine"
    assert not (home / "tutorials" / "02-two.ipynb").exists()


def test_an_untouched_notebook_follows_the_project_and_new_ones_are_added(home: Path, notebooks: Path):
    workspace.fill(home, notebooks)
    (notebooks / "tutorials" / "01-one.ipynb").write_text("second edition")
    (notebooks / "tutorials" / "03-three.ipynb").write_text("new")
    assert workspace.fill(home, notebooks) == ["tutorials/01-one.ipynb", "tutorials/03-three.ipynb"]
    assert (home / "tutorials" / "01-one.ipynb").read_text() == "second edition"
    assert workspace.fill(home, notebooks) == []


def test_a_file_that_was_there_before_us_is_never_taken_for_ours(home: Path, notebooks: Path):
    (home / "tutorials").mkdir(parents=True)
    (home / "tutorials" / "01-one.ipynb").write_text("mine, from before")
    workspace.fill(home, notebooks)
    assert (home / "tutorials" / "01-one.ipynb").read_text() == "mine, from before"


def test_the_project_has_something_to_give(home: Path):
    numbered = [name for name in workspace.fill(home) if name.startswith("tutorials/0")]
    assert numbered and (home / numbered[0]).is_file()


def test_a_workspace_reads_the_team_s_catalog_and_writes_to_its_owner_s_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in workspace.environment(settings(), home, "http://127.0.0.1:9/services/api").items():
        monkeypatch.setenv(name, value)
    seen = settings()
    assert seen.personal_catalog == home / "catalog"
    assert seen.catalog_root == seen.home_root / "catalog"
    assert seen.ledger_root == home / "ledger"


def test_a_workspace_is_given_the_reader_s_key_of_an_object_store_and_no_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    told = {"AWS_ENDPOINT_URL": "https://s3.example", "AWS_ACCESS_KEY_ID": "writer", "AWS_SECRET_ACCESS_KEY": "w"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert not any(name.startswith("AWS_") for name in workspace.environment(settings(), home, "http://api"))
    monkeypatch.setenv("ALPHAPULSE_CATALOG", "s3://desk/catalog")
    given = workspace.environment(settings(), home, "http://api")
    assert given["ALPHAPULSE_CATALOG"] == "s3://desk/catalog" and given["AWS_ENDPOINT_URL"] == "https://s3.example"
    assert "AWS_ACCESS_KEY_ID" not in given and "AWS_SECRET_ACCESS_KEY" not in given
    monkeypatch.setenv("ALPHAPULSE_READER_KEY", "reader")
    monkeypatch.setenv("ALPHAPULSE_READER_SECRET", "r")
    given = workspace.environment(settings(), home, "http://api")
    assert (given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]) == ("reader", "r")

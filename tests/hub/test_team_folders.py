"""The folders that teams share: how they are called, and which of them a workspace leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from alphapulse_lib.settings import Settings
from hub import team_folders

TEAMS = Settings(teams="desk, quants").team_names


def given(workspace: Path, root: Path, *groups: str) -> set[str]:
    """What the workspace of somebody of these groups leads to after a start."""
    team_folders.link(workspace, root, team_folders.made(root, team_folders.teams_of(groups, TEAMS)))
    shared = workspace / "shared"
    return {each.name for each in shared.iterdir()} if shared.is_dir() else set()


def test_members_write_into_one_folder_and_who_leaves_is_led_there_no_more(tmp_path: Path):
    root, ann, bob, cleo = (tmp_path / name for name in ("groups", "users/ann", "users/bob", "users/cleo"))
    for each in (ann, bob, cleo):
        each.mkdir(parents=True)
    assert given(ann, root, "desk", "all-staff") == {"desk"}
    assert given(bob, root, "quants", "desk") == {"desk", "quants"}
    assert given(cleo, root, "all-staff") == set()
    assert not (cleo / "shared").exists()
    (ann / "shared" / "desk" / "plan.md").write_text("buy low")
    assert (bob / "shared" / "desk" / "plan.md").read_text() == "buy low"
    assert not any(each.stat().st_mode & 0o077 for each in (root, root / "desk"))
    assert given(bob, root, "quants") == {"quants"}
    assert (ann / "shared" / "desk" / "plan.md").read_text() == "buy low", "the folder is the team's, not bob's"
    tmp_path.rename(moved := tmp_path.with_name("elsewhere"))
    assert (moved / "users/ann/shared/desk/plan.md").read_text() == "buy low", "as after a restore"
    assert given(moved / "users/ann", moved / "groups") == set()


def test_what_is_a_person_s_own_stays_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    root, ann = tmp_path / "groups", tmp_path / "ann"
    (ann / "shared" / "desk").mkdir(parents=True)
    (ann / "shared" / "mine.md").write_text("mine")
    (ann / "shared" / "quants").symlink_to("/etc")
    assert given(ann, root, "desk", "quants") == {"desk", "quants", "mine.md"}
    assert not (ann / "shared" / "desk").is_symlink()
    assert (ann / "shared" / "quants").readlink() == Path("/etc")
    assert caplog.text.count("is there already") == 2
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "shared").write_text("a file")
    team_folders.link(tmp_path / "bob", root, team_folders.made(root, ["desk"]))
    assert "leads to no team's folder" in caplog.text


@pytest.mark.parametrize(
    "group", ["..", ".", "/", "../../etc", "a/b", "\x00", "é" * 200, "x" * 255, "%2F", "-", "A", "a"]
)
def test_whatever_a_group_is_called_its_folder_is_one_below_the_root(group: str, tmp_path: Path):
    (name,) = (made := team_folders.made(tmp_path, [group]))
    assert made[name].parent == tmp_path and made[name].is_dir() and len(name) <= 200
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_two_groups_never_share_a_folder():
    groups = ["a", "A", "a b", "a-b", "a/b", "a%2Fb", "..", "%2E."]
    assert len({team_folders.called(each) for each in groups}) == len(groups)

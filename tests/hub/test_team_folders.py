"""The folders that teams share: how they are called, and which of them a workspace leads to."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment, FileSystemLoader
from traitlets.config import Config

from alphapulse_lib.settings import PROJECT, Settings
from hub import allowance, containers, spawner, team_folders

CHOSEN = Settings(_env_file=None, docker_prefix="alphapulse")
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
def test_whatever_a_group_is_called_its_folder_is_one_below_the_root_and_its_volume_one_of_docker_s(
    group: str, tmp_path: Path
):
    (name,) = (made := team_folders.made(tmp_path, [group]))
    assert made[name].parent == tmp_path and made[name].is_dir() and len(name) <= 200
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert team_folders.named([group]) == name and "/" not in name
    (volume,) = allowance.team_volumes(CHOSEN, [group])
    assert re.fullmatch("alphapulse-team-[a-z0-9-]*[0-9a-f]{16}", volume) and len(volume) <= 80
    assert allowance.is_team_volume(CHOSEN, volume)


def test_two_groups_never_share_a_folder_or_a_volume():
    groups = ["a", "A", "a b", "a-b", "a/b", "a%2Fb", "..", "%2E."]
    assert len({team_folders.called(each) for each in groups}) == len(groups)
    assert len(allowance.team_volumes(CHOSEN, groups)) == len(groups)


def test_of_more_teams_than_there_are_places_the_first_ones_have_one_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
):
    volumes = allowance.team_volumes(CHOSEN, [f"team-{number:02d}" for number in range(20)])
    assert len(volumes) == len(set(volumes.values())) == 16
    assert "Of 20 teams of one person 16 have a folder" in caplog.text
    assert all(containers.is_team_mount(CHOSEN, f"{name}:{place}:rw") for name, place in volumes.items())


@pytest.mark.parametrize(
    ("told", "is_told"),
    [
        ({"spawner": "docker"}, True),
        ({"spawner": "kubernetes", "kubernetes_team_storage": "nfs"}, True),
        ({"spawner": "kubernetes"}, False),
        ({}, False),
    ],
)
def test_who_is_of_more_teams_than_that_is_told_which_folders_are_missing(told: dict[str, str], is_told: bool):
    config = Config()
    spawner.configure(config, Settings(_env_file=None, **told))
    page = Environment(loader=FileSystemLoader(PROJECT / "hub" / "pages"), autoescape=True).get_template(
        "without_folder.html"
    )

    def said(count: int) -> str:
        groups = [SimpleNamespace(name=f"<b>{number:02d}") for number in range(count)]
        given = config.JupyterHub.get("template_vars", {}).get("without_folder", lambda _: [])
        # As JupyterHub asks for it, for the page of whoever is signed in.
        return " ".join(page.render(without_folder=given(SimpleNamespace(groups=groups))).split())

    assert said(16) == said(0) == ""
    assert ("lacks the folders of &lt;b&gt;16, &lt;b&gt;17." in said(18)) is is_told
    assert ("lacks the folder of &lt;b&gt;16." in said(17)) is is_told


@pytest.mark.parametrize(
    "bind",
    [
        "{team}:/home/researcher:rw",
        "{team}:/teams/17:rw",
        "{team}:/teams/0:rw",
        "{team}:/teams/../etc:rw",
        "{team}:/teams/1",
        "/:/teams/1:rw",
        "alphapulse-hub:/teams/1:rw",
        "alphapulse-team-hub:/teams/1:rw",  # the hub's own home, of an installation that is called alphapulse-team
        "alphapulse-workspace-bob:/teams/1:rw",
        "x{team}:/teams/1:rw",
        None,
        1,
    ],
)
def test_nothing_else_is_taken_for_a_team_s_volume_at_its_place(bind: object):
    (team,) = allowance.team_volumes(CHOSEN, ["desk"])
    assert containers.is_team_mount(CHOSEN, f"{team}:/teams/1:rw")
    said = bind.replace("{team}", team) if isinstance(bind, str) else bind
    assert not containers.is_team_mount(CHOSEN, said)


def test_two_containers_of_one_person_started_when_they_were_of_other_teams_never_mix_these_up(tmp_path: Path):
    """Both have the person's folder, and in each another team's volume is at the first place."""
    ann = tmp_path / "ann"
    ann.mkdir()

    def container(name: str, *teams: str) -> Path:
        """Where a container of hers sees what is its own: all but her folder."""
        own = tmp_path / name
        for place, team in enumerate(teams, 1):
            (own / "teams" / str(place)).mkdir(parents=True)
            (own / "teams" / str(place) / "whose.txt").write_text(team)
        return own

    def starts(own: Path, told: str) -> None:
        root = tmp_path / "tmp"  # each sees its own here
        if root.is_symlink():
            root.unlink()
        (own / "tmp").mkdir(parents=True, exist_ok=True)
        root.symlink_to(own / "tmp")
        team_folders.link(ann, root / ".teams", team_folders.found(root / ".teams", told, own / "teams"))

    def sees(own: Path) -> dict[str, str]:
        (tmp_path / "tmp").unlink()
        (tmp_path / "tmp").symlink_to(own / "tmp")
        ways = sorted((ann / "shared").iterdir())
        return {each.name: (each / "whose.txt").read_text() for each in ways if each.exists()}

    first = container("first", "quants")
    starts(first, team_folders.named(["quants"]))
    assert sees(first) == {"quants": "quants"}
    second = container("second", "desk", "quants")
    starts(second, team_folders.named(["desk", "quants"]))
    assert sees(second) == {"desk": "desk", "quants": "quants"}
    assert sees(first) == {"quants": "quants"}, "the other one's folder is at its first place"
    third = container("third")
    starts(third, "")
    assert sees(third) == {} and not list((ann / "shared").iterdir())

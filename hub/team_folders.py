"""The folder that a team shares: one for each group that is a team, and in each member's workspace a way to it.

It is a folder of the hub's home where workspaces are processes, a volume where they are containers or pods. The way is
`shared/<group>`, made and taken away when the member's server starts: who has left the group meanwhile reaches it until
their server ends.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alphapulse_lib.settings import Settings

__all__ = ["SHARED", "VARIABLE", "called", "found", "link", "made", "named", "teams_of", "theirs"]

_log = logging.getLogger("alphapulse.teams")

#: Where they are, in a workspace.
SHARED = "shared"
#: Tells a container, or a pod, which teams' folders its places are.
VARIABLE = "ALPHAPULSE_TEAM_FOLDERS"
_LONGEST = 200  # bytes of a folder's name


def teams_of(groups: Iterable[str], teams: frozenset[str]) -> list[str]:
    """Those of somebody's groups that are teams."""
    return sorted(each for each in groups if each in teams or "*" in teams)


def theirs(user: Any, chosen: Settings) -> list[str]:
    """The teams of a person, as JupyterHub knows them."""
    return teams_of((each.name for each in user.groups), chosen.team_names)


def called(group: str) -> str:
    """What a group's folder is called: its name, as far as a folder can be called so.

    Examples
    --------
    >>> called("desk"), called("/quants/equities"), called("..")
    ('desk', '%2Fquants%2Fequities', '%2E.')
    """
    name = quote(group, safe=" @+")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= _LONGEST else hashlib.sha256(group.encode()).hexdigest()[:32]


def made(root: Path, teams: Iterable[str]) -> dict[str, Path]:
    """The folders of some teams, by what they are called; each is made where it is missing."""
    found = {called(each): root / called(each) for each in teams}
    for folder in (root, *found.values()) if found else ():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def named(teams: Sequence[str]) -> str:
    """What is told of the folders that are mounted, in the order of their places; no folder's name has a slash."""
    return "/".join(called(each) for each in teams)


def found(root: Path, told: str, teams: Path) -> dict[str, Path]:
    """The folders that are mounted, by what they are called.

    Parameters
    ----------
    root : Path
        Is made anew and leads to each by its name. It is of this one container: another one of the same person, whose
        folder both have, may have been started when they were of other teams, and a place is another team's there.
    told : str
        What `named` says.
    teams : Path
        Where the places are.
    """
    root.mkdir(mode=0o700, exist_ok=True)
    names = [each for each in told.split("/") if each]
    for place, name in enumerate(names, 1):
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(teams / str(place))
    return {name: root / name for name in names}


def link(workspace: Path, root: Path, given: Mapping[str, Path]) -> None:
    """Let a workspace lead to the folders of its owner's teams, and to no other team's.

    Parameters
    ----------
    workspace : Path
        The person's folder.
    root : Path
        Where teams' folders are: what leads there and is not given is taken away.
    given : mapping of str to Path
        The folders by what they are to be called.
    """
    shared = workspace / SHARED
    if not given and not shared.is_dir():
        return
    try:
        shared.mkdir(exist_ok=True)
        for each in shared.iterdir():
            if each.is_symlink() and _leads(each).parent == root and given.get(each.name) != _leads(each):
                each.unlink()
        for name, folder in given.items():
            way = shared / name
            if way.is_symlink() and _leads(way) == folder:
                continue
            if way.is_symlink() or way.exists():  # the person's own, which we leave alone
                _log.warning("%s is there already: the team's folder is not reached by it.", way)
            else:
                way.symlink_to(os.path.relpath(folder, shared))  # right after the whole home was restored elsewhere
    except OSError as refused:  # a server without it is worth more than none
        _log.warning("%s leads to no team's folder: %s", shared, refused)


def _leads(way: Path) -> Path:
    return Path(os.path.normpath(way.parent / way.readlink()))

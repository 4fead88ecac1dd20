"""What somebody sees of others: the runs and schedules of their teams, and what was shared with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, exists, or_, select, true

from hub.api.identity import Caller, Calling
from hub.api.ledger.schema import RUNS
from hub.api.renderings.schema import RENDERINGS
from hub.api.shares.schema import DASHBOARDS, EVERYBODY, SHARES
from hub.roles import SEE_ALL

__all__ = ["Seeing", "Sight", "seen_now", "sight_of"]


@dataclass(frozen=True)
class Sight:
    """What somebody may see of others.

    Attributes
    ----------
    name : str
        Whose it is; empty for a service.
    is_admin : bool
        Whether it is everything.
    all_runs : bool
        Whether it is everybody's runs and schedules: as an administrator's, or a reviewer's.
    people : frozenset of str
        Who they see all runs and schedules of: themselves, and whoever is in a team with them.
    audiences : frozenset of str
        As whom things are shared with them.
    """

    name: str
    is_admin: bool
    all_runs: bool
    people: frozenset[str]
    audiences: frozenset[str]

    def runs(self) -> ColumnElement[bool]:
        """The condition that a run may be seen."""
        if self.all_runs:
            return true()
        shared = select(SHARES.c.subject).where(SHARES.c.kind == "run", self.shared())
        named = (SHARES.c.kind == "dashboard", SHARES.c.subject == DASHBOARDS.c.id)
        beside = select(DASHBOARDS.c.run).where(*named, self.shared())
        return or_(RUNS.c.user.in_(sorted(self.people)), RUNS.c.id.in_(shared), RUNS.c.id.in_(beside))

    def schedules(self, owner: ColumnElement[str]) -> ColumnElement[bool]:
        """The condition that a schedule of that owner's, or a firing, may be seen."""
        return true() if self.all_runs else owner.in_(sorted(self.people))

    def renderings(self) -> ColumnElement[bool]:
        """The condition that a rendering may be seen: a team's are each their owner's alone, until they are shared."""
        if self.is_admin:
            return true()
        shared = exists().where(SHARES.c.kind == "rendering", SHARES.c.subject == RENDERINGS.c.id, self.shared())
        return shared if not self.name else or_(RENDERINGS.c.owner == self.name, shared)

    def target(self, target: ColumnElement[str]) -> ColumnElement[bool]:
        """The condition that what is said about a target may be seen: of a run, whether the run may."""
        if self.all_runs:
            return true()
        named = "run:" + RUNS.c.id
        return or_(~target.startswith("run:"), exists(select(RUNS.c.id).where(named == target, self.runs())))

    def shared(self) -> ColumnElement[bool]:
        """The condition that a share is with them."""
        return SHARES.c.audience.in_(sorted(self.audiences))


def sight_of(caller: Caller, groups: Mapping[str, frozenset[str]], teams: frozenset[str]) -> Sight:
    """What the holder of a token sees.

    Parameters
    ----------
    caller : Caller
        Holds it; a service is in no group, and is nobody's namesake.
    groups : mapping of str to frozenset of str
        Who is in each group.
    teams : frozenset of str
        The groups whose members see each other's runs; ``*`` among them is every group.
    """
    all_runs = caller.is_admin or caller.may(SEE_ALL)
    if caller.is_service:
        return Sight("", caller.is_admin, all_runs, frozenset(), frozenset({EVERYBODY}))
    mine = {name: members for name, members in groups.items() if caller.name in members}
    fellows = (members for name, members in mine.items() if name in teams or EVERYBODY in teams)
    people = frozenset({caller.name}).union(*fellows)
    audiences = frozenset({caller.name, EVERYBODY, *(f"@{name}" for name in mine)})
    return Sight(caller.name, caller.is_admin, all_runs, people, audiences)


async def seen_now(request: Request, caller: Calling) -> Sight:
    """What the caller sees, by the groups as the hub has them now."""
    return sight_of(caller, await request.app.state.door.groups(), request.app.state.teams)


#: That, as a dependency of a route.
Seeing = Annotated[Sight, Depends(seen_now)]

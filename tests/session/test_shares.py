"""`ap.share` and `ap.shares`, in a hub of people who are in no team."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from api_server import RunningApi
from small_runs import kept

import alphapulse_lib as ap
from alphapulse_lib.errors import HubError, InputError, NotAllowed, UnknownRun, UnknownTarget
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import settings


@pytest.fixture
def strangers(api: RunningApi, person: Callable[[str], None]) -> Callable[[str], None]:
    api.door.members = {}
    return person


def ran(person: Callable[[str], None], name: str) -> str:
    """A run in somebody's own ledger, which the hub was not given yet."""
    person(name)
    return kept(Ledger(settings().ledger_root), user=name).id


def test_a_run_is_another_s_to_see_while_it_is_shared(strangers: Callable[[str], None]):
    run = ran(strangers, "ada")
    assert list(ap.runs()["id"]) == [run]  # which hands it in
    strangers("bob")
    assert ap.runs().empty
    with pytest.raises(UnknownRun):
        ap.run(run)
    strangers("ada")
    made = ap.share(ap.run(run), "bob")
    assert (made.subject, made.owner, made.audience, made.kind) == (run, "ada", "bob", "run")
    assert ap.share(f"run:{run[:12]}", "bob") == made
    strangers("bob")
    assert list(ap.runs()["id"]) == [run]
    assert ap.run(run).equity.size == 9
    told = ap.shares().frame()
    assert told[["subject", "owner", "audience"]].to_numpy().tolist() == [[run, "ada", "bob"]]
    assert told["made"].dt.tz is not None
    assert run in ap.shares()._repr_html_()
    with pytest.raises(NotAllowed, match="ada"):
        ap.shares().take_back(made)
    with pytest.raises(NotAllowed, match="ada"):
        ap.share(ap.run(run), "*")
    strangers("ada")
    ap.shares().take_back(made.id[:10])
    assert len(ap.shares()) == 0
    strangers("bob")
    assert ap.runs().empty


def test_a_run_that_waits_is_handed_in_before_it_is_shared(strangers: Callable[[str], None]):
    run = ran(strangers, "ada")
    ap.share(f"run:{run}", "*")
    strangers("bob")
    assert ap.run(run).record.user == "ada"


def test_what_cannot_be_shared_is_refused(strangers: Callable[[str], None]):
    run = ran(strangers, "ada")
    with pytest.raises(InputError, match="nothing that can be shared"):
        ap.share("server:mine", "bob")
    with pytest.raises(UnknownTarget, match="bbo"):
        ap.share(f"run:{run}", "bbo")
    with pytest.raises(UnknownRun):
        ap.share("run:ffff", "bob")
    with pytest.raises(InputError, match="No share begins with 'ff'"):
        ap.shares().take_back("ff")


def test_without_a_hub_it_says_how_to_start_one():
    for ask in (ap.shares, lambda: ap.share("run:ffff", "bob")):
        with pytest.raises(HubError, match="make up"):
            ask()

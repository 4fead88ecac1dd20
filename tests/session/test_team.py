"""The ledger inside a hub: handed in once whatever happens, read from everybody, counted over everybody."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from api_server import RunningApi
from misbehaving_api import CountingProxy, misbehaving
from small_runs import kept, raw, spec

import alphapulse_lib as ap
from alphapulse_lib.errors import LedgerError, SettingsError, UnknownRun
from alphapulse_lib.hub_client import Client
from alphapulse_lib.model.run import Series
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.outbox import Outbox
from alphapulse_lib.results.record import keep
from alphapulse_lib.session.runs import open_ledger
from alphapulse_lib.session.team import TeamLedger


@pytest.fixture
def person(person: Callable[[str], None]) -> Callable[[str], TeamLedger]:
    """Become somebody in a workspace of the hub; gives the ledger that `ap` then uses."""

    def become(name: str) -> TeamLedger:
        person(name)
        ledger = open_ledger()
        assert isinstance(ledger, TeamLedger)
        return ledger

    return become


def team(api: RunningApi) -> list[str]:
    with Client(api.url, "root") as root:
        return [each.id for each in root.runs.list()]


def test_without_a_hub_the_ledger_is_one_s_own():
    assert type(open_ledger()) is Ledger


def test_a_run_is_in_one_s_own_ledger_and_in_the_team_s(api: RunningApi, person):
    record = kept(person("ada"))
    assert team(api) == [record.id]
    with Client(api.url, "bob") as bob:
        assert set(bob.runs.get(record.id).files) == set(record.artefacts.values())
    assert Ledger(person("ada").root).get(record.id) == record


def test_everybody_sees_everybody_s_runs(person):
    first = kept(person("ada"))
    second = kept(person("bob"), user="bob", name="m:Other")
    assert ap.runs()["id"].tolist() == [second.id, first.id]
    assert ap.runs(user="ada")["id"].tolist() == [first.id]
    assert ap.runs(limit=1)["id"].tolist() == [second.id]
    assert ap.runs(symbol="GOOG")["id"].tolist() == [second.id, first.id]
    assert ap.runs(symbol="AAPL").empty
    assert ap.run(first.id[:9]).record == first


def test_somebody_else_s_files_come_when_they_are_asked_for(person):
    record = kept(person("ada"))
    bob = person("bob")
    run = ap.run(record.id)
    assert not (bob.root / "team").exists()
    assert run.equity.iloc[-1] == pytest.approx(record.statistics["end_equity"])
    assert [path.name for path in (bob.root / "team" / record.id).iterdir()] == ["equity.parquet"]
    assert run.log == "first line\nlast line"
    assert Path(run.tearsheet()).parent == bob.root / "team" / record.id
    assert not (bob.root / "runs").exists()


def test_trials_are_counted_over_the_team(person):
    kept(person("ada"), parameters={"fast": 1})
    kept(person("bob"), user="bob", parameters={"fast": 2}, cash=30_000.0)
    third = kept(person("ada"), parameters={"fast": 3})
    assert third.statistics["trials"] == 3
    assert ap.run(third.id).family.trials == 3
    assert person("bob").family(spec(name="m:Never")).trials == 0
    kept(person("bob"), user="bob", parameters={"fast": 4})
    listed = ap.runs().set_index("id")
    assert ap.run(third.id).deflated["trials"] == 4
    assert listed["deflated"][third.id] == pytest.approx(ap.run(third.id).deflated["deflated_sharpe"])


def test_the_team_s_ledger_tells_of_how_many_returns_each_trial_is_and_how_long_they_are(api: RunningApi, person):
    short = kept(Ledger(person("ada").root))
    long = replace(short, id="ab" * 8, spec=(weekly := spec(period="1w")), spec_id=weekly.id)
    long = replace(long, statistics=short.statistics | {"sharpe_per_period": 0.1, "observations": 2_000})
    person("ada").hand_in()
    person("ada").append(long)
    own, team_s = Ledger(person("ada").root).family(long.spec), person("bob").family(long.spec)
    assert own.yearly == team_s.yearly == {short.spec_id: 252.0, long.spec_id: 52.0}
    assert own.lengths == team_s.lengths == {short.spec_id: short.statistics["observations"], long.spec_id: 2_000}
    assert (
        own.deflate(long.statistics, long.spec)
        == team_s.deflate(long.statistics, long.spec)
        == ap.run(long.id).deflated
    )


def test_a_ratio_that_waits_stands_for_a_trial_that_failed_at_the_hub(person):
    failed = kept(person("bob"), status="failed", user="bob")
    waits = kept(Ledger(person("ada").root))
    assert failed.spec_id == waits.spec_id
    family = person("ada").family(waits.spec)
    assert family.trials == 1
    assert family.sharpes == {waits.spec_id: waits.statistics["sharpe_per_period"]}
    assert family.lengths == {waits.spec_id: waits.statistics["observations"]}


def test_deleting_a_workspace_s_files_lowers_no_count(person):
    for number in range(3):
        kept(person("ada"), parameters={"fast": number})
    shutil.rmtree(person("ada").root)
    last = kept(person("ada"), parameters={"fast": 9})
    assert last.statistics["trials"] == 4
    assert ap.runs()["trials"].tolist() == [4] * 4


def test_trials_that_wait_count_once_with_the_team_s(api: RunningApi, person):
    first = kept(person("ada"), parameters={"fast": 1})
    api.stop()
    with pytest.warns(UserWarning, match="waits"):
        for number in (2, 3):
            kept(person("ada"), parameters={"fast": number})
    api.start()
    assert ap.runs(family="SmaCross")["trials"].tolist() == [3, 3, 3]
    assert person("ada").hand_in().runs == []
    assert person("bob").family(first.spec).trials == 3


def test_another_fill_convention_of_somebody_else_s_is_found(person):
    mine = kept(person("ada"))
    theirs = kept(person("bob"), user="bob", fill="close")
    person("ada")
    assert ap.run(mine.id).conventions.records["close"] == theirs


def test_a_run_waits_while_the_hub_is_away_and_is_handed_in_once(api: RunningApi, person):
    before = kept(person("ada"))
    api.stop()
    with pytest.warns(UserWarning, match="waits to go to the team's: Nothing answers"):
        waiting = kept(person("ada"), "failed", error="no")
    with pytest.warns(UserWarning, match="Only your own runs are shown and counted"):
        assert ap.runs()["id"].tolist() == [waiting.id, before.id]
    with pytest.warns(UserWarning, match="Only your own"):
        assert ap.run(waiting.id).family.trials == 1
    api.start()
    assert ap.runs()["status"].tolist() == ["failed", "finished"]
    assert sorted(team(api)) == sorted([before.id, waiting.id])
    assert person("ada").hand_in().runs == []


def test_the_next_backtest_takes_along_what_waits(api: RunningApi, person):
    api.stop()
    with pytest.warns(UserWarning, match="waits"):
        waiting = kept(person("ada"))
    api.start()
    new = kept(person("ada"))
    assert team(api) == [waiting.id, new.id], "the newest first; the new one goes before what waits"


def test_what_the_hub_was_told_once_is_not_told_again(api: RunningApi, person, monkeypatch: pytest.MonkeyPatch):
    kept(person("ada"))
    with misbehaving(CountingProxy(api.url)) as between:
        monkeypatch.setenv("ALPHAPULSE_API_URL", between.url)
        ledger = open_ledger()
        assert isinstance(ledger, TeamLedger)
        assert len(ledger.hand_in().runs) == 1, "by this address the hub is another one"
        assert ledger.hand_in().runs == []
        puts = [each for each in between.requests if each.startswith(b"PUT")]
        posts = [each for each in between.requests if each.startswith(b"POST")]
        assert (len(posts), len(puts)) == (1, 0), "the files that it holds are not sent again"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {resources!r})
from alphapulse_lib.hub_client.runs import Runs
from alphapulse_lib.session.runs import open_ledger

upload, sent = Runs.upload, []

def dying(self, run_id, name, path):
    upload(self, run_id, name, path)
    sent.append(name)
    if len(sent) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

Runs.upload = dying
open_ledger().hand_in()
"""


def test_killed_in_the_middle_of_handing_in_the_rest_goes_later(api: RunningApi, person):
    ledger = person("ada")
    own = Ledger(ledger.root)
    records = [kept(own, parameters={"fast": number}) for number in range(3)]
    code = KILLED.format(resources=str(Path(__file__).parents[1] / "resources"))
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    assert team(api) == [records[0].id]
    with Client(api.url, "ada") as client:
        assert len(client.runs.get(records[0].id).files) == 3
    assert sorted(ledger.hand_in().runs) == sorted(each.id for each in records)
    assert sorted(team(api)) == sorted(each.id for each in records)
    with Client(api.url, "ada") as client:
        for each in records:
            assert set(client.runs.get(each.id).files) == set(each.artefacts.values())


def test_what_a_hub_lost_that_was_put_back_is_handed_in_again(api: RunningApi, person, tmp_path: Path):
    first, database = kept(person("ada")), Path(api.chosen.api_database_url.partition("///")[2])
    api.stop()
    shutil.copy(database, tmp_path / "backup.sqlite")
    api.start()
    lost = [kept(person("ada"), parameters={"fast": number}) for number in range(2)]
    assert len(team(api)) == 3
    api.stop()
    shutil.copy(tmp_path / "backup.sqlite", database)
    api.start()
    assert team(api) == [first.id]
    with pytest.warns(UserWarning, match="has lost 2 runs that were handed in"):
        new = kept(person("ada"), parameters={"fast": 2})
    assert sorted(team(api)) == sorted(each.id for each in (first, new, *lost))
    with Client(api.url, "ada") as client:
        assert set(client.runs.get(lost[0].id).files) == set(lost[0].artefacts.values())
    assert person("ada").hand_in().runs == []


def test_what_a_hub_lost_of_runs_that_two_processes_handed_in_at_once_is_handed_in_again(api: RunningApi, person):
    ledger = person("ada")
    own = Ledger(ledger.root)
    lost, held, copied_without_files, newest = (kept(own, parameters={"fast": number}) for number in range(4))
    with Client(api.url, "ada") as client:  # as one put back from a copy that was made between the one and the other
        client.runs.append(held)
        for name in held.artefacts.values():
            client.runs.upload(held.id, name, own.file(held.id, name))
        client.runs.append(copied_without_files)
    outbox = Outbox(own, api.url)
    for each in (lost, held, copied_without_files, newest):
        outbox.settle(each.id)
    with pytest.warns(UserWarning, match="has lost 3 runs"):
        assert sorted(ledger.hand_in().runs) == sorted([lost.id, copied_without_files.id, newest.id])
    with Client(api.url, "ada") as client:
        for each in (lost, held, copied_without_files, newest):
            assert set(client.runs.get(each.id).files) == set(each.artefacts.values())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ledger.hand_in().runs == []


def test_files_that_the_hub_alone_lacks_of_the_newest_run_are_handed_in_again(api: RunningApi, person):
    ledger = person("ada")
    own = Ledger(ledger.root)
    run = kept(own)
    with Client(api.url, "ada") as client:
        client.runs.append(run)
        Outbox(own, api.url).settle(run.id)
        with pytest.warns(UserWarning, match="has lost"):
            assert ledger.hand_in().runs == [run.id]
        assert set(client.runs.get(run.id).files) == set(run.artefacts.values())


def test_many_runs_of_somebody_else_s_keep_none_of_one_s_own_back(api: RunningApi, person):
    own = Ledger(person("ada").root)
    theirs = [kept(own, user="jane", parameters={"fast": number}) for number in range(60)]
    mine = kept(own)
    ap.runs()
    assert team(api) == [mine.id]
    assert person("ada").hand_in().waiting == [each.id for each in theirs]


def test_two_processes_hand_the_same_runs_in_once(api: RunningApi, person):
    ledger = person("ada")
    records = [kept(Ledger(ledger.root), parameters={"fast": number}) for number in range(5)]
    code = "from alphapulse_lib.session.runs import open_ledger\nprint(open_ledger().hand_in().refused)"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [each.communicate(timeout=240)[0].strip() for each in both] == ["{}", "{}"]
    assert sorted(team(api)) == sorted(each.id for each in records)
    assert ledger.hand_in().runs == []


def test_somebody_else_s_runs_in_one_s_own_ledger_stay_and_hold_nothing_up(person, monkeypatch: pytest.MonkeyPatch):
    own = Ledger(person("ada").root)
    theirs = [kept(own, user="jane") for _ in range(2)]
    mine = kept(own)
    done = person("ada").hand_in()
    assert (done.runs, done.waiting) == ([mine.id], [each.id for each in theirs])
    assert "'jane' ran it" in done.away
    assert set(ap.runs()["user"]) == {"ada", "jane"}
    person("root")
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(own.root))
    assert sorted(open_ledger().hand_in().runs) == sorted(each.id for each in theirs), "an administrator may"


def test_what_one_ran_under_another_name_is_handed_in_as_one_s_own_once(api: RunningApi, person):
    own = Ledger(person("ada").root)
    there, mine = kept(own, user="jane"), kept(own)
    with Client(api.url, "root") as root:  # an administrator did so before
        root.runs.append(there)
    offline = [kept(own, user=name, parameters={"fast": 3}) for name in ("jane", "büro-pc\\jane.d@corp")]
    code = KILLED.format(resources=str(Path(__file__).parents[1] / "resources")).replace(
        "hand_in()", "hand_in(mine=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    first = person("ada").hand_in(mine=True, again=True)
    assert first.refused.keys() == {there.id}, "it is jane's there, and stays so"
    assert set(first.runs) | {mine.id} >= {each.id for each in offline}
    for again in (person("ada").hand_in(mine=True), person("ada").hand_in()):
        assert (again.runs, again.waiting) == ([], [])
    assert sorted(team(api)) == sorted([there.id, mine.id, *(each.id for each in offline)])
    with Client(api.url, "bob") as bob:
        for each in offline:
            found = bob.runs.get(each.id)
            assert (found.record.user, found.record.environment["recorded_as"]) == ("ada", each.user)
            assert set(found.files) == set(each.artefacts.values())
        assert "recorded_as" not in bob.runs.get(mine.id).record.environment
    assert set(ap.runs(user="ada")["id"]) == {mine.id, *(each.id for each in offline)}
    assert own.get(offline[0].id).user == "jane", "one's own ledger changes nothing"


def test_what_the_hub_will_never_take_is_said_and_not_sent_again(api: RunningApi, person):
    ledger = person("ada")
    record = kept(Ledger(ledger.root))
    other = replace(record, statistics=record.statistics | {"sharpe": 9.0})
    with Client(api.url, "ada") as client:
        client.runs.append(other)
    assert "another run" in ledger.hand_in().refused[record.id]
    assert ledger.hand_in().refused == {}
    assert "another run" in ledger.hand_in(again=True).refused[record.id]


def test_a_clock_that_is_set_back_during_a_run_costs_the_team_no_trial(api: RunningApi, person):
    ledger = person("ada")
    record = keep(spec(), raw(), ledger, user="ada", started_at=9_000_000_000, ended_at=2_000_000_000)
    assert (record.started_at, record.ended_at) == (9_000_000_000, 9_000_000_000)
    assert team(api) == [record.id]


def test_what_a_clock_far_ahead_stamped_is_refused_with_what_to_do(person):
    ledger = person("ada")
    ahead = time.time_ns() + 3 * 86_400 * 10**9
    with pytest.warns(UserWarning, match=r"ended after now, by the clock .* `alphapulse runs --merge` hands it in"):
        keep(spec(), raw(), ledger, user="ada", started_at=ahead, ended_at=ahead)


def test_a_trial_that_ran_on_two_machines_of_its_owner_s_is_handed_in_once(api: RunningApi, person, tmp_path: Path):
    laptop, desk = Ledger(person("ada").root), Ledger(tmp_path / "desk")
    record = kept(laptop)
    took = {"took_seconds": "9.0"}
    later = {"started_at": record.started_at + 10**12, "ended_at": record.ended_at + 10**12}
    desk.append(replace(record, environment=record.environment | took, **later))
    assert person("ada").hand_in().runs == [record.id]
    there = TeamLedger(desk.root, person("ada")._client)
    done = there.hand_in()
    assert (done.runs, done.refused, done.waiting) == ([record.id], {}, [])
    assert there.hand_in().runs == []
    assert team(api) == [record.id]
    with Client(api.url, "ada") as client:
        assert client.runs.get(record.id).record == record, "nothing there is changed"


def test_ids_of_several_people_s_runs_may_begin_alike(person, monkeypatch: pytest.MonkeyPatch):
    ids = iter(["abcd000000000000", "abce000000000000"])
    monkeypatch.setattr("alphapulse_lib.results.record.new_run_id", lambda: next(ids))
    kept(person("ada"))
    kept(person("bob"), user="bob")
    assert ap.run("abcd").record.user == "ada"
    with pytest.raises(UnknownRun, match="begin with 'abc'"):
        ap.run("abc")
    with pytest.raises(UnknownRun, match="no run 'ffff'"):
        ap.run("ffff")
    with pytest.raises(UnknownRun, match="no run 'not-an-id'"):
        ap.run("not-an-id")


def test_a_run_on_thousands_of_instruments_is_handed_in_and_counted(api: RunningApi, person):
    many = tuple(f"S{number:05}.XNAS" for number in range(12_000))
    series = tuple(Series(f"{each}-1-DAY-LAST-EXTERNAL", "team", 1, 0, 0, "3f" * 32) for each in many)
    record = kept(person("ada"), instruments=many, series=series)
    assert team(api) == [record.id]
    assert ap.runs()["id"].tolist() == [record.id]
    assert ap.run(record.id).family.trials == 1


def test_a_damaged_memory_of_what_was_handed_in_keeps_nobody_from_working(api: RunningApi, person):
    ledger = person("ada")
    first = kept(ledger)
    (ledger.root / "outbox.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.warns(UserWarning, match=r"waits to go to the team's: .*outbox\.sqlite"):
        second = kept(open_ledger())
    assert ap.runs()["id"].tolist() == [second.id, first.id]
    (ledger.root / "outbox.sqlite").unlink()
    assert sorted(person("ada").hand_in().runs) == sorted([first.id, second.id])
    assert sorted(team(api)) == sorted([first.id, second.id])


def test_runs_with_damaged_files_are_listed_and_named(person):
    record, whole = kept(person("ada")), kept(person("ada"), parameters={"fast": 3})
    folder = person("ada").folder(record.id)
    (folder / "equity.parquet").write_bytes(b"PAR1 torn")
    (folder / "log.txt").write_bytes(b"\xff\xfe")
    (folder / "fills.parquet").unlink()
    assert set(ap.runs()["id"]) == {record.id, whole.id}
    run = ap.run(record.id)
    for read in (lambda: run.equity, lambda: run.log, lambda: run.fills.empty, run.tearsheet, run._repr_html_):
        try:
            read()
        except LedgerError as damaged:
            assert "cannot be read" in damaged.message


def test_a_record_cannot_lead_out_of_the_ledger(person):
    ledger = person("ada")
    with pytest.raises(LedgerError, match="no name of a run's file"):
        ledger.file("abcd", "../../notebook.ipynb")


def test_a_file_nobody_handed_in_is_missed_by_name(api: RunningApi, person):
    record = kept(Ledger(person("ada").root))
    with Client(api.url, "ada") as client:
        client.runs.append(record)
    person("bob")
    with pytest.raises(LedgerError, match=r"has no file 'equity\.parquet' here"):
        ap.run(record.id).equity  # noqa: B018


def test_a_token_that_has_ended_keeps_nobody_from_working(person, monkeypatch: pytest.MonkeyPatch):
    person("ada")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "ended")
    with pytest.warns(UserWarning, match="does not know this token"):
        record = kept(open_ledger())
    with pytest.warns(UserWarning, match="Only your own"):
        assert ap.runs()["id"].tolist() == [record.id]


def test_an_address_that_is_none_is_refused_before_the_run(sample: Path, monkeypatch: pytest.MonkeyPatch):
    from alphapulse_lib.engine.strategies import SmaCross

    monkeypatch.setenv("ALPHAPULSE_API_URL", "my-hub")
    began = time.monotonic()
    with pytest.raises(SettingsError, match="'my-hub' is no address"):
        ap.backtest(SmaCross, "GOOG", end="2006-12-29")
    assert time.monotonic() - began < 30


def test_a_backtest_inside_a_hub_is_the_team_s(api: RunningApi, person, sample: Path, monkeypatch: pytest.MonkeyPatch):
    from alphapulse_lib.engine.strategies import SmaCross

    person("ada")
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    run = ap.backtest(SmaCross, "GOOG", start="2006-01-03", end="2006-12-29", progress=False)
    assert team(api) == [run.id]
    assert run.family.trials == 1

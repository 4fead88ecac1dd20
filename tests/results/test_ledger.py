"""The ledger: what goes in stays, from several processes at once, and trials are counted."""

from __future__ import annotations

import dataclasses
import math
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_runs import kept, spec

from alphapulse_lib.errors import LedgerError, UnknownRun
from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.results import took
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.overfit import deflated_sharpe_ratio


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def record(number: int, **changes: object) -> RunRecord:
    of_spec = spec(parameters={"fast": number}, **{k: changes.pop(k) for k in ("name", "instruments") if k in changes})
    given = {
        "id": f"{number:016x}",
        "spec_id": of_spec.id,
        "spec": of_spec,
        "status": "finished",
        "purpose": "trial",
        "user": "ada",
        "started_at": number,
        "ended_at": number + 1,
        "environment": {"python": "3.13"},
        "statistics": {"sharpe_per_period": number / 100, "observations": 100, "skewness": 0.0, "kurtosis": 3.0},
    }
    return RunRecord(**(given | changes))  # type: ignore[arg-type]


def test_a_record_comes_back_equal(ledger: Ledger) -> None:
    written = kept(ledger)
    assert ledger.get(written.id) == written


def test_nothing_is_there_before_the_first_run(ledger: Ledger) -> None:
    assert ledger.runs() == []
    assert not ledger.root.exists()
    with pytest.raises(UnknownRun, match="holds none yet"):
        ledger.get("abc")


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_ledger_where_no_folder_can_be_is_told_and_is_not_an_empty_one(tmp_path: Path, below: str) -> None:
    (tmp_path / "ledger").write_text("a file")
    with pytest.raises(
        LedgerError, match=r"needs a folder, and .*ledger.* cannot be one: (it is a file|Not a dir)"
    ) as told:
        Ledger(tmp_path / "ledger" / below).runs()
    assert "ALPHAPULSE_LEDGER" in told.value.hint


def test_the_newest_run_comes_first(ledger: Ledger) -> None:
    for number in (3, 1, 2):
        ledger.append(record(number))
    assert [each.started_at for each in ledger.runs()] == [2, 1, 3]
    assert [each.started_at for each in ledger.runs(limit=2)] == [2, 1]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status": "failed"}, [2]),
        ({"strategy": "SmaCross"}, [2, 1]),
        ({"strategy": "__main__:SmaCross"}, [2, 1]),
        ({"strategy": "Cross"}, []),
        ({"symbol": "AAPL"}, [3]),
        ({"symbol": "MSFT.XNAS"}, [3]),
        ({"symbol": "GOO"}, []),
        ({"symbol": ("AAPL", "GOOG.XNAS")}, [3, 2, 1]),
        ({"user": "grace"}, [3]),
        ({"purpose": "probe"}, [1]),
        ({"user": "ada", "status": "finished"}, [1]),
    ],
)
def test_runs_can_be_chosen(ledger: Ledger, asked: dict, found: list[int]) -> None:
    ledger.append(record(1, purpose="probe"))
    ledger.append(record(2, status="failed"))
    ledger.append(record(3, name="m:Other", instruments=("AAPL.XNAS", "MSFT.XNAS"), user="grace"))
    assert [each.started_at for each in ledger.runs(**asked)] == found


def test_the_beginning_of_an_id_is_enough_when_it_is_the_only_one(ledger: Ledger) -> None:
    ledger.append(record(1, id="abc1" * 4))
    ledger.append(record(2, id="abc2" * 4))
    assert ledger.get("abc1").started_at == 1
    assert ledger.get("ABC2").started_at == 2
    with pytest.raises(UnknownRun, match="2 runs begin with 'abc'") as several:
        ledger.get("abc")
    assert "abc1abc1" in several.value.hint
    with pytest.raises(UnknownRun) as wrong:
        ledger.get("abc3abc1abc1abc1")
    assert "abc1abc1abc1abc1" in wrong.value.hint
    with pytest.raises(UnknownRun) as short:
        ledger.get("abd1")
    assert short.value.hint.startswith("Did you mean abc1")
    with pytest.raises(UnknownRun):
        ledger.get("")
    with pytest.raises(UnknownRun):
        ledger.get("%")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE runs SET user = 'eve'", "DELETE FROM runs", "INSERT OR REPLACE INTO runs SELECT * FROM runs"],
)
def test_nothing_is_changed_or_lost(ledger: Ledger, statement: str) -> None:
    ledger.append(record(1))
    before = ledger.runs()
    with sqlite3.connect(ledger.path) as connection, pytest.raises(sqlite3.IntegrityError, match="ledger"):
        connection.execute(statement)
    assert ledger.runs() == before


def test_an_id_is_taken_once(ledger: Ledger) -> None:
    ledger.append(record(1))
    with pytest.raises(LedgerError, match="has that run"):
        ledger.append(record(1, user="eve"))
    assert [each.user for each in ledger.runs()] == ["ada"]


def test_several_processes_write_at_once(ledger: Ledger) -> None:
    write_at_once(ledger, 25)
    assert {each.started_at for each in ledger.runs()} == {n * 100 + k for n in range(3) for k in range(25)}


def test_a_ledger_of_another_version_is_refused(ledger: Ledger) -> None:
    ledger.append(record(1))
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(LedgerError, match="format 9"):
        ledger.append(record(2))
    with pytest.raises(LedgerError, match="format 9"):
        ledger.runs()


def test_a_file_that_is_no_ledger_is_refused_by_name(ledger: Ledger) -> None:
    ledger.root.mkdir()
    ledger.path.write_text("not a database, but long enough to be taken for one " * 20)
    with pytest.raises(LedgerError, match=r"ledger\.sqlite"):
        ledger.runs()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be opened") as refused:
        Ledger(tmp_path / "file" / "ledger").append(record(1))
    assert "ALPHAPULSE_LEDGER" in refused.value.hint


def test_a_ledger_that_cannot_be_written_is_read(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("4m")
    ledger = Ledger(disk / "ledger")
    for number in (1, 2):
        ledger.append(record(number))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        assert [each.started_at for each in ledger.runs()] == [2, 1]
        assert len(ledger.family(spec()).sharpes) == 2
        assert [each.id for each in ledger.runs(family=ledger.family(spec()).name)] == [
            each.id for each in ledger.runs()
        ]
        for act in (ledger.require_writable, lambda: ledger.append(record(3))):
            with pytest.raises(LedgerError, match="Read-only file system") as told:
                act()
            assert "ALPHAPULSE_LEDGER" in told.value.hint
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    ledger.append(record(3))
    assert len(ledger.runs()) == 3


def test_a_folder_of_runs_that_cannot_be_written_is_told_before_a_run(
    small_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    ledger, disk = Ledger(tmp_path / "ledger"), small_disk("4m")
    ledger.append(record(1))
    (ledger.root / "runs").symlink_to(disk)
    ledger.require_writable()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(LedgerError, match=r"nothing may be written to .*runs") as told:
        ledger.require_writable()
    assert "ALPHAPULSE_LEDGER" in told.value.hint


def test_a_family_counts_distinct_specs_of_trials_however_they_ended(ledger: Ledger) -> None:
    of_family = record(1).spec
    ledger.append(record(1))
    ledger.append(record(1, id="a" * 16))  # the same spec again
    ledger.append(record(1, id="b" * 16, status="failed", statistics={}))  # it showed a ratio before
    ledger.append(record(2))
    ledger.append(record(3, status="failed", statistics={}))
    ledger.append(record(4, purpose="rerun"))
    ledger.append(record(5, name="m:Other"))
    ledger.append(record(6, instruments=("AAPL.XNAS",)))
    ledger.append(record(7, name="strategies.sma:SmaCross", user="grace"))
    family = ledger.family(of_family)
    assert sorted(each for each in family.sharpes.values() if each == each) == [0.01, 0.02, 0.06, 0.07]
    assert family.trials == 5
    assert family.name == "SmaCross"
    assert family.variance == pytest.approx((0.03**2 + 0.02**2 + 0.02**2 + 0.03**2) / 3, rel=1e-6)


def test_a_run_is_deflated_by_its_family(ledger: Ledger) -> None:
    for number in (1, 5, 9):
        ledger.append(record(number))
    found = ledger.family(record(9).spec).deflate(record(9).statistics, spec())
    assert found["trials"] == 3
    # Of a hundred returns chance alone gives a variance of 1/99, more than the trials' own.
    assert found["deflated_sharpe"] == pytest.approx(deflated_sharpe_ratio(0.09, 100, 0, 3, 3, 1 / 99))
    # Of five thousand less than that: then it is the trials' own.
    of_long = Family("x", {"a": 0.01, "b": 0.05, "c": 0.09}, lengths=dict.fromkeys("abc", 5_000))
    long = of_long.deflate(record(9).statistics | {"observations": 5_000}, spec())
    assert long["deflated_sharpe"] == pytest.approx(deflated_sharpe_ratio(0.09, 5_000, 0, 3, 3, 0.0016))


def test_a_short_trial_makes_no_long_one_luck(ledger: Ledger) -> None:
    """A ratio of few returns differs by chance far more: it counts, and says nothing of what many returns show."""
    for number in (5, 6, 7):
        ledger.append(record(number, statistics=record(number).statistics | {"observations": 3_200}))
    best = ledger.family(record(7).spec).deflate(record(7).statistics | {"observations": 3_200}, spec())
    assert best["deflated_sharpe"] > 0.98
    ledger.append(record(61, statistics=record(61).statistics | {"observations": 10}))
    family = ledger.family(record(7).spec)
    assert family.lengths == {record(n).spec_id: 10 if n == 61 else 3_200 for n in (5, 6, 7, 61)}
    after = family.deflate(record(7).statistics | {"observations": 3_200}, spec())
    assert after["trials"] == 4
    assert 0.98 < after["deflated_sharpe"] < best["deflated_sharpe"]
    short = family.deflate(record(61).statistics | {"observations": 10}, spec())
    assert short["expected_maximum_sharpe"] > 0.3, "of ten returns chance alone gives a deviation of a third"


def test_the_variance_is_what_the_ratios_differ_by_beyond_chance_and_chance() -> None:
    draws = random.Random(3)
    lengths = {str(n): draws.choice((30, 126, 504, 2_520)) for n in range(60)}
    sharpes = {n: draws.gauss(0.02, 0.05) + draws.gauss(0, (length - 1) ** -0.5) for n, length in lengths.items()}
    weights = np.array([lengths[n] - 1 for n in sharpes], float)
    values = np.array([*sharpes.values()])
    mean = (weights * values).sum() / weights.sum()
    q = (weights * (values - mean) ** 2).sum()  # DerSimonian and Laird (1986), equation 8
    beyond = (q - 59) / (weights.sum() - (weights**2).sum() / weights.sum())
    assert 0.03 < beyond**0.5 < 0.07
    daily = dict.fromkeys(sharpes, 252.0)
    family = Family("x", sharpes | {"failed": math.nan}, lengths=lengths, yearly=daily)
    for observations in (30, 252, 5_000):
        assert family.variance_at(observations, 252) == pytest.approx(beyond + 1 / (observations - 1), rel=1e-12)
    # Of one length it is the sample's own, and so it is where nothing tells lengths.
    alike = Family("x", sharpes, lengths=dict.fromkeys(sharpes, 2_520), yearly=daily)
    assert alike.variance_at(2_520, 252) == pytest.approx(values.var(ddof=1), rel=1e-12)
    assert Family("x", sharpes).variance_at(2_520, 252) == pytest.approx(values.var(ddof=1), rel=1e-12)


def test_the_same_ratio_a_year_is_the_same_by_the_week_and_by_the_day() -> None:
    """Twenty years of the same skill, once in weekly bars: nothing differs beyond chance, and nothing is made of it."""
    daily = {str(n): (1 + n / 100) / 252**0.5 for n in range(5)}
    of_days = Family("x", daily, lengths=dict.fromkeys(daily, 5_040), yearly=dict.fromkeys(daily, 252.0))
    weekly = replaced(of_days, "4", 1.04 / 52**0.5, 1_040, 52.0)
    assert weekly.variance_at(5_040, 252) == of_days.variance_at(5_040, 252) == 1 / 5_039
    told = {"sharpe_per_period": daily["3"], "skewness": 0.0, "kurtosis": 3.0, "observations": 5_040}
    assert weekly.deflate(told, spec()) == of_days.deflate(told, spec())
    by_the_week = {"sharpe_per_period": 1.04 / 52**0.5, "skewness": 0.0, "kurtosis": 3.0, "observations": 1_040}
    found = weekly.deflate(by_the_week, spec(period="1w"))
    assert found["deflated_sharpe"] == pytest.approx(deflated_sharpe_ratio(1.04 / 52**0.5, 1_040, 0, 3, 5, 1 / 1_039))


def replaced(family: Family, trial: str, sharpe: float, length: int, yearly: float) -> Family:
    return dataclasses.replace(
        family,
        sharpes=family.sharpes | {trial: sharpe},
        lengths=family.lengths | {trial: length},
        yearly=family.yearly | {trial: yearly},
    )


def test_what_ratios_of_unlike_periods_differ_by_is_reckoned_in_years() -> None:
    draws = random.Random(5)
    yearly = {str(n): draws.choice((365.0, 260.0, 252.0, 52.0, 26.0, 12.0)) for n in range(60)}
    lengths = {n: max(round(each * draws.choice((2, 5, 20))), 30) for n, each in yearly.items()}
    years = np.array([(lengths[n] - 1) / each for n, each in yearly.items()])
    a_year = np.array([draws.gauss(0.5, 1) + draws.gauss(0, each**-0.5) for each in years])
    sharpes = dict(zip(yearly, a_year / np.sqrt([*yearly.values()]), strict=True))
    q = (years * (a_year - (years * a_year).sum() / years.sum()) ** 2).sum()
    beyond = (q - 59) / (years.sum() - (years**2).sum() / years.sum())
    assert 0.5 < beyond < 2
    family = Family("x", {n: float(each) for n, each in sharpes.items()}, lengths=lengths, yearly=yearly)
    for periods in (365, 252, 52, 12):
        assert family.variance_at(500, periods) == pytest.approx(beyond / periods + 1 / 499, rel=1e-9)
    # What the period of is not told counts as those of the run asked about: as before.
    untold = dataclasses.replace(family, yearly={})
    assert untold.variance_at(500, 52) == pytest.approx(untold.variance_at(500, 252), rel=1e-12)


def test_a_ledger_tells_the_periods_of_trials_also_of_those_that_an_earlier_version_kept(ledger: Ledger) -> None:
    daily, coins = record(1), record(2, instruments=("BTC.CRYPTO", "A.XNAS"))
    weekly = record(3)
    weekly = dataclasses.replace(weekly, spec=(of_weeks := spec(period="2w")), spec_id=of_weeks.id)
    ledger.extend([daily, coins, weekly])
    yearly = {daily.spec_id: 252.0, coins.spec_id: 365.0, weekly.spec_id: 26.0}
    assert ledger.family(daily.spec).yearly == yearly
    assert ledger.family(daily.spec).including(weekly).yearly == yearly
    tried = ledger.family(daily.spec)
    for each in (daily, coins, weekly):
        tried_last = dataclasses.replace(each, spec=(own := dataclasses.replace(each.spec, seed=7)), spec_id=own.id)
        more = tried.including(tried_last)
        assert more.yearly[own.id] == yearly[each.spec_id]
        anew = Family(more.name, more.sharpes, lengths=more.lengths, yearly=more.yearly)
        assert more.deflate(each.statistics, each.spec) == anew.deflate(each.statistics, each.spec)


def test_a_trial_is_counted_before_it_is_written_and_only_once(ledger: Ledger) -> None:
    ledger.append(record(1))
    family = ledger.family(record(1).spec)
    assert family.including(record(2)).trials == 2
    assert family.including(record(1)).trials == 1
    assert family.including(record(2, purpose="probe")).trials == 1
    assert family.including(record(2, status="failed", statistics={})).trials == 2
    assert family.including(record(1, status="failed", statistics={})).sharpes == family.sharpes


def test_more_tries_never_make_the_best_more_remarkable() -> None:
    draws = random.Random(2)
    noise = {str(number): draws.gauss(0, 1 / 500**0.5) for number in range(40)}
    best = max(noise.values())
    told = {"sharpe_per_period": best, "skewness": 0.0, "kurtosis": 3.0, "observations": 500}
    copies = {f"c{number}": best - abs(draws.gauss(0, 0.002)) for number in range(1_000)}
    failed = {f"f{number}": math.nan for number in range(1_000)}
    alone, near, with_failures = (Family("x", noise | more).deflate(told, spec()) for more in ({}, copies, failed))
    assert near["deflated_sharpe"] < alone["deflated_sharpe"]
    assert with_failures["deflated_sharpe"] < alone["deflated_sharpe"]
    # One that has a ratio among 99 that failed is the best of a hundred, of which chance alone shows 2.51 deviations.
    one = Family("x", {"a": 0.12} | dict(list(failed.items())[:99])).deflate(told | {"sharpe_per_period": 0.12}, spec())
    assert one["expected_maximum_sharpe"] == pytest.approx(2.51 / 499**0.5, rel=0.02)


def test_the_spread_after_each_of_two_thousand_trials_is_that_of_all_of_them_anew(ledger: Ledger) -> None:
    draws = random.Random(7)
    family, held = ledger.family(record(0).spec), dict[str, float]()
    for number in range(2_000):
        sharpe = draws.choice((draws.gauss(0.05, 0.02), draws.gauss(0.05, 0.02), draws.gauss(-1e-9, 1e-12), math.nan))
        tried = record(draws.randrange(1_800) if number % 3 else number)
        told = {"sharpe_per_period": sharpe, "observations": 50_000}
        tried = dataclasses.replace(tried, statistics=tried.statistics | told)
        family = family.including(tried)
        held[tried.spec_id] = held.get(tried.spec_id, math.nan) if math.isnan(sharpe) else sharpe
        ratios = [each for each in held.values() if not math.isnan(each)]
        mean = math.fsum(ratios) / max(len(ratios), 1)
        anew = math.fsum((each - mean) ** 2 for each in ratios) / max(len(ratios) - 1, 1)
        assert math.isclose(family.variance, anew, rel_tol=1e-12)
        found = family.deflate(tried.statistics | {"sharpe_per_period": 0.06, "observations": 50_000}, spec())
        due = deflated_sharpe_ratio(0.06, 50_000, 0, 3, len(held), max(anew, 1 / 49_999))
        assert math.isclose(found["deflated_sharpe"], due, rel_tol=1e-12)
    assert str(family.sharpes) == str(held)


def test_a_trial_without_a_ratio_counts_but_spreads_nothing(ledger: Ledger) -> None:
    ledger.append(record(1))
    ledger.append(record(2, statistics={"sharpe_per_period": math.nan}))
    family = ledger.family(record(1).spec)
    assert (family.trials, family.variance) == (2, 0.0)
    assert math.isnan(family.deflate({}, spec())["deflated_sharpe"])


def test_runs_of_one_spec(ledger: Ledger) -> None:
    ledger.append(record(1))
    ledger.append(dataclasses.replace(record(1), id="f" * 16, started_at=5))
    ledger.append(record(2))
    assert [each.started_at for each in ledger.of_spec(record(1).spec_id)] == [5, 1]


def torn(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def no_database(path: Path) -> None:
    path.write_bytes(b"<html>" * 1000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [torn, no_database, emptied, gone])
def test_a_damaged_ledger_is_made_anew_and_lacks_no_run(ledger: Ledger, damage: Callable[[Path], None]) -> None:
    written = [record(number, instruments=(f"A{number}.XNAS",)) for number in range(40)]
    ledger.extend(written[:30])
    ledger.extend(written[30:])
    trials = ledger.family(written[0].spec).sharpes
    settled(ledger)
    damage(ledger.path)
    with pytest.warns(UserWarning, match=r"made anew from records.jsonl with its 40 runs") as told:
        assert Ledger(ledger.root).runs() == written[::-1]
    (message,) = (str(each.message) for each in told if "made anew" in str(each.message))  # others may be told beside
    left = re.findall(r"ledger\.sqlite\.damaged-[^ ]+(?=\.)", message)
    assert [each.name for each in ledger.root.glob("ledger.sqlite.damaged-*")] == left
    assert bool(left) is (damage is not gone)
    assert ledger.family(written[0].spec).sharpes == trials
    assert len(trials) == 40
    with warnings.catch_warnings(action="error"):  # once is enough
        ledger.append(record(41))
        assert len(ledger.ids()) == 41


@pytest.mark.parametrize("damage", [torn, no_database, emptied, gone])
def test_a_run_that_ends_beside_a_damaged_ledger_is_recorded(ledger: Ledger, damage: Callable[[Path], None]) -> None:
    ledger.append(record(1))
    settled(ledger)
    damage(ledger.path)
    with pytest.warns(UserWarning, match="made anew"):
        ledger.append(record(2))
    assert [each.started_at for each in ledger.runs()] == [2, 1]


def test_what_an_earlier_version_wrote_is_journalled_with_the_next_run(ledger: Ledger) -> None:
    ledger.append(record(1))
    journal = ledger.root / "records.jsonl"
    journal.unlink()
    ledger.append(record(2))
    assert len(journal.read_text().splitlines()) == 2


def test_what_an_earlier_version_takes_in_between_is_journalled_too(ledger: Ledger) -> None:
    ledger.append(record(1))
    journal = ledger.root / "records.jsonl"
    before = journal.read_bytes()
    ledger.append(record(2))
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("DELETE FROM journalled WHERE sequence = 2")
    connection.close()
    journal.write_bytes(before)  # as one that knows of no journal leaves both
    ledger.append(record(3))
    gone(ledger.path)
    with pytest.warns(UserWarning, match="its 3 runs"):
        assert [each.started_at for each in ledger.runs()] == [3, 2, 1]


def test_a_line_that_was_cut_off_costs_no_other_run(ledger: Ledger) -> None:
    ledger.append(record(1))
    journal = ledger.root / "records.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"id":"half of a reco')
    ledger.append(record(2))
    gone(ledger.path)
    with pytest.warns(UserWarning, match="its 2 runs"):
        assert [each.started_at for each in ledger.runs()] == [2, 1]


@pytest.mark.parametrize("line", [b"{}", b"null", b"7", b'"x"', b"[[]]", b'{"id":"ab"}', b"\0" * 4096, b"[" * 100_000])
def test_a_line_that_is_no_record_costs_no_run(ledger: Ledger, line: bytes) -> None:
    ledger.append(record(1))
    with (ledger.root / "records.jsonl").open("ab") as file:
        file.write(line + b"\n")
    ledger.append(record(2))
    gone(ledger.path)
    with pytest.warns(UserWarning, match="its 2 runs"):
        assert [each.started_at for each in ledger.runs()] == [2, 1]


def test_a_record_of_a_later_version_is_not_passed_over(ledger: Ledger) -> None:
    ledger.append(record(1))
    with (ledger.root / "records.jsonl").open("a") as file:
        file.write(to_json(record(2)).replace('"id":', '"later":1,"id":') + "\n")
    with pytest.raises(LedgerError, match="cannot read: RunRecord has no 'later'") as refused:
        ledger.append(record(3))
    assert "update AlphaPulse" in refused.value.hint


@pytest.mark.parametrize("damage", [torn, emptied, gone])
def test_who_is_interrupted_over_making_it_anew_loses_nothing(
    ledger: Ledger, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [record(number) for number in range(3)]
    ledger.extend(written)
    settled(ledger)
    damage(ledger.path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(took, "remember", interrupted)
        ledger.runs()
    with pytest.warns(UserWarning, match="its 3 runs"):
        assert ledger.runs() == written[::-1]


def test_a_tear_that_shows_where_a_new_strategy_is_placed_costs_no_run(ledger: Ledger) -> None:
    ledger.append(record(1))
    settled(ledger)
    with sqlite3.connect(ledger.path) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_strategies_1'"
        page = connection.execute(sql).fetchone()[0]
    connection.close()
    data = bytearray(ledger.path.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size
    ledger.path.write_bytes(data)
    with pytest.warns(UserWarning, match="made anew"):
        ledger.append(record(2, name="m:Another"))
    assert [each.started_at for each in ledger.runs()] == [2, 1]


def test_processes_that_find_it_torn_at_once_lose_and_double_no_run(ledger: Ledger) -> None:
    ledger.extend([record(1000 + number) for number in range(20)])
    settled(ledger)
    torn(ledger.path)
    write_at_once(ledger, 5)
    ids = ledger.ids()
    assert len(ids) == len(set(ids)) == 20 + 3 * 5
    assert len(list(ledger.root.glob("ledger.sqlite.damaged-*"))) == 1
    gone(ledger.path)
    with pytest.warns(UserWarning, match="its 35 runs"):
        assert sorted(ledger.ids()) == sorted(ids)


def test_a_damaged_ledger_in_a_folder_that_cannot_be_written_says_so(ledger: Ledger) -> None:
    ledger.append(record(1))
    settled(ledger)
    no_database(ledger.path)
    (ledger.root / "ledger.lock").unlink()
    (ledger.root / "ledger.lock").mkdir()  # tests may be run by one whom no rights stop
    with pytest.raises(LedgerError, match="cannot be opened") as refused:
        ledger.runs()
    assert "rights" in refused.value.hint


def test_a_damaged_ledger_without_its_journal_says_what_to_do(ledger: Ledger) -> None:
    ledger.append(record(1))
    settled(ledger)
    (ledger.root / "records.jsonl").unlink()
    no_database(ledger.path)
    with pytest.raises(LedgerError, match="is damaged") as refused:
        ledger.runs()
    assert "from a copy" in refused.value.hint
    assert ledger.path.exists()


def settled(ledger: Ledger) -> None:
    """Bring what its write-ahead log holds into the file that is to be damaged."""
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def write_at_once(ledger: Ledger, count: int) -> None:
    """Let three processes append so many records each."""
    code = (
        "import sys, warnings; sys.path[:0] = sys.argv[4:]; warnings.simplefilter('ignore')\n"
        "from pathlib import Path; from test_ledger import record; from alphapulse_lib.results.ledger import Ledger\n"
        "for number in range(int(sys.argv[3])): Ledger(Path(sys.argv[1])).append(record(int(sys.argv[2]) + number))"
    )
    here = Path(__file__).parent
    rest = [str(count), str(here), str(here.parent / "resources")]
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(ledger.root), str(first), *rest], stderr=subprocess.PIPE)
        for first in (0, 100, 200)
    ]
    assert [writer.communicate(timeout=120)[1].decode() for writer in writers] == ["", "", ""]


def test_an_earlier_copy_of_the_ledger_takes_in_what_its_journal_has(ledger: Ledger, tmp_path: Path) -> None:
    first = kept(ledger, parameters={"fast": 0})
    shutil.copy(ledger.path, tmp_path / "copy.sqlite")
    later = [kept(ledger, parameters={"fast": number}) for number in (1, 2, 3)]
    for part in ledger.root.glob("ledger.sqlite*"):
        part.unlink()
    shutil.copy(tmp_path / "copy.sqlite", ledger.path)
    with pytest.warns(UserWarning, match=r"lacked 3 runs that records\.jsonl has, taken in from there"):
        assert ledger.family(spec()).trials == 4
    assert ledger.ids() == [each.id for each in (first, *later)]
    new = kept(ledger, parameters={"fast": 4})
    assert (new.statistics["trials"], len((ledger.root / "records.jsonl").read_text().splitlines())) == (5, 5)


def test_a_run_whose_process_was_killed_as_it_was_recorded_is_taken_in_once(ledger: Ledger) -> None:
    lost = dataclasses.replace(kept(ledger), id="ab" * 8)
    ledger._journal.add([to_json(lost)])  # in the journal, which is written first, and then killed
    ledger.append(lost)  # the trial of a sweep that is resumed has the same id
    assert ledger.ids()[1:] == [lost.id]
    ledger._journal.add([to_json(dataclasses.replace(lost, id="cd" * 8))])
    with pytest.warns(UserWarning, match=r"lacked a run that records\.jsonl has"):
        kept(ledger, parameters={"fast": 1})
    assert len(ledger.ids()) == 4

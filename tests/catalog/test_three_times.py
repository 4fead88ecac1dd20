"""Random imports through the real writers and readers, against the design's words spelt out as a list of claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse_lib.catalog import actions, datasets, reader, writer
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.model.instrument import Instrument

DAY = 86_400 * 10**9
#: The facts are of 28 December 2012 and the days after it: some lie in one calendar year, some in the next.
FIRST = 15_702 * DAY
APPLE = Instrument("AAPL.XNAS", "Apple Inc.")

#: A row: which fact, what it says, and how many days after the fact it became available; of an import: its day.
type Row = tuple[int, int, int]


@dataclass
class Claims:
    """What was claimed of which fact: value, available, recorded. Nothing is ever taken away."""

    stated: bool = True
    held: list[tuple[int, int, int, int]] = field(default_factory=list)

    def seen(self, as_of: int, recorded_as_of: int) -> dict[int, int]:
        """By fact, the claim that became available last, and of those the one that we recorded last."""
        return {
            fact: value
            for fact, value, available, recorded in sorted(self.held, key=lambda claim: claim[2:])
            if available <= as_of and recorded <= recorded_as_of
        }

    def learn(self, rows: Iterable[Row], now: int, *, assumed: bool = False) -> None:
        for fact, value, late in rows:
            available = FIRST + (fact + late) * DAY
            if assumed and any(claim[0] == fact for claim in self.held):
                # Nobody published it at the close: it is a restatement, and known from now on.
                available = max(available, now)
                if self.seen(available, now).get(fact) == value:
                    continue
            elif (claimed := self._at(fact, available)) is not None:
                if claimed == value:
                    continue
                # A contradiction of what was available at that very moment: known from now on.
                available = max(available, now)
                if self.seen(available, now).get(fact) == value:
                    continue
            self.held.append((fact, value, available, now))

    def _at(self, fact: int, available: int) -> int | None:
        said = [claim for claim in self.held if (claim[0], claim[2]) == (fact, available)]
        return max(said, key=lambda claim: claim[3])[1] if said else None


ROWS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 3), st.integers(0, 9)),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[0],
)
#: Imports, each on a later day than the one before: the first ones while some facts are still to come.
IMPORTS = st.lists(st.tuples(ROWS, st.booleans()), min_size=1, max_size=7)
MOMENTS = st.lists(st.tuples(st.integers(0, 45), st.integers(0, 45)), min_size=6, max_size=12)


class Bars:
    """Daily bars; what one says is its close."""

    assumable = True

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, rows: list[Row], now: int, *, assumed: bool) -> None:
        close = [float(value) for _, value, _ in rows]
        prices = dict.fromkeys(("open", "high", "low", "close"), close)
        table = pa.table(
            {
                "ts": moments(FIRST + fact * DAY for fact, _, _ in rows),
                **prices,
                "volume": [1.0] * len(rows),
                "available_at": moments(FIRST + (fact + late) * DAY for fact, _, late in rows),
            }
        )
        writer.write_bars(self.root, APPLE, "1d", table, f"import {now}", recorded_at=now, assumed=assumed)

    def read(self, as_of: int, recorded_as_of: int) -> dict[int, int]:
        table = reader.bar_table(
            self.root, APPLE.id, "1d", None, as_of, recorded_as_of, ["ts_event", "close", "available_at"]
        )
        assert all(each <= as_of for each in table["available_at"].cast(pa.int64()).to_pylist())
        facts = [(each - FIRST) // DAY for each in table["ts_event"].cast(pa.int64()).to_pylist()]
        return dict(zip(facts, map(int, table["close"].to_pylist()), strict=True))


class Actions:
    """Splits; what one says is its ratio."""

    assumable = True

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, rows: list[Row], now: int, *, assumed: bool) -> None:
        table = pa.table(
            {
                "instrument_id": [APPLE.id] * len(rows),
                "kind": ["split"] * len(rows),
                "ex_date": pa.array([FIRST // DAY + fact for fact, _, _ in rows], pa.int32()).cast(pa.date32()),
                "ratio": [float(value) for _, value, _ in rows],
                "available_at": moments(FIRST + (fact + late) * DAY for fact, _, late in rows),
                "assumed": [assumed] * len(rows),
            }
        )
        actions.write(self.root, table, f"import {now}", recorded_at=now)

    def read(self, as_of: int, recorded_as_of: int) -> dict[int, int]:
        table = actions.read(self.root, APPLE.id, as_of, recorded_as_of)
        facts = [each - FIRST // DAY for each in table["ex_date"].cast(pa.int32()).to_pylist()]
        return dict(zip(facts, map(int, table["ratio"].to_pylist()), strict=True))


class Articles:
    """Articles; what one says is its headline."""

    assumable = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, rows: list[Row], now: int, *, assumed: bool) -> None:
        del assumed
        table = pa.table(
            {
                "source": ["wire"] * len(rows),
                "id": [str(fact) for fact, _, _ in rows],
                "published_at": moments(FIRST + fact * DAY for fact, _, _ in rows),
                "headline": [str(value) for _, value, _ in rows],
                "available_at": moments(FIRST + (fact + late) * DAY for fact, _, late in rows),
            }
        )
        datasets.write(self.root, "articles", table, f"import {now}", recorded_at=now)

    def read(self, as_of: int, recorded_as_of: int) -> dict[int, int]:
        table = datasets.read(self.root, "articles", None, as_of, recorded_as_of)
        return dict(zip(map(int, table["id"].to_pylist()), map(int, table["headline"].to_pylist()), strict=True))


@pytest.mark.parametrize("kind", [Bars, Actions, Articles])
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(IMPORTS, MOMENTS)
def test_any_imports_answer_as_their_claims_do(
    tmp_path_factory: pytest.TempPathFactory,
    kind: Callable[[Path], Bars | Actions | Articles],
    imports: list[tuple[list[Row], bool]],
    asked: list[tuple[int, int]],
):
    market, claims = kind(tmp_path_factory.mktemp("catalog")), Claims()
    for number, (rows, guessed) in enumerate(imports):
        now, assumed = FIRST + (4 + 5 * number) * DAY, guessed and market.assumable
        rows = [(fact, value, 0 if assumed else late) for fact, value, late in rows]
        market.write(rows, now, assumed=assumed)
        claims.learn(rows, now, assumed=assumed)
        for known, recorded in asked:
            moment = FIRST + known * DAY, FIRST + recorded * DAY
            assert market.read(*moment) == claims.seen(*moment)


@pytest.mark.parametrize("kind", [Bars, Actions, Articles])
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(IMPORTS, MOMENTS)
def test_no_later_import_changes_what_was_answered_of_the_records(
    tmp_path_factory: pytest.TempPathFactory,
    kind: Callable[[Path], Bars | Actions | Articles],
    imports: list[tuple[list[Row], bool]],
    asked: list[tuple[int, int]],
):
    market = kind(tmp_path_factory.mktemp("catalog"))
    answers: dict[tuple[int, int], dict[int, int]] = {}
    for number, (rows, guessed) in enumerate(imports):
        now = FIRST + (4 + 5 * number) * DAY
        market.write(rows, now, assumed=guessed and market.assumable)
        for moment, answer in answers.items():
            assert market.read(*moment) == answer
        for known, _ in asked:
            answers[FIRST + known * DAY, now] = market.read(FIRST + known * DAY, now)


@pytest.mark.parametrize("kind", [Bars, Actions, Articles])
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations([(1, 1, 1), (1, 2, 3), (1, 1, 5), (1, 3, 8), (1, 3, 9)]), st.integers(0, 12))
def test_vintages_may_arrive_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    kind: Callable[[Path], Bars | Actions | Articles],
    vintages: list[Row],
    late: int,
):
    """One, then two, then one again, then three: by hand."""
    market = kind(tmp_path_factory.mktemp("catalog"))
    for number, row in enumerate(vintages):
        market.write([row], FIRST + (20 + number) * DAY, assumed=False)
    expected = {0: {}, 1: {1: 1}, 3: {1: 2}, 5: {1: 1}, 8: {1: 3}}[max(at for at in (0, 1, 3, 5, 8) if at <= late)]
    assert market.read(FIRST + (1 + late) * DAY, FIRST + 40 * DAY) == expected


def test_a_file_of_today_says_nothing_of_what_was_known_at_the_close(tmp_path: Path):
    """It is imported over a vintage that says when it was known: what it restates is known from its import on."""
    bars = Bars(tmp_path)
    bars.write([(1, 1, 2)], FIRST + 20 * DAY, assumed=False)
    bars.write([(1, 3, 0)], FIRST + 30 * DAY, assumed=True)
    now = FIRST + 40 * DAY
    assert [bars.read(FIRST + day * DAY, now) for day in (1, 2, 3, 29, 30)] == [{}, {}, {1: 1}, {1: 1}, {1: 3}]


@pytest.mark.parametrize("name", ["mentions", "scores"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(IMPORTS, MOMENTS)
def test_scores_and_mentions_differ_in_what_was_recorded(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    imports: list[tuple[list[Row], bool]],
    asked: list[tuple[int, int]],
):
    """Ours, of one revision each: the revision's moment is part of the fact, and our last word of it counts."""
    root = tmp_path_factory.mktemp("catalog")
    says = "how" if name == "mentions" else "score"
    claims: list[tuple[int, int, int, int]] = []
    for number, (rows, _) in enumerate(imports):
        now = FIRST + (4 + 5 * number) * DAY
        table = pa.table(
            {
                "source": ["wire"] * len(rows),
                "article_id": [str(fact) for fact, _, _ in rows],
                "published_at": moments(FIRST + fact * DAY for fact, _, _ in rows),
                "available_at": moments(FIRST + (fact + late) * DAY for fact, _, late in rows),
                **({"instrument_id": [APPLE.id] * len(rows)} if name == "mentions" else {}),
                **({"scorer": ["s"] * len(rows), "version": ["1"] * len(rows)} if name == "scores" else {}),
                says: [str(value) if says == "how" else float(value) for _, value, _ in rows],
            }
        )
        datasets.write(root, name, table, f"import {now}", recorded_at=now)
        claims += [(fact, value, FIRST + (fact + late) * DAY, now) for fact, value, late in rows]
        for known, recorded in asked:
            as_of, held = FIRST + known * DAY, FIRST + recorded * DAY
            expected = {
                (fact, available): value
                for fact, value, available, at in sorted(claims, key=lambda claim: claim[3])
                if available <= as_of and at <= held
            }
            seen = datasets.read(root, name, None, as_of, held)
            keys = zip(
                map(int, seen["article_id"].to_pylist()), seen["available_at"].cast(pa.int64()).to_pylist(), strict=True
            )
            assert dict(zip(keys, (int(each) for each in seen[says].to_pylist()), strict=True)) == expected


def moments(values: Iterable[int]) -> pa.Array:
    return pa.array(list(values), pa.int64()).cast(TIME)

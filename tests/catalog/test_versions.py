"""Against a model in plain Python, and the rules by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse_lib.catalog import versions
from alphapulse_lib.catalog.schemas import TIME

SCHEMA = pa.schema([("key", TIME), ("value", pa.int64()), ("available_at", TIME), ("recorded_at", TIME)])


def table(rows: list[tuple[int, int | None, int]]) -> pa.Table:
    key, value, available = zip(*rows, strict=True) if rows else ((), (), ())
    columns = [pa.array(each, pa.int64()) for each in (key, value, available, available)]
    return pa.Table.from_arrays(
        [each.cast(kind) for each, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
    )


def plain(rows: pa.Table) -> list[tuple[int, int, int, int]]:
    return list(zip(*(rows[name].cast(pa.int64()).to_pylist() for name in SCHEMA.names), strict=True))


def seen(rows: pa.Table, as_of: int | None = None, recorded: int | None = None) -> dict[int, int]:
    return {key: value for key, value, _, _ in plain(versions.seen(rows, ["key"], ["value"], as_of, recorded))}


@dataclass
class Model:
    """The rules as the design states them, one version at a time."""

    held: list[tuple[int, int, int, int]]

    def seen(self, as_of: int, recorded: int) -> dict[int, int]:
        answer: dict[int, tuple[int, int, int]] = {}
        for key, value, available, at in self.held:
            if available <= as_of and at <= recorded:
                answer[key] = max(answer.get(key, (-1, -1, -1)), (available, at, value))
        return {key: value for key, (_, _, value) in answer.items()}

    def write(self, rows: list[tuple[int, int, int]], now: int) -> None:
        """Every stated vintage is held; a contradiction of one, at its own moment, is what was said from now on."""
        for key, value, available in sorted(rows, key=lambda row: row[2]):
            at = available
            claimed = max(
                (each for each in self.held if (each[0], each[2]) == (key, at)), key=lambda e: e[3:], default=None
            )
            if claimed and claimed[1] != value:
                at = max(at, now)
            elif claimed:
                continue
            if at != available and self.seen(at, now).get(key) == value:
                continue
            # Of two contradictions that arrive together, both dated now, the last one stands.
            self.held = [each for each in self.held if (each[0], *each[2:]) != (key, at, now)]
            self.held.append((key, value, at, now))


ROWS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 9)), max_size=6, unique_by=lambda r: r[::2]
)


@given(st.lists(ROWS, max_size=5), st.integers(0, 140), st.integers(0, 140))
def test_any_imports_seen_at_any_moment(imports: list[list[tuple[int, int, int]]], as_of: int, recorded: int):
    held, model = SCHEMA.empty_table(), Model([])
    for number, rows in enumerate(imports):
        now = 100 + 10 * number
        merged = versions.merge(held, table(rows), ["key"], ["value"], now)
        assert merged.new + merged.same + merged.restated == len(rows)
        held = pa.concat_tables(versions.newest(pa.concat_tables([held, merged.kept]), ["key"], ["value"]))
        model.write(rows, now)
    assert seen(held, as_of, recorded) == model.seen(as_of, recorded)
    current, old = versions.newest(held, ["key"], ["value"])
    assert sorted(plain(current) + plain(old)) == sorted(model.held)
    assert {key: value for key, value, _, _ in plain(current)} == model.seen(1000, 1000)


@settings(max_examples=15)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_later_imports_never_change_what_was_recorded_before(imports: list[list[tuple[int, int, int]]]):
    held = SCHEMA.empty_table()
    answers: dict[tuple[int, int], dict[int, int]] = {}
    for number, rows in enumerate(imports):
        now = 100 + 10 * number
        held = pa.concat_tables([held, versions.merge(held, table(rows), ["key"], ["value"], now).kept])
        for as_of in range(0, 150, 7):
            answers[as_of, now] = seen(held, as_of, now)
        assert all(seen(held, *moment) == answer for moment, answer in answers.items())


def test_the_same_row_twice_is_nothing_new():
    held = versions.merge(SCHEMA.empty_table(), table([(1, 10, 5)]), ["key"], ["value"], 100).added
    again = versions.merge(held, table([(1, 10, 5)]), ["key"], ["value"], 200)
    assert (again.new, again.same, again.restated, again.added.num_rows) == (0, 1, 0, 0)


def test_a_contradiction_that_claims_the_same_moment_counts_from_now():
    held = versions.merge(SCHEMA.empty_table(), table([(1, 10, 5)]), ["key"], ["value"], 100).added
    merged = versions.merge(held, table([(1, 11, 5)]), ["key"], ["value"], 200)
    assert plain(merged.added) == [(1, 11, 200, 200)]
    held = pa.concat_tables([held, merged.added])
    assert (seen(held, 199), seen(held, 200)) == ({1: 10}, {1: 11})


def test_an_older_vintage_imported_later_is_seen_in_its_own_time_only():
    held = versions.merge(SCHEMA.empty_table(), table([(1, 11, 9)]), ["key"], ["value"], 100).added
    merged = versions.merge(held, table([(1, 10, 5)]), ["key"], ["value"], 200)
    held = pa.concat_tables([held, merged.added])
    assert merged.restated == 1
    assert (seen(held, 8), seen(held, 9), seen(held, 8, 199)) == ({1: 10}, {1: 11}, {})


def test_several_versions_arrive_together():
    merged = versions.merge(SCHEMA.empty_table(), table([(1, 11, 9), (1, 10, 5), (1, 11, 12)]), ["key"], ["value"], 100)
    assert (merged.new, merged.restated, merged.same) == (1, 1, 1)
    assert (seen(merged.added, 8), seen(merged.added, 20)) == ({1: 10}, {1: 11})


def test_nulls_and_lists_say_the_same_when_they_are_the_same():
    schema = pa.schema(
        [("id", pa.string()), ("words", pa.list_(pa.string())), ("available_at", TIME), ("recorded_at", TIME)]
    )
    rows = [
        {"id": "a", "words": ["x", "y"], "available_at": 1, "recorded_at": 0},
        {"id": "b", "words": None, "available_at": 1, "recorded_at": 0},
        {"id": "c", "words": [], "available_at": 1, "recorded_at": 0},
    ]
    first = pa.Table.from_pylist(rows, schema)
    held = versions.merge(schema.empty_table(), first, ["id"], ["words"], 100).added
    assert versions.merge(held, first, ["id"], ["words"], 200).same == 3
    rows[0]["words"], rows[1]["words"] = ["x"], ["y"]
    assert versions.merge(held, pa.Table.from_pylist(rows, schema), ["id"], ["words"], 200).restated == 2


def test_where_availability_is_part_of_the_key_only_recording_decides():
    key = ["key", "available_at"]
    held = versions.merge(SCHEMA.empty_table(), table([(1, 10, 5)]), key, ["value"], 100).added
    merged = versions.merge(held, table([(1, 11, 5), (1, 20, 7)]), key, ["value"], 200)
    assert (merged.new, merged.restated) == (1, 1)
    held = pa.concat_tables([held, merged.added])
    assert plain(versions.seen(held, key, ["value"], None, 199)) == [(1, 10, 5, 100)]
    assert [row[1] for row in plain(versions.seen(held, key, ["value"]))] == [11, 20]


def test_an_assumed_row_takes_a_correction_back():
    held = versions.merge(SCHEMA.empty_table(), table([(1, 10, 5)]), ["key"], ["value"], 100).added
    for value, now in ((11, 200), (10, 300)):
        merged = versions.merge(held, table([(1, value, 5)]), ["key"], ["value"], now, assumed=True)
        assert merged.restated == 1
        held = pa.concat_tables([held, merged.added])
    assert [seen(held, moment)[1] for moment in (199, 200, 299, 300)] == [10, 11, 11, 10]
    stated = versions.merge(held, table([(1, 10, 5)]), ["key"], ["value"], 400)
    assert stated.same == 1, "a vintage that says when it was available is already known"

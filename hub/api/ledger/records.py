"""A run's record as a client sends it: checked to the last value before the ledger, which forgets nothing, takes it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from alphapulse_lib import clock
from alphapulse_lib.errors import AlphaPulseError, InputError
from alphapulse_lib.model.canonical import from_json, to_json
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunRecord
from hub.api.problems import ProblemError, said

__all__ = ["FILE", "owned", "parsed"]

#: What a run's file is called.
FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}\.(parquet|txt|py|html|json)")

_ID = re.compile("[0-9a-f]{8,32}")
_USER = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_INSTRUMENT = re.compile(r"[^\s,]{1,64}")
_DAY = 86_400 * 10**9
#: What every list of runs shows of a finished one.
_SHOWN = ("end_equity", "max_drawdown", "sharpe", "trades")

#: What luck is reckoned with, in everybody's lists.
_RECKONED = ("sharpe_per_period", "skewness", "kurtosis")

_SHAPE: TypeAdapter[RunRecord] = TypeAdapter(RunRecord)


def owned(record: RunRecord, name: str) -> RunRecord:
    """The record as that person's; one that was recorded under another name says under which."""
    if record.user == name:
        return record
    return replace(record, user=name, environment={**record.environment, "recorded_as": record.user})


def parsed(values: dict[str, Any]) -> RunRecord:
    """The record that a client sent.

    Raises
    ------
    ProblemError
        422: it is not a run's record, or holds a value that none can have.
    """
    try:
        # Text that cannot be written as UTF-8, or that no database takes, would be found out by every later reader.
        text = json.dumps(values, ensure_ascii=False, allow_nan=False)
        text.encode()
        if "\\u0000" in text:
            raise ValueError("it holds a NUL character")
        _SHAPE.validate_json(text, strict=True)
        record = from_json(text)
        for wrong in _wrong(record):
            raise ValueError(wrong)
        to_json(record)
    except ValidationError as refused:
        first = refused.errors()[0]
        raise _refused(f"{'.'.join(map(str, first['loc']))}: {said(first)}") from None
    except (InputError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as wrong:
        told = wrong.message if isinstance(wrong, AlphaPulseError) else str(wrong) or type(wrong).__name__
        raise _refused(told) from None
    return record


def _refused(why: str) -> ProblemError:
    return ProblemError(422, f"That is no run's record: {why}.", "Send what `alphapulse run ID --json` prints.")


def _wrong(record: RunRecord) -> Iterator[str]:
    """What is wrong with a record whose values have the right kinds."""
    spec = record.spec
    if not _ID.fullmatch(record.id):
        yield "id is not 8 to 32 hexadecimal digits"
    if spec.id != record.spec_id:
        yield f"spec_id is not that of its spec, {spec.id}"
    if not _USER.fullmatch(record.user):
        yield "user is no name of 1 to 255 characters"
    if not 0 <= record.started_at <= record.ended_at:
        yield "started_at and ended_at are no times in that order"
    if record.ended_at > clock.now_ns() + _DAY:
        yield (
            "it ended after now, by the clock of the machine that ran it. Set that right; once the time has come, "
            "`alphapulse runs --merge` hands it in"
        )
    moments = [spec.start, spec.end, spec.as_of or 0, spec.recorded_as_of or 0, spec.seed]
    moments += [each for one in record.series for each in (one.first, one.last, one.rows)]
    if not all(-(2**63) <= each < 2**63 for each in moments):
        yield "a time or a count needs more than 64 bits"
    if spec.start > spec.end:
        yield "its window ends before it starts"
    for each in (spec.period, *spec.also):
        Period.parse(each)
    if not spec.instruments or not all(_INSTRUMENT.fullmatch(each) for each in spec.instruments):
        yield "instruments are not one or more ids"
    if not all(FILE.fullmatch(each) for each in record.artefacts.values()):
        yield "artefacts are not named like equity.parquet or log.txt"
    yield from _wrong_statistics(record)


def _wrong_statistics(record: RunRecord) -> Iterator[str]:
    for name, value in record.statistics.items():
        if not isinstance(value, int | float | str | None) or (isinstance(value, int) and abs(value) >= 2**63):
            yield f"statistics.{name} is no number"
    for name in _RECKONED:
        if isinstance(record.statistics.get(name), str):
            yield f"statistics.{name} is no number"
    count = record.statistics.get("observations") or 0
    if isinstance(count, str) or not (math.isnan(count) or (0 <= count < 2**53 and count == int(count))):
        yield "statistics.observations is no count of returns"
    lacking = [name for name in _SHOWN if name not in record.statistics]
    if record.status == "finished" and lacking:
        yield f"a finished run has no {', '.join(lacking)}"

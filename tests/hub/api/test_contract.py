"""The OpenAPI document keeps its word whatever is sent, by whomever: no 5xx, no answer that it does not name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.resources.api_server import Api

TRIED, LONG = 15, 400  # requests of each operation, valid and invalid ones
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def asked(api: Api, tried: int, who: str, *, always_the_same: bool) -> dict[str, Counter[int]]:
    """What each operation of the document answered, which was held against the document each time."""
    document = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    # That one never ends; test_comments listens to it.
    ending = [each.ok() for each in document.get_all_operations() if not each.ok().path.endswith("/comments/events")]
    seen: dict[str, Counter[int]] = {operation.label: Counter() for operation in ending}
    for operation in ending:

        @settings(
            max_examples=tried, deadline=None, suppress_health_check=QUIET, derandomize=always_the_same, database=None
        )
        @given(case=operation.as_strategy())
        def one(case: Case) -> None:
            # A symbol, a cursor or a day of the right form may still name nothing: that is a 4xx, and documented.
            answer = case.call_and_validate(
                headers={"Authorization": f"Bearer {who}"}, excluded_checks=[positive_data_acceptance]
            )
            seen[operation.label][answer.status_code] += 1  # noqa: B023  called in this turn

        one()
    return seen


def statuses(seen: dict[str, Counter[int]]) -> Counter[int]:
    """How often each status was answered."""
    return sum(seen.values(), Counter())


def test_every_answer_is_one_that_the_document_names(api: Api) -> None:
    seen = asked(api, TRIED, "root", always_the_same=True)
    assert len(seen) > 15 and all(seen.values())
    found = statuses(seen)
    assert {200, 404, 422} <= found.keys()
    assert max(found) < 500


def test_whom_the_hub_does_not_know_is_told_so_whatever_is_sent(api: Api) -> None:
    seen = asked(api, 3, "nobody-the-hub-knows", always_the_same=True)
    served = {label for label, found in seen.items() if found.keys() - {401, 422}}
    # Who is about to sign in is to read that the team's server stops at six.
    assert served == {"GET /services/api/health", "GET /services/api/notice"}


@pytest.mark.siege
@pytest.mark.timeout(3600)
def test_a_long_siege_of_every_operation(api: Api, figure: Callable[[str], None]) -> None:
    seen = asked(api, LONG, "root", always_the_same=False)
    found = statuses(seen)
    figure(f"{found.total():,} requests of {len(seen)} operations: {dict(sorted(found.items()))}")
    assert max(found) < 500

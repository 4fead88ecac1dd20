"""The OpenAPI document keeps its word whatever is sent: no 5xx, no answer that it does not name."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.resources.api_server import Api

TRIED = 15  # requests of each operation, valid and invalid ones
SIGNED_IN = {"Authorization": "Bearer root"}
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_every_answer_is_one_that_the_document_names(api: Api) -> None:
    document = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    # That one never ends; test_comments listens to it.
    ending = [each.ok() for each in document.get_all_operations() if not each.ok().path.endswith("/comments/events")]
    seen: dict[str, set[int]] = {}
    for operation in ending:

        @settings(max_examples=TRIED, deadline=None, suppress_health_check=QUIET, derandomize=True, database=None)
        @given(case=operation.as_strategy())
        def asked(case: Case) -> None:
            # A symbol, a cursor or a day of the right form may still name nothing: that is a 4xx, and documented.
            answer = case.call_and_validate(headers=SIGNED_IN, excluded_checks=[positive_data_acceptance])
            seen.setdefault(operation.label, set()).add(answer.status_code)  # noqa: B023  called in this turn

        asked()
    assert len(seen) == len(ending) > 15
    statuses = {each for found in seen.values() for each in found}
    assert {200, 404, 422} <= statuses
    assert max(statuses) < 500

"""What tells all of itself in words does so wherever it is shown."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from IPython.lib.pretty import pretty

from alphapulse_lib.session.comparisons import RunComparison
from alphapulse_lib.session.convention_spreads import ConventionSpread
from alphapulse_lib.session.differences import RunDifference
from alphapulse_lib.session.reruns import Rerun
from alphapulse_lib.views.told import Told


@dataclass(frozen=True)
class Said(Told):
    words: str

    @property
    def text(self) -> str:
        return self.words


def test_it_is_its_words_to_str_in_a_terminal_and_in_a_notebook() -> None:
    said = Said("a < b")
    assert (str(said), pretty(said)) == ("a < b", "a < b")
    assert said._repr_html_() == '<pre class="">a &lt; b</pre>'


@pytest.mark.parametrize("kind", [RunComparison, ConventionSpread, RunDifference, Rerun])
def test_no_dataclass_shows_its_fields_in_its_place(kind: type[Told]) -> None:
    assert kind.__dict__["_repr_pretty_"] is Told._repr_pretty_

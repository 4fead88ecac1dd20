"""What the three calls that run strategies have in common reads alike in each of them, and in `Terms`."""

from dataclasses import fields
from inspect import signature

import pytest

import alphapulse_lib as ap
from alphapulse_lib.session.terms import Terms


@pytest.mark.parametrize("call", [ap.backtest, ap.sweep, ap.walk_forward], ids=lambda call: call.__name__)
def test_every_call_takes_the_terms_by_the_same_names_kinds_and_defaults(call):
    asked, of_terms = signature(call).parameters, signature(Terms).parameters
    assert {name: (asked[name].annotation, asked[name].default) for name in of_terms} == {
        name: (each.annotation, each.default) for name, each in of_terms.items()
    }


@pytest.mark.parametrize("call", [ap.sweep, ap.walk_forward], ids=lambda call: call.__name__)
def test_every_term_is_told_of_where_it_is_explained_and_where_it_is_passed_on(call):
    for field in fields(Terms):
        assert any(field.name in line.split(" : ")[0].split(", ") for line in lines(ap.backtest)), field.name
        assert any(field.name in line.replace(" : ", ", ").rstrip(",").split(", ") for line in lines(call)), field.name


def lines(call):
    return [line.strip() for line in call.__doc__.splitlines()]

"""What every scorer keeps, and how scorers are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from alphapulse_lib import scoring
from alphapulse_lib.errors import InputError, UnknownScorer
from alphapulse_lib.scoring import contract

TEXTS = ["Shares surge", "Shares plunge", "", "🚀" * 10, "word " * 5_000, "profit\x00loss", "ÄÖÜ 利益"]


class LengthScorer:
    """A scorer that anybody could write: the contract's three names and nothing more."""

    name = "length"
    version = "1"

    def score(self, texts: Sequence[str]) -> list[float]:
        return [min(len(text) / 10, 1.0) for text in texts]


class TooLoudScorer(LengthScorer):
    def score(self, texts: Sequence[str]) -> list[float]:
        return [2.0 for _ in texts]


class ForgetfulScorer(LengthScorer):
    def score(self, texts: Sequence[str]) -> list[float]:
        return [0.0 for _ in texts[1:]]


class SilentScorer(LengthScorer):
    def score(self, texts: Sequence[str]) -> list[float]:
        return [float("nan") for _ in texts]


@pytest.fixture(params=["finance", "vader", LengthScorer()], ids=["finance", "vader", "somebody's"])
def scorer(request: pytest.FixtureRequest) -> scoring.Scorer:
    return scoring.find(request.param)


def test_scores_are_floats_from_minus_one_to_one(scorer: scoring.Scorer) -> None:
    scores = scoring.score(TEXTS, scorer)
    assert scores.dtype == np.float64
    assert scores.shape == (len(TEXTS),)
    assert (np.abs(scores) <= 1).all()


def test_scores_are_the_same_every_time(scorer: scoring.Scorer) -> None:
    np.testing.assert_array_equal(scoring.score(TEXTS, scorer), scoring.score(TEXTS, scorer))


def test_an_empty_text_scores_zero(scorer: scoring.Scorer) -> None:
    assert scoring.score([""], scorer).tolist() == [0.0]


def test_no_texts_no_scores(scorer: scoring.Scorer) -> None:
    assert scoring.score([], scorer).shape == (0,)
    assert scoring.label([], scorer) == []


def test_every_scorer_has_a_version(scorer: scoring.Scorer) -> None:
    assert scorer.version
    assert scorer.version == scorer.version


@pytest.mark.parametrize(
    "texts",
    [
        ["Shares surge", None],
        ("Shares surge", float("nan")),
        pd.Series(["Shares surge", None]),
        pa.chunked_array([["Shares surge"], [None]]),
        (text for text in ["Shares surge", ""]),
    ],
    ids=["list", "tuple", "series", "arrow", "generator"],
)
def test_takes_texts_as_they_come(texts: object) -> None:
    scores = scoring.score(texts, "finance")  # type: ignore[arg-type]
    assert scores[0] > 0.05
    assert scores[1] == 0


def test_one_text_is_a_list_of_one() -> None:
    assert scoring.label("Shares surge") == ["positive"]


def test_a_text_that_is_a_number_is_refused() -> None:
    with pytest.raises(InputError, match="5 is not a text"):
        scoring.score(["a", 5])  # type: ignore[list-item]


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownScorer, match="Did you mean vader"):
        scoring.score(["a"], "vadr")


def test_an_object_that_is_no_scorer_is_refused() -> None:
    with pytest.raises(InputError, match="not a scorer"):
        scoring.score(["a"], 5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a scorer"):
        scoring.score(["a"], LengthScorer)  # type: ignore[arg-type]


@pytest.mark.parametrize("breaking", [TooLoudScorer(), ForgetfulScorer(), SilentScorer()])
def test_a_scorer_that_breaks_its_contract_is_named(breaking: scoring.Scorer) -> None:
    with pytest.raises(InputError, match="'length' broke its contract"):
        scoring.score(["a", "b"], breaking)


def test_a_scorer_without_reasons_says_so() -> None:
    with pytest.raises(InputError, match="gives no reasons"):
        scoring.explain("a", LengthScorer())


@pytest.mark.parametrize("act", [scoring.score, scoring.label])
def test_a_number_is_no_text(act: Callable[[object], object]) -> None:
    with pytest.raises(InputError, match="5 is neither a text nor several"):
        act(5)


def test_the_setting_names_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHAPULSE_SCORER", "vader")
    assert scoring.find().name == "vader"


def test_a_package_adds_a_scorer_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution as pip lays it out, with a module and its entry points, on the path."""
    (tmp_path / "shouting.py").write_text(
        "class Shouting:\n    name = 'shouting'\n    version = '1'\n"
        "    def score(self, texts):\n        return [float(t.isupper()) for t in texts]\n"
    )
    info = tmp_path / "shouting-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[alphapulse.scorers]\nshouting = shouting:Shouting\nvader = shouting:Shouting\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "shouting" in contract.names()
    assert scoring.score(["LOUD", "soft"], "shouting").tolist() == [1.0, 0.0]
    assert scoring.find("vader").name == "vader"

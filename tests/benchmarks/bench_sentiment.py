"""How well the scorers read labelled headlines: ``python -m tests.benchmarks.bench_sentiment`` prints the table.

A prediction is `scoring.label`. Macro-F1 is the mean of the three labels' F1. "Held out" is the fifth of each set that
no weight of the finance scorer was fitted on; VADER was fitted on none of it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from alphapulse_lib import scoring
from tests.benchmarks import sentiment_data

__all__ = ["Measure", "measure"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One scorer on one set."""

    scorer: str
    version: str
    data: str
    headlines: int
    accuracy: float
    macro_f1: float


def measure(scorer: str, data: sentiment_data.Headlines, part: str) -> Measure:
    """Accuracy and macro-F1 of a scorer's labels."""
    guesses = scoring.label(data.texts, scorer)
    pairs = list(zip(guesses, data.labels, strict=True))
    f1 = [_f1(pairs, label) for label in ("negative", "neutral", "positive")]
    accuracy = sum(guess == label for guess, label in pairs) / len(pairs)
    version = scoring.find(scorer).version
    return Measure(scorer, version, f"{data.name}, {part}", len(pairs), accuracy, sum(f1) / len(f1))


def _f1(pairs: list[tuple[scoring.Label, str]], label: str) -> float:
    right = sum(guess == truth == label for guess, truth in pairs)
    named = sum(guess == label for guess, _ in pairs) + sum(truth == label for _, truth in pairs)
    return 2 * right / named if named else 0.0


def main() -> int:
    """Print the table."""
    if not sentiment_data.FOLDER.exists():
        sys.stdout.write("Skipped: the labelled headlines are looked for at ../shared/data/news and are not there.\n")
        return 0
    lines = ["| data | headlines | scorer | version | accuracy | macro-F1 |", "|---|---|---|---|---|---|"]
    for data in sentiment_data.read():
        for part, headlines in (("held out", data.held_out()), ("all", data)):
            for scorer in ("finance", "vader"):
                one = measure(scorer, headlines, part)
                lines.append(
                    f"| {one.data} | {one.headlines:,} | {one.scorer} | {one.version} "
                    f"| {one.accuracy:.1%} | {one.macro_f1:.1%} |"
                )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

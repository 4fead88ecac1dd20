"""How far apart numbers are, kept so that one more costs as much as the first: a sweep asks after each trial."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Heterogeneity", "Spread"]

#: Binary places of the least float: as whole numbers of these all floats can be added without a rounding.
_PLACES = 1074


@dataclass(frozen=True, slots=True)
class Spread:
    """How many numbers there are, their sum and that of their squares: exact, so nothing is lost however many come."""

    count: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Spread:
        """Of those that are finite."""
        count = total = squares = 0
        for each in numbers:
            if math.isfinite(each):
                numerator, denominator = float(each).as_integer_ratio()
                shift = _PLACES - denominator.bit_length() + 1
                count += 1
                total += numerator << shift
                squares += numerator * numerator << 2 * shift
        return cls(count, total, squares)

    def exchanged(self, old: float, new: float) -> Spread:
        """With one number in another's place; ``nan`` is none."""
        gone, come = Spread.of([old]), Spread.of([new])
        return Spread(
            self.count - gone.count + come.count,
            self.total - gone.total + come.total,
            self.squares - gone.squares + come.squares,
        )

    @property
    def variance(self) -> float:
        """The sample variance, rounded once; 0 of fewer than two."""
        if self.count < 2:
            return 0.0
        apart = self.squares * self.count - self.total * self.total
        return apart / (self.count * (self.count - 1) << 2 * _PLACES)


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """By how much estimates differ beyond what chance gives each of them: sums that are exact, as those of a `Spread`.

    DerSimonian and Laird (1986), *Meta-analysis in Clinical Trials*, Controlled Clinical Trials 7(3): each estimate
    weighs the inverse of its own variance by chance, here a whole number.
    """

    count: int = 0
    weights: int = 0
    weights_squared: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, weighed: Iterable[tuple[float, int]]) -> Heterogeneity:
        """Of estimates with their weights; of those that are finite, and weigh one or more."""
        count = weights = weights_squared = total = squares = 0
        for each, weight in weighed:
            alone = Spread.of([each])
            if alone.count and weight >= 1:
                count += 1
                weights += weight
                weights_squared += weight * weight
                total += weight * alone.total
                squares += weight * alone.squares
        return cls(count, weights, weights_squared, total, squares)

    def exchanged(self, old: tuple[float, int], new: tuple[float, int]) -> Heterogeneity:
        """With one estimate in another's place; ``nan`` is none."""
        gone, come = Heterogeneity.of([old]), Heterogeneity.of([new])
        return Heterogeneity(
            self.count - gone.count + come.count,
            self.weights - gone.weights + come.weights,
            self.weights_squared - gone.weights_squared + come.weights_squared,
            self.total - gone.total + come.total,
            self.squares - gone.squares + come.squares,
        )

    @property
    def variance(self) -> float:
        """Of what is estimated, 0 or more: of equal weights w the sample variance less 1 / w. 0 of fewer than two.

        Examples
        --------
        >>> Heterogeneity.of([(1.0, 2), (3.0, 2)]).variance
        1.5
        """
        if self.count < 2:
            return 0.0
        apart = self.squares * self.weights - self.total * self.total  # over the weights, Cochran's Q
        beyond = apart - ((self.count - 1) * self.weights << 2 * _PLACES)
        return max(beyond / (self.weights * self.weights - self.weights_squared << 2 * _PLACES), 0.0)

"""Heads: what a network's raw numbers mean, and the loss against the target.

A head is a value object with ``parameters`` (raw numbers a target takes), ``loss(raw, target)``
element by element, ``point(raw)``, the forecast, and ``start(residuals)``, where training starts;
one that also has ``quantiles(raw, levels)`` is probabilistic. The table HEADS at the foot names
them as scikit-learn does.

Conventions: raw (..., P), target and point (...), L levels, O outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

DEFAULT_LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)
ROUNDING = 1e-9  # levels come from arithmetic such as (1 - 0.95) / 2


@runtime_checkable
class Head(Protocol):
    """One way to read raw numbers as a forecast."""

    @property
    def parameters(self) -> int:
        """Raw numbers a target takes, P."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each target: raw (..., P), target (...) -> (...)."""

    def point(self, raw: Tensor) -> Tensor:
        """Return the point forecast: raw (..., P) -> (...)."""

    def start(self, residuals: np.ndarray) -> np.ndarray:
        """Return raw numbers that describe the errors of the forecast to be corrected.

        residuals (n, O), NaN where missing -> (O, P); 0 for an output without residuals.
        """


@runtime_checkable
class ProbabilisticHead(Head, Protocol):
    """A head that says how sure it is."""

    def quantiles(self, raw: Tensor, levels: Sequence[float] | np.ndarray) -> Tensor:
        """Return quantiles: raw (..., P) -> (..., L), ascending if the levels are."""


class PointHead(ABC):
    """Interface of the heads whose one raw number is the forecast."""

    parameters = 1

    @abstractmethod
    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each target."""

    def point(self, raw: Tensor) -> Tensor:
        return raw[..., 0]

    def start(self, residuals: np.ndarray) -> np.ndarray:
        return np.zeros((residuals.shape[1], 1))


@dataclass(frozen=True)
class SquaredError(PointHead):
    r"""The mean: :math:`\tfrac12 (y - \hat y)^2`."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (raw[..., 0] - target) ** 2


@dataclass(frozen=True)
class AbsoluteError(PointHead):
    r"""The median: :math:`|y - \hat y|`."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return (raw[..., 0] - target).abs()


@dataclass(frozen=True)
class Huber(PointHead):
    r"""Between mean and median: quadratic up to :math:`\delta` scaled units, then linear.

    Source: Huber 1964. With :math:`\delta = 1` the bend lies at one deviation of the scaled target.

    Parameters
    ----------
    delta : float > 0

    Raises
    ------
    ValueError
        When ``delta`` is not a finite number above 0.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.delta < np.inf:
            raise ValueError(f"delta={self.delta!r}: expected a number > 0")

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(raw[..., 0], target, reduction="none", delta=self.delta)


@dataclass(frozen=True)
class Quantile:
    r"""Quantiles at fixed levels; the forecast is the median.

    .. math:: \frac{2}{P} \sum_{p=1}^{P} \max(\tau_p (y - q_p), (\tau_p - 1)(y - q_p))

    the mean of the pinball losses (Koenker and Bassett 1978), doubled so that the median
    alone has the loss of :class:`AbsoluteError`. Quantiles that cross are put in order
    (Chernozhukov, Fernandez-Val and Galichon 2010). Between two levels they are linear in the
    normal score of the level, so a normal distribution has no error there.

    Parameters
    ----------
    levels : sequence of float
        The levels that are trained, increasing, within (0, 1), the lowest at most 0.5 and the
        highest at least 0.5.

    Raises
    ------
    ValueError
        When the levels are not such.

    Examples
    --------
    >>> import torch
    >>> from tsrnn.heads import Quantile
    >>> head = Quantile([0.1, 0.5, 0.9])
    >>> head.quantiles(torch.tensor([-1.0, 0.0, 3.0]), [0.1, 0.5, 0.7]).round(decimals=2)
    tensor([-1.0000,  0.0000,  1.2300])
    """

    levels: Sequence[float] = DEFAULT_LEVELS

    def __post_init__(self) -> None:
        levels = np.asarray(self.levels, dtype=np.float64)
        valid = levels.ndim == 1 and levels.size and (np.diff(levels) > 0).all()
        if not valid or not 0 < levels[0] <= 0.5 <= levels[-1] < 1:
            raise ValueError(
                f"levels={self.levels!r}: expected increasing numbers within (0, 1), from at most "
                "0.5 to at least 0.5 because the median is the forecast"
            )
        object.__setattr__(self, "levels", tuple(levels.tolist()))  # equal levels are equal heads

    @property
    def parameters(self) -> int:
        return len(self.levels)

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        level, error = raw.new_tensor(self.levels), target[..., None] - raw  # (..., P)
        return 2 * torch.maximum(level * error, (level - 1) * error).mean(dim=-1)

    def point(self, raw: Tensor) -> Tensor:
        return self.quantiles(raw, [0.5])[..., 0]

    def quantiles(self, raw: Tensor, levels: Sequence[float] | np.ndarray) -> Tensor:
        """Return quantiles at any levels within the trained ones: raw (..., P) -> (..., L).

        Raises
        ------
        ValueError
            When a level lies outside the trained ones.
        """
        wanted = torch.tensor(self._within(levels), dtype=torch.float64)
        trained = torch.tensor(self.levels, dtype=torch.float64)
        ordered = raw.sort(dim=-1).values
        above = torch.searchsorted(trained, wanted)
        below = (above - 1).clamp(min=0)
        score, low, high = map(torch.special.ndtri, (wanted, trained[below], trained[above]))
        share = torch.where(above > below, (score - low) / (high - low), 0.0).to(raw)
        below, above = below.to(raw.device), above.to(raw.device)
        return torch.lerp(ordered[..., below], ordered[..., above], share)

    def start(self, residuals: np.ndarray) -> np.ndarray:
        columns = [column[np.isfinite(column)] for column in np.asarray(residuals).T]
        none = np.zeros(self.parameters)
        return np.array([np.quantile(c, self.levels) if c.size else none for c in columns])

    def _within(self, levels: Sequence[float] | np.ndarray) -> np.ndarray:
        """Refuse levels outside the trained ones, by more than a rounding error."""
        wanted, low, high = np.asarray(levels, np.float64), self.levels[0], self.levels[-1]
        inside = (wanted >= low - ROUNDING) & (wanted <= high + ROUNDING)
        if not inside.all():
            outside = wanted[~inside].tolist()
            example = sorted({*self.levels, *outside})
            raise ValueError(
                f"levels={outside}: outside the levels {low} to {high} that were trained; fit with "
                f"loss=Quantile({example})"
            )
        return wanted.clip(low, high)


POINT_HEADS: dict[str, Callable[[], Head]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
}
HEADS: dict[str, Callable[[], Head]] = {**POINT_HEADS, "quantile": Quantile}


def find_head(loss: str | Head) -> Head:
    """Return the head of a name, or the head itself.

    Raises
    ------
    ValueError
        When no head has the name.
    TypeError
        When it is neither a name nor a head.
    """
    if isinstance(loss, str) and loss in HEADS:
        return HEADS[loss]()
    if isinstance(loss, Head) and not isinstance(loss, type):
        return loss
    error = ValueError if isinstance(loss, str) else TypeError
    names = ", ".join(map(repr, HEADS))
    raise error(
        f"loss={loss!r}: expected one of {names}, or a head such as Quantile([0.1, 0.5, 0.9])"
    )

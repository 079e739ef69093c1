"""Heads: what a network's raw numbers mean, and the loss against the target.

A head is a class with ``parameters`` (raw numbers a target takes), ``loss(raw, target)`` element by
element, and ``point(raw)``, the forecast. The table HEADS at the foot names them as scikit-learn
does.

Conventions: raw (..., P), target and point (...).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor
from torch.nn import functional


class Head(Protocol):
    """One way to read raw numbers as a forecast."""

    parameters: int

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each target: raw (..., P), target (...) -> (...)."""

    def point(self, raw: Tensor) -> Tensor:
        """Return the point forecast: raw (..., P) -> (...)."""


class SquaredError:
    r"""The mean: :math:`\tfrac12 (y - \hat y)^2`."""

    parameters = 1

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (raw[..., 0] - target) ** 2

    def point(self, raw: Tensor) -> Tensor:
        return raw[..., 0]


class AbsoluteError:
    r"""The median: :math:`|y - \hat y|`."""

    parameters = 1

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return (raw[..., 0] - target).abs()

    def point(self, raw: Tensor) -> Tensor:
        return raw[..., 0]


class Huber:
    r"""Between mean and median: quadratic up to :math:`\delta` scaled units, then linear.

    Source: Huber 1964. With :math:`\delta = 1` the bend lies at one deviation of the scaled target.
    """

    parameters = 1

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(raw[..., 0], target, reduction="none", delta=self.delta)

    def point(self, raw: Tensor) -> Tensor:
        return raw[..., 0]


HEADS: dict[str, Callable[[], Head]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
}

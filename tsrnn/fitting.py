"""Fitting one forking network: where it starts, how long it is trained, how far it is trusted.

Three guards keep a network from being worse than the forecast it corrects. It starts from a ridge
regression of the same inputs, or from no correction at all, whichever did better on the latest
steps; the epoch is chosen there too; and its read-out is shrunk when the gain seen there may be
luck.

Conventions: B passes, N origins, H horizon, K targets, I inputs, P numbers a target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tsrnn.forking import Corpus, Pass, draw_passes, last_passes, stacked
from tsrnn.heads import Head
from tsrnn.networks import ForkingNetwork
from tsrnn.training import History, train

ORIGINS_AT_ONCE = 16_384  # origins that go through a network together when nothing is learnt
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)  # of the ridge start, in mean squares of the inputs
VALIDATION_PHASES = 2  # offsets at which the held-out steps are forecast


class Tensors(NamedTuple):
    """A batch as the network takes it; ``use`` says which targets the loss counts."""

    x: Tensor
    known: Tensor | None
    target: Tensor
    use: Tensor


@dataclass
class Fitting:
    """One network, its targets before ``until`` to learn from and those after it to judge."""

    network: ForkingNetwork
    head: Head
    corpus: Corpus
    until: np.ndarray  # (n,) steps of each series
    origins: int  # of a pass
    phases: int
    batch_size: int
    generator: torch.Generator
    rng: np.random.Generator

    def run(self, penalty: float | None, **options: Any) -> History:
        """Train from the ridge start of a penalty; the options are those of ``train``."""
        self.start_from(penalty)
        judged = self._held_out() if self.judges else []
        validate = partial(self._mean, judged) if judged else None
        return train(self.network, self._batches, self._loss, validate, **options)

    @property
    def judges(self) -> bool:
        return bool((self.until < self.corpus.length).any())

    def best_penalty(self) -> float | None:
        """Return the penalty whose start did best on the steps after ``until``."""
        judged, losses = self._held_out(), {}
        for penalty in (None, *PENALTIES):
            self.start_from(penalty)
            losses[penalty] = self._mean(judged)
        return min(losses, key=losses.__getitem__)

    def trust(self) -> float:
        r"""Return how far the gain over no correction is trusted: :math:`t^2 / (1 + t^2)`.

        t is the mean gain over its standard error, counting origins a horizon apart as independent.
        With a normal prior of mean 0 the posterior mean of a gain is its estimate times
        :math:`s^2 / (s^2 + e^2)`; t^2 is the estimate of s^2 / e^2 (empirical Bayes, Efron and
        Morris 1973, without their correction by 1, which would drop every gain below one error).
        """
        gains = []
        with torch.inference_mode():
            for batch in self._held_out():
                none = batch.target.new_zeros((*batch.target.shape, self.head.parameters))
                gained = self.head.loss(none, batch.target) - self._losses(batch, None)
                gains.append((gained * batch.use).sum(dim=(2, 3))[batch.use.any(dim=(2, 3))])
        gain = torch.cat(gains).double().cpu().numpy()  # (origins,)
        if gain.size < 2 or gain.mean() <= 0:  # few or none: nothing was observed there
            return 0.0
        independent = max(1.0, (self.corpus.length - self.until).sum() / self.corpus.layout.horizon)
        error = gain.std() / np.sqrt(min(len(gain), independent))
        return float(1 / (1 + (error / gain.mean()) ** 2))

    def start_from(self, penalty: float | None) -> None:
        """Set the read-out to the ridge regression of the targets on the inputs, or to zero."""
        with torch.no_grad():
            for weights in self.network.read_out():
                weights.zero_()
            if penalty is None:
                return
            weight, bias = ridge(*self._equations, penalty)
            shape = self.network.shape
            linear = self.network.linear.weight.view(*shape, -1)
            linear[:, :, 0] = torch.from_numpy(weight).view(*shape[:2], -1).to(linear)
            offset = self.network.direct.bias.view(shape)
            offset[:, :, 0] = torch.from_numpy(bias).view(shape[:2]).to(offset)

    @cached_property  # the same for all penalties
    def _equations(self) -> tuple[np.ndarray, np.ndarray]:
        """Sum the normal equations over origins whose targets are observed before ``until``."""
        size = self.network.linear.in_features + 1
        left = np.zeros((size, size))
        right = np.zeros((size, math.prod(self.network.shape[:2])))
        passes = draw_passes(self.until, self.corpus.layout.segment, self.origins, 1, self.rng)
        for part in self._parts(passes):
            series, origins = stacked(part)
            batch = self.corpus.batch(series, origins)
            before = batch.step[:, :, -1] < self.until[series, None]
            use = batch.observed.all(axis=(2, 3)) & before
            x = np.concatenate([batch.x[use], np.ones((use.sum(), 1))], axis=1)
            left += x.T @ x
            right += x.T @ batch.target[use].reshape(len(x), right.shape[1])
        return left, right

    def _batches(self) -> list[Tensors]:
        segment = self.corpus.layout.segment
        drawn = draw_passes(self.until, segment, self.origins, self.phases, self.rng)
        order = self.rng.permutation(len(drawn))
        groups = np.array_split(order, -(-len(drawn) // self.batch_size))
        nothing = np.zeros_like(self.until)
        return [self._tensors([drawn[i] for i in g], nothing, self.until) for g in groups]

    def _held_out(self) -> list[Tensors]:
        """Lay passes over the steps after ``until``, with the steps before them to warm up."""
        segment, length = self.corpus.layout.segment, self.corpus.length
        longest = self.origins + -(-int((length - self.until).max()) // segment)
        phases = range(0, segment, -(-segment // VALIDATION_PHASES))
        later = [p for back in phases for p in last_passes(length - 1, segment, longest, back)]
        return [self._tensors(part, self.until, length) for part in self._parts(later)]

    def _parts(self, passes: list[Pass]) -> list[list[Pass]]:
        longest = max((len(p.origins) for p in passes), default=1)
        size = max(1, ORIGINS_AT_ONCE // longest)
        return [passes[a : a + size] for a in range(0, len(passes), size)]

    def _tensors(self, passes: Sequence[Pass], first: np.ndarray, last: np.ndarray) -> Tensors:
        """Gather passes; only targets at steps from ``first`` up to ``last`` (n,) count."""
        series, origins = stacked(passes)
        batch = self.corpus.batch(series, origins)
        due = (batch.step >= first[series, None, None]) & (batch.step < last[series, None, None])
        arrays = batch.x, batch.known, batch.target, batch.observed & due[..., None]
        like = self.network.linear.weight
        return Tensors(*(as_tensor(a, like) for a in arrays))

    def _losses(self, batch: Tensors, dropout: torch.Generator | None) -> Tensor:
        return self.head.loss(self.network(batch.x, batch.known, dropout), batch.target)

    def _loss(self, batch: Tensors) -> Tensor:
        losses = self._losses(batch, self.generator) * batch.use
        return losses.sum() / batch.use.sum().clamp(min=1)

    def _mean(self, batches: list[Tensors]) -> float:
        with torch.inference_mode():
            total = sum(float((self._losses(b, None) * b.use).sum()) for b in batches)
        return total / max(1.0, sum(float(b.use.sum()) for b in batches))


def ridge(left: np.ndarray, right: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Solve normal equations whose last column is the constant: weight (O, I) and bias (O,).

    The penalty is in units of the mean square of the inputs; the constant is free of it (Hoerl and
    Kennard 1970).
    """
    sizes = np.diag(left)[:-1]
    added = np.append(np.full(len(sizes), penalty * sizes.mean()), 0.0)
    solution = np.linalg.lstsq(left + np.diag(added), right, rcond=None)[0]
    return solution[:-1].T, solution[-1]


def as_tensor(array: np.ndarray | None, like: Tensor) -> Any:
    """Copy an array to the device and the kind of number of a tensor."""
    return None if array is None else torch.from_numpy(array).to(like)

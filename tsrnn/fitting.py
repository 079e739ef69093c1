"""Fitting one forking network: where it starts, how long it is trained, how far it is trusted.

Three guards keep a network from being worse than the forecast it corrects. It starts from a ridge
regression of the same inputs, or from no correction at all, whichever did better on the latest
steps; the epoch is chosen there too; and its read-out is shrunk when the gain seen there may be
luck.

Conventions: B passes, N origins, H horizon, K targets, I inputs, P numbers a target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tsrnn.forking import Batch, Corpus, Pass, draw_passes, last_passes, line_of, stacked
from tsrnn.heads import Head, ProbabilisticHead
from tsrnn.networks import ForkingNetwork, Seq2SeqNetwork
from tsrnn.training import History, train

ORIGINS_AT_ONCE = 16_384  # origins that go through a network together when nothing is learnt
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)  # of the ridge start, in mean squares of the inputs
RIDGE_ORIGINS = 20_000  # that a ridge start learns from, if the series have as many steps
ENOUGH = 20  # of these for each input
MOST_RESIDUALS = 20_000  # origins whose targets tell how wrong the anchors are, or a few more
ROUNDS = 3  # forecasts that stand on each other while training with scheduled sampling
VALIDATION_PHASES = 2  # offsets at which the held-out steps are forecast

Weights = dict[str, Tensor]  # of a network, by name
Start = float | Weights | None  # a ridge penalty, weights to go on from, or no correction


class Tensors(NamedTuple):
    """A batch as the network takes it; ``use`` says which targets the loss counts."""

    x: Tensor
    known: Tensor | None
    static: Tensor | None
    target: Tensor
    use: Tensor


@dataclass
class Fitting:
    """One network, its targets before ``until`` to learn from and those after it to judge."""

    network: ForkingNetwork | Seq2SeqNetwork
    head: Head
    corpus: Corpus
    until: np.ndarray  # (n,) steps of each series
    origins: int  # of a pass
    phases: int
    batch_size: int
    generator: torch.Generator
    rng: np.random.Generator
    forcing: Callable[[float], float] | None = None  # share of true inputs by progress

    def run(self, start: Start, **options: Any) -> History:
        """Train from a start; the options are those of ``train``."""
        self.start_from(start)
        self._begin(int(options["max_epochs"]))
        validate = partial(self._mean, self.held_out) if self.judges else None
        return train(self.network, self._batches, self._loss, validate, **options)

    def __post_init__(self) -> None:
        self._begin(1)

    def _begin(self, epochs: int) -> None:
        self._epoch, self._epochs = 0, epochs

    @property
    def judges(self) -> bool:
        return bool((self.until < self.corpus.length).any())

    def best_penalty(self) -> float | None:
        """Return the penalty whose start did best on the steps after ``until``."""
        losses = {}
        for penalty in (None, *PENALTIES):
            self.start_from(penalty)
            losses[penalty] = self._mean(self.held_out)
        return min(losses, key=lambda penalty: np.nan_to_num(losses[penalty], nan=np.inf))

    def trust(self) -> float:
        r"""Return how far the gain over no correction is trusted: :math:`t^2 / (1 + t^2)`.

        t is the mean gain over its standard error, counting origins a horizon apart as independent.
        With a normal prior of mean 0 the posterior mean of a gain is its estimate times
        :math:`s^2 / (s^2 + e^2)`; t^2 is the estimate of s^2 / e^2 (empirical Bayes, Efron and
        Morris 1973, without their correction by 1, which would drop every gain below one error).
        """
        gains = []
        with torch.inference_mode():
            for batch in self.held_out:
                none = self.network.start.expand(*batch.target.shape, -1)
                gained = self.head.loss(none, batch.target) - self._losses(batch, None)
                gains.append((gained * batch.use).sum(dim=(2, 3))[batch.use.any(dim=(2, 3))])
        gain = torch.cat(gains).double().cpu().numpy()  # (origins,)
        if gain.size < 2 or gain.mean() <= 0:  # few or none: nothing was observed there
            return 0.0
        independent = max(1.0, (self.corpus.length - self.until).sum() / self.corpus.layout.horizon)
        error = gain.std() / np.sqrt(min(len(gain), independent))
        return float(1 / (1 + (error / gain.mean()) ** 2))

    def errors(self) -> np.ndarray:
        """Return target minus point forecast in units of the scale, (n, H, K), NaN where missing.

        Over the steps after ``until``; where nothing is held out, over those trained on.
        """
        found = []
        with torch.inference_mode():
            learnt = [] if self.judges else self._learnt_from(self._drawn(), self.corpus)
            for batch in self.held_out if self.judges else learnt:
                point = self.head.point(self._raw(batch, None))
                error = torch.where(batch.use.bool(), batch.target - point, torch.nan)
                found.append(error.flatten(0, 1).double().cpu().numpy())
        errors = np.concatenate(found)
        return errors[np.isfinite(errors).any(axis=(1, 2))]

    def start_from(self, start: Start) -> None:
        """Set the read-out to the ridge regression of the targets on the inputs, or to zero.

        From given weights it goes on with these. What the head says of the errors of the anchor
        (``network.start``, no weight) is learnt first.
        """
        if isinstance(start, dict):
            self.network.load_state_dict(start)
            return
        with torch.no_grad():
            if isinstance(self.head, ProbabilisticHead):
                spread = self.head.start(self._equations.residuals)  # (H K, P)
                self.network.start.copy_(torch.as_tensor(spread).view(self.network.shape))
            for weights in self.network.read_out():
                weights.zero_()
            if start is None:
                return
            weight, bias = ridge(self._equations.left, self._equations.right, start)
            linear, (H, K, P) = self.network.linear, self.network.shape
            for values, found in ((linear.weight, weight), (linear.bias, bias)):
                every = torch.from_numpy(found).to(values).view(H, K, 1, -1)
                values.copy_(every.expand(H, K, P, -1).reshape(values.shape))

    @cached_property  # the same for all penalties
    def _equations(self) -> Equations:
        """Sum the normal equations over origins whose targets are observed before ``until``.

        As many offsets of the passes are laid as make about RIDGE_ORIGINS origins. Where too few of
        these have all their targets, each output has equations of its own, from the origins that
        have its target.
        """
        size, outputs = self.network.linear.in_features + 1, math.prod(self.network.shape[:2])
        segment = self.corpus.layout.segment
        phases = int(np.clip(RIDGE_ORIGINS * segment // max(1, self.until.sum()), 1, segment))
        apart = self._complete_origins() * phases / segment < ENOUGH * size
        left = np.zeros((outputs if apart else 1, size, size))
        right = np.zeros((size, outputs))
        residuals: list[np.ndarray] = []
        for part in self._parts(draw_passes(self.until, segment, self.origins, phases, self.rng)):
            series, origins = stacked(part)
            batch = self.corpus.batch(series, origins)
            due = batch.observed & (batch.step < self.until[series, None, None])[..., None]
            due = due.reshape(*origins.shape, outputs)
            some = due.any(axis=-1) if apart else due.all(axis=-1)
            x = np.concatenate([batch.x[some], np.ones((some.sum(), 1))], axis=1)
            target, due = batch.target[some].reshape(len(x), outputs), due[some]
            for o in range(len(left)):
                rows = x[due[:, o]] if apart else x
                left[o] += rows.T @ rows
            right += x.T @ np.where(due, target, 0.0)
            if sum(len(r) for r in residuals) < MOST_RESIDUALS:
                residuals.append(np.where(due, target, np.nan))
        return Equations(left, right, np.concatenate([np.zeros((0, outputs)), *residuals]))

    def _complete_origins(self) -> int:
        """Count the steps of all series after which a horizon of targets is observed."""
        seen = np.concatenate([[0], np.cumsum(np.isfinite(self.corpus.true_w).all(axis=1))])
        horizon = self.corpus.layout.horizon
        return int((seen[horizon:] - seen[:-horizon] == horizon).sum())

    def _batches(self) -> list[Tensors]:
        """Draw the batches of an epoch."""
        groups = self._drawn()
        shown = self.corpus if self.forcing is None else self._partly_forecast(groups)
        self._epoch += 1
        return self._learnt_from(groups, shown)

    def _drawn(self) -> list[list[Pass]]:
        segment = self.corpus.layout.segment
        drawn = draw_passes(self.until, segment, self.origins, self.phases, self.rng)
        order = self.rng.permutation(len(drawn))
        groups = np.array_split(order, -(-len(drawn) // self.batch_size))
        return [[drawn[i] for i in group] for group in groups]

    def _learnt_from(self, groups: list[list[Pass]], shown: Corpus) -> list[Tensors]:
        nothing = np.zeros_like(self.until)
        return [self._tensors(group, nothing, self.until, shown) for group in groups]

    def _partly_forecast(self, passes: list[list[Pass]]) -> Corpus:
        """Replace a share of the values shown by one-step forecasts, made from what is then shown.

        Scheduled sampling (Bengio et al. 2015) without running step by step: after k rounds a
        forecast stands on up to k forecasts before it, as when its output is fed back (Mihaylova
        and Martins 2019; Duckworth et al. 2019, "parallel scheduled sampling").
        """
        assert self.forcing is not None
        share = self.forcing(self._epoch / max(1, self._epochs - 1))
        fed = (self.rng.random(self.corpus.w.shape) >= share) & np.isfinite(self.corpus.w)
        shown = self.corpus
        for _ in range(ROUNDS):
            shown = self._with_values(np.where(fed, self._one_step(shown, passes), self.corpus.w))
        return shown

    def _one_step(self, shown: Corpus, passes: list[list[Pass]]) -> np.ndarray:
        """Forecast the steps that passes reach by one step, in working values; others as shown."""
        w = shown.w.copy()
        with torch.inference_mode():
            for part in passes:
                series, origins = stacked(part)
                batch = shown.batch(series, origins)
                point = self.head.point(self._raw(self._as_tensors(batch, batch.observed), None))
                values = batch.base + batch.scale[:, :, None] * point.double().cpu().numpy()
                b, n, k = np.nonzero(batch.observed[:, :, 0])
                w[shown.start[series][b] + batch.step[b, n, 0], k] = values[b, n, 0, k]
        return w

    def _with_values(self, w: np.ndarray) -> Corpus:
        """Show other working values, and keep the targets."""
        corpus = self.corpus
        lines = [
            line_of(w[a : a + n], line.known, corpus.layout, line.covariates, line.static)
            for line, a, n in zip(corpus.lines, corpus.start, corpus.length, strict=True)
        ]
        return Corpus(lines, corpus.layout, truth=corpus.lines)

    @cached_property  # the same in every epoch
    def held_out(self) -> list[Tensors]:
        """Lay passes over the steps after ``until``, with the steps before them to warm up."""
        segment, length = self.corpus.layout.segment, self.corpus.length
        longest = self.origins + -(-int((length - self.until).max()) // segment)
        judged = np.flatnonzero(self.until < length)
        later = [
            Pass(judged[place], origins)
            for back in range(0, segment, -(-segment // VALIDATION_PHASES))
            for place, origins in last_passes(length[judged] - 1, segment, longest, back)
        ]
        return [self._tensors(p, self.until, length, self.corpus) for p in self._parts(later)]

    def _parts(self, passes: list[Pass]) -> list[list[Pass]]:
        longest = max((len(p.origins) for p in passes), default=1)
        size = max(1, ORIGINS_AT_ONCE // (longest * (1 + self.network.decoded)))
        return [passes[a : a + size] for a in range(0, len(passes), size)]

    def _tensors(
        self, passes: Sequence[Pass], first: np.ndarray, last: np.ndarray, corpus: Corpus
    ) -> Tensors:
        """Gather passes; only targets at steps from ``first`` up to ``last`` (n,) count."""
        series, origins = stacked(passes)
        batch = corpus.batch(series, origins)
        due = (batch.step >= first[series, None, None]) & (batch.step < last[series, None, None])
        return self._as_tensors(batch, batch.observed & due[..., None])

    def _as_tensors(self, batch: Batch, use: np.ndarray) -> Tensors:
        arrays = batch.x, batch.known, batch.static, batch.target, use
        return Tensors(*(as_tensor(a, self.network.linear.weight) for a in arrays))

    def _raw(self, batch: Tensors, dropout: torch.Generator | None) -> Tensor:
        return self.network(batch.x, batch.known, batch.static, dropout)

    def _losses(self, batch: Tensors, dropout: torch.Generator | None) -> Tensor:
        return self.head.loss(self._raw(batch, dropout), batch.target)

    def _loss(self, batch: Tensors) -> Tensor:
        losses = self._losses(batch, self.generator) * batch.use
        return losses.sum() / batch.use.sum().clamp(min=1)

    def _mean(self, batches: list[Tensors]) -> float:
        with torch.inference_mode():
            total = sum(float((self._losses(b, None) * b.use).sum()) for b in batches)
        return total / max(1.0, sum(float(b.use.sum()) for b in batches))


class Equations(NamedTuple):
    """Normal equations of regressions with a constant, and what they are to explain."""

    left: np.ndarray  # (O, I + 1, I + 1), or (1, I + 1, I + 1) for all outputs together
    right: np.ndarray  # (I + 1, O)
    residuals: np.ndarray  # (n, O), NaN where missing


def linear_forcing(done: float) -> float:
    """Fall from 1 to 0 (Bengio et al. 2015, section 2.4)."""
    return 1.0 - done


def exponential_forcing(done: float) -> float:
    """Fall from 1 to 0.01 by a constant factor (Bengio et al. 2015, section 2.4)."""
    return float(0.01**done)


def sigmoid_forcing(done: float) -> float:
    r"""Fall from 1 to 0 as :math:`k / (k + e^{i / k})` (Bengio et al. 2015, section 2.4)."""
    return 1.0 / (1.0 + math.exp(12.0 * (done - 0.5)))


# Share of true values among the inputs of a recursive model, by progress from 0 to 1.
FORCING: dict[str, Callable[[float], float]] = {
    "linear": linear_forcing,
    "exponential": exponential_forcing,
    "sigmoid": sigmoid_forcing,
}


def ridge(left: np.ndarray, right: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Solve normal equations whose last column is the constant: weight (O, I) and bias (O,).

    The penalty is in units of the mean square of the inputs; the constant is free of it (Hoerl and
    Kennard 1970).
    """
    inputs = np.diagonal(left, axis1=1, axis2=2)[:, :-1]
    penalised = np.append(np.ones(inputs.shape[1]), 0.0)
    added = penalty * inputs.mean(axis=1)[:, None, None] * np.diag(penalised)
    matrices = left + added
    sums = np.stack(np.hsplit(right, len(left)))  # (O or 1, I + 1, 1 or O)
    try:
        solved = np.linalg.solve(matrices, sums)
    except np.linalg.LinAlgError:  # all inputs are 0
        solved = np.stack([np.linalg.lstsq(A, b)[0] for A, b in zip(matrices, sums, strict=True)])
    solution = np.hstack(list(solved))
    return solution[:-1].T, solution[-1]


def as_tensor(array: np.ndarray | None, like: Tensor) -> Any:
    """Copy an array to the device and the kind of number of a tensor."""
    return None if array is None else torch.from_numpy(array).to(like)

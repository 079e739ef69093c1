"""The training loop: one for every network, batch iterable and loss of this package.

Conventions: all weights of a network are views of one flat tensor, so that clipping by the global
norm, the optimiser and keeping the best weights are each a handful of operations.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn
from tqdm.auto import tqdm

Batch = TypeVar("Batch")

# A process forked after torch has used several threads would wait for ever for threads that the
# fork did not copy; with one thread it does not use the pool at all.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@dataclass
class History:
    """What happened in each epoch; ``best_epoch`` counts from 1, 0 is the network as it started."""

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    interrupted: bool = False  # by Ctrl-C


def train(
    network: nn.Module,
    batches: Callable[[], Collection[Batch]],
    loss: Callable[[Batch], Tensor],
    validate: Callable[[], float] | None = None,
    *,
    max_epochs: int,
    stop_after: int | None = None,
    learning_rate: float,
    weight_decay: float = 0.01,
    clip_norm: float | None = 1.0,
    patience: int | None = None,
    schedule: str = "one_cycle",
    interruptible: bool = True,
    verbose: int = 0,
) -> History:
    """Train a network in place and leave the best weights in it.

    Parameters
    ----------
    network : Module
        Changed in place.
    batches : callable returning the (shuffled) batches of one epoch
    loss : callable, batch -> scalar tensor
    validate : callable returning the validation loss, optional
        Called before the first and after each epoch; the weights with the lowest value win, those
        at the start included. Without it those of the last epoch win whose loss is finite.
    max_epochs, learning_rate, weight_decay, clip_norm
        The usual; ``learning_rate`` is the highest of the schedule, the norm is the global one.
    stop_after : int, optional
        Break the schedule off after so many epochs.
    patience : int, optional
        Stop after so many epochs without a better validation loss.
    schedule : {"one_cycle", "cosine", "constant"}
    interruptible : bool
        Whether Ctrl-C after the first epoch ends training and nothing else.
    verbose : int
        1 shows a progress bar with loss and time left.

    Returns
    -------
    History

    Raises
    ------
    FloatingPointError
        If the loss is not finite from the start.

    Warns
    -----
    ConvergenceWarning
        If the loss becomes infinite or NaN; training stops, the best weights so far come back.
    UserWarning
        On Ctrl-C after the first epoch; the best weights so far come back.
    """
    weights = FlatWeights(network)
    optimiser = AdamW(weights.values, weights.gradient, weight_decay)
    history, started = History(), time.perf_counter()
    best, best_loss = None, math.inf  # no weights until their loss is known to be finite
    if validate and math.isfinite(first := validate()):
        best, best_loss = weights.values.clone(), first
    epoch, epochs = 0, stop_after or max_epochs
    bar = tqdm(range(epochs), desc="fit", disable=not verbose, leave=False)
    try:
        for epoch in bar:
            total, largest, todo = 0.0, 0.0, batches()
            for i, batch in enumerate(todo):
                rate = learning_rate * SCHEDULES[schedule]((epoch + i / len(todo)) / max_epochs)
                weights.gradient.zero_()
                value = loss(batch)
                value.backward()
                norm = weights.clip(clip_norm)
                largest = max(largest, norm)
                _check_finite(value.item() + norm, epoch, rate, largest)  # both
                if i == 0 and not validate:  # what the epoch before left has proved finite
                    best, history.best_epoch = weights.values.clone(), epoch
                optimiser.step(rate)
                total += value.item()
            history.train_loss.append(total / len(todo))
            history.gradient_norm.append(largest)
            history.learning_rate.append(rate)
            if validate:
                history.valid_loss.append(validate())
                _check_finite(history.valid_loss[-1], epoch, rate, largest)
                if history.valid_loss[-1] < best_loss:
                    best, best_loss = weights.values.clone(), history.valid_loss[-1]
                    history.best_epoch = epoch + 1
            bar.set_postfix(loss=f"{history.train_loss[-1]:.4g}", best=history.best_epoch)
            if validate and patience is not None and epoch + 1 - history.best_epoch >= patience:
                break
        if not validate:
            with torch.no_grad():
                _check_finite(loss(batch).item(), epoch, rate, largest)
            best, history.best_epoch = weights.values, epoch + 1
    except KeyboardInterrupt:
        if epoch == 0 or not interruptible:
            raise
        history.interrupted = True
        warnings.warn(
            f"fit was interrupted in epoch {epoch + 1} of {epochs}: the weights of epoch "
            f"{history.best_epoch} are used",
            UserWarning,
            stacklevel=2,
        )
    except _NotFinite as stop:
        if best is None:
            raise FloatingPointError(
                "the loss is not finite from the start: expected weights, inputs and a loss that "
                "give finite numbers; look at the loss, or use dtype='float64'"
            ) from stop
        warnings.warn(
            f"the loss is not finite in epoch {stop.epoch} at learning_rate={stop.rate:.2g}, "
            f"largest gradient norm {stop.norm:.3g}: the weights of epoch {history.best_epoch} are "
            "used; lower learning_rate or clip_norm",
            ConvergenceWarning,
            stacklevel=2,
        )
    finally:
        bar.close()
    assert best is not None
    weights.values.copy_(best)
    weights.release()
    history.seconds = time.perf_counter() - started
    return history


def find_device(name: str) -> torch.device:
    """Return the device of a name; "auto" is a GPU where there is one.

    Raises
    ------
    ValueError
        If the name is unknown or that device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device={name!r}: not available here; device='cpu' or 'auto'") from error
    return device


class FlatWeights:
    """All weights and gradients of a network as views of two flat tensors."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.values = torch.cat([p.detach().flatten() for p in network.parameters()])
        self.gradient = torch.zeros_like(self.values)
        end = 0
        for p in network.parameters():
            start, end = end, end + p.numel()
            p.data = self.values[start:end].view_as(p)
            p.grad = self.gradient[start:end].view_as(p)

    def release(self) -> None:
        """Give each weight memory of its own: pickled, every view would carry the whole tensor."""
        for p in self.network.parameters():
            p.data, p.grad = p.data.clone(), None
        for module in self.network.modules():
            if isinstance(module, nn.RNNBase):
                module.flatten_parameters()  # one piece for cuDNN; nothing on a CPU

    def clip(self, largest: float | None) -> float:
        """Scale the gradient down to a norm of at most ``largest``; return the norm it had.

        Source: Pascanu, Mikolov and Bengio 2013, algorithm 1.
        """
        norm = float(self.gradient.norm())
        if largest is not None and norm > largest:
            self.gradient.mul_(largest / norm)
        return norm


class AdamW:
    r"""Adam with decoupled weight decay on one flat tensor.

    .. math::
        m &= \beta_1 m + (1 - \beta_1) g, \qquad v = \beta_2 v + (1 - \beta_2) g^2 \\
        w &= (1 - \eta \lambda) w - \eta \, \hat m / (\sqrt{\hat v} + \epsilon)

    Sources: Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2. Equal to
    ``torch.optim.AdamW``, without its import of the compiler (1.3 s at the first fit). The larger
    epsilon keeps the rounding errors of vanishing gradients from being blown up to full steps.
    """

    def __init__(
        self,
        values: Tensor,
        gradient: Tensor,
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-6,
    ) -> None:
        self.values, self.gradient = values, gradient
        self.mean, self.square = torch.zeros_like(values), torch.zeros_like(values)
        self.weight_decay, self.betas, self.epsilon, self.steps = weight_decay, betas, epsilon, 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        self.steps += 1
        first, second = self.betas
        self.mean.lerp_(self.gradient, 1 - first)
        self.square.mul_(second).addcmul_(self.gradient, self.gradient, value=1 - second)
        spread = (self.square / (1 - second**self.steps)).sqrt_().add_(self.epsilon)
        self.values.mul_(1 - rate * self.weight_decay)
        factor = min(rate / (1 - first**self.steps), torch.finfo(self.values.dtype).max)
        self.values.addcdiv_(self.mean, spread, value=-factor)


def one_cycle(done: float) -> float:
    """Rise to 1 over the first 3 tenths, fall to 0 as a cosine (Smith and Topin 2019)."""
    warm = 0.3
    if done < warm:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * done / warm))
    return cosine((done - warm) / (1 - warm))


def cosine(done: float) -> float:
    """Fall from 1 to 0 as half a cosine (Loshchilov and Hutter 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * done))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "constant": lambda done: 1.0,
}


class _NotFinite(Exception):
    def __init__(self, epoch: int, rate: float, norm: float) -> None:
        super().__init__(epoch)
        self.epoch, self.rate, self.norm = epoch, rate, norm


def _check_finite(value: float, epoch: int, rate: float, norm: float) -> None:
    if not math.isfinite(value):
        raise _NotFinite(epoch + 1, rate, norm)

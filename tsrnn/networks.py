"""Networks: an encoder of stacked cells, read at its last step or at every step.

Weights have no values until ``initialise`` fills them from a private generator; dropout masks come
from the generator passed along.

Conventions: B sequences, T steps, F inputs, D hidden units, H horizon steps, O outputs.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from tsrnn.cells import CELLS, Cell

Network = TypeVar("Network", bound=nn.Module)

# Matrix products round differently for a few rows; from so many on, what a network says of one
# sequence does not depend on the others in the batch.
LEAST_ROWS = 16


class Encoder(nn.Module):
    """Cells in layers, each but the first with a residual connection: x (B, T, F) -> h (B, T, D).

    Residuals: He et al. 2016; in stacked LSTMs for forecasting: Smyl 2020.
    """

    def __init__(
        self, cell: str, input_size: int, hidden_size: int, num_layers: int, dropout: float
    ) -> None:
        super().__init__()
        input_size, hidden_size = int(input_size), int(hidden_size)  # torch takes no numpy integers
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(CELLS[cell](size, hidden_size) for size in sizes)
        self.dropout = dropout

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        h, _ = self.layers[0](x)
        for layer in self.layers[1:]:
            h = h + layer(drop(h, self.dropout, generator))[0]
        return drop(h, self.dropout, generator)


class SequenceRegressor(nn.Module):
    """Read an encoder at the last observed step: x (B, T, F) -> (B, O).

    Missing steps are left out: the observed steps of each sequence are moved together at the front,
    so a sequence padded on its left gives what the shorter sequence would, and the state passes
    over a gap unchanged. A sequence without any observed step is read from the state zero.
    """

    def __init__(self, encoder: Encoder, hidden_size: int, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.read = nn.Linear(int(hidden_size), outputs, device="meta")

    def forward(
        self, x: Tensor, missing: Tensor | None, generator: torch.Generator | None = None
    ) -> Tensor:
        return self.read(self.last_state(x, missing, generator))

    def last_state(
        self, x: Tensor, missing: Tensor | None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return h at the last observed step: x (B, T, F), missing (B, T) -> (B, D)."""
        if missing is None:
            return self.encoder(x, generator)[:, -1]
        h = self.encoder(_observed_first(x, missing), generator)  # (B, T, D)
        return _after(h, (~missing).sum(dim=1, keepdim=True))[:, 0]

    def states(self, x: Tensor, missing: Tensor | None) -> Tensor:
        """Return h at every step (B, T, D); a missing step keeps the state of the one before."""
        if missing is None:
            return self.encoder(x)
        return _after(self.encoder(_observed_first(x, missing)), (~missing).cumsum(dim=1))


class ForkingNetwork(nn.Module):
    r"""Forecast from every step of one pass: inputs (B, T, F) -> (B, T, H, K, P).

    .. math::
        r_{t,h} = W_h s_t + b_h + A_h x_t + v^\top \mathrm{relu}(B s_t + C c_{t+h} + e) + D c_{t+h}

    with P numbers a target, s the encoder's states, x its inputs, c the covariates known for step
    t + h (none: the last two terms are absent). The linear map A is the floor below which no error
    should fall (Zeng et al. 2023); forking sequences: Wen et al. 2017, section 3.3. All read-out
    weights but B, C and e start at zero, so training starts from the forecast that r corrects.
    """

    def __init__(
        self,
        encoder: Encoder,
        input_size: int,
        hidden_size: int,
        shape: tuple[int, int, int],
        covariates: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.shape = shape  # (H, K, P)
        outputs, targets = math.prod(shape), math.prod(shape[1:])
        self.direct = nn.Linear(hidden_size, outputs, device="meta")
        self.linear = nn.Linear(input_size, outputs, bias=False, device="meta")
        if covariates:
            width = max(16, hidden_size // 2)
            self.known_linear = nn.Linear(covariates, targets, bias=False, device="meta")
            self.state_hidden = nn.Linear(hidden_size, width, device="meta")
            self.known_hidden = nn.Linear(covariates, width, bias=False, device="meta")
            self.known_out = nn.Linear(width, targets, bias=False, device="meta")

    def read_out(self) -> list[Tensor]:
        """Weights in which the corrections are linear: scaling them scales every correction."""
        names = ("direct", "linear", "known_linear", "known_out")
        modules = [getattr(self, name) for name in names if hasattr(self, name)]
        return [weights for module in modules for weights in module.parameters()]

    def forward(
        self, x: Tensor, known: Tensor | None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Map inputs x (B, T, F) and known (B, T, H, C) to raw corrections (B, T, H, K, P)."""
        states = self.encoder(x, generator)  # (B, T, D)
        raw = (self.direct(states) + self.linear(x)).unflatten(-1, self.shape)
        if known is not None:
            hidden = self.state_hidden(states)[:, :, None] + self.known_hidden(known)
            answer = self.known_linear(known) + self.known_out(hidden.relu())  # (B, T, H, K P)
            raw = raw + answer.unflatten(-1, self.shape[1:])
        return raw


def _observed_first(x: Tensor, missing: Tensor) -> Tensor:
    """Move the observed steps of each sequence to its front: x (B, T, F), missing (B, T)."""
    order = torch.argsort(missing.to(torch.uint8), dim=1, stable=True)
    return x.gather(1, order[..., None].expand_as(x))


def _after(h: Tensor, observed: Tensor) -> Tensor:
    """Return the states after so many observed steps: (B, T, D), (B, N) -> (B, N, D).

    After none it is 0.
    """
    last = (observed - 1).clamp(min=0)[..., None].expand(-1, -1, h.shape[2])
    return h.gather(1, last) * (observed > 0)[..., None]


def build(network: Network, generator: torch.Generator, dtype: torch.dtype) -> Network:
    """Give a network made on the ``meta`` device its memory and its first weights."""
    network = network.to(dtype=dtype).to_empty(device=generator.device)
    with torch.no_grad():
        for name, module in network.named_modules():
            if isinstance(module, Cell):
                module.initialise(generator)
            elif isinstance(module, nn.Linear):
                if name.endswith("hidden"):
                    nn.init.xavier_uniform_(module.weight, generator=generator)
                else:
                    nn.init.zeros_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return network


def drop(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Set a share of the values to zero and scale the others; without a generator nothing happens.

    Source: Srivastava et al. 2014, in the inverted form.
    """
    if generator is None or share == 0:
        return x
    keep = torch.empty_like(x).bernoulli_(1 - share, generator=generator)
    return x * keep / (1 - share)

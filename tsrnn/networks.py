"""Networks: an encoder of stacked cells, read at its last step or at every step.

Weights have no values until ``build`` fills them from a private generator; dropout masks come from
the generator passed along.

Conventions: B sequences, T steps, F inputs, D hidden units, O outputs. Networks that forecast from
every step, which is then an origin: N origins, H horizon steps, K targets, P numbers a target, C
covariates known ahead.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsrnn.cells import CELLS, LSTM, Cell

Network = TypeVar("Network", bound=nn.Module)

# Matrix products round differently for a few rows; from so many on, what a network says of one
# sequence does not depend on the others in the batch.
LEAST_ROWS = 16
EMBEDDING_DEVIATION = 0.1  # of the first values: small beside inputs of deviation about 1


class Encoder(nn.Module):
    """Cells in layers, each but the first with a residual connection: x (B, T, F) -> h (B, T, D).

    A layer of dilation d hands its state from step t to step t + d, so it runs over d interleaved
    subsequences. With ``bptt`` = k gradients flow back through k steps at least: the state is
    carried on, but detached after every ceil(k / d) steps of a subsequence. The values are the
    same.

    Sources: residuals: He et al. 2016; dilation: Chang et al. 2017, section 2.1; both in stacked
    LSTMs for forecasting: Smyl 2020; truncated back-propagation: Williams and Peng 1990.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        dilations: Sequence[int] | None = None,
        bptt: int | None = None,
    ) -> None:
        super().__init__()
        input_size, hidden_size = int(input_size), int(hidden_size)  # torch takes no numpy integers
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cell = cell
        self.layers = nn.ModuleList(CELLS[cell](size, hidden_size) for size in sizes)
        self.dropout = dropout
        self.dilations = (1,) * num_layers if dilations is None else tuple(map(int, dilations))
        self.bptt = bptt

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        h = x
        for i, (layer, dilation) in enumerate(zip(self.layers, self.dilations, strict=True)):
            if i == 0:
                h = self._run(layer, x, dilation)
            else:
                h = h + self._run(layer, drop(h, self.dropout, generator), dilation)
        return drop(h, self.dropout, generator)

    def _run(self, layer: nn.Module, x: Tensor, dilation: int) -> Tensor:
        """Run one layer over each of its interleaved subsequences: (B, T, F) -> (B, T, D)."""
        if dilation == 1:
            return _in_chunks(layer, x, self.bptt)
        B, T, _ = x.shape
        x = functional.pad(x, (0, 0, 0, -T % dilation)).unflatten(1, (-1, dilation))
        x = x.transpose(1, 2).flatten(0, 1)  # (B d, T / d, F)
        h = _in_chunks(layer, x, None if self.bptt is None else -(-self.bptt // dilation))
        return h.unflatten(0, (B, dilation)).transpose(1, 2).flatten(1, 2)[:, :T]


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


class StaticShape(NamedTuple):
    """What does not change within a series: numbers, then the code of each category, 0 unknown."""

    numeric: int = 0  # columns of numbers
    sizes: tuple[int, ...] = ()  # known values of each category: codes 1 to size

    @property
    def width(self) -> int:
        """Inputs that they become for the encoder, with each category embedded."""
        return self.numeric + sum(embedding_size(size) for size in self.sizes)


NO_STATIC = StaticShape()


def embedding_size(categories: int) -> int:
    """Return the width of a learnt embedding: fastai's rule of thumb, at most 16."""
    return max(1, min(16, round(1.6 * categories**0.56)))


class HorizonNetwork(nn.Module, ABC):
    r"""Interface of networks that forecast from every step of one pass.

    .. math:: r_{t,h} = q_h + A_h x_t + b_h + E c_{t+h} + g_h(s_1, ..., s_t, c_{t+1}, ..., c_{t+H})

    with x the inputs, s the encoder's states, c the covariates known for step t + h (none: the term
    is absent), and q the buffer ``start``, which is not learnt but set. The linear map A is the
    floor below which no error should fall (Zeng et al. 2023). The encoder alone also reads what is
    static, so it is made for inputs of size ``input_size + static.width``.

    All weights in which r - q is linear (``read_out``) start at zero: training starts from r = q.
    """

    OWN_READ_OUT: tuple[str, ...]  # modules of g in whose weights g is linear
    decoded = 0  # states that a decoder keeps for each origin
    start: Tensor

    def __init__(
        self,
        encoder: Encoder,
        input_size: int,
        shape: tuple[int, int, int],
        covariates: int,
        static: StaticShape,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.shape = shape  # (H, K, P)
        self.static = static
        self.linear = nn.Linear(input_size, math.prod(shape), device="meta")
        if covariates:
            self.known_linear = nn.Linear(covariates, _a_step(shape), bias=False, device="meta")
        self.categories = nn.ModuleList(
            nn.Embedding(size + 1, embedding_size(size), padding_idx=0, device="meta")
            for size in static.sizes
        )
        self.register_buffer("start", torch.empty(shape, device="meta"))

    def read_out(self) -> list[Tensor]:
        """Weights in which the corrections are linear: scaling them scales every correction."""
        names = ("linear", "known_linear", *self.OWN_READ_OUT)
        modules = [getattr(self, name) for name in names if hasattr(self, name)]
        return [weights for module in modules for weights in module.parameters()]

    def forward(
        self,
        x: Tensor,
        known: Tensor | None,
        static: Tensor | None = None,
        generator: torch.Generator | None = None,
        at: Tensor | None = None,
    ) -> Tensor:
        """Map x (B, N, F), known (B, N, H, C) and static (B, S) to raw numbers (B, N, H, K, P).

        With ``at`` (B,) only that origin of each pass is answered for; then ``known`` is
        (B, 1, H, C) and the answer (B, 1, H, K, P).
        """
        states = self.encoder(self._with_static(x, static), generator)  # (B, N, D)
        answer = self.answer(states, known, generator, at)  # (B, N, H, K P)
        if known is not None:
            answer = answer + self.known_linear(known)
        linear = self.linear(_only(x, at)).unflatten(-1, self.shape)
        return self.start + linear + answer.unflatten(-1, self.shape[1:])

    @abstractmethod
    def answer(
        self,
        states: Tensor,
        known: Tensor | None,
        generator: torch.Generator | None,
        at: Tensor | None = None,
    ) -> Tensor:
        """Return g: states (B, N, D) and known (B, N, H, C) to (B, N, H, K P); N is 1 with ``at``.

        The states are those of all origins in any case.
        """

    def _with_static(self, x: Tensor, static: Tensor | None) -> Tensor:
        """Append numbers and embedded categories to the inputs of every step."""
        if static is None:
            return x
        codes = static[:, self.static.numeric :].long().unbind(dim=1)
        embedded = [embed(code) for embed, code in zip(self.categories, codes, strict=True)]
        values = torch.cat([static[:, : self.static.numeric], *embedded], dim=1)
        return torch.cat([x, values[:, None].expand(-1, x.shape[1], -1)], dim=2)


class ForkingNetwork(HorizonNetwork):
    r"""Forecast all steps of the horizon directly from the state: (B, N, F) -> (B, N, H, K, P).

    .. math::
        r_{t,h} = q_h + A_h x_t + b_h + E c_{t+h} + W_h s_t
                  + V \, \mathrm{relu}(B s_t + C c_{t+h} + e)

    with the terms of :class:`HorizonNetwork`; without covariates the last one is absent. Forking
    sequences: Wen et al. 2017, section 3.3.
    """

    OWN_READ_OUT = "direct", "known_out"

    def __init__(
        self,
        encoder: Encoder,
        input_size: int,
        hidden_size: int,
        shape: tuple[int, int, int],
        covariates: int,
        static: StaticShape = NO_STATIC,
    ) -> None:
        super().__init__(encoder, input_size, shape, covariates, static)
        self.direct = nn.Linear(hidden_size, math.prod(shape), bias=False, device="meta")
        if covariates:
            width = max(16, hidden_size // 2)
            self.state_hidden = nn.Linear(hidden_size, width, device="meta")
            self.known_hidden = nn.Linear(covariates, width, bias=False, device="meta")
            self.known_out = nn.Linear(width, _a_step(shape), bias=False, device="meta")

    def answer(
        self,
        states: Tensor,
        known: Tensor | None,
        generator: torch.Generator | None,
        at: Tensor | None = None,
    ) -> Tensor:
        states = _only(states, at)
        answer = self.direct(states).unflatten(-1, (self.shape[0], -1))  # (B, N, H, K P)
        if known is None:
            return answer
        hidden = self.state_hidden(states)[:, :, None] + self.known_hidden(known)
        return answer + self.known_out(hidden.relu())


class Seq2SeqNetwork(HorizonNetwork):
    r"""Forecast the horizon step by step with a second cell: (B, N, F) -> (B, N, H, K, P).

    .. math::
        d_{t,0} &= S s_t + m, \qquad d_{t,h} = \mathrm{cell}([u_h; c_{t+h}], d_{t,h-1}) \\
        r_{t,h} &= q_h + A_h x_t + b_h + E c_{t+h} + W [d_{t,h}; a_{t,h}]

    with the terms of :class:`HorizonNetwork`, u a learnt embedding of the step and a the attention:

    .. math::
        a_{t,h} = \sum_{i \le t} \alpha_i s_i, \qquad
        \alpha = \mathrm{softmax}_{i \le t}(d_{t,h}^\top G s_i / \sqrt{D})

    over the origins of the pass up to t (without ``attention``, a is absent). The decoder runs from
    all origins at once; for an LSTM S gives its h and its c. It is fed no forecasts, so it takes no
    harm from its own errors; every forecast sees the covariates of the steps up to its own.

    Sources: Sutskever, Vinyals and Le 2014, with known covariates where they feed the output back;
    attention: Luong, Pham and Manning 2015, section 3.1, "general", divided by the root of D
    (Vaswani et al. 2017) and read out without another layer. Memory grows with B N H D.
    """

    OWN_READ_OUT = ("direct",)

    def __init__(
        self,
        encoder: Encoder,
        input_size: int,
        hidden_size: int,
        shape: tuple[int, int, int],
        covariates: int,
        static: StaticShape = NO_STATIC,
        attention: bool = False,
    ) -> None:
        super().__init__(encoder, input_size, shape, covariates, static)
        self.decoded = shape[0]
        width = embedding_size(shape[0])
        self.step = nn.Embedding(shape[0], width, device="meta")
        self.decoder = CELLS[encoder.cell](width + covariates, hidden_size)
        self.state_parts = 2 if isinstance(self.decoder, LSTM) else 1
        self.first_hidden = nn.Linear(hidden_size, self.state_parts * hidden_size, device="meta")
        if attention:
            self.query_hidden = nn.Linear(hidden_size, hidden_size, bias=False, device="meta")
        read = hidden_size * (1 + attention)
        self.direct = nn.Linear(read, _a_step(shape), bias=False, device="meta")

    def answer(
        self,
        states: Tensor,
        known: Tensor | None,
        generator: torch.Generator | None,
        at: Tensor | None = None,
    ) -> Tensor:
        origins = _only(states, at)
        B, N, _ = origins.shape
        inputs = self.step.weight.expand(B, N, -1, -1)  # (B, N, H, E)
        if known is not None:
            inputs = torch.cat([inputs, known], dim=-1)
        d, _ = self.decoder(inputs.flatten(0, 1), self._first_state(origins))  # (B N, H, D)
        d = d.unflatten(0, (B, N))
        if hasattr(self, "query_hidden"):
            d = torch.cat([d, self._attended(d, states, at)], dim=-1)
        return self.direct(drop(d, self.encoder.dropout, generator))

    def _first_state(self, states: Tensor) -> Any:
        """Return the decoder's state before its first step, in the form its cell takes."""
        first = self.first_hidden(states).flatten(0, 1)[None]  # (1, B N, parts D)
        parts = tuple(part.contiguous() for part in first.chunk(self.state_parts, dim=-1))
        return parts[0] if len(parts) == 1 else parts

    def _attended(self, d: Tensor, states: Tensor, at: Tensor | None) -> Tensor:
        """Return the states that decoder states d (B, N, H, D) attend to, none of a later origin.

        The steps of the horizon stand where the kernel has its heads: each then asks from N origins
        over the same N states, which is causal without a mask in memory.
        """
        query = self.query_hidden(d).transpose(1, 2)  # (B, H, N, D)
        keys = states[:, None].expand(-1, query.shape[1], -1, -1)
        mask = None
        if at is not None:
            past = torch.arange(states.shape[1], device=at.device) <= at[:, None]
            mask = past[:, None, None]  # (B, 1, 1, N)
        attended = functional.scaled_dot_product_attention(
            query, keys, keys, mask, is_causal=at is None
        )
        return attended.transpose(1, 2)


def _a_step(shape: tuple[int, int, int]) -> int:
    """Return the raw numbers of one step: K P."""
    return shape[1] * shape[2]


def _only(values: Tensor, at: Tensor | None) -> Tensor:
    """Keep one origin of each pass: values (B, N, D), at (B,) -> (B, 1, D); None: all."""
    if at is None:
        return values
    return values[torch.arange(len(at), device=at.device), at][:, None]


def _in_chunks(layer: nn.Module, x: Tensor, steps: int | None) -> Tensor:
    """Run a cell over x (B, T, F), detaching its state after every so many steps (None: never)."""
    if steps is None or steps >= x.shape[1]:
        return layer(x)[0]
    parts, state = [], None
    for chunk in x.split(steps, dim=1):
        h, state = layer(chunk, _detached(state))
        parts.append(h)
    return torch.cat(parts, dim=1)


def _detached(state: Any) -> Any:
    """Cut a cell's state, a tensor or a tuple of tensors, from how it came about."""
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return None if state is None else state.detach()


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
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=EMBEDDING_DEVIATION, generator=generator)
                if module.padding_idx is not None:
                    module.weight[module.padding_idx] = 0
        for buffer in network.buffers():
            buffer.zero_()
    return network


def drop(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Set a share of the values to zero and scale the others; without a generator nothing happens.

    Source: Srivastava et al. 2014, in the inverted form.
    """
    if generator is None or share == 0:
        return x
    keep = torch.empty_like(x).bernoulli_(1 - share, generator=generator)
    return x * keep / (1 - share)

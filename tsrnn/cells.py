"""Recurrent cells: one class a cell, named in the table CELLS at the foot.

A cell maps a sequence to the sequence of its states, ``forward(x, state) -> (h, state)``; its
weights are made without values (on torch's ``meta`` device) and filled by ``initialise`` from a
private generator, so that the global random state is neither used nor changed.

Conventions: B sequences, T steps, F inputs, D hidden units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Kernel = type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]


class Cell(nn.Module):
    """Interface of the cells that torch fuses into one kernel over all steps."""

    def __init__(self, kernel: Kernel, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = kernel(input_size, hidden_size, batch_first=True, device="meta")

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Run over a sequence: x (B, T, F) -> h (B, T, D) and the state after the last step."""
        return self.rnn(x, state)

    def initialise(self, generator: torch.Generator) -> None:
        """Fill the weights: Glorot for inputs, orthogonal for each recurrent block, zero biases.

        Sources: Glorot and Bengio 2010, eq. 16; Saxe, McClelland and Ganguli 2014.
        """
        hidden = self.rnn.hidden_size
        nn.init.zeros_(self.rnn.get_parameter("bias_ih_l0"))
        nn.init.zeros_(self.rnn.get_parameter("bias_hh_l0"))
        for block in self.rnn.get_parameter("weight_ih_l0").split(hidden):  # gate by gate
            nn.init.xavier_uniform_(block, generator=generator)
        for block in self.rnn.get_parameter("weight_hh_l0").split(hidden):
            nn.init.orthogonal_(block, generator=generator)


class ElmanRNN(Cell):
    r"""Elman's simple recurrent network.

    .. math:: h_t = \tanh(W x_t + b + U h_{t-1} + c)

    Source: Elman 1990, "Finding structure in time". One step costs D (F + D) multiplications.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.RNN, input_size, hidden_size)


class LSTM(Cell):
    r"""Long short-term memory with a forget gate.

    .. math::
        i, f, o &= \sigma(W_{ifo} x_t + U_{ifo} h_{t-1} + b_{ifo}) \\
        g &= \tanh(W_g x_t + U_g h_{t-1} + b_g) \\
        c_t &= f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh(c_t)

    Sources: Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000. The
    forget bias starts at 1 (Jozefowicz, Zaremba and Sutskever 2015). One step costs 4 D (F + D).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.LSTM, input_size, hidden_size)

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        hidden = self.rnn.hidden_size
        forget = slice(hidden, 2 * hidden)  # torch's order of gates: i, f, g, o
        nn.init.ones_(self.rnn.get_parameter("bias_ih_l0")[forget])


class GRU(Cell):
    r"""Gated recurrent unit, in the form with the reset gate after the product.

    .. math::
        r, z &= \sigma(W_{rz} x_t + U_{rz} h_{t-1} + b_{rz}) \\
        n &= \tanh(W_n x_t + b_n + r \odot (U_n h_{t-1} + c_n)) \\
        h_t &= (1 - z) \odot n + z \odot h_{t-1}

    Source: Cho et al. 2014, eq. 5-8, with the change that cuDNN and torch make (see torch.nn.GRU).
    One step costs 3 D (F + D).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.GRU, input_size, hidden_size)


CELLS: dict[str, Callable[[int, int], Cell]] = {"rnn": ElmanRNN, "lstm": LSTM, "gru": GRU}

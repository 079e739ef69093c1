from __future__ import annotations

import numpy as np
import pytest
import torch

from tsrnn.cells import CELLS
from tsrnn.networks import build

F, D = 3, 5


def filled(name, seed=0, dtype=torch.float64):
    return build(CELLS[name](F, D), torch.Generator().manual_seed(seed), dtype)


def sequence(steps=7, batch=4):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(batch, steps, F)))


def with_random_biases(cell):
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for bias in (cell.rnn.bias_ih_l0, cell.rnn.bias_hh_l0):
            bias.copy_(torch.from_numpy(rng.normal(size=bias.shape)))
    return cell


def weights(cell):
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return [getattr(cell.rnn, name).detach().numpy() for name in names]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def elman_by_hand(cell, x):
    W, U, b, c = weights(cell)
    h, states = np.zeros((len(x), D)), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W.T + b + h @ U.T + c)
        states.append(h)
    return np.stack(states, axis=1)


def lstm_by_hand(cell, x):
    W, U, b, b_h = weights(cell)
    h, c, states = np.zeros((len(x), D)), np.zeros((len(x), D)), []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ W.T + h @ U.T + b + b_h, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


def gru_by_hand(cell, x):
    W, U, b, c = weights(cell)
    h, states = np.zeros((len(x), D)), []
    for t in range(x.shape[1]):
        x_r, x_z, x_n = np.split(x[:, t] @ W.T + b, 3, axis=1)
        h_r, h_z, h_n = np.split(h @ U.T + c, 3, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        h = (1 - z) * np.tanh(x_n + r * h_n) + z * h
        states.append(h)
    return np.stack(states, axis=1)


BY_HAND = {"rnn": elman_by_hand, "lstm": lstm_by_hand, "gru": gru_by_hand}


@pytest.mark.parametrize("name", CELLS)
def test_states_equal_the_equations_of_the_docstring(name):
    cell, x = with_random_biases(filled(name)), sequence()
    h, _ = cell(x)
    np.testing.assert_allclose(h.detach().numpy(), BY_HAND[name](cell, x.numpy()), atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_float32_states_equal_the_equations(name):
    cell, x = filled(name, dtype=torch.float32), sequence()
    h, _ = cell(x.float())
    np.testing.assert_allclose(h.detach().numpy(), BY_HAND[name](cell, x.numpy()), atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_carried_state_makes_two_halves_the_whole(name):
    cell, x = filled(name), sequence(steps=10)
    whole, last = cell(x)
    first, state = cell(x[:, :4])
    second, state = cell(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("name", CELLS)
def test_states_do_not_depend_on_later_steps(name):
    cell, x = filled(name), sequence(steps=10)
    changed = x.clone()
    changed[:, 6:] = 1e9
    assert torch.equal(cell(x)[0][:, :6], cell(changed)[0][:, :6])
    assert not torch.equal(cell(x)[0][:, 6:], cell(changed)[0][:, 6:])


@pytest.mark.parametrize("name", CELLS)
def test_each_recurrent_block_starts_orthogonal(name):
    for block in filled(name).rnn.weight_hh_l0.split(D):
        torch.testing.assert_close(block @ block.T, torch.eye(D, dtype=torch.float64))


@pytest.mark.parametrize("name", CELLS)
def test_each_input_block_starts_within_glorots_bound(name):
    bound = np.sqrt(6 / (F + D))  # Glorot and Bengio 2010, eq. 16, for one gate
    for block in filled(name).rnn.weight_ih_l0.split(D):
        assert 0.7 * bound < block.abs().max() <= bound


@pytest.mark.parametrize("name", CELLS)
def test_biases_start_at_zero_but_the_forget_bias_at_one(name):
    cell = filled(name)
    total = (cell.rnn.bias_ih_l0 + cell.rnn.bias_hh_l0).detach().numpy()
    ones = np.arange(D, 2 * D) if name == "lstm" else []  # torch's order: i, f, g, o
    expected = np.zeros_like(total)
    expected[ones] = 1
    np.testing.assert_array_equal(total, expected)


@pytest.mark.parametrize("name", CELLS)
def test_the_generator_decides_the_weights(name):
    first, same, other = (weights(filled(name, seed)) for seed in (0, 0, 1))
    for a, b in zip(first, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("name", CELLS)
def test_global_random_states_are_left_alone(name):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is tested
    filled(name)(sequence())
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002 - the global state is tested

from __future__ import annotations

import numpy as np
import pytest
import torch

from tsrnn.cells import CELLS
from tsrnn.networks import Encoder, ForkingNetwork, SequenceRegressor, build, drop

B, T, F, D, H, K = 4, 9, 3, 6, 5, 2
LAYERED = [(cell, layers) for cell in CELLS for layers in (1, 2)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def regressor(cell="lstm", layers=1, dropout=0.0):
    """A regressor whose read-out is not at its start of zero."""
    encoder = Encoder(cell, F, D, layers, dropout)
    network = build(SequenceRegressor(encoder, D, 2), generator(), torch.float64)
    with torch.no_grad():
        network.read.weight.copy_(normal(2, D, seed=1))
        network.read.bias.copy_(normal(2, seed=2))
    return network


def forking(cell="lstm", layers=1, covariates=0, dropout=0.0):
    network = ForkingNetwork(Encoder(cell, F, D, layers, dropout), F, D, (H, K, 1), covariates)
    return build(network, generator(), torch.float64)


def padded(x, steps):
    """Put missing steps, full of a wrong value, before a sequence."""
    missing = torch.zeros(len(x), steps + x.shape[1], dtype=torch.bool)
    missing[:, :steps] = True
    return torch.cat([torch.full((len(x), steps, F), 1e6, dtype=x.dtype), x], dim=1), missing


# One sequence, one answer -------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "layers"), LAYERED)
def test_padded_on_the_left_is_the_shorter_sequence(cell, layers):
    network, x = regressor(cell, layers), normal(B, T, F)
    longer, missing = padded(x, 4)
    torch.testing.assert_close(network(longer, missing), network(x, None), rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_missing_steps_anywhere_are_left_out(cell):
    network, x = regressor(cell), normal(1, T, F)
    missing = torch.zeros(1, T, dtype=torch.bool)
    missing[0, [0, 3, 4, 8]] = True
    torch.testing.assert_close(network(x, missing), network(x[~missing][None], None))


def test_sequences_of_different_lengths_in_a_batch_are_each_their_own():
    network, x = regressor(), normal(B, T, F)
    missing = torch.arange(T)[None] < torch.tensor([0, 2, 5, 8])[:, None]
    answers = network(x, missing)
    for row, start in enumerate([0, 2, 5, 8]):
        torch.testing.assert_close(answers[row : row + 1], network(x[row : row + 1, start:], None))


def test_without_an_observed_step_state_zero_is_read():
    network, x = regressor(), normal(B, T, F)
    answer = network(x, torch.ones(B, T, dtype=torch.bool))
    assert torch.equal(answer, network.read.bias.expand(B, 2))


@pytest.mark.parametrize("cell", CELLS)
def test_a_missing_step_keeps_the_state(cell):
    network, x = regressor(cell), normal(1, T, F)
    missing = torch.zeros(1, T, dtype=torch.bool)
    missing[0, [0, 1, 5]] = True
    states = network.states(x, missing)
    assert torch.equal(states[:, :2], torch.zeros(1, 2, D, dtype=torch.float64))
    assert torch.equal(states[:, 5], states[:, 4])
    torch.testing.assert_close(states[~missing], network.states(x[~missing][None], None)[0])


def test_the_last_state_is_what_is_read():
    network, x = regressor(layers=2), normal(B, T, F)
    longer, missing = padded(x, 2)
    torch.testing.assert_close(network.read(network.states(x, None)[:, -1]), network(x, None))
    torch.testing.assert_close(
        network.read(network.states(longer, missing)[:, -1]), network(longer, missing)
    )


def test_second_layer_adds_to_the_first():
    network, x = regressor(layers=2), normal(B, T, F)
    first, second = network.encoder.layers
    h = first(x)[0]
    torch.testing.assert_close(network.encoder(x), h + second(h)[0])


# Dropout ------------------------------------------------------------------------------------------


def test_without_a_generator_nothing_is_dropped():
    x = normal(B, T, F)
    assert torch.equal(regressor(dropout=0.9)(x, None), regressor(dropout=0.0)(x, None))


def test_dropout_keeps_the_mean_and_drops_its_share():
    x = torch.full((400, 500), 3.0)
    dropped = drop(x, 0.3, generator())
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.005)
    assert float(dropped.mean()) == pytest.approx(3.0, abs=0.02)
    torch.testing.assert_close(dropped[dropped > 0].unique(), torch.tensor([3.0 / 0.7]))


def test_the_generator_decides_the_dropout_and_the_global_one_is_left_alone():
    network, x, state = regressor(dropout=0.5), normal(B, T, F), torch.get_rng_state()
    first, same, other = (network(x, None, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


# Forking ------------------------------------------------------------------------------------------


def at_random(network):
    """Give every weight a value, the read-out too."""
    with torch.no_grad():
        for i, p in enumerate(network.parameters()):
            p.copy_(0.3 * normal(*p.shape, seed=i))
    return network


@pytest.mark.parametrize(("cell", "layers"), LAYERED)
def test_corrections_at_a_step_do_not_depend_on_later_inputs(cell, layers):
    network, x = at_random(forking(cell, layers)), normal(B, T, F)
    changed = x.clone()
    changed[:, 5:] = 1e9
    before, after = network(x, None), network(changed, None)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.equal(before[:, 5:], after[:, 5:])


def test_corrections_equal_the_equation_of_the_docstring():
    C = 4
    network, x, known = at_random(forking(covariates=C)), normal(B, T, F), normal(B, T, H, C)
    raw = network(x, known)
    s, b, t, h = network.encoder(x), 2, 6, 3
    direct = (network.direct.weight @ s[b, t] + network.direct.bias).view(H, K, 1)[h]
    linear = (network.linear.weight @ x[b, t]).view(H, K, 1)[h]
    inner = network.state_hidden.weight @ s[b, t] + network.state_hidden.bias
    inner = (inner + network.known_hidden.weight @ known[b, t, h]).clamp(min=0)
    answer = network.known_out.weight @ inner + network.known_linear.weight @ known[b, t, h]
    torch.testing.assert_close(raw[b, t, h], direct + linear + answer.view(K, 1))


@pytest.mark.parametrize("covariates", [0, 4])
def test_training_starts_from_no_correction(covariates):
    known = normal(B, T, H, covariates) if covariates else None
    raw = forking(covariates=covariates)(normal(B, T, F), known)
    assert torch.equal(raw, torch.zeros(B, T, H, K, 1, dtype=torch.float64))


@pytest.mark.parametrize("covariates", [0, 4])
def test_scaling_the_read_out_scales_the_corrections(covariates):
    network = at_random(forking(covariates=covariates))
    x, known = normal(B, T, F), normal(B, T, H, covariates) if covariates else None
    before = network(x, known)
    with torch.no_grad():
        for weights in network.read_out():
            weights.mul_(0.25)
    torch.testing.assert_close(network(x, known), 0.25 * before)


@pytest.mark.parametrize("covariates", [0, 4])
def test_every_weight_gets_a_gradient(covariates):
    network = at_random(forking(layers=2, covariates=covariates))
    known = normal(B, T, H, covariates) if covariates else None
    (network(normal(B, T, F), known) ** 2).sum().backward()
    assert all(p.grad.abs().max() > 0 for p in network.parameters())


def test_build_gives_every_weight_a_value_on_the_device_and_in_the_dtype_asked_for():
    network = build(
        ForkingNetwork(Encoder("gru", F, D, 2, 0.0), F, D, (H, K, 1), 4), generator(), torch.float32
    )
    for p in network.parameters():
        assert p.device.type == "cpu"
        assert p.dtype == torch.float32
        assert torch.isfinite(p).all()
    assert network.known_hidden.weight.abs().max() > 0

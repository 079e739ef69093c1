from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from tsrnn.cells import CELLS
from tsrnn.networks import (
    LEAST_ROWS,
    Encoder,
    ForkingNetwork,
    Seq2SeqNetwork,
    SequenceRegressor,
    StaticShape,
    build,
    drop,
    embedding_size,
)

B, T, F, D, H, K, C = 4, 9, 3, 6, 5, 2, 4
HORIZON = {
    "forking": ForkingNetwork,
    "seq2seq": Seq2SeqNetwork,
    "attention": partial(Seq2SeqNetwork, attention=True),
}
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


# Dilation and truncated back-propagation ----------------------------------------------------------


def encoder_of(cell="lstm", dilations=None, bptt=None):
    """An encoder of one layer, or of one a dilation."""
    encoder = Encoder(cell, F, D, len(dilations or [1]), 0.0, dilations, bptt)
    return build(encoder, generator(), torch.float64)


def detached(state):
    return tuple(map(torch.Tensor.detach, state)) if isinstance(state, tuple) else state.detach()


def step_by_step(layer, x, dilation=1, cut=None):
    """Run a cell a step at a time, the state d steps before; cut: detach at multiples of it."""
    outputs, states = [], []
    for t in range(x.shape[1]):
        state = states[t - dilation] if t >= dilation else None
        if cut and state is not None and (t // dilation) % cut == 0:
            state = detached(state)
        h, state = layer(x[:, t : t + 1], state)
        outputs.append(h)
        states.append(state)
    return torch.cat(outputs, dim=1)


def gradients(h, encoder):
    weight = normal(*h.shape, seed=9)
    return torch.autograd.grad((weight * h).sum(), list(encoder.parameters()))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dilation", [2, 4, T, T + 3])
def test_a_dilated_layer_takes_its_state_from_so_many_steps_before(cell, dilation):
    encoder, x = encoder_of(cell, [dilation]), normal(B, T, F)
    torch.testing.assert_close(encoder(x), step_by_step(encoder.layers[0], x, dilation))


def test_residuals_stay_between_dilated_layers():
    encoder, x = encoder_of("gru", [1, 4]), normal(B, T, F)
    h = step_by_step(encoder.layers[0], x)
    expected = h + step_by_step(encoder.layers[1], h, 4)
    torch.testing.assert_close(encoder(x), expected)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dilations", [None, (1, 2), (3, 2)])
@pytest.mark.parametrize("bptt", [1, 4, T])
def test_truncation_does_not_change_the_states(cell, dilations, bptt):
    x = normal(B, T, F)
    full, cut = encoder_of(cell, dilations), encoder_of(cell, dilations, bptt)
    torch.testing.assert_close(cut(x), full(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dilations", [None, (1, 2)])
def test_truncation_at_the_length_is_full_back_propagation(cell, dilations):
    x = normal(B, T, F)
    full, cut = encoder_of(cell, dilations), encoder_of(cell, dilations, T)
    pairs = zip(gradients(cut(x), cut), gradients(full(x), full), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("dilation", "bptt"), [(1, 1), (1, 4), (2, 4), (2, 3)])
def test_truncated_gradients_equal_those_of_detached_states(cell, dilation, bptt):
    encoder, x = encoder_of(cell, [1, dilation], bptt), normal(B, T, F)
    h = step_by_step(encoder.layers[0], x, 1, bptt)
    h = h + step_by_step(encoder.layers[1], h, dilation, -(-bptt // dilation))
    expected = gradients(h, encoder)
    full = encoder_of(cell, [1, dilation])
    for got, wanted, untruncated in zip(
        gradients(encoder(x), encoder), expected, gradients(full(x), full), strict=True
    ):
        torch.testing.assert_close(got, wanted)
        assert not torch.allclose(got, untruncated)


# From every step ----------------------------------------------------------------------------------


def horizon(kind="forking", cell="lstm", covariates=0, dtype=torch.float64, **options):
    """A network that forecasts from every step, its read-out at its start of zero."""
    static = options.pop("static", StaticShape())
    layers = len(options.get("dilations", [1]))
    encoder = Encoder(cell, F + static.width, D, layers, options.pop("dropout", 0.0), **options)
    network = HORIZON[kind](encoder, F, D, (H, K, 2), covariates, static)
    return build(network, generator(), dtype)


def at_random(network):
    """Give every weight a value, the read-out too, and the start."""
    with torch.no_grad():
        for i, p in enumerate([*network.parameters(), network.start]):
            p.copy_(0.3 * normal(*p.shape, seed=i))
        for embed in network.categories:
            embed.weight[0] = 0
    return network


def inputs(covariates=0, rows=B):
    known = normal(rows, T, H, covariates, seed=5) if covariates else None
    return normal(rows, T, F), known


KINDS = pytest.mark.parametrize("kind", HORIZON)
COVARIATES = pytest.mark.parametrize("covariates", [0, C])


@KINDS
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dilations", [(1,), (1, 3)])
def test_forecasts_at_a_step_do_not_depend_on_later_inputs(kind, cell, dilations):
    network = at_random(horizon(kind, cell, C, dilations=dilations))
    x, known = inputs(C)
    later_x, later_known = x.clone(), known.clone()
    later_x[:, 5:] = later_known[:, 5:] = 1e9
    before, after = network(x, known), network(later_x, later_known)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.equal(before[:, 5:], after[:, 5:])


@KINDS
@COVARIATES
@pytest.mark.parametrize("cell", CELLS)
def test_forecasts_of_a_sequence_do_not_depend_on_the_others(kind, covariates, cell):
    network = at_random(horizon(kind, cell, covariates, torch.float32))
    x, known = inputs(covariates, 3 * LEAST_ROWS)
    x, known = x.float(), None if known is None else known.float()
    whole, part = network(x, known), slice(0, LEAST_ROWS)
    some = network(x[part], None if known is None else known[part])
    assert torch.equal(some, whole[part])


@KINDS
def test_a_forecast_depends_on_the_covariates_of_its_own_step(kind):
    network, (x, known) = at_random(horizon(kind, covariates=C)), inputs(C)
    changed = known.clone()
    changed[:, :, 2] += 1
    moved = (network(x, changed) - network(x, known)).abs().amax(dim=(0, 1, 3, 4)) > 0
    assert moved.tolist() == [False, False, True] + [kind != "forking"] * 2


@COVARIATES
def test_forking_equals_the_equation_of_its_docstring(covariates):
    network, (x, known) = at_random(horizon(covariates=covariates)), inputs(covariates)
    s, b, t, h = network.encoder(x), 2, 6, 3
    expected = network.start[h] + (network.linear.weight @ x[b, t]).view(H, K, 2)[h]
    expected = expected + network.linear.bias.view(H, K, 2)[h]
    expected = expected + (network.direct.weight @ s[b, t]).view(H, K, 2)[h]
    if covariates:
        inner = network.state_hidden.weight @ s[b, t] + network.state_hidden.bias
        inner = (inner + network.known_hidden.weight @ known[b, t, h]).clamp(min=0)
        answer = network.known_out.weight @ inner + network.known_linear.weight @ known[b, t, h]
        expected = expected + answer.view(K, 2)
    torch.testing.assert_close(network(x, known)[b, t, h], expected)


@pytest.mark.parametrize("kind", ["seq2seq", "attention"])
@COVARIATES
@pytest.mark.parametrize("cell", CELLS)
def test_seq2seq_equals_the_equation_of_its_docstring(kind, covariates, cell):
    network = at_random(horizon(kind, cell, covariates))
    x, known = inputs(covariates)
    raw, states, b, t = network(x, known), network.encoder(x), 2, 6
    state = (network.first_hidden.weight @ states[b, t] + network.first_hidden.bias)[None, None]
    state = state.split(D, dim=-1) if cell == "lstm" else state
    skip = (network.linear.weight @ x[b, t] + network.linear.bias).view(H, K, 2)
    for h in range(H):
        c = known[b, t, h] if covariates else x.new_zeros(0)
        d, state = network.decoder(torch.cat([network.step.weight[h], c])[None, None], state)
        read = d[0, 0]
        if kind == "attention":
            scores = states[b, : t + 1] @ (network.query_hidden.weight @ read) / D**0.5
            read = torch.cat([read, torch.softmax(scores, dim=0) @ states[b, : t + 1]])
        answer = network.direct.weight @ read
        if covariates:
            answer = answer + network.known_linear.weight @ c
        torch.testing.assert_close(raw[b, t, h], network.start[h] + skip[h] + answer.view(K, 2))


@KINDS
@COVARIATES
def test_training_starts_from_the_start_given(kind, covariates):
    network, given = horizon(kind, covariates=covariates), normal(H, K, 2)
    assert torch.equal(network.start, torch.zeros(H, K, 2, dtype=torch.float64))
    network.start.copy_(given)
    assert torch.equal(network(*inputs(covariates)), given.expand(B, T, H, K, 2))


@KINDS
@COVARIATES
def test_scaling_the_read_out_scales_the_corrections_of_the_start(kind, covariates):
    network, (x, known) = at_random(horizon(kind, covariates=covariates)), inputs(covariates)
    before = network(x, known) - network.start
    with torch.no_grad():
        for weights in network.read_out():
            weights.mul_(0.25)
    torch.testing.assert_close(network(x, known) - network.start, 0.25 * before)


@KINDS
@COVARIATES
def test_the_rest_learns_as_soon_as_the_read_out_is_not_zero(kind, covariates):
    static = StaticShape(1, (3, 2))
    network = at_random(horizon(kind, covariates=covariates, static=static, dilations=(1, 2)))
    codes = torch.tensor([[1, 2], [3, 0], [2, 1], [0, 2]])
    given = torch.cat([normal(B, 1, seed=3), codes], dim=1)
    (network(*inputs(covariates), given) ** 2).sum().backward()
    assert all(p.grad.abs().max() > 0 for p in network.parameters())


@KINDS
def test_the_generator_decides_what_is_dropped(kind):
    network, (x, known) = at_random(horizon(kind, dropout=0.5)), inputs()
    first, same, other = (network(x, known, None, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(network(x, known), network(x, known))


@KINDS
@COVARIATES
def test_one_origin_of_each_pass_is_answered_for_as_among_all(kind, covariates):
    network, (x, known) = at_random(horizon(kind, covariates=covariates)), inputs(covariates)
    at, rows = torch.tensor([3, 0, T - 1, 5]), torch.arange(B)
    expected = network(x, known)[rows, at][:, None]
    known = None if known is None else known[rows, at][:, None]
    torch.testing.assert_close(network(x, known, at=at), expected)


# Static inputs ------------------------------------------------------------------------------------


@KINDS
def test_static_inputs_are_read_at_every_step_by_the_encoder_alone(kind):
    network = at_random(horizon(kind, static=StaticShape(2, (3, 5))))
    x, numbers = normal(B, T, F), normal(B, 2, seed=7)
    codes = torch.tensor([[1, 5], [3, 0], [2, 1], [0, 2]])
    embedded = [network.categories[i].weight[codes[:, i]] for i in range(2)]
    values = torch.cat([numbers, *embedded], dim=1)[:, None].expand(B, T, -1)
    states = network.encoder(torch.cat([x, values], dim=2))
    expected = network.start + network.linear(x).unflatten(-1, (H, K, 2))
    expected = expected + network.answer(states, None, None).unflatten(-1, (K, 2))
    got = network(x, None, torch.cat([numbers, codes], dim=1))
    torch.testing.assert_close(got, expected)


def test_an_unknown_category_adds_nothing_and_learns_nothing():
    network = at_random(horizon(static=StaticShape(0, (3,))))
    unknown = torch.zeros(B, 1, dtype=torch.float64)
    x, width = normal(B, T, F), embedding_size(3)
    network(x, None, unknown).sum().backward()
    assert torch.equal(network.categories[0].weight.grad, torch.zeros(4, width))
    zeros = torch.cat([x, torch.zeros(B, T, width)], dim=2)
    torch.testing.assert_close(
        network._with_static(x, unknown), zeros.to(torch.float64), rtol=0, atol=0
    )


@pytest.mark.parametrize(("categories", "size"), [(0, 1), (1, 2), (10, 6), (11, 6), (1000, 16)])
def test_embeddings_have_the_width_of_the_rule(categories, size):
    assert embedding_size(categories) == size  # 1.6 n^0.56: 1.6, 5.81, 6.13, 76.6


@KINDS
def test_build_gives_every_weight_a_value_on_the_device_and_in_the_dtype_asked_for(kind):
    state, static = torch.get_rng_state(), StaticShape(1, (400,))
    network = horizon(kind, "gru", C, torch.float32, static=static, dilations=(1, 2))
    for p in [*network.parameters(), *network.buffers()]:
        assert p.device.type == "cpu"
        assert p.dtype == torch.float32
        assert torch.isfinite(p).all()
    weight = network.categories[0].weight.detach()
    assert float(weight[1:].std()) == pytest.approx(0.1, rel=0.05)
    assert torch.equal(weight[0], torch.zeros(16))
    assert all(
        p.abs().max() > 0 for name, p in network.named_parameters() if "hidden.weight" in name
    )
    assert torch.equal(torch.get_rng_state(), state)

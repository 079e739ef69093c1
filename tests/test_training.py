from __future__ import annotations

import math
import multiprocessing
import pickle
import re
import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from tsrnn.cells import LSTM
from tsrnn.networks import build
from tsrnn.training import SCHEDULES, AdamW, FlatWeights, find_device, train


def linear(seed=0, outputs=1):
    network = nn.Linear(3, outputs, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in network.parameters():
            p.normal_(generator=generator)
    return network


def problem(n=64, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return torch.from_numpy(X), torch.from_numpy(X @ [1.0, -2.0, 3.0] + 4)[:, None]


def squares(network, X, y):
    return lambda rows: ((network(X[rows]) - y[rows]) ** 2).mean()


def fit(network, max_epochs=50, batches=None, loss=None, validate=None, **options):
    X, y = problem()
    batches = batches or (lambda: torch.arange(64).split(16))
    options = {"learning_rate": 0.1, "weight_decay": 0.0, "clip_norm": None} | options
    return train(
        network, batches, loss or squares(network, X, y), validate, max_epochs=max_epochs, **options
    )


def copy_of(network):
    return {name: p.detach().clone() for name, p in network.named_parameters()}


# Optimiser ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adamw_equals_torchs(weight_decay):
    ours, theirs, (X, y) = linear(), linear(), problem()
    flat = FlatWeights(ours)
    optimiser = AdamW(flat.values, flat.gradient, weight_decay)
    reference = torch.optim.AdamW(theirs.parameters(), weight_decay=weight_decay, eps=1e-6)
    for step in range(50):
        rate = 0.05 / (1 + step)
        flat.gradient.zero_()
        reference.zero_grad()
        for network in (ours, theirs):
            squares(network, X, y)(slice(None)).backward()
        optimiser.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("largest", [0.01, 1.0, 1e6])
def test_clipping_equals_torchs(largest):
    ours, theirs, (X, y) = linear(), linear(), problem()
    flat = FlatWeights(ours)
    for network in (ours, theirs):
        squares(network, X, y)(slice(None)).backward()
    norm = nn.utils.clip_grad_norm_(theirs.parameters(), largest)
    assert flat.clip(largest) == pytest.approx(float(norm), rel=1e-12)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=0)  # torch adds 1e-6 to the norm


def test_without_clip_norm_the_gradient_stays():
    network, (X, y) = linear(), problem()
    flat = FlatWeights(network)
    squares(network, X, y)(slice(None)).backward()
    before = flat.gradient.clone()
    flat.clip(None)
    assert torch.equal(flat.gradient, before)


def test_flat_weights_are_the_weights_and_releasing_keeps_their_values():
    network = build(LSTM(3, 4), torch.Generator().manual_seed(0), torch.float64)
    before, x = copy_of(network), torch.ones(1, 5, 3, dtype=torch.float64)
    flat = FlatWeights(network)
    answer = network(x)[0]
    flat.values.mul_(2)
    for name, p in network.named_parameters():
        assert torch.equal(p, 2 * before[name])
    flat.values.div_(2)
    flat.release()
    torch.testing.assert_close(network(x)[0], answer)
    assert all(p.grad is None for p in network.parameters())


def test_a_trained_network_is_pickled_without_carrying_every_weight_several_times():
    network = build(LSTM(8, 64), torch.Generator().manual_seed(0), torch.float64)
    x = torch.ones(1, 5, 8, dtype=torch.float64)
    fit(network, 1, lambda: [x], lambda batch: network(batch)[0].sum())
    weights = sum(p.numel() for p in network.parameters()) * 8
    assert len(pickle.dumps(network)) < 1.1 * weights


# The loop -----------------------------------------------------------------------------------------


def test_training_reaches_the_least_squares_solution():
    network = linear()
    fit(network, 200)
    weights = torch.tensor([[1.0, -2.0, 3.0]], dtype=torch.float64)
    torch.testing.assert_close(network.weight.detach(), weights, atol=1e-4, rtol=0)
    assert float(network.bias.detach()) == pytest.approx(4, abs=1e-4)


def test_every_step_follows_schedule_clipping_and_optimiser():
    """The whole loop, written out again with torch's own parts."""
    ours, theirs, (X, y) = linear(), linear(), problem()
    history = fit(ours, 5, schedule="cosine", clip_norm=0.5, weight_decay=0.01)
    reference = torch.optim.AdamW(theirs.parameters(), weight_decay=0.01, eps=1e-6)
    for step in range(20):
        reference.param_groups[0]["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * step / 20))
        reference.zero_grad()
        squares(theirs, X, y)(torch.arange(64).split(16)[step % 4]).backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    assert history.learning_rate[-1] == reference.param_groups[0]["lr"]


def test_history_is_what_happened():
    network, (X, y) = linear(), problem()
    loss, seen = squares(network, X, y), []

    def watched(rows):
        value = loss(rows)
        seen.append(float(value.detach()))
        return value

    history = fit(network, 3, loss=watched)
    *seen, last = seen  # which only looks at what the last step left
    np.testing.assert_allclose(history.train_loss, np.reshape(seen, (3, 4)).mean(axis=1))
    assert last == pytest.approx(float(loss(torch.arange(48, 64)).detach()))
    assert history.best_epoch == 3
    assert history.valid_loss == []
    assert len(history.gradient_norm) == len(history.learning_rate) == 3
    assert history.seconds > 0 and not history.interrupted


def validating(network, losses):
    """Validation losses as given, and the weights at each of them."""
    kept, remaining = [], iter(losses)

    def validate():
        kept.append(copy_of(network))
        return next(remaining)

    return validate, kept


def test_the_weights_of_the_best_epoch_come_back():
    network = linear()
    validate, kept = validating(network, [9, 5, 2, 3, 2, 4])
    history = fit(network, 5, validate=validate)
    assert history.best_epoch == 2
    assert history.valid_loss == [5, 2, 3, 2, 4]
    for name, p in network.named_parameters():
        assert torch.equal(p, kept[2][name])
        assert not torch.equal(p, kept[5][name])


def test_the_weights_at_the_start_come_back_when_training_never_helped():
    network = linear()
    before = copy_of(network)
    validate, _ = validating(network, [1, 5, 2, 3])
    assert fit(network, 3, validate=validate).best_epoch == 0
    for name, p in network.named_parameters():
        assert torch.equal(p, before[name])


def test_patience_counts_epochs_since_the_best():
    network = linear()
    validate, _ = validating(network, [9, 5, 2, 3, 4, 4, 1, 1])
    assert fit(network, 7, validate=validate, patience=3).valid_loss == [5, 2, 3, 4, 4]


def test_stop_after_breaks_the_schedule_off():
    whole, part = linear(), linear()
    history = fit(whole, 10)
    assert fit(part, 10, stop_after=4).learning_rate == history.learning_rate[:4]


def test_the_same_start_gives_the_same_weights_bit_for_bit():
    first, second = linear(), linear()
    for network in (first, second):
        fit(network, 20)
    assert torch.equal(first.weight, second.weight)


# What goes wrong ----------------------------------------------------------------------------------


def failing(network, at, action):
    """A loss that does something else in its call number ``at``, 4 calls an epoch."""
    X, y = problem()
    loss, calls = squares(network, X, y), iter(range(10**6))
    return lambda rows: action(loss(rows)) if next(calls) == at else loss(rows)


@pytest.mark.parametrize(
    "action",
    [lambda value: value * math.nan, lambda value: value / 0.0, lambda value: (0 * value).sqrt()],
    ids=["nan", "infinite", "gradient only"],
)
def test_a_loss_that_is_not_finite_warns_and_leaves_finite_weights(action):
    network = linear()
    message = r"not finite in epoch 3 at learning_rate=\S+, largest gradient norm .+epoch 2 are"
    with pytest.warns(ConvergenceWarning, match=message):
        history = fit(network, 10, loss=failing(network, 11, action))  # its last batch
    assert len(history.train_loss) == 2
    assert all(torch.isfinite(p).all() for p in network.parameters())


def test_a_loss_that_is_not_finite_from_the_start_is_an_error():
    network = linear()
    with pytest.raises(FloatingPointError, match="the loss is not finite from the start"):
        fit(network, 10, loss=failing(network, 0, lambda value: value * math.nan))


@pytest.mark.parametrize("epochs", [1, 10])
def test_too_large_a_learning_rate_is_named_after_one_step_too(epochs):
    network = linear()
    before, batches = copy_of(network), lambda: [torch.arange(64)]
    options = {"learning_rate": 1e200, "schedule": "constant"}
    message = re.escape("not finite in epoch ") + r"\d at learning_rate=1e\+200.+ epoch 0 are used"
    with pytest.warns(ConvergenceWarning, match=message):
        assert fit(network, epochs, batches, **options).best_epoch == 0
    assert torch.equal(network.weight, before["weight"])


def test_a_step_too_large_for_float32_is_the_largest_one():
    network = nn.Linear(1, 1)
    weights = FlatWeights(network)
    weights.gradient.fill_(1)
    AdamW(weights.values, weights.gradient, 0.0).step(1e300)
    assert (weights.values < -1e37).all()


def test_without_validation_what_the_last_step_left_is_looked_at_once():
    network = linear()
    with pytest.warns(ConvergenceWarning, match="in epoch 3 .+ weights of epoch 2 are used"):
        fit(network, 3, loss=failing(network, 12, lambda value: value * math.nan))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_stops(bad):
    network = linear()
    validate, kept = validating(network, [9, 5, 6, bad, 1])
    with pytest.warns(ConvergenceWarning, match="in epoch 3 .+ weights of epoch 1 are used"):
        history = fit(network, 10, validate=validate)
    assert len(history.valid_loss) == 3
    assert torch.equal(network.weight, kept[1]["weight"])


def test_a_start_whose_validation_loss_is_not_finite_never_wins():
    network = linear()
    validate, kept = validating(network, [math.nan, 9, 7, 8])
    assert fit(network, 3, validate=validate).best_epoch == 2
    assert torch.equal(network.weight, kept[2]["weight"])


def test_without_any_finite_validation_loss_there_is_no_model():
    network = linear()
    validate, _ = validating(network, [math.nan, math.nan])
    with pytest.raises(FloatingPointError, match="not finite from the start"):
        fit(network, 3, validate=validate)


def interrupt(value):
    raise KeyboardInterrupt


def test_an_interrupt_in_the_first_epoch_propagates():
    network = linear()
    with pytest.raises(KeyboardInterrupt):
        fit(network, 10, loss=failing(network, 3, interrupt))


def test_a_later_interrupt_warns_and_keeps_the_best_weights():
    network = linear()
    validate, kept = validating(network, [9, 1, 2, 3])
    message = "fit was interrupted in epoch 4 of 10: the weights of epoch 1 are used"
    with pytest.warns(UserWarning, match=message):
        history = fit(network, 10, loss=failing(network, 13, interrupt), validate=validate)
    assert history.best_epoch == 1 and history.interrupted
    assert torch.equal(network.weight, kept[1]["weight"])


def test_an_interrupt_without_validation_leaves_the_last_epoch_that_was_looked_at():
    network = linear()
    with pytest.warns(UserWarning, match="in epoch 4 of 10: the weights of epoch 3 are used"):
        fit(network, 10, loss=failing(network, 14, interrupt))
    reference = linear()
    fit(reference, 10, stop_after=3)
    assert torch.equal(network.weight, reference.weight)


def test_an_interrupt_propagates_from_training_that_is_not_interruptible():
    network = linear()
    with pytest.raises(KeyboardInterrupt):
        fit(network, 10, loss=failing(network, 13, interrupt), interruptible=False)


# Manners ------------------------------------------------------------------------------------------


def test_nothing_is_printed_unless_asked(capfd):
    fit(linear(), 3)
    assert capfd.readouterr() == ("", "")
    fit(linear(), 3, verbose=1)
    assert "loss=" in capfd.readouterr().err


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_and_global_random_state_stay(threads):
    before, network = torch.get_num_threads(), linear()
    state = torch.get_rng_state()
    try:
        torch.set_num_threads(threads)
        fit(network, 3)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.get_rng_state(), state)


def large_product(network, X, answers):
    with torch.inference_mode():
        answers.put(float(network(X).sum()))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
def test_a_forked_child_predicts_after_the_parent_trained_with_two_threads():
    before, network = torch.get_num_threads(), nn.Linear(256, 256)
    X = torch.ones(4096, 256)  # large enough for torch to share the work out
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=large_product, args=(network, X, answers))
    try:
        torch.set_num_threads(2)
        fit(network, 2, lambda: [X], lambda batch: (network(batch) ** 2).mean())
        with warnings.catch_warnings():  # Python 3.12 warns of any fork beside threads
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        child.join(timeout=60)
        assert child.exitcode == 0
        assert answers.get() == pytest.approx(float(network(X).detach().sum()), rel=1e-4)
    finally:
        torch.set_num_threads(before)
        child.kill()


# Schedules and devices ----------------------------------------------------------------------------


def test_one_cycle_rises_for_three_tenths_then_falls_to_zero():
    done = np.linspace(0, 1, 101)
    rates = np.array([SCHEDULES["one_cycle"](d) for d in done])
    assert rates[0] == pytest.approx(0.04)
    assert rates[30] == pytest.approx(1)
    assert rates[-1] == pytest.approx(0)
    assert (np.diff(rates[:31]) > 0).all()
    assert (np.diff(rates[30:]) < 0).all()


def test_one_cycle_equals_torchs():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=1.0,
        total_steps=101,
        pct_start=31 / 101,
        div_factor=25,
        final_div_factor=1e9,
    )
    found = []
    for _ in range(100):
        found.append(reference.get_last_lr()[0])
        optimiser.step()
        reference.step()
    ours = [SCHEDULES["one_cycle"](step / 100) for step in range(100)]
    np.testing.assert_allclose(ours, found, atol=1e-6)


def test_cosine_falls_from_one_through_a_half_to_zero_and_constant_stays():
    assert [SCHEDULES["cosine"](d) for d in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert {SCHEDULES["constant"](d) for d in (0, 0.5, 1)} == {1.0}


def test_find_device_takes_what_is_there():
    assert find_device("cpu") == torch.device("cpu")
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert find_device("auto").type == expected


@pytest.mark.parametrize("name", ["cuda:99", "abacus"])
def test_find_device_refuses_what_is_not_there(name):
    with pytest.raises(ValueError, match=rf"device='{name}': not available here; device='cpu'"):
        find_device(name)

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from tsrnn.fitting import FORCING, PENALTIES, ROUNDS, Fitting, ridge
from tsrnn.forking import (
    Anchor,
    Corpus,
    Covariates,
    Known,
    Layout,
    draw_passes,
    make_line,
    stacked,
)
from tsrnn.heads import DEFAULT_LEVELS, HEADS
from tsrnn.networks import Encoder, ForkingNetwork, build
from tsrnn.scaling import usual_deviation

H, SEGMENT, HIDDEN = 2, 1, 8


def fitting(y, held_out=100, X=None, loss="squared_error", seed=0):
    """A network on one series y (T,), the last ``held_out`` steps to judge."""
    covariates = 0 if X is None else X.shape[1]
    layout = Layout(H, SEGMENT, 4, 8, (), False, False)
    learnt = y[: len(y) - held_out]
    deviation = usual_deviation((learnt - y[0])[:, None], 8, np.abs(y[:1]))
    known = Known(y[:1], deviation, np.zeros((covariates, 1)), Anchor(1))
    given = None if X is None else Covariates(X, covariates)
    corpus = Corpus([make_line(y[:, None], known, layout, given)], layout)
    inputs = layout.size(1, covariates)
    generator = torch.Generator().manual_seed(seed)
    network = ForkingNetwork(
        Encoder("gru", inputs, HIDDEN, 1, 0.1),
        inputs,
        HIDDEN,
        (H, 1, HEADS[loss]().parameters),
        2 * covariates,
    )
    return Fitting(
        network=build(network, generator, torch.float64),
        head=HEADS[loss](),
        corpus=corpus,
        until=corpus.length - held_out,
        origins=64,
        phases=1,
        batch_size=8,
        generator=generator,
        rng=np.random.default_rng(seed),
    )


def random_walk(T=600, seed=0):
    return 10 + np.random.default_rng(seed).normal(size=T).cumsum()


def to_and_fro(T=600, seed=0):
    """An autoregression whose last value is the worst of forecasts."""
    noise, y = np.random.default_rng(seed).normal(size=T), np.zeros(T)
    for t in range(1, T):
        y[t] = -0.9 * y[t - 1] + noise[t]
    return 10 + y


def corrections(fit):
    batch = fit.held_out[0]
    with torch.inference_mode():
        return fit.network(batch.x, batch.known)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_ridge_equals_scikit_learns(penalty):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(80, 5)) + 3, rng.normal(size=(80, 2)) + 7
    A = np.column_stack([X, np.ones(80)])
    weight, bias = ridge((A.T @ A)[None], A.T @ Y, penalty)
    reference = Ridge(alpha=penalty * (X**2).sum(axis=0).mean()).fit(X, Y)
    np.testing.assert_allclose(weight, reference.coef_, atol=1e-10)
    np.testing.assert_allclose(bias, reference.intercept_, atol=1e-10)


def test_ridge_without_equations_is_zero():
    weight, bias = ridge(np.zeros((1, 4, 4)), np.zeros((4, 2)), 0.1)
    assert not weight.any()
    assert not bias.any()


@pytest.mark.parametrize("penalty", PENALTIES)
def test_start_is_the_ridge_regression_of_targets_on_inputs(penalty):
    fit = fitting(to_and_fro())
    fit.start_from(penalty)
    batch = fit.corpus.batch(np.array([0]), np.arange(500)[None])
    use = batch.step[0, :, -1] < 500  # all before the steps that judge
    x, target = batch.x[0, use], batch.target[0, use, :, 0]
    reference = Ridge(alpha=penalty * (x**2).sum(axis=0).mean()).fit(x, target)
    with torch.inference_mode():
        found = fit.network(torch.from_numpy(batch.x), None)[0, :, :, 0, 0].numpy()
    np.testing.assert_allclose(found, reference.predict(batch.x[0]), atol=1e-8)


def test_start_from_nothing_gives_zero_corrections_even_after_another_start():
    X = np.random.default_rng(0).normal(size=(600, 1))
    fit = fitting(to_and_fro(), X=X)
    fit.start_from(0.1)
    assert corrections(fit).abs().max() > 0.1
    fit.start_from(None)
    assert not corrections(fit).any()


def test_start_does_not_look_at_the_steps_that_judge():
    y, changed = to_and_fro(), to_and_fro()
    changed[500:] += 1e3 * np.random.default_rng(1).normal(size=100)
    fits = [fitting(y), fitting(changed)]
    fits[1].corpus.scale[:500] = fits[0].corpus.scale[:500]  # the floor alone saw the whole
    for fit in fits:
        fit.start_from(0.1)
    torch.testing.assert_close(fits[0].network.linear.weight, fits[1].network.linear.weight)


def test_best_penalty_is_a_start_where_there_is_much_to_gain_and_none_on_pure_chance():
    assert fitting(to_and_fro()).best_penalty() in PENALTIES
    walks = [fitting(random_walk(seed=seed)) for seed in range(10)]
    assert sum(fit.best_penalty() in (None, max(PENALTIES)) for fit in walks) >= 7


def test_best_penalty_has_the_least_loss_on_the_steps_that_judge():
    fit = fitting(to_and_fro())
    best, losses = fit.best_penalty(), {}
    for penalty in (None, *PENALTIES):
        fit.start_from(penalty)
        losses[penalty] = fit._mean(fit.held_out)
    assert losses[best] == min(losses.values())


def test_trust_is_near_one_where_the_gain_is_beyond_doubt():
    fit = fitting(to_and_fro())
    fit.start_from(0.01)
    assert fit.trust() > 0.95


def test_trust_is_low_where_the_gain_is_luck():
    trusts = []
    for seed in range(20):
        fit = fitting(random_walk(seed=seed))
        fit.start_from(1.0)
        trusts.append(fit.trust())
    assert np.mean(trusts) < 0.35
    assert np.median(trusts) < 0.2


def test_trust_follows_its_formula():
    fit = fitting(to_and_fro())
    fit.start_from(1.0)
    gains = []
    for batch in fit.held_out:
        with torch.inference_mode():
            raw = fit.network(batch.x, batch.known)[..., 0]
        gain = 0.5 * (batch.target**2 - (raw - batch.target) ** 2) * batch.use
        gains += [float(g.sum()) for g, use in zip(gain[0], batch.use[0], strict=True) if use.any()]
    t = np.mean(gains) / (np.std(gains) / np.sqrt(100 / H))
    assert fit.trust() == pytest.approx(t**2 / (1 + t**2), rel=1e-9)


def test_trust_without_any_observed_step_to_judge_is_none():
    y = to_and_fro()
    y[500:] = np.nan
    fit = fitting(y)
    fit.start_from(0.1)
    assert fit.trust() == 0


def test_held_out_targets_are_the_steps_after_until_each_h_times():
    fit = fitting(random_walk(), held_out=50)
    fit.corpus.w[:, 0] = np.arange(600)  # no value is missing: count what is used
    used = torch.cat([batch.use.flatten() for batch in fit.held_out])
    assert int(used.sum()) == 50 * H


def test_training_targets_never_lie_after_until():
    fit = fitting(random_walk())
    for batch in fit._batches():
        assert batch.use.any()
    segment = fit.corpus.layout.segment
    passes = draw_passes(fit.until, segment, fit.origins, 1, np.random.default_rng(0))
    used = fit._tensors(passes, np.zeros_like(fit.until), fit.until, fit.corpus).use[..., 0]
    steps = fit.corpus.batch(*stacked(passes)).step
    assert steps[used.numpy() > 0].max() == fit.until[0] - 1


def test_training_learns_a_relation_that_no_linear_start_can():
    y = np.full(1500, 0.3)
    for t in range(1, 1500):
        y[t] = 4 * y[t - 1] * (1 - y[t - 1])  # the logistic map: no correlation between its values
    fit = fitting(y, held_out=300)
    fit.start_from(fit.best_penalty())
    linear = fit._mean(fit.held_out)
    fit.run(0.01, max_epochs=60, learning_rate=0.02)
    assert fit._mean(fit.held_out) < 0.5 * linear


def test_loss_of_a_batch_is_the_mean_over_the_targets_that_count():
    fit = fitting(random_walk(), loss="absolute_error")
    batch = fit._batches()[0]
    fit.start_from(None)
    expected = batch.target[batch.use > 0].abs().mean()
    torch.testing.assert_close(fit._loss(batch).detach(), expected)


def test_a_run_without_steps_to_judge_trains_all_epochs_quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fitting(random_walk(200), held_out=0).run(None, max_epochs=3, learning_rate=0.01)
    assert history.best_epoch == 3
    assert history.valid_loss == []


@pytest.fixture
def twins():
    """Two fittings whose series differ in the steps that judge only."""
    y = to_and_fro()
    changed = y.copy()
    changed[500:] = 1e3
    return fitting(y), fitting(changed)


def test_batches_never_show_the_targets_that_judge(twins):
    one, other = twins
    for a, b in zip(one._batches(), other._batches(), strict=True):
        assert torch.equal(a.use, b.use)
        assert torch.equal(a.target * a.use, b.target * b.use)


def test_ridge_start_never_sees_the_steps_that_judge(twins):
    for a, b in zip(twins[0]._equations, twins[1]._equations, strict=True):
        np.testing.assert_array_equal(a, b)


# Scheduled sampling -------------------------------------------------------------------------------


def one_step_fitting(share):
    """A fitting of one-step forecasts that shows a share of true values."""
    fit = fitting(random_walk(), held_out=0)
    layout = replace(fit.corpus.layout, horizon=1)
    corpus = Corpus(fit.corpus.lines, layout)
    network = ForkingNetwork(
        Encoder("gru", layout.size(1, 0), 8, 1, 0.0), layout.size(1, 0), 8, (1, 1, 1), 0
    )
    build(network, fit.generator, torch.float64)
    return replace(fit, network=network, corpus=corpus, until=corpus.length, forcing=share)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_share_of_true_values_shown_is_the_one_asked_for(share):
    fit = one_step_fitting(lambda done: share)
    shown = fit._partly_forecast(fit._drawn())
    assert np.mean(shown.w == fit.corpus.w) == pytest.approx(share, abs=0.05)
    np.testing.assert_array_equal(shown.true_w, fit.corpus.w)


def test_values_fed_back_are_forecasts_from_what_is_shown():
    """Without correction the forecast is the value before, itself fed back for ROUNDS steps."""
    fit = one_step_fitting(lambda done: 0.0)
    shown, true = fit._partly_forecast(fit._drawn()), fit.corpus.w[:, 0]
    np.testing.assert_allclose(shown.w[10:-1, 0], true[10 - ROUNDS : -1 - ROUNDS], atol=1e-12)


@pytest.mark.parametrize("name", FORCING)
def test_schedules_fall_from_all_to_none_of_the_true_values(name):
    shares = [FORCING[name](done) for done in np.linspace(0, 1, 11)]
    assert shares[0] > 0.99 and shares[-1] < 0.011
    assert (np.diff(shares) < 0).all()


def test_errors_are_those_of_the_steps_held_out():
    fit = fitting(random_walk(), held_out=50)
    fit.start_from(None)
    errors = fit.errors()  # of the last value
    w, scale = fit.corpus.w[:, 0], fit.corpus.scale[:, 0]
    first = np.arange(len(w) - 51, len(w) - 1)
    np.testing.assert_allclose(
        np.sort(errors[np.isfinite(errors[:, 0, 0]), 0, 0])[-50:],
        np.sort((w[first + 1] - w[first]) / scale[first])[-50:],
    )
    assert errors.shape[1:] == (H, 1)


def test_quantiles_start_from_the_errors_of_the_anchor():
    fit = fitting(random_walk(4000), held_out=100, loss="quantile")
    fit.start_from(None)
    start = fit.network.start[0, 0].numpy()
    w, scale = fit.corpus.w[:, 0], fit.corpus.scale[:, 0]
    moves = ((w[1:] - w[:-1]) / scale[:-1])[:3900]
    np.testing.assert_allclose(start, np.quantile(moves, DEFAULT_LEVELS), atol=0.05)
    assert fit.trust() == 0.0  # no correction, no gain


def test_with_few_complete_origins_each_output_has_a_regression_of_its_own():
    y = to_and_fro()
    y[np.random.default_rng(0).random(600) < 0.6] = np.nan
    y[0] = 10.0
    fit = fitting(y)
    fit.start_from(0.1)
    batch = fit.corpus.batch(np.array([0]), np.arange(500)[None])
    with torch.inference_mode():
        found = fit.network(torch.from_numpy(batch.x), None)[0, :, :, 0, 0].numpy()
    for h in range(H):
        use = batch.observed[0, :, h, 0] & (batch.step[0, :, h] < 500)
        x, target = batch.x[0, use], batch.target[0, use, h, 0]
        reference = Ridge(alpha=0.1 * (x**2).sum(axis=0).mean()).fit(x, target)
        np.testing.assert_allclose(found[:, h], reference.predict(batch.x[0]), atol=1e-8)

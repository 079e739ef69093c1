from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_score
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from tsrnn import GRURegressor, LSTMRegressor, RNNRegressor, SlidingWindow
from tsrnn.networks import Encoder
from tsrnn.training import AdamW
from tsrnn.windows import make_windows

CLASSES = [RNNRegressor, LSTMRegressor, GRURegressor]
TINY = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def sequences(n=120, steps=6, channels=2, seed=0):
    """Return 3-D X, and y that depends on two steps of it."""
    X = noise(n, steps, channels, seed=seed)
    return X, X[:, -1, 0] - 0.5 * X[:, -3, -1]


def same(a, b):
    """Two fitted networks are equal bit for bit."""
    pairs = zip(a.network_.parameters(), b.network_.parameters(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


# scikit-learn's checks ----------------------------------------------------------------------------

STRICT = {"dtype": "float64", "batch_size": None, "early_stopping": False, "max_epochs": 80}
WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
SETTINGS = {
    "strict": (STRICT, {}),
    "defaults": ({}, {WEIGHTS: "float32 and mini-batches: repeated rows are batched otherwise"}),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("regressor", CLASSES)
def test_check_estimator_passes(regressor, setting):
    parameters, expected = SETTINGS[setting]
    results = check_estimator(
        regressor(**parameters), expected_failed_checks=expected, on_skip="warn"
    )
    failed = {result["check_name"] for result in results if result["status"] == "xfail"}
    assert failed == set(expected)
    assert sum(result["status"] == "passed" for result in results) >= 59 - len(expected)


# Problems whose best possible error is known ------------------------------------------------------


def linear_target(n, rng):
    X = rng.normal(size=(n, 8))
    return X, 0.6 * X[:, -1] - 0.4 * X[:, -3] + 0.5 * rng.normal(size=n), 0.25


def product_of_lags(n, rng):
    X = rng.normal(size=(n, 5))
    return X, X[:, -1] * X[:, -2] + 0.3 * rng.normal(size=n), 0.09


def exclusive_or(n, rng):
    X = rng.choice([-1.0, 1.0], size=(n, 5))
    return X, X[:, -1] * X[:, -3] + 0.3 * rng.normal(size=n), 0.09


def two_channels(n, rng):
    X = rng.normal(size=(n, 6, 2)) * [1, 1e4]
    return X, X[:, -1, 0] * X[:, -2, 1] + 3e3 * rng.normal(size=n), 9e6


def next_three_steps(n, rng):
    """An autoregression: its best error grows by the squares of its impulse response."""
    x = np.zeros(n + 60)
    for t, e in enumerate(rng.normal(size=len(x) - 2), start=2):
        x[t] = 1.2 * x[t - 1] - 0.7 * x[t - 2] + e
    rows = np.lib.stride_tricks.sliding_window_view(x[48:], 10)[:n]
    response = np.array([1, 1.2, 1.2**2 - 0.7])
    return rows[:, :7], rows[:, 7:], np.cumsum(response**2).mean()


# problem, greatest test error in units of the best possible, whether a linear model is as good
PROBLEMS = [
    (linear_target, 1.2, True),
    (product_of_lags, 2.0, False),
    (exclusive_or, 1.3, False),
    (two_channels, 2.0, False),
    (next_three_steps, 1.15, True),
]


@pytest.mark.parametrize("regressor", CLASSES)
@pytest.mark.parametrize(("problem", "factor", "linear"), PROBLEMS)
def test_error_is_near_the_best_possible(problem, factor, linear, regressor):
    rng = np.random.default_rng(0)
    X, y, best = problem(1000, rng)
    X_test, y_test, _ = problem(2000, rng)

    def error(model):
        return mean_squared_error(y_test, model.fit(X, y).predict(X_test)) / best

    model = regressor(hidden_size=16, batch_size=32, max_epochs=30, random_state=0)
    assert error(model) < factor
    assert error(clone(model).set_params(max_epochs=1)) > factor
    if not linear:
        flat = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
        answer = LinearRegression().fit(flat[0], y).predict(flat[1])
        assert mean_squared_error(y_test, answer) / best > 3 * factor


@pytest.mark.parametrize(
    ("loss", "statistic"), [("squared_error", np.mean), ("absolute_error", np.median)]
)
def test_the_loss_decides_which_statistic_is_forecast(loss, statistic):
    y = np.random.default_rng(0).exponential(size=400)
    model = LSTMRegressor(hidden_size=4, loss=loss, early_stopping=False, max_epochs=50)
    answer = model.set_params(random_state=0).fit(np.ones((400, 3)), y).predict(np.ones((1, 3)))
    assert answer[0] == pytest.approx(statistic(y), abs=0.03)


def test_absolute_and_huber_loss_resist_outliers():
    X, y = sequences(300)
    spoilt, errors = np.where(np.arange(300) % 15 == 0, 100, y), {}
    for loss in ("squared_error", "huber", "absolute_error"):
        model = LSTMRegressor(hidden_size=8, loss=loss, early_stopping=False, max_epochs=30)
        answer = model.set_params(random_state=0).fit(X, spoilt).predict(X)
        errors[loss] = np.abs(answer - y)[spoilt == y].mean()
    assert errors["huber"] < 0.5 * errors["squared_error"]
    assert errors["absolute_error"] < 0.05 * errors["squared_error"]


# Sample weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_of_weight_zero_are_as_if_removed(early_stopping):
    X, y = sequences(400)
    weight = np.random.default_rng(1).integers(0, 3, size=400).astype(float)
    spoilt = np.where(weight > 0, y, 1e6)
    model = LSTMRegressor(dtype="float64", early_stopping=early_stopping, **TINY)
    answer = clone(model).fit(X, spoilt, sample_weight=weight).predict(X)
    kept = weight > 0
    expected = model.fit(X[kept], y[kept], sample_weight=weight[kept]).predict(X)
    np.testing.assert_allclose(answer, expected, rtol=1e-9)


def test_heavier_rows_count_more():
    X, _ = sequences(300)
    y = np.where(np.arange(300) % 2 == 0, 1.0, -1.0) * X[:, -1, 0]
    even = np.where(np.arange(300) % 2 == 0, 1.0, 1e-3)
    for weight, sign in [(even, 1), (even[::-1], -1)]:
        model = LSTMRegressor(hidden_size=8, max_epochs=60, random_state=0)
        answer = model.fit(X, y, sample_weight=weight).predict(X)
        assert sign * np.corrcoef(answer, X[:, -1, 0])[0, 1] > 0.9


def test_negative_weights_are_refused():
    X, y = sequences()
    with pytest.raises(ValueError, match="Negative values in data passed to"):
        LSTMRegressor().fit(X, y, sample_weight=np.full(120, -1.0))


# Missing steps ------------------------------------------------------------------------------------


def padded_rows(X, steps):
    return np.concatenate([np.full((len(X), steps, X.shape[2]), np.nan), X], axis=1)


@pytest.mark.parametrize("regressor", CLASSES)
def test_rows_padded_with_nan_are_shorter_sequences(regressor):
    X, y = sequences()
    model = regressor(dtype="float64", **TINY)
    short = clone(model).fit(X, y)
    padded = model.fit(padded_rows(X, 3), y)
    np.testing.assert_allclose(
        padded.predict(padded_rows(X, 3)), short.predict(X), rtol=0, atol=1e-10
    )


def test_what_stands_before_the_first_observed_step_of_other_rows_does_not_matter():
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(padded_rows(X, 3), y)
    mixed = padded_rows(X, 3)
    mixed[::2] = noise(60, 9, 2, seed=1)
    np.testing.assert_array_equal(
        model.predict(mixed)[1::2], model.predict(padded_rows(X, 3))[1::2]
    )


def test_a_row_without_observed_steps_gets_a_finite_forecast():
    X, y = sequences()
    X[5] = np.nan
    model = LSTMRegressor(**TINY).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert not model.hidden_states(X[5:6]).any()


def test_partly_missing_channels_are_told_from_the_mean():
    """The target is whether channel 1 is missing at the last step: its mask must be an input."""
    X = noise(400, 4, 2)
    y = np.random.default_rng(1).integers(0, 2, size=400).astype(float)
    X[y == 1, -1, 1] = np.nan
    model = GRURegressor(hidden_size=8, max_epochs=40, random_state=0).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.95


def test_missing_values_do_not_enter_the_scaling():
    X, y = sequences(channels=1)
    gaps = X.copy()
    gaps[::7, 0] = np.nan
    model = LSTMRegressor(**TINY).fit(1e6 + 1e3 * gaps, y)
    np.testing.assert_allclose(model._X_mean, 1e6 + 1e3 * np.nanmean(gaps), rtol=1e-12)
    np.testing.assert_allclose(model._X_scale, 1e3 * np.nanstd(gaps), rtol=1e-9)


# Refusals -----------------------------------------------------------------------------------------

WRONG = [
    ("cell", "lstn", r"cell='lstn': expected one of 'rnn', 'lstm', 'gru'"),
    ("loss", "mse", r"loss='mse': expected one of 'squared_error', 'absolute_error', 'huber'"),
    ("loss", "quantile", r"'quantile': expected one of 'squared_error', 'absolute_error', 'huber'"),
    ("random_state", 1.5, r"random_state=1.5: expected an integer, a numpy RandomState or None"),
    ("random_state", -1, r"random_state=-1: expected an integer.*integers from 0 to 2\*\*32 - 1"),
    ("random_state", torch.Generator(), "random_state=.*: expected an integer, a numpy Random"),
    ("dtype", "float16", r"dtype='float16': expected one of 'float32', 'float64'"),
    ("device", "abacus", r"device='abacus': not available here; device='cpu' or 'auto'"),
    ("hidden_size", 0, r"hidden_size=0: expected an integer >= 1"),
    ("hidden_size", True, r"hidden_size=True: expected an integer >= 1"),
    ("num_layers", 1.5, r"num_layers=1.5: expected an integer >= 1"),
    ("patience", -1, r"patience=-1: expected an integer >= 1"),
    ("batch_size", -2, r"batch_size=-2: expected an integer >= 1"),
    ("max_epochs", 0, r"max_epochs=0: expected an integer >= 1"),
    ("max_epochs", "many", r"max_epochs='many': expected an integer >= 1"),
    ("dropout", 1.0, r"dropout=1.0: expected a number in \[0, 1\)"),
    ("validation_fraction", -0.1, r"validation_fraction=-0.1: expected a number in \[0, 1\)"),
    ("learning_rate", 0.0, r"learning_rate=0.0: expected a number > 0"),
    ("clip_norm", -1.0, r"clip_norm=-1.0: expected a number > 0"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_a_wrong_parameter_is_named(name, value, message):
    X, y = sequences()
    with pytest.raises(ValueError, match=message):
        LSTMRegressor(**{name: value}).fit(X, y)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused(value):
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(X, y)
    X[3, 2, 1] = value
    with pytest.raises(ValueError, match=r"X contains infinity .* NaN marks a missing step"):
        model.predict(X)
    with pytest.raises(ValueError, match="X contains infinity"):
        clone(model).fit(X, y)


def test_missing_and_infinite_targets_are_refused():
    X, y = sequences()
    for value, message in [(np.nan, "NaN"), (np.inf, "infinity")]:
        spoilt = y.copy()
        spoilt[4] = value
        with pytest.raises(ValueError, match=message):
            LSTMRegressor(**TINY).fit(X, spoilt)


def test_other_channels_or_steps_than_in_fit_are_refused():
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(X, y)
    message = r"3 channels, but LSTMRegressor was fitted on 2: expected \(n, 6, 2\)"
    with pytest.raises(ValueError, match=message):
        model.predict(noise(4, 6, 3))
    with pytest.raises(ValueError, match="1 channels, but LSTMRegressor was fitted on 2"):
        model.predict(noise(4, 6))
    with pytest.raises(ValueError, match="X has 5 features, but LSTMRegressor is expecting 6"):
        model.predict(noise(4, 5, 2))
    with pytest.raises(ValueError, match=r"expected \(n, steps\) or \(n, steps, channels\)"):
        clone(model).fit(noise(120, 6, 2, 2), y)


def test_nothing_is_forecast_before_fit():
    for method in (LSTMRegressor().predict, LSTMRegressor().hidden_states):
        with pytest.raises(NotFittedError):
            method(noise(4, 6))


# Fit forgets, the seed decides --------------------------------------------------------------------


@pytest.mark.parametrize("regressor", CLASSES)
def test_fit_forgets(regressor):
    (X, y), (X_other, y_other) = sequences(), sequences(channels=3, seed=1)
    model = regressor(dropout=0.2, num_layers=2, **TINY)
    twice = clone(model).fit(1e3 * X_other, 5 + y_other).fit(X, y)
    once = model.fit(X, y)
    assert same(once, twice)
    np.testing.assert_array_equal(once.predict(X), twice.predict(X))


@pytest.mark.parametrize("regressor", CLASSES)
def test_random_state_decides_everything(regressor):
    X, y = sequences()
    fits = [
        regressor(**(TINY | {"dropout": 0.2, "random_state": seed})).fit(X, y)
        for seed in (0, 0, 1, np.random.RandomState(0))
    ]
    assert same(fits[0], fits[1])
    assert not same(fits[0], fits[2])
    assert same(fits[0], fits[3])


def test_fits_in_threads_equal_serial_fits_and_leave_the_global_random_state():
    X, y = sequences()
    models = [LSTMRegressor(**(TINY | {"random_state": seed, "dropout": 0.2})) for seed in range(6)]
    serial = [clone(model).fit(X, y) for model in models]
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is tested
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda model: model.fit(X, y), models))
    assert all(same(a, b) for a, b in zip(serial, threaded, strict=True))
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002 - the global state is tested


def test_predict_in_threads_equals_serial_and_writes_nothing():
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(X, y)
    before, expected = set(vars(model)), model.predict(X)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(model.predict, [X] * 12))
    assert all(np.array_equal(answer, expected) for answer in answers)
    assert set(vars(model)) == before


def test_nothing_is_printed_unless_asked(capfd):
    X, y = sequences()
    LSTMRegressor(**TINY).fit(X, y).predict(X)
    assert capfd.readouterr() == ("", "")
    LSTMRegressor(verbose=1, **TINY).fit(X, y)
    assert "loss=" in capfd.readouterr().err


# Early stopping and history -----------------------------------------------------------------------


def test_early_stopping_judges_by_the_latest_rows():
    X = noise(400, 4)
    y = np.where(np.arange(400) < 360, X[:, -1], -X[:, -1])  # the relation turns round at the end
    model = LSTMRegressor(hidden_size=8, patience=5, random_state=0)
    misled = clone(model).fit(X, y)
    assert misled.history_.best_epoch <= 1  # the more is learnt, the worse it is there
    assert len(misled.history_.valid_loss) <= 6
    agreeing = model.fit(X[::-1], y[::-1])  # the odd rows are the earliest now
    assert agreeing.history_.best_epoch >= 4
    assert agreeing.score(X[:360], y[:360]) > 0.9


def test_the_best_epochs_weights_are_kept():
    X, y = sequences(400)
    y = y + noise(400, seed=3)  # noise to learn by heart
    model = GRURegressor(max_epochs=60, dtype="float64", random_state=0, loss="squared_error")
    model.fit(X, y)
    history, held_out = model.history_, slice(360, 400)
    found = mean_squared_error(y[held_out], model.predict(X[held_out]))
    best = 2 * min(history.valid_loss) * y[:400].std() ** 2  # loss: half squares of scaled targets
    assert history.best_epoch == 1 + int(np.argmin(history.valid_loss)) < 60
    assert found == pytest.approx(best, rel=1e-9)


def test_history_holds_one_entry_an_epoch():
    X, y = sequences(300)
    history = LSTMRegressor(**TINY).fit(X, y).history_
    for name in ("train_loss", "valid_loss", "gradient_norm", "learning_rate"):
        values = getattr(history, name)
        assert len(values) == 3
        assert np.isfinite(values).all()
    assert history.train_loss[0] == pytest.approx(0.5, rel=0.3)  # starts at the mean: half of 1
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.learning_rate == sorted(history.learning_rate, reverse=True)


def test_without_early_stopping_or_with_few_rows_all_rows_are_learnt_from():
    X, y = sequences(100)  # a tenth would be 10 rows
    for options in ({}, {"early_stopping": False}):
        model = LSTMRegressor(**TINY, **options).fit(X, y)
        assert model.history_.valid_loss == []
        assert model.history_.best_epoch == 3


def test_held_out_targets_never_overlap_those_learnt_from():
    """With the next 5 steps as target, the 4 rows before the held-out ones belong to neither."""
    X, y = noise(300, 6), noise(300, 5)
    model = LSTMRegressor(**TINY)
    training, held_out = model._split(np.arange(300), 5)
    assert held_out.tolist() == list(range(270, 300))
    assert training.tolist() == list(range(266))
    assert len(model.fit(X, y).history_.valid_loss) == 3


def test_a_validation_part_that_would_leave_nothing_to_learn_from_is_left_out():
    X, y = noise(40, 6), noise(40, 10)
    model = LSTMRegressor(validation_fraction=0.9, **TINY).fit(X, y)
    assert model.history_.valid_loss == []


def test_auto_makes_about_two_thousand_steps():
    model = LSTMRegressor()
    assert model._batch_rows(900) == 45
    assert model._epochs(20) == 100
    assert (model._epochs(1), model._epochs(10**6)) == (200, 20)


# Fits and predictions that are cut short ----------------------------------------------------------


def interrupt_at(step, monkeypatch):
    """Press Ctrl-C in a step of the optimiser, counted from 1."""
    steps, proceed = iter(range(1, 10**6)), AdamW.step

    def interrupted(self, rate):
        if next(steps) == step:
            raise KeyboardInterrupt
        proceed(self, rate)

    monkeypatch.setattr(AdamW, "step", interrupted)


@pytest.mark.parametrize("fitted_before", [False, True])
def test_an_interrupt_in_the_first_epoch_leaves_the_model_as_it_was(fitted_before, monkeypatch):
    X, y = sequences()
    model = LSTMRegressor(**TINY)
    if fitted_before:
        before = model.fit(X, y).predict(X)
    interrupt_at(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        model.fit(100 * X[:, :3], y)
    if fitted_before:
        np.testing.assert_array_equal(model.predict(X), before)
    else:
        with pytest.raises(NotFittedError):
            model.predict(X)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_later_interrupt_leaves_a_usable_model(early_stopping, monkeypatch):
    X, y = sequences(300)
    interrupt_at(3, monkeypatch)
    model = LSTMRegressor(**TINY, batch_size=None, early_stopping=early_stopping)
    with pytest.warns(UserWarning, match="interrupted in epoch 3 of 3: the weights of epoch"):
        model.fit(X, y)
    assert model.history_.interrupted
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("max_epochs", [1, 3])
def test_a_loss_that_is_not_finite_warns_and_leaves_finite_forecasts(early_stopping, max_epochs):
    X, y = sequences(300)
    options = {"early_stopping": early_stopping, "max_epochs": max_epochs, "learning_rate": 1e38}
    model = LSTMRegressor(**(TINY | options))
    with pytest.warns(ConvergenceWarning, match=r"not finite in epoch \d at learning_rate=\S+, la"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def have_memory_for(rows, monkeypatch):
    """Let networks fail for more rows at once."""
    proceed = Encoder.forward

    def scarce(self, x, *rest):
        if len(x) > rows:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return proceed(self, x, *rest)

    monkeypatch.setattr(Encoder, "forward", scarce)


@pytest.mark.parametrize("rows", [1, 10, 50])
def test_predict_without_memory_tries_smaller_batches(rows, monkeypatch):
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(X, y)
    answer, states = model.predict(X), model.hidden_states(X)
    have_memory_for(rows, monkeypatch)
    np.testing.assert_allclose(model.predict(X), answer, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.hidden_states(X), states, rtol=1e-4, atol=1e-6)


def test_predict_without_memory_for_one_row_says_what_helps(monkeypatch):
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(X, y)
    have_memory_for(0, monkeypatch)
    with pytest.raises(MemoryError, match="batch_size=1: free memory, choose another device"):
        model.predict(X)


# States -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regressor", CLASSES)
def test_predictions_are_linear_in_the_last_hidden_state(regressor):
    X, y = sequences()
    model = regressor(dtype="float64", **TINY).fit(X, y)
    states = model.hidden_states(X)
    assert states.shape == (120, 6, 4)
    assert states.dtype == np.float64
    assert np.abs(states).max() <= 1
    read_out = LinearRegression().fit(states[:, -1], model.predict(X))
    assert read_out.score(states[:, -1], model.predict(X)) == pytest.approx(1, abs=1e-12)


def test_hidden_states_are_causal_and_kept_over_missing_steps():
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(X, y)
    changed = X.copy()
    changed[:, 4:] = 1e3
    np.testing.assert_array_equal(
        model.hidden_states(X)[:, :4], model.hidden_states(changed)[:, :4]
    )
    changed[:, 4:] = np.nan
    states = model.hidden_states(changed)
    np.testing.assert_array_equal(states[:, 5], states[:, 3])


def test_the_state_after_a_shorter_sequence_is_the_state_on_the_way():
    X, y = sequences()
    model = LSTMRegressor(**TINY).fit(padded_rows(X, 3), y)
    short = model.hidden_states(padded_rows(X[:, :4], 5))
    np.testing.assert_allclose(
        short[:, -1], model.hidden_states(padded_rows(X, 3))[:, 6], atol=1e-6
    )


# Units --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_units_of_a_power_of_two_change_no_bit(unit):
    X, y = sequences(300)
    expected = LSTMRegressor(**TINY).fit(X, y).predict(X)
    answer = LSTMRegressor(**TINY).fit(X / unit, y * unit).predict(X / unit)
    np.testing.assert_array_equal(answer, unit * expected)


@pytest.mark.parametrize("unit", [1e-12, 1e-3, 1e5, 1e12])
@pytest.mark.parametrize("regressor", CLASSES)
def test_forecasts_follow_the_units_of_x_and_y(regressor, unit):
    X, y = sequences(300)
    model = regressor(dtype="float64", **TINY)
    expected = clone(model).fit(X, y).predict(X)
    for X_unit, y_unit in [(unit, 1.0), (1.0, unit), (unit, 1 / unit)]:
        answer = clone(model).fit(X_unit * X, y_unit * y).predict(X_unit * X)
        np.testing.assert_allclose(answer, y_unit * expected, rtol=1e-6, atol=1e-9 * y_unit)


def test_a_large_offset_costs_no_accuracy():
    X, y = sequences(300)
    model = LSTMRegressor(hidden_size=8, max_epochs=40, random_state=0)
    near = clone(model).fit(X, y).predict(X)
    far = model.fit(X + 1e9, y + 1e12).predict(X + 1e9) - 1e12
    assert np.abs(far - near).max() < 0.02


@pytest.mark.parametrize("value", [0.0, 0.1, -1e12, 1e-12])
def test_a_constant_target_is_forecast(value):
    X, _ = sequences(300)
    answer = LSTMRegressor(**TINY).fit(X, np.full(300, value)).predict(X)
    np.testing.assert_allclose(answer, value, rtol=1e-14)


def test_a_constant_channel_is_no_obstacle():
    X, y = sequences(300)
    X[:, :, 1] = 1e8 + 0.1
    assert np.isfinite(LSTMRegressor(**TINY).fit(X, y).predict(X)).all()


# Shapes and containers ----------------------------------------------------------------------------


def test_one_channel_may_be_written_in_two_or_three_dimensions():
    X, y = noise(120, 6), noise(120)
    flat, deep = (LSTMRegressor(**TINY).fit(Z, y) for Z in (X, X[..., None]))
    assert same(flat, deep)
    np.testing.assert_array_equal(flat.predict(X), deep.predict(X[..., None]))


def test_predictions_have_the_shape_of_y_in_float64():
    X, y = sequences()
    for target in (y, y[:, None], np.stack([y, -y, 2 * y], axis=1)):
        answer = LSTMRegressor(**TINY).fit(X, target).predict(X)
        assert answer.shape == target.shape
        assert answer.dtype == np.float64


@pytest.mark.parametrize("regressor", CLASSES)
@pytest.mark.parametrize("hidden_size", [4, 32])
def test_the_forecast_of_a_row_does_not_depend_on_the_others(regressor, hidden_size):
    X, y = sequences()
    model = regressor(**(TINY | {"hidden_size": hidden_size})).fit(X, y)
    whole = model.predict(X)
    alone = np.concatenate([model.predict(X[i : i + 1]) for i in range(40)])
    np.testing.assert_allclose(alone, whole[:40], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(model.predict(X[::-1])[::-1], whole)


def test_windows_as_read_only_views_with_any_strides_are_taken():
    x, y = noise(126), noise(120)
    views = np.lib.stride_tricks.sliding_window_view(x[:-1], 6)
    expected = LSTMRegressor(**TINY).fit(views.copy(), y).predict(views.copy())
    assert not views.flags.writeable
    np.testing.assert_array_equal(LSTMRegressor(**TINY).fit(views, y).predict(views), expected)
    turned = views[::-1, ::-1]
    assert np.isfinite(LSTMRegressor(**TINY).fit(turned, y).predict(turned)).all()


def test_a_pickled_copy_forecasts_the_same():
    X, y = sequences()
    model = GRURegressor(num_layers=2, **TINY).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert same(copy.fit(X, y), model)


# With scikit-learn's tools ------------------------------------------------------------------------


def test_a_pipeline_of_windows_can_be_searched_over_time():
    x = np.sin(np.arange(200) / 3)[:, None] + 0.1 * noise(200, 1)
    pipe = make_pipeline(
        StandardScaler(), SlidingWindow(2), LSTMRegressor(hidden_size=8, max_epochs=20)
    )
    grid = {"slidingwindow__window": [1, 6], "lstmregressor__random_state": [0]}
    search = GridSearchCV(pipe, grid, cv=TimeSeriesSplit(2)).fit(x[:-1], x[1:, 0])
    assert search.best_params_["slidingwindow__window"] == 6
    assert search.best_score_ > 0.5


def test_cross_validation_over_time_scores_what_can_be_learnt():
    X, y = sequences(300)
    model = GRURegressor(hidden_size=8, max_epochs=40, random_state=0)
    scores = cross_val_score(model, X, y, cv=TimeSeriesSplit(2), error_score="raise")
    assert (scores > 0.8).all()


def test_a_transformed_target_is_transformed_back():
    X, y = sequences(200)
    inner = LSTMRegressor(**TINY)
    model = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp, check_inverse=False)
    answer = model.fit(X, np.exp(y)).predict(X)
    np.testing.assert_allclose(answer, np.exp(clone(inner).fit(X, y).predict(X)), rtol=1e-6)


def test_bagging_is_the_mean_of_its_members():
    X, y = noise(120, 6), noise(120)
    model = BaggingRegressor(LSTMRegressor(**TINY), n_estimators=3, random_state=0).fit(X, y)
    members = [member.predict(X) for member in model.estimators_]
    np.testing.assert_allclose(model.predict(X), np.mean(members, axis=0), rtol=1e-9)
    assert not np.array_equal(members[0], members[1])


def test_stacking_takes_sequences():
    X, y = sequences()
    members = [("gru", GRURegressor(**TINY)), ("rnn", RNNRegressor(**TINY))]
    model = StackingRegressor(members, final_estimator=LinearRegression(), cv=3).fit(X, y)
    inputs = np.column_stack([member.predict(X) for member in model.estimators_])
    np.testing.assert_allclose(model.predict(X), model.final_estimator_.predict(inputs))


def test_multi_output_and_chain_fit_one_network_a_target():
    X = noise(120, 6)
    Y = np.stack([X[:, -1], X[:, -2]], axis=1)
    apart = MultiOutputRegressor(LSTMRegressor(**TINY)).fit(X, Y).predict(X)
    first, second = (LSTMRegressor(**TINY).fit(X, y).predict(X) for y in Y.T)
    np.testing.assert_array_equal(apart, np.stack([first, second], axis=1))
    chain = RegressorChain(LSTMRegressor(**TINY)).fit(X, Y)
    np.testing.assert_array_equal(chain.predict(X)[:, 0], first)
    assert chain.estimators_[1].n_features_in_ == 7


def test_permutation_importance_finds_the_step_that_counts():
    X = noise(300, 5)
    model = GRURegressor(hidden_size=8, max_epochs=30, random_state=0).fit(X, X[:, 3])
    found = permutation_importance(model, X, X[:, 3], n_repeats=2, random_state=0)
    assert found.importances_mean.argmax() == 3


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_fits_equal_serial_ones(backend):
    X, y = sequences()
    models = [LSTMRegressor(**(TINY | {"random_state": seed})) for seed in range(2)]
    found = Parallel(n_jobs=2, backend=backend)(delayed(m.fit)(X, y) for m in models)
    for model, parallel in zip(models, found, strict=True):
        np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), parallel.predict(X))


@pytest.mark.parametrize("cv", [KFold(3), KFold(3, shuffle=True, random_state=0)])
def test_window_arrays_in_folds_not_cut_by_time_warn(cv):
    walk = np.random.default_rng(0).normal(size=120).cumsum()
    X, y = make_windows(walk, window=12)
    model = LSTMRegressor(hidden_size=4, max_epochs=1, random_state=0)
    with pytest.warns(UserWarning, match="rows that lie before fitted rows"):
        cross_val_score(model, X, y[:, 0], cv=cv)
    cross_val_score(model, X, y[:, 0], cv=TimeSeriesSplit(3))  # warnings are errors here
    model.fit(X, y[:, 0]).predict(X)

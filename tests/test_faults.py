"""Input as people really have it: what every forecaster makes of it, or how it refuses it.

The list of faults that these tests go through has 59 rows. Three of them (56 to 58) are about files
and belong to saving and loading. ``TESTS`` says where each of the others is tested: here, or where
it was over all models before.
"""

from __future__ import annotations

import datetime
import decimal
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import Ridge

import tsrnn.training
from tsrnn import (
    ARIMA,
    ETS,
    AsOf,
    AutoARIMA,
    AutoETS,
    Drift,
    GRUForecaster,
    LSTMForecaster,
    Naive,
    RNNForecaster,
    SeasonalNaive,
    STLForecaster,
    Theta,
    WindowForecaster,
    from_long,
)

# Row of the list: tests of it, as module.test; those without a module are in this file.
TESTS = {
    1: "test_missing_values_leave_forecasts_and_quantiles_finite "
    "test_missing_values_are_refused_on_demand_naming_the_first "
    "regressors.test_missing_and_infinite_targets_are_refused "
    "regressors.test_a_row_without_observed_steps_gets_a_finite_forecast "
    "regressors.test_infinity_is_refused",
    2: "test_missing_values_leave_forecasts_and_quantiles_finite "
    "test_missing_values_are_refused_on_demand_naming_the_first",
    3: "test_missing_values_leave_forecasts_and_quantiles_finite "
    "test_missing_values_at_the_end_are_refused_naming_the_last_valid_one",
    4: "contracts.test_bad_input_is_refused_before_any_training",
    5: "test_a_constant_is_forecast_exactly_and_has_finite_quantiles",
    6: "baselines.test_one_observation_is_enough test_least_number_of_rows_is_named_and_is_enough",
    7: "test_least_number_of_rows_is_named_and_is_enough",
    8: "contracts.test_bad_input_is_refused_before_any_training",
    9: "contracts.test_bad_input_is_refused_before_any_training",
    10: "test_any_index_is_continued",
    11: "test_any_index_is_continued test_index_of_the_covariates_wins_over_the_median_step",
    12: "test_any_index_is_continued",
    13: "test_what_cannot_be_read_is_refused_saying_what_to_write",
    14: "test_any_index_is_continued",
    15: "test_any_index_is_continued",
    16: "test_what_cannot_be_read_is_refused_saying_what_to_write",
    17: "contracts.test_order_of_series_and_rows_does_not_matter_at_predict "
    "contracts.test_bad_input_is_refused_before_any_training",
    18: "test_what_cannot_be_read_is_refused_saying_what_to_write",
    19: "contracts.test_bad_input_is_refused_before_any_training",
    20: "contracts.test_bad_input_is_refused_before_any_training",
    21: "test_large_integers_are_rounded_with_a_warning",
    22: "test_any_container_gives_the_forecasts_of_the_series",
    23: "test_what_cannot_be_read_is_refused_saying_what_to_write",
    24: "contracts.test_units_do_not_matter test_units_of_networks_do_not_matter",
    25: "contracts.test_units_do_not_matter test_units_of_networks_do_not_matter",
    26: "contracts.test_an_offset_of_1e12_costs_no_accuracy "
    "test_an_offset_of_1e12_costs_networks_no_accuracy",
    27: "test_any_container_gives_the_forecasts_of_the_series",
    28: "contracts.test_a_baseline_names_the_columns_it_cannot_forecast_together "
    "test_two_columns_are_forecast_jointly test_targets_of_new_rows_are_aligned_by_name "
    "test_other_targets_than_those_of_fit_are_refused_naming_them",
    29: "test_any_container_gives_the_forecasts_of_the_series "
    "test_a_column_vector_comes_out_as_one",
    30: "test_any_container_gives_the_forecasts_of_the_series",
    31: "test_any_container_gives_the_forecasts_of_the_series",
    32: "test_the_date_column_of_a_polars_frame_becomes_the_index",
    33: "test_any_container_gives_the_forecasts_of_the_series "
    "test_what_cannot_be_read_is_refused_saying_what_to_write",
    34: "test_any_container_gives_the_forecasts_of_the_series",
    35: "test_covariates_that_predict_needs_are_named",
    36: "test_all_rows_of_covariates_are_forecast",
    37: "test_covariates_of_a_year_later_are_refused",
    38: "test_columns_are_aligned_by_name",
    39: "contracts.test_missing_covariates_are_masked "
    "test_missing_covariates_are_refused_on_demand_naming_the_column",
    40: "contracts.test_bad_input_is_refused_before_any_training",
    41: "contracts.test_bad_input_is_refused_before_any_training",
    42: "test_an_array_after_a_frame_warns_and_its_columns_are_counted",
    43: "test_the_fitted_horizon_is_the_usual_one",
    44: "test_intervals_widen_beyond_the_trained_horizon",
    45: "test_logs_of_values_not_positive_are_refused "
    "test_logs_of_new_rows_not_positive_are_refused_and_change_nothing",
    46: "windows.test_a_training_set_shorter_than_the_window_is_remembered_whole "
    "regressors.test_rows_padded_with_nan_are_shorter_sequences",
    47: "test_update_takes_a_missing_row_as_a_gap_or_refuses_it",
    48: "contracts.test_a_refused_update_changes_nothing",
    49: "test_a_series_shorter_than_the_context_is_forecast_in_its_own_units",
    50: "test_an_unseen_series_gets_a_state_of_its_own_by_update "
    "test_baselines_list_the_series_they_were_not_fitted_on "
    "test_predict_of_an_unseen_series_names_update",
    51: "contracts.test_order_of_rows_does_not_matter_at_fit "
    "test_interleaved_series_never_run_into_each_other",
    52: "test_an_interrupt_in_the_first_epoch_leaves_the_model_unfitted "
    "test_an_interrupt_in_the_first_epoch_of_another_fit_leaves_the_first "
    "test_an_interrupt_of_a_baseline_leaves_it_unfitted "
    "test_a_later_interrupt_leaves_a_usable_model "
    "test_an_interrupt_after_the_search_for_the_best_epoch_leaves_a_usable_model "
    "test_an_interrupt_ends_an_ensemble_with_what_is_finished",
    53: "test_a_loss_that_is_not_finite_warns_and_leaves_finite_forecasts",
    54: "test_a_device_that_is_not_there_is_refused",
    55: "test_predict_without_memory_tries_smaller_batches "
    "test_predict_without_any_memory_names_the_batch_size",
    59: "test_what_is_no_seed_is_refused_naming_the_kinds_that_are",
}
NOT_FORECASTERS = {56, 57, 58}

NAN = np.nan
N, LATER = 60, 8  # rows that models are fitted on, and rows after them
START = "2024-01-01"
TINY = {"horizon": 3, "hidden_size": 4, "max_epochs": 2, "random_state": 0}
NETWORKS = {
    "lstm": LSTMForecaster(**TINY),
    "gru": GRUForecaster(**TINY),
    "rnn": RNNForecaster(**TINY),
    "gru, recursive": GRUForecaster(**TINY, strategy="recursive"),
    "lstm, seq2seq": LSTMForecaster(**TINY, strategy="seq2seq"),
    "lstm, quantile": LSTMForecaster(**TINY, loss="quantile"),
    "rnn, difference": RNNForecaster(**TINY, transform="difference"),
}
LOCAL = {
    "naive": Naive(),
    "seasonal naive": SeasonalNaive(),
    "drift": Drift(),
    "ets": ETS(trend="add"),
    "auto ets": AutoETS(seasonal=None, damped=False),
    "theta": Theta(),
    "arima": ARIMA((1, 0, 0)),
    "auto arima": AutoARIMA(seasonality=1, max_p=1, max_q=0),
}
TREES = HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5, random_state=0)
AROUND_OTHERS = {
    "stl": STLForecaster(ETS(), seasonality=7),
    "windows": WindowForecaster(Ridge()),
    "windows, direct": WindowForecaster(Ridge(), 6, "direct", horizon=3),
    "windows, trees": WindowForecaster(TREES, 6),
}
MODELS = NETWORKS | LOCAL | AROUND_OTHERS
ESTIMATED = ("ets", "auto ets", "theta", "arima", "auto arima")
LEARNT = NETWORKS | AROUND_OTHERS | {name: LOCAL[name] for name in ESTIMATED}


@pytest.fixture
def model(request):
    return clone(request.param)


def each(models):
    """Run a test with a clone of each model."""
    return pytest.mark.parametrize("model", models.values(), ids=models.keys(), indirect=True)


def days(n: int, start: str = START) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n)


def wave(n: int = N, seed: int = 3, index: pd.Index | None = None) -> pd.Series:
    """A wave that no season of the calendar explains, so that networks have something to say."""
    noise = 0.5 * np.random.default_rng(seed).normal(size=n)
    values = 50 + 8 * np.sin(2 * np.pi * np.arange(n) / 11.3) + noise
    return pd.Series(values, index=days(n) if index is None else index, name="load")


def logistic_map(n: int = 150) -> pd.Series:
    """A chaotic map, uncorrelated in time: nothing to learn for the linear start of a network."""
    y = np.full(n, 0.3)
    for t in range(1, n):
        y[t] = 3.8 * y[t - 1] * (1 - y[t - 1])
    return pd.Series(y, index=days(n), name="load")


def driven(n: int = N + LATER) -> tuple[pd.DataFrame, pd.Series]:
    y = wave(n)
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(n, 2)), y.index, columns=["a", "b"])
    return X, y + 5 * X["a"]


def panel(lengths: dict[str, int]) -> pd.Series:
    parts = {name: wave(n, seed=i) for i, (name, n) in enumerate(lengths.items())}
    return pd.concat(parts, names=["series", "time"])


def test_every_row_of_the_list_has_tests_that_exist():
    assert set(TESTS) == set(range(1, 60)) - NOT_FORECASTERS
    for name in {name for names in TESTS.values() for name in names.split()}:
        module, _, test = name.rpartition(".")
        source = Path(__file__).with_name(f"test_{module or 'faults'}.py").read_text()
        assert f"\ndef {test}(" in source, name


# values ------------------------------------------------------------------------------------------


@each(MODELS)
@pytest.mark.parametrize(
    "gone",
    [slice(20, 32), slice(None, None, 3), slice(0, 9), slice(-9, None)],
    ids=["middle", "every third", "start", "end"],
)
def test_missing_values_leave_forecasts_and_quantiles_finite(model, gone):
    y = wave()
    y.iloc[gone] = NAN
    forecast = model.fit(y=y).predict(horizon=5)
    quantiles = model.predict_quantiles([0.05, 0.5, 0.95], horizon=5)
    assert forecast.index[0] == y.index[-1] + pd.Timedelta("1D")
    assert np.isfinite(forecast).all()
    assert np.isfinite(quantiles).all(axis=None)
    assert (np.diff(quantiles, axis=1) >= 0).all()


@each(MODELS)
@pytest.mark.parametrize("gone", [[20, 25], [0, 1]], ids=["middle", "start"])
def test_missing_values_are_refused_on_demand_naming_the_first(model, gone):
    y = wave()
    y.iloc[gone] = NAN
    first = y.index[gone[0]].date()
    message = rf"y has 2 missing values \(NaN\), first at {first}.*set missing='mask'"
    with pytest.raises(ValueError, match=message):
        model.set_params(missing="raise").fit(y=y)


@each(MODELS)
def test_missing_values_at_the_end_are_refused_naming_the_last_valid_one(model):
    y = wave()
    y.iloc[-4:] = NAN
    with pytest.raises(ValueError, match=r"y has 4 missing.*the last valid one is at 2024-02-25"):
        model.set_params(missing="raise").fit(y=y)


@each(MODELS)
@pytest.mark.parametrize("value", [0.1, -7e11, 0.0])
def test_a_constant_is_forecast_exactly_and_has_finite_quantiles(model, value):
    y = 0 * wave() + value
    assert (model.fit(y=y).predict(horizon=5) == value).all()
    assert (model.predict_in_sample() == value).all()
    quantiles = model.predict_quantiles([0.1, 0.5, 0.9], horizon=5)
    assert (quantiles[0.1] <= value).all() and (quantiles[0.9] >= value).all()
    assert np.isfinite(quantiles).all(axis=None)


@each(LEARNT)
def test_least_number_of_rows_is_named_and_is_enough(model):
    """One row is refused; so are all numbers below the one that the message names."""
    with pytest.raises(ValueError, match=r"n_samples=1: at least \d+ are needed; \w+") as refusal:
        model.fit(y=wave(1))
    least = int(re.search(r"at least (\d+)", str(refusal.value)).group(1))
    with pytest.raises(ValueError, match=rf"n_samples={least - 1}: at least {least} are needed"):
        model.fit(y=wave(least - 1))
    assert np.isfinite(model.fit(y=wave(least)).predict()).all()


@each(NETWORKS)
@pytest.mark.parametrize("factor", [1e12, 1e-12])
def test_units_of_networks_do_not_matter(model, factor):
    forecasts, quantiles = [], []
    for y in (wave(), factor * wave()):
        forecasts.append(model.fit(y=y).predict(horizon=5))
        quantiles.append(model.predict_quantiles([0.1, 0.9], horizon=5))
    np.testing.assert_allclose(forecasts[1], factor * forecasts[0], rtol=1e-9)
    np.testing.assert_allclose(quantiles[1], factor * quantiles[0], rtol=1e-9)


@each(NETWORKS)
def test_an_offset_of_1e12_costs_networks_no_accuracy(model):
    noise = pd.Series(np.random.default_rng(0).normal(size=N), index=days(N))
    noise = (noise + 1e12) - 1e12  # float64 has no room for more of it there
    forecasts, quantiles = [], []
    for offset in (1e6, 1e12):
        forecasts.append(model.fit(y=noise + offset).predict(horizon=5) - offset)
        quantiles.append(model.predict_quantiles([0.1, 0.9], horizon=5) - offset)
    np.testing.assert_allclose(forecasts[1], forecasts[0], atol=1e-3)
    np.testing.assert_allclose(quantiles[1], quantiles[0], atol=1e-3)


@each(MODELS)
def test_large_integers_are_rounded_with_a_warning(model):
    y = 2**63 - 1 - (wave() * 1e15).astype("int64")
    with pytest.warns(UserWarning, match="float64 keeps 53 bits"):
        forecast = model.fit(y=y).predict()
    pd.testing.assert_series_equal(forecast, model.fit(y=y.astype(float)).predict())
    assert ((forecast - y.mean()).abs() < np.ptp(y)).all()


# index -------------------------------------------------------------------------------------------

HOURS = pd.date_range("2024-03-30", periods=N, freq="h")
IRREGULAR = pd.Timestamp(START) + pd.to_timedelta(np.cumsum(np.arange(N) % 7 + 1), unit="h")
INDICES = {
    "gap of five days": (days(N + 5).delete(range(30, 35)), days(N + 8)[-3:]),
    "irregular steps": (IRREGULAR, IRREGULAR[-1] + pd.to_timedelta([4, 8, 12], unit="h")),
    "an hour missing in spring": (
        HOURS.drop("2024-03-31 02:00"),
        pd.date_range(HOURS[-1] + pd.Timedelta("1h"), periods=3, freq="h"),
    ),
    "periods": (
        pd.period_range("2020-01", periods=N, freq="M"),
        pd.period_range("2025-01", periods=3, freq="M"),
    ),
    "steps of two": (pd.RangeIndex(10, 10 + 2 * N, 2), pd.Index([130, 132, 134])),
}


@each(MODELS)
@pytest.mark.parametrize("case", INDICES)
def test_any_index_is_continued(model, case):
    index, expected = INDICES[case]
    forecast = model.fit(y=wave(len(index), index=index)).predict(horizon=3)
    assert forecast.index.equals(expected)
    assert np.isfinite(forecast).all()


@each(MODELS)
def test_index_of_the_covariates_wins_over_the_median_step(model):
    rows = IRREGULAR[-1] + pd.to_timedelta([1, 3, 14], unit="h")
    forecast = model.fit(y=wave(index=IRREGULAR)).predict(pd.DataFrame(index=rows))
    pd.testing.assert_index_equal(forecast.index, rows)


# what cannot be read -----------------------------------------------------------------------------


def autumn() -> pd.DatetimeIndex:
    """Hours of the clock on the wall while it is set back, without its zone."""
    zone = pd.date_range("2024-10-26", periods=N, freq="h", tz="Europe/Berlin")
    return zone.tz_localize(None)


UNREADABLE = {
    "an hour twice in autumn": (
        wave(index=autumn()),
        ValueError,
        r"duplicate.*looks like a daylight-saving change: y\.tz_localize\(.*ambiguous=",
    ),
    "time stamps as objects": (
        wave(index=pd.Index(list(days(N)), dtype=object)),
        TypeError,
        r"y\.index = pd\.to_datetime\(y\.index\)",
    ),
    "dates as objects": (
        wave(index=pd.Index([datetime.date(2024, 1, 1 + i % 31) for i in range(N)], dtype=object)),
        TypeError,
        r"y\.index = pd\.to_datetime\(y\.index\)",
    ),
    "numbers as objects": (wave().astype(object), TypeError, r"dtype object.*y\.astype\(float\)"),
    "decimals": (
        wave().map(decimal.Decimal),
        TypeError,
        r"dtype object.*y\.astype\(float\)",
    ),
    "numeric text in an array": (
        wave().astype(str).to_numpy(dtype="U9"),
        TypeError,
        "y is .*U9: expected numbers; convert it",
    ),
    "a tensor in a graph": (
        torch.tensor(wave().to_numpy(), requires_grad=True),
        TypeError,
        r"y\.detach\(\)\.cpu\(\)\.numpy\(\)",
    ),
}


@each(MODELS)
@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_refused_saying_what_to_write(model, case):
    y, error, message = UNREADABLE[case]
    with pytest.raises(error, match=message):
        model.fit(y=y)
    with pytest.raises(NotFittedError):
        model.predict()


@each(MODELS)
def test_a_refused_fit_leaves_the_model_as_it_was(model):
    X, y = driven(N)
    before = model.fit(y=wave()).predict()
    with pytest.raises(TypeError, match="to_datetime"):
        model.fit(X, y.set_axis(y.index.astype(object)))
    pd.testing.assert_series_equal(model.predict(), before)


@each(LEARNT)
def test_a_fit_on_too_few_rows_leaves_the_model_as_it_was(model):
    before = model.fit(y=wave()).predict()
    with pytest.raises(ValueError, match="n_samples=1"):
        model.fit(y=wave(1))
    pd.testing.assert_series_equal(model.predict(), before)


# containers --------------------------------------------------------------------------------------


def hidden(y: pd.Series) -> np.ma.MaskedArray:
    """The values of y, those missing hidden under a mask that covers nonsense."""
    return np.ma.masked_array(y.fillna(1e300).to_numpy(), y.isna().to_numpy())


CONTAINERS = {
    "no name": lambda y: y.rename(None),
    "frame of one column": pd.Series.to_frame,
    "nullable": lambda y: y.astype("Int64"),
    "masked array": hidden,
    "tensor": lambda y: torch.tensor(y.to_numpy()),
    "polars": lambda y: pytest.importorskip("polars").Series("load", y.to_numpy()),
}


@each(MODELS)
def test_any_container_gives_the_forecasts_of_the_series(model):
    y = wave().round().reset_index(drop=True)
    y.iloc[[7, 20]] = NAN
    expected = model.fit(y=y).predict(horizon=4)
    for kind, contain in CONTAINERS.items():
        given = contain(y)
        forecast = model.fit(y=given).predict(horizon=4)
        np.testing.assert_array_equal(np.asarray(forecast).ravel(), expected, err_msg=kind)
        array = isinstance(given, np.ndarray | torch.Tensor)
        assert isinstance(forecast, np.ndarray if array else type(given)), kind
        if kind == "frame of one column":
            assert forecast.columns.tolist() == ["load"]
        elif not array:
            assert forecast.name == given.name, kind


@each(NETWORKS)
def test_two_columns_are_forecast_jointly(model):
    y = pd.DataFrame({"u": wave(), "v": 1e6 * wave(seed=4)})
    forecast = model.fit(y=y).predict(horizon=4)
    assert forecast.columns.tolist() == ["u", "v"]
    assert np.isfinite(forecast).all(axis=None)
    assert ((forecast - y.mean()).abs() < np.ptp(y, axis=0)).all(axis=None)


@each(MODELS)
@pytest.mark.filterwarnings(f"ignore::{DataConversionWarning.__module__}.DataConversionWarning")
def test_a_column_vector_comes_out_as_one(model):
    y = wave().to_numpy()
    forecast = model.fit(y=y[:, None]).predict(horizon=4)
    assert forecast.shape == (4, 1)
    np.testing.assert_array_equal(forecast[:, 0], model.fit(y=y).predict(horizon=4))


@each(MODELS)
def test_the_date_column_of_a_polars_frame_becomes_the_index(model):
    pl = pytest.importorskip("polars")
    y = wave()
    frame = pl.DataFrame({"date": y.index.to_numpy(), "load": y.to_numpy()})
    _, target = from_long(frame, series=None, time="date", target="load")
    expected = model.fit(y=y).predict()
    forecast = model.fit(y=target).predict()
    pd.testing.assert_series_equal(forecast, expected, check_names=False, check_freq=False)
    with pytest.raises(TypeError, match=r"y \(column 'date'\) is datetime64"):
        model.fit(y=frame)


# covariates --------------------------------------------------------------------------------------


@each(MODELS)
def test_covariates_that_predict_needs_are_named(model):
    X, y = driven()
    model.fit(X[:N], y[:N])
    rows = model.get_params().get("horizon", 1)
    message = rf"fitted with X columns \['a', 'b'\]; predict needs them for {rows} rows"
    with pytest.raises(ValueError, match=message):
        model.predict()
    with pytest.raises(ValueError, match=message):
        model.predict_interval()


@each(MODELS)
def test_all_rows_of_covariates_are_forecast(model):
    X, y = driven()
    forecast = model.fit(X[:N], y[:N]).predict(X[N:])
    pd.testing.assert_index_equal(forecast.index, X.index[N:], check_names=False)
    assert np.isfinite(forecast).all()
    np.testing.assert_allclose(forecast[:3], model.predict(X[N : N + 3]), rtol=1e-6)


@each(MODELS)
def test_covariates_of_a_year_later_are_refused(model):
    X, y = driven()
    rows = X[N : N + 3].set_axis(days(3, "2025-03-01"))
    message = r"expected rows from 2024-03-01.*, got 2025-03-01.*missing steps.*horizon or any gap"
    with pytest.raises(ValueError, match=message):
        model.fit(X[:N], y[:N]).predict(rows)


@each(MODELS)
def test_columns_are_aligned_by_name(model):
    X, y = driven()
    expected = model.fit(X[:N], y[:N]).predict(X[N:])
    pd.testing.assert_series_equal(model.predict(X[["b", "a"]][N:]), expected)


@each(MODELS)
def test_missing_covariates_are_refused_on_demand_naming_the_column(model):
    X, y = driven(N)
    X.iloc[[4, 9], 1] = NAN
    with pytest.raises(ValueError, match=r"X has 2 missing values \(NaN\) in column 'b'"):
        model.set_params(missing="raise").fit(X, y)


@each(MODELS)
def test_an_array_after_a_frame_warns_and_its_columns_are_counted(model):
    X, y = driven()
    expected = model.fit(X[:N], y[:N]).predict(X[N:])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        forecast = model.predict(X[N:].to_numpy())
    np.testing.assert_array_equal(forecast, expected)
    message = "X has 1 features, but .* is expecting 2"
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=message):
        model.predict(X[["a"]][N:].to_numpy())


@each(MODELS)
def test_vintages_issued_after_the_origin_change_no_forecast(model):
    X, y = driven()
    frame = pd.DataFrame({"time": X.index, "issued": y.index[0], "wind": X["a"]})
    later = frame[N:].assign(issued=y.index[N], wind=1e6)  # the day after the last of fit
    known = AsOf(frame, "time", "issued")
    told_later = AsOf(pd.concat([frame, later]), "time", "issued")
    expected = model.fit(known, y[:N]).predict(known, horizon=5)
    forecast = model.fit(told_later, y[:N]).predict(told_later, horizon=5)
    pd.testing.assert_series_equal(forecast, expected)


# horizon, strategy, transform --------------------------------------------------------------------


@each(MODELS)
def test_the_fitted_horizon_is_the_usual_one(model):
    assert len(model.fit(y=wave()).predict(horizon=None)) == model.get_params().get("horizon", 1)


@each(MODELS)
def test_intervals_widen_beyond_the_trained_horizon(model):
    steps = np.random.default_rng(0).normal(size=200)
    y = pd.Series(steps.cumsum(), index=days(200))
    interval = model.fit(y=y).predict_interval(0.8, horizon=30)
    width = (interval["upper"] - interval["lower"]).to_numpy()
    assert np.isfinite(width).all() and (width > 0).all()
    assert (width[3:] >= width[2] * (1 - 1e-9)).all()
    assert width[-7:].mean() > 1.2 * width[:3].mean()


@each(NETWORKS)
def test_logs_of_values_not_positive_are_refused(model):
    y = wave()
    y.iloc[[4, 5, 9]] = [0.0, -1.0, 0.0]
    message = "transform='log' needs y > 0; 3 values <= 0, first at 2024-01-05.*use 'log1p' or"
    with pytest.raises(ValueError, match=message):
        model.set_params(transform="log").fit(y=y)


@each(NETWORKS)
def test_logs_of_new_rows_not_positive_are_refused_and_change_nothing(model):
    y = wave(N + LATER)
    before = model.set_params(transform="log").fit(y=y[:N]).predict()
    y.iloc[N + 2] = -1.0
    with pytest.raises(ValueError, match="transform='log' needs y > 0; 1 values <= 0"):
        model.update(y=y[N:])
    pd.testing.assert_series_equal(model.predict(), before)


@each(NETWORKS)
def test_gaps_that_leave_single_rows_only_name_max_gap(model):
    y = wave()
    y.iloc[::2] = NAN
    with pytest.raises(ValueError, match="max_gap=0"):
        model.set_params(max_gap=0, transform=None).fit(y=y)


class OneWay:
    """A transform without inverse."""

    def fit(self, values, index):
        return self

    def transform(self, values, index):
        return values


REFUSED = {
    "negative gap": ({"max_gap": -1}, ValueError, "max_gap=-1: expected an integer >= 0 or None"),
    "unknown strategy": (
        {"strategy": "dirrec"},
        ValueError,
        "strategy='dirrec': expected one of 'direct', 'recursive', 'seq2seq'",
    ),
    "no inverse": ({"transform": OneWay()}, TypeError, "OneWay.*has no inverse_transform"),
}


@each(NETWORKS)
@pytest.mark.parametrize("case", REFUSED)
def test_parameters_that_mean_nothing_are_refused_before_training(model, case, monkeypatch):
    parameters, error, message = REFUSED[case]
    monkeypatch.setattr("tsrnn.fitting.train", lambda *a, **k: pytest.fail("trained"))
    with pytest.raises(error, match=message):
        model.set_params(**parameters).fit(y=wave())


# update ------------------------------------------------------------------------------------------


@each(MODELS)
def test_update_takes_a_missing_row_as_a_gap_or_refuses_it(model):
    y = wave(N + LATER)
    gap = y.where(y.index != y.index[N])
    expected = clone(model).fit(y=y[:N]).update(y=gap[N:]).predict(horizon=3)
    forecast = clone(model).fit(y=y[:N]).update(y=y[N + 1 :]).predict(horizon=3)
    pd.testing.assert_series_equal(forecast, expected)
    model.set_params(missing="raise").fit(y=y[:N])
    with pytest.raises(ValueError, match=r"expected a row at 2024-03-01.*, got 2024-03-02"):
        model.update(y=y[N + 1 :])


@each(NETWORKS)
def test_targets_of_new_rows_are_aligned_by_name(model):
    y = pd.DataFrame({"u": wave(N + LATER), "v": 1e6 * wave(N + LATER, seed=4)})
    known, new = y[:N], y[N:]
    model.fit(y=known)
    assert model.score(y=new[["v", "u"]]) == model.score(y=new)
    expected = model.update(y=new).predict()
    forecast = model.fit(y=known).update(y=new[["v", "u"]]).predict()
    pd.testing.assert_frame_equal(forecast, expected)


@each(NETWORKS)
def test_other_targets_than_those_of_fit_are_refused_naming_them(model):
    y = pd.DataFrame({"u": wave(N + LATER), "v": 1e6 * wave(N + LATER, seed=4)})
    model.fit(y=y[:N])
    for new in (y[["u"]], y.rename(columns={"u": "w"}), y["u"], y.to_numpy()[:, :1]):
        for call in (model.update, model.score):
            with pytest.raises(ValueError, match=r"\['u', 'v'\]"):
                call(y=new[N:])
    with pytest.raises(ValueError, match=r"\['u'\]"):
        model.fit(y=y[["u"]][:N]).update(y=y[N:])


# panels ------------------------------------------------------------------------------------------


@each(NETWORKS)
def test_a_series_shorter_than_the_context_is_forecast_in_its_own_units(model):
    y = panel({"a": N, "b": N, "c": 7})
    y["c"] = 1000 * y["c"]
    forecast = model.set_params(context=20).fit(y=y).predict(horizon=5)
    assert np.isfinite(forecast).all()
    for name, part in y.groupby(level="series"):
        assert ((forecast[name] - part.mean()).abs() < 2 * np.ptp(part)).all()


@each(NETWORKS)
def test_a_series_too_short_for_its_transform_is_named(model):
    model.set_params(transform="difference")
    y = panel({"a": N, "b": N, "c": 1})
    with pytest.raises(ValueError, match="of series 'c' has too few observed rows, n_samples=1"):
        model.fit(y=y)
    with pytest.raises(ValueError, match="of series 'c' has too few observed rows, n_samples=1"):
        model.fit(y=y[["a", "b"]]).update(y=y[["c"]])


@each(NETWORKS)
def test_an_unseen_series_gets_a_state_of_its_own_by_update(model):
    y = panel({"a": N, "b": N, "c": 25})
    model.fit(y=y[["a", "b"]])
    networks, before = model.networks_, model.predict()
    model.update(y=y[["c"]])
    forecast = model.predict()
    assert model.networks_ is networks
    np.testing.assert_allclose(forecast[["a", "b"]], before, rtol=1e-6)
    assert forecast["c"].index.equals(days(28)[25:])
    assert ((forecast["c"] - y["c"].mean()).abs() < 2 * np.ptp(y["c"])).all()


@each(LOCAL)
def test_baselines_list_the_series_they_were_not_fitted_on(model):
    y = panel({"a": N, "y": 25, "z": 25})
    with pytest.raises(ValueError, match=r"series \['y', 'z'\] not seen in fit.*fit again"):
        model.fit(y=y[["a"]]).update(y=y[["y", "z"]])


@each(MODELS)
def test_predict_of_an_unseen_series_names_update(model):
    y = panel({"a": N, "z": N + 3})
    with pytest.raises(ValueError, match=r"series \['z'\] was not seen in fit: call update\(X, y"):
        model.fit(y=y[["a"]]).predict(y[["z"]].to_frame()[[]])


@each(NETWORKS)
def test_interleaved_series_never_run_into_each_other(model):
    y = panel({"a": N, "b": N, "c": N - 20})
    mixed = y.sort_index(level="time", kind="stable", sort_remaining=False)
    assert mixed.index[1][0] == "b"
    expected = model.fit(y=y).predict()
    pd.testing.assert_series_equal(model.fit(y=mixed).predict(), expected)


# static and past-only columns --------------------------------------------------------------------


def stocks() -> tuple[pd.DataFrame, pd.Series]:
    y = panel({"a": N, "b": N, "c": N})
    sectors = {"a": "oil", "b": "tech", "c": "gas"}
    names = y.index.get_level_values("series").to_series()
    X = pd.DataFrame({"sector": names.map(sectors).to_numpy(), "volume": np.arange(len(y)) % 7.0})
    return X.set_index(y.index), y


@each(NETWORKS)
def test_a_static_column_that_changes_names_the_series(model):
    X, y = stocks()
    X.loc[("b", days(N)[4]), "sector"] = "oil"
    with pytest.raises(ValueError, match=r"'sector' with the values 'tech' and 'oil' in series 'b"):
        model.set_params(static=["sector"]).fit(X, y)


@each(NETWORKS)
def test_a_category_unseen_at_fit_is_refused_and_changes_nothing(model):
    X, y = stocks()
    model.set_params(static=["sector"], past_only=["volume"]).fit(X.drop("c"), y.drop("c"))
    before = model.predict()
    message = r"'sector' has the category 'gas', .*expected one of \['oil', 'tech'\], or a missing"
    with pytest.raises(ValueError, match=message):
        model.update(X.loc[["c"]], y.loc[["c"]])
    pd.testing.assert_series_equal(model.predict(), before)
    model.update(X.loc[["c"]].assign(sector=None), y.loc[["c"]])
    assert np.isfinite(model.predict()["c"]).all()


@each(NETWORKS)
def test_past_only_values_of_the_future_are_left_out_with_a_warning(model):
    X, y = driven()
    expected = model.set_params(past_only=["b"]).fit(X[:N], y[:N]).predict(X[["a"]][N:])
    with pytest.warns(UserWarning, match=r"past-only columns \['b'\].*they are not used"):
        forecast = model.predict(X[N:])
    pd.testing.assert_series_equal(forecast, expected)


# fit that is cut short ---------------------------------------------------------------------------


def fit_to_the_end(model, y: pd.Series) -> None:
    """Fit in spite of Ctrl-C; one that comes out is a failure, not the end of the tests."""
    try:
        model.fit(y=y)
    except KeyboardInterrupt:
        pytest.fail("the interrupt came out of fit, and nothing is left of what was trained")


def interrupt_at(step: int, monkeypatch) -> None:
    """Press Ctrl-C in a step of the optimiser, counted from 1 over all runs."""
    done, proceed = iter(range(1, 10**6)), tsrnn.training.AdamW.step

    def interrupted(self, rate):
        if next(done) == step:
            raise KeyboardInterrupt
        proceed(self, rate)

    monkeypatch.setattr("tsrnn.training.AdamW.step", interrupted)


@each(NETWORKS)
def test_an_interrupt_in_the_first_epoch_leaves_the_model_unfitted(model, monkeypatch):
    interrupt_at(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        model.fit(y=wave())
    with pytest.raises(NotFittedError):
        model.predict()


@each(NETWORKS)
def test_an_interrupt_in_the_first_epoch_of_another_fit_leaves_the_first(model, monkeypatch):
    before = model.fit(y=wave()).predict()
    interrupt_at(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        model.fit(y=wave(30))
    interrupt_at(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(y=wave(N + LATER)[N:])
    pd.testing.assert_series_equal(model.predict(), before)


@each(LOCAL)
def test_an_interrupt_of_a_baseline_leaves_it_unfitted(model, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(model), "_fit_series", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(y=wave())
    with pytest.raises(NotFittedError):
        model.predict()


@each(NETWORKS)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_later_interrupt_leaves_a_usable_model(model, early_stopping, monkeypatch):
    interrupt_at(3, monkeypatch)
    model.set_params(max_epochs=9, batch_size=64, early_stopping=early_stopping)
    with pytest.warns(UserWarning, match="interrupted in epoch 3 of 9: the weights of epoch"):
        fit_to_the_end(model, wave())
    assert np.isfinite(model.predict(horizon=5)).all()


@each(NETWORKS)
def test_an_interrupt_after_the_search_for_the_best_epoch_leaves_a_usable_model(model, monkeypatch):
    runs, train = [], tsrnn.fitting.train

    def stopped_in_the_second_run(*args, **options):
        runs.append(options)
        if len(runs) == 2:  # the one on everything, after the search
            interrupt_at(1, monkeypatch)
        return train(*args, **options)

    monkeypatch.setattr("tsrnn.fitting.train", stopped_in_the_second_run)
    with pytest.warns(UserWarning, match="interrupted"):
        fit_to_the_end(model.set_params(horizon=1, max_epochs=30), logistic_map())
    assert np.isfinite(model.predict(horizon=5)).all()


@each(NETWORKS)
@pytest.mark.parametrize("step", [2, 4], ids=["first network", "second network"])
def test_an_interrupt_ends_an_ensemble_with_what_is_finished(model, step, monkeypatch):
    model.set_params(n_estimators=3, max_epochs=3, early_stopping=False, batch_size=64)
    interrupt_at(step, monkeypatch)  # in the second epoch; in the first epoch
    with pytest.warns(UserWarning, match="interrupted"):
        fit_to_the_end(model, wave())
    assert len(model.networks_) == 1
    assert np.isfinite(model.predict(horizon=5)).all()


@each(NETWORKS)
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("max_epochs", [1, 4])
def test_a_loss_that_is_not_finite_warns_and_leaves_finite_forecasts(
    model, early_stopping, max_epochs
):
    model.set_params(learning_rate=1e38, max_epochs=max_epochs, early_stopping=early_stopping)
    message = r"not finite in epoch \d+ at learning_rate=\S+, largest gradient norm"
    with pytest.warns(ConvergenceWarning, match=message):
        model.fit(y=wave())
    assert np.isfinite(model.predict(horizon=5)).all()


@each(NETWORKS)
@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_a_device_that_is_not_there_is_refused(model):
    with pytest.raises(ValueError, match="device='cuda': not available here; device='cpu' or 'au"):
        model.set_params(device="cuda").fit(y=wave())


@each(NETWORKS)
def test_what_is_no_seed_is_refused_naming_the_kinds_that_are(model):
    message = "random_state=.*: expected an integer, a numpy RandomState or None"
    for seed in (torch.Generator(), np.random.default_rng(0), "0", 1.5):
        with pytest.raises(ValueError, match=message):
            model.set_params(random_state=seed).fit(y=wave())


# predict without memory --------------------------------------------------------------------------

NO_MEMORY = [
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8 bytes"),
    MemoryError("Unable to allocate 8 bytes for an array"),
]


def have_memory_for(rows: int, error: Exception, model, monkeypatch) -> None:
    """Let a fitted model's networks fail for batches of more than ``rows``."""
    network = type(model.networks_[0])
    proceed = network.forward

    def scarce(self, x, *rest):
        if len(x) > rows:
            raise error
        return proceed(self, x, *rest)

    monkeypatch.setattr(network, "forward", scarce)


@each(NETWORKS)
def test_predict_without_memory_tries_smaller_batches(model, monkeypatch):
    expected = model.fit(y=panel({f"s{i}": 12 for i in range(40)})).predict()
    for error in NO_MEMORY:
        with monkeypatch.context() as patch:
            have_memory_for(20, error, model, patch)
            pd.testing.assert_series_equal(model.predict(), expected, rtol=1e-5)


@each(NETWORKS)
def test_predict_without_any_memory_names_the_batch_size(model, monkeypatch):
    model.fit(y=wave())
    for error in NO_MEMORY:
        with monkeypatch.context() as patch:
            have_memory_for(0, error, model, patch)
            with pytest.raises(MemoryError, match="batch_size="):
                model.predict()

"""Results on disk: parquet and CSV give back what was written; checkpoints go on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.preprocessing import FunctionTransformer

from tsrnn import ARIMA, BacktestResult, LSTMForecaster, Naive, SeasonalNaive, backtest
from tsrnn.backtest_files import MANIFEST

RNG = np.random.default_rng(0)
INDEXES = {
    "days": pd.date_range("2024-01-01", periods=40, name="day"),
    "zone": pd.date_range("2024-03-30", periods=40, freq="h", tz="Europe/Berlin"),
    "months": pd.period_range("2020-01", periods=40, freq="M"),
    "numbers": pd.RangeIndex(40),
    "panel": pd.MultiIndex.from_product([["01", "NA"], pd.date_range("2024-01-01", periods=20)]),
    "numbered": pd.MultiIndex.from_product([[1, 2], pd.date_range("2024-01-01", periods=20)]),
}


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
@pytest.mark.parametrize("kind", INDEXES)
def test_a_saved_result_is_read_back_as_it_was(tmp_path, kind, file_format):
    y = pd.Series(RNG.normal(size=40).cumsum(), index=INDEXES[kind], name="y")
    y.iloc[-1] = np.nan
    models = {"naive": Naive(), "1e3": SeasonalNaive(seasonality=3)}
    result = backtest(models, y=y, horizon=2, n_folds=3, scoring="max_error")
    result.save(tmp_path / "result", file_format)
    loaded = BacktestResult.load(tmp_path / "result")
    for name in ("forecasts", "references", "folds", "timings", "errors", "history"):
        pd.testing.assert_frame_equal(
            getattr(loaded, name), getattr(result, name), check_freq=False
        )
    pd.testing.assert_frame_equal(loaded.summary(), result.summary())
    assert loaded.settings == result.settings
    assert repr(loaded) == repr(result)


def test_saving_again_replaces_and_nothing_else_is_overwritten(tmp_path):
    short, longer = (backtest(Naive(), y=np.arange(n), horizon=1, n_folds=2) for n in (9, 30))
    short.save(tmp_path / "result", "csv")
    longer.save(tmp_path / "result", "parquet")
    assert len(BacktestResult.load(tmp_path / "result").history) == 30
    assert sorted({path.suffix for path in (tmp_path / "result").iterdir()}) == [
        ".json",
        ".parquet",
    ]
    with pytest.raises(FileExistsError, match="holds no backtest: name a new folder"):
        short.save(tmp_path)
    with pytest.raises(ValueError, match="file_format='xlsx': expected one of 'parquet', 'csv'"):
        short.save(tmp_path / "new", "xlsx")


def test_what_is_no_result_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no backtest: there is no backtest"):
        BacktestResult.load(tmp_path)
    backtest(Naive(), y=np.arange(9), horizon=1, n_folds=2).save(tmp_path / "new", "csv")
    manifest = json.loads((tmp_path / "new" / MANIFEST).read_text())
    (tmp_path / "new" / MANIFEST).write_text(json.dumps(manifest | {"version": 99}))
    with pytest.raises(ValueError, match="layout 99, known are those up to 1"):
        BacktestResult.load(tmp_path / "new")


class Counting(RegressorMixin, BaseEstimator):
    """Forecast zero; count fits in a class attribute; fail at will."""

    fits = 0
    broken_at = None

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y):
        if len(y) == Counting.broken_at:
            raise KeyboardInterrupt
        Counting.fits += 1
        return self

    def update(self, X, y):
        return self

    def predict(self, X):
        return np.full(len(X), self.alpha)


@pytest.fixture
def counting():
    Counting.fits, Counting.broken_at = 0, None
    return Counting


def run(folder, y=None, **arguments):
    y = np.arange(20.0) if y is None else y
    X = np.zeros((len(y), 1))
    call = {"horizon": 2, "n_folds": 5, "checkpoint": folder} | arguments
    return backtest(
        {"m": arguments.pop("model", Counting()), "naive": Naive()},
        X,
        y,
        **{name: value for name, value in call.items() if name != "model"},
    )


def test_an_interrupted_backtest_goes_on(tmp_path, counting):
    counting.broken_at = 14
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "checkpoint")
    assert counting.fits == 2  # of 10 and 12 rows
    counting.broken_at = None
    resumed = run(tmp_path / "checkpoint")
    assert counting.fits == 5
    whole = run(None)
    pd.testing.assert_frame_equal(resumed.forecasts, whole.forecasts)
    assert resumed.timings["action"].equals(whole.timings["action"])


@pytest.mark.parametrize(
    "change",
    [{"model": Counting(2.0)}, {"y": np.arange(20.0) + 1}, {"horizon": 1}, {"window": "sliding"}],
)
def test_anything_else_is_run_again(tmp_path, counting, change):
    run(tmp_path)
    before = counting.fits
    assert run(tmp_path).forecasts.equals(run(tmp_path).forecasts)
    assert counting.fits == before
    run(tmp_path, **change)
    assert counting.fits > before


def test_a_damaged_checkpoint_is_run_again(tmp_path, counting):
    first = run(tmp_path, refit="none")
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match="cannot be read .* its folds are run again"):
        second = run(tmp_path, refit="none")
    pd.testing.assert_frame_equal(first.forecasts, second.forecasts)
    assert counting.fits == 2


def test_models_that_cannot_be_hashed_are_refused(tmp_path):
    class Local(Counting):
        def __init__(self, function=None):
            self.function = function

    with pytest.raises(TypeError, match="checkpoint: the model 'm' cannot be hashed"):
        run(tmp_path, model=Local(FunctionTransformer(lambda x: x)))
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="is a file: expected a folder"):
        run(tmp_path / "file")


def test_numpy_integers_can_be_saved(tmp_path):
    y = np.arange(30.0)
    call = {"horizon": np.int64(2), "n_folds": np.int64(3), "seasonality": np.int64(1)}
    backtest(Naive(), y=y, **call, refit=np.int64(2)).save(tmp_path / "result", "csv")
    assert BacktestResult.load(tmp_path / "result").settings["refit"] == 2


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_labels_of_several_types_become_text_with_a_warning(tmp_path, file_format):
    wide = pd.DataFrame(RNG.normal(size=(20, 2)), columns=["a", 3])
    lstm = LSTMForecaster(horizon=1, max_epochs=1, random_state=0)
    result = backtest(lstm, y=wide, horizon=1, n_folds=2)
    with pytest.warns(UserWarning, match="column 'series' has labels of several types"):
        result.save(tmp_path / "result", file_format)
    assert set(BacktestResult.load(tmp_path / "result").history["series"]) == {"a", "3"}


def test_a_model_that_is_given_other_columns_is_run_again(tmp_path):
    """Columns that another model calls static are left out for ARIMA: other forecasts."""
    index = pd.MultiIndex.from_product([["p", "q"], pd.RangeIndex(40)])
    X = pd.DataFrame({"a": np.repeat([0.0, 1.0], 40), "b": RNG.normal(size=80)}, index=index)
    y = pd.Series(RNG.normal(size=80), index=index) + 3 * X["b"] + X["a"]
    call = {"horizon": 1, "n_folds": 2, "checkpoint": tmp_path}
    models = {"drift": ARIMA((1, 0, 0))}
    backtest(models, X, y, **call)
    lstm = LSTMForecaster(horizon=1, static=["a"], max_epochs=1, random_state=0)
    both = backtest(models | {"lstm": lstm}, X, y, **call).forecasts
    fresh = backtest(models | {"lstm": lstm}, X, y, **call | {"checkpoint": None}).forecasts
    pd.testing.assert_frame_equal(both, fresh)

"""What a result says of how it was made: enough to make it again."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tsrnn import AutoARIMA, Naive, STLForecaster, WindowForecaster, backtest
from tsrnn.backtest_settings import _imports
from tsrnn.report import reproduction

DAYS = pd.date_range("2024-01-01", periods=80, name="day")
Y = pd.Series(np.random.default_rng(0).normal(size=80).cumsum(), index=DAYS)
X = pd.DataFrame({"x": Y.shift(7, fill_value=0.0)})
CALLS = {
    "series": ({"naive": Naive(), "arima": AutoARIMA(max_p=1, max_q=1)}, None, {"n_folds": 3}),
    "lengths": ({"naive": Naive()}, None, {"step": "1 week", "initial": "30 days", "gap": 1}),
    "offset": ([Naive()], None, {"step": pd.offsets.Day(3), "n_folds": 2, "window": "sliding"}),
    "pipeline": ([make_pipeline(StandardScaler(), Ridge(0.1))], X, {"n_folds": 2, "levels": ()}),
    "nested": ([STLForecaster(WindowForecaster(Ridge()), seasonality=7)], None, {"n_folds": 2}),
    "search": ([GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3)], X, {"n_folds": 2}),
}


@pytest.mark.parametrize("kind", CALLS)
def test_the_code_that_the_report_shows_gives_the_same_forecasts(kind):
    models, covariates, arguments = CALLS[kind]
    result = backtest(models, covariates, Y, horizon=2, **arguments)
    assert json.loads(json.dumps(result.settings)) == result.settings
    names = {"X": covariates, "y": Y}
    exec(reproduction(result.settings), names)
    pd.testing.assert_frame_equal(names["result"].forecasts, result.forecasts)


def test_versions_and_machine_are_named():
    settings = backtest(Naive(), y=Y, horizon=1, n_folds=2).settings
    assert settings["versions"]["pandas"] == pd.__version__
    assert settings["machine"].endswith("cores")


def test_models_of_a_script_have_no_import():
    class Own(BaseEstimator):
        pass

    Own.__module__ = "__main__"
    assert _imports(Own()) == set()

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from tsrnn.lags import Lags
from tsrnn.reduction import Reduction, Series

NAN = np.nan


def series(z, window=2, bridged=True, **rest) -> Series:
    return Series(Lags(np.asarray(z, dtype=float), window, bridged, relative=False), **rest)


def test_targets_end_where_learning_ends():
    s = series([0.0, 1.0, NAN, 3.0, 4.0])
    found = s.targets(np.array([0, 1, 2]), 2, until=4)
    np.testing.assert_array_equal(found, [[1, NAN], [NAN, 3], [3, NAN]])


def test_covariates_after_an_origin_are_those_known_then():
    X, ahead = np.arange(4.0)[:, None], np.full((4, 1, 1), 9.0)
    known = series(np.arange(4.0), X=X).covariates(np.array([0, 2]), 2)
    np.testing.assert_array_equal(known[:, :, 0], [[1, 2], [3, 0]])  # zero is neutral
    told = series(np.arange(4.0), X=X, ahead=ahead).covariates(np.array([0, 2]), 2)
    np.testing.assert_array_equal(told[:, :, 0], [[9, 2], [9, 0]])
    past = series(np.arange(4.0), X=X, past_only=np.array([True]))
    assert (past.covariates(np.array([0, 2]), 2) == 0).all()


def test_covariates_up_to_an_origin_start_neutral():
    s = series(np.arange(4.0), X=np.arange(1.0, 5.0)[:, None], lagged=2)
    np.testing.assert_array_equal(s.batch(np.array([0, 3])).past[:, :, 0], [[0, 1], [3, 4]])


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi_output"])
def test_a_line_is_continued(strategy):
    s = series(np.arange(20.0))
    reduction = Reduction.fitted(LinearRegression(), strategy, 3, [s], [20])
    found = reduction.ahead(s.batch(np.array([9, 19])), None, 7)
    np.testing.assert_allclose(found, [np.arange(10, 17), np.arange(20, 27)])


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi_output"])
def test_nothing_after_the_end_is_learnt(strategy):
    y = np.random.default_rng(0).normal(size=40)
    clean, dirty = series(y), series(np.where(np.arange(40) < 30, y, 1e9))
    one, other = (
        Reduction.fitted(LinearRegression(), strategy, 3, [s], [30]).regressors[-1].coef_
        for s in (clean, dirty)
    )
    np.testing.assert_array_equal(one, other)


def test_without_a_sample_there_is_no_reduction():
    assert Reduction.fitted(LinearRegression(), "direct", 3, [series(np.arange(4.0))], [4]) is None


def test_a_column_without_any_value_does_not_break_trees():
    y = np.random.default_rng(0).normal(size=41)
    y[1::2] = NAN
    trees = HistGradientBoostingRegressor(max_iter=3)
    s = series(y, 2, bridged=False)
    reduction = Reduction.fitted(trees, "recursive", 1, [s], [41])
    assert np.isfinite(reduction.ahead(s.batch(np.array([39, 40])), None, 3)).all()


def test_errors_are_those_of_origins_from_a_step_on():
    y = np.random.default_rng(0).normal(size=30)
    s = series(y)
    reduction = Reduction.fitted(LinearRegression(), "recursive", 1, [s], [20])
    errors = reduction.errors([s], [20], 2)
    assert errors.shape == (10, 2) and np.isnan(errors[-1, 1])
    for i, origin in enumerate((19, 27)):
        expected = y[origin + 1 : origin + 3] - reduction.ahead(
            s.batch(np.array([origin])), None, 2
        )
        np.testing.assert_allclose(errors[8 * i], expected[0])

from __future__ import annotations

import numpy as np
import pytest

from tsrnn.lags import UNCHANGED, Batch, Errors, Lags, Units

NAN = np.nan


def test_units_are_the_first_value_and_the_size_of_a_change():
    y = np.array([NAN, 5.0, 8.0, NAN, 4.0])
    units = Units.of(y)
    assert units == (5.0, np.sqrt(12.5))
    np.testing.assert_allclose(units.grow(units.shrink(y)), y, rtol=1e-8)
    assert UNCHANGED.shrink(1e-12 * y)[1] == 5e-12


def test_windows_bridge_by_the_last_value_and_start_with_the_first_one():
    lags = Lags(np.array([NAN, 5.0, NAN, 7.0]), 3, bridged=True, relative=True)
    expected = [[5, 5, 5], [5, 5, 5], [5, 5, 5], [5, 5, 7]]
    np.testing.assert_array_equal(lags.windows(np.arange(4)), expected)
    np.testing.assert_array_equal(lags.levels(np.arange(4)), [5, 5, 5, 7])
    assert (lags.first, lags.complete_from) == (1, 3)


def test_windows_keep_missing_values_for_those_who_take_them():
    lags = Lags(np.array([NAN, 5.0, NAN, 7.0]), 2, bridged=False, relative=False)
    np.testing.assert_array_equal(
        lags.windows(np.arange(4)), [[NAN, NAN], [NAN, 5], [5, NAN], [NAN, 7]]
    )
    np.testing.assert_array_equal(lags.levels(np.arange(4)), np.zeros(4))
    assert (lags.first, lags.complete_from) == (1, 1)


def test_a_batch_moves_on_over_forecasts_and_their_covariates():
    past, X = np.array([[[1.0], [2.0]]]), np.array([[[3.0]]])
    batch = Batch(np.array([[1.0, 2.0, 4.0]]), np.array([4.0]), past, relative=True)
    np.testing.assert_array_equal(batch.rows(X[:, 0]), [[-3, -2, 0, 1, 2, 3]])
    moved = batch.followed_by(np.array([[7.0]]), X)
    np.testing.assert_array_equal(moved.rows(), [[-5, -3, 0, 2, 3]])


def test_sizes_of_errors_are_root_mean_squares_that_never_fall():
    errors = Errors.of(np.array([[1.0, 6.0, 2.0], [-1.0, NAN, 2.0]]))
    np.testing.assert_array_equal(errors.sizes, [1, 6, 6])


def test_shape_of_errors_is_that_of_all_steps_together():
    rng = np.random.default_rng(0)
    errors = Errors.of(rng.normal(size=(5000, 2)) * [1.0, 3.0])
    found = errors.quantiles(np.array([1, 2]), np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(found, np.outer([1, 3], [-1.2816, 0, 1.2816]), atol=0.12)


def test_errors_count_with_both_signs():
    errors = Errors.of(np.array([[1.0], [3.0], [2.0]]))
    found = errors.quantiles(np.array([1]), np.array([0.2, 0.5, 0.8]))[0]
    np.testing.assert_allclose(found[0], -found[2])
    assert found[1] == pytest.approx(0.0, abs=1e-12)


def test_errors_grow_with_the_root_of_the_steps_beyond_those_measured():
    errors = Errors.of(np.array([[1.0, 2.0], [-1.0, -2.0]]))
    found = errors.quantiles(np.array([2, 8]), np.array([0.9]))
    assert found[1, 0] == pytest.approx(2 * found[0, 0])


def test_no_error_at_all_is_no_spread():
    assert (Errors.of(np.full((3, 2), NAN)).quantiles(np.array([1, 5]), np.array([0.1])) == 0).all()

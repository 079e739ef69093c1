from __future__ import annotations

import numpy as np
import pytest

from tsrnn.smoothing import Fitted, Form, Smoother, allows_multiplication, units

NAN = np.nan
SIMPLE = Form("add", None, False, None)


def test_simple_smoothing_by_hand():
    form = Form("add", None, False, None)
    start = Smoother(form, 0.5, 0.0, 0.0, 1.0, 2.0, 0.0, (), centre=0.0, scale=1.0)
    forecasts, end = start.run(np.array([4.0, NAN, 5.0]))
    np.testing.assert_array_equal(forecasts, [2, 3, 3])
    assert end.level == 4.0


def test_multiplicative_errors_stay_finite_thousands_of_steps_ahead():
    smoother = Smoother(
        Form("mul", None, False, "mul"),
        0.9,
        0.0,
        1.0,
        1.0,
        1.0,
        0.0,
        (0.5, 1.5),
        centre=0.0,
        scale=1.0,
    )
    deviations = smoother.deviations(4000, sigma=0.5)
    assert np.isfinite(deviations).all()
    assert (np.diff(deviations[::2]) > 0)[:500].all()


def test_seasonal_smoothing_by_hand():
    form = Form("add", "add", False, "add")
    start = Smoother(form, 0.5, 0.25, 0.5, 1.0, 2.0, 1.0, (1.0, -1.0), centre=0.0, scale=1.0)
    forecasts, end = start.run(np.array([6.0, NAN, NAN]))
    np.testing.assert_array_equal(forecasts, [4, 4.5, 8.5])
    assert (end.level, end.slope) == (7.0, 1.5)


def test_missing_steps_at_the_end_are_run_over_once_a_value_comes():
    start = Smoother(SIMPLE, 0.5, 0.0, 0.0, 1.0, 2.0, 0.0, (), centre=0.0, scale=1.0)
    fitted = Fitted(1, start, start, 0, 1.0).extended(np.array([4.0, NAN, NAN]))
    assert (fitted.unseen, fitted.now.level) == (2, 3.0)
    np.testing.assert_array_equal(fitted.forecast(2), [3, 3])
    np.testing.assert_allclose(fitted.deviations(2) ** 2, [1.5, 1.75])
    later = fitted.extended(np.array([5.0]))
    assert (later.unseen, later.now.level) == (0, 4.0)
    np.testing.assert_array_equal(later.one_step(np.array([NAN, 4.0, NAN, 5.0])), [4, 2, 3, 3])


@pytest.mark.parametrize("error", ["add", "mul"])
def test_a_multiplicative_season_survives_a_long_run_of_zeros(error):
    """Level and factors come down to what is too small to divide by, and back with the values."""
    form = Form(error, None, damped=False, seasonal="mul")
    start = Smoother(form, 0.9, 0.0, 0.9, 1.0, 1.0, 0.0, (0.5, 1.5), 0.0, 1.0)
    stopped = start.run(np.zeros(1_000))[1]
    assert stopped.level == 0.0
    assert np.isfinite(stopped.deviations(5, 0.1)).all()
    forecasts = stopped.run(np.tile([1.0, 3.0], 100))[0]
    assert np.isfinite(forecasts).all()
    np.testing.assert_allclose(forecasts[-2:], [1.0, 3.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "expected"),
    [([1.0, 2.0], True), ([0.0, 2.0], False), ([1e9, 1e9 + 1], False), ([1.0, NAN, 1.5], True)],
)
def test_effects_in_per_cent_need_positive_values_that_vary(y, expected):
    assert allows_multiplication(np.array(y)) is expected


def test_units_keep_the_zero_of_a_multiplicative_model():
    y = np.array([2.0, 4.0])
    assert units(y, Form("mul", None, False, None)) == (0.0, 3.0)
    assert units(y, SIMPLE) == (2.0, 1.0)

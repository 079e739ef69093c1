from __future__ import annotations

import numpy as np
import pandas as pd

from tsrnn.gaps import bridge, is_constant, last_seen, naive_one_step, snap

NAN = np.nan


def test_naive_one_step_equals_pandas_shifted_forward_fill():
    y = np.array([NAN, 3.0, NAN, NAN, 5.0, 6.0, NAN])
    expected = pd.Series(y).ffill().shift().fillna(3.0)
    np.testing.assert_array_equal(naive_one_step(y), expected)


def test_last_seen_works_down_each_column():
    y = np.array([[NAN, 1.0], [2.0, NAN], [NAN, NAN]])
    np.testing.assert_array_equal(last_seen(y), [[-1, 0], [1, 0], [1, 0]])


def test_bridge_without_season_is_linear_interpolation():
    y = np.array([0.0, NAN, NAN, 6.0, 1.0])
    np.testing.assert_allclose(bridge(y), [0, 2, 4, 6, 1])


def test_bridge_restores_a_pure_season_and_keeps_what_was_observed():
    y = np.tile([1.0, 5.0, 3.0, 9.0], 8)
    holes = y.copy()
    holes[9:15] = NAN
    np.testing.assert_allclose(bridge(holes, m=4), y)


def test_bridge_works_when_a_phase_was_never_observed():
    y = np.array([1.0, NAN, 3.0, 1.0, NAN, 3.0])
    assert np.isfinite(bridge(y, m=3)).all()


def test_constant_is_judged_by_rounding_alone():
    assert is_constant(np.array([0.1 + 0.2, 0.3, NAN]))
    assert not is_constant(1e12 + np.array([0.0, 1.0]))
    assert not is_constant(np.array([1e-12, 2e-12]))


def test_snapped_values_forget_the_units():
    y = np.random.default_rng(0).normal(size=500)
    scaled = [snap(c * y / np.std(c * y)) for c in (1.0, 1e12, 1e-12)]
    np.testing.assert_array_equal(scaled[0], scaled[1])
    np.testing.assert_array_equal(scaled[0], scaled[2])

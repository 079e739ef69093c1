from __future__ import annotations

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import PowerTransformer, StandardScaler
from statsmodels.tsa.seasonal import STL

from tsrnn.transform_choice import find_transform, seasonal_strength
from tsrnn.transforms import (
    TRANSFORMS,
    BoxCox,
    Chain,
    Difference,
    Log,
    Log1p,
    SeasonalDifference,
    Standardise,
    STLDeseasonalise,
    YeoJohnson,
    fitted,
    is_pointwise,
    one_step_inverse,
    standing_after,
)

M, T = 6, 80
POSITIVE_ONLY = {"log", "log1p", "box-cox", "log box-cox chain"}
WITH_SEASON = {
    "seasonal_difference": lambda: SeasonalDifference(M),
    "deseasonalise": lambda: STLDeseasonalise(M),
}
ALL = {name: WITH_SEASON.get(name, make) for name, make in TRANSFORMS.items()} | {
    "second difference": lambda: Difference(order=2),
    "robust": lambda: STLDeseasonalise(M, robust=True),
    "airline": lambda: Chain([YeoJohnson(0), SeasonalDifference(M), "difference"]),
    "log box-cox chain": lambda: Chain(["log", STLDeseasonalise(M), "standardise"]),
}
SEQUENTIAL = {"difference", "seasonal_difference", "second difference", "airline"}
INDEXES = {
    "range": pd.RangeIndex(5, 5 + 2 * T, 2),
    "dates": pd.date_range("2024-01-01", periods=T, freq="h", tz="Europe/Madrid"),
    "periods": pd.period_range("2010-01", periods=T, freq="M"),
    "floats": pd.Index(np.arange(T) / 8),
}
STEPS = INDEXES["range"]


def walk(K=2, missing=0.0, positive=True, size=1.0, rows=T, seed=0):
    """A random walk with a season; gaps, also at both ends, where values are missing."""
    rng = np.random.default_rng(seed)
    season = np.sin(2 * np.pi * np.arange(rows) / M)[:, None]
    y = 0.1 * rng.normal(size=(rows, K)).cumsum(axis=0) + 0.3 * season
    y = np.exp(y) if positive else 3 * y
    gaps = rng.random((rows, K)) < missing
    if missing:
        gaps[[0, -1]] = True
    return np.where(gaps, np.nan, size * y)


def close(actual, expected, accuracy=1e-9):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=accuracy * np.nanmax(abs(expected)))


def series_for(name, **given):
    return walk(**{"positive": name in POSITIVE_ONLY, **given})


# References


def test_logarithms_equal_numpy():
    y = walk()
    np.testing.assert_array_equal(Log().fit(y, STEPS).transform(y, STEPS), np.log(y))
    np.testing.assert_array_equal(Log1p().fit(y, STEPS).transform(y, STEPS), np.log1p(y))


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_box_cox_has_the_power_of_scipy(size):
    y = np.random.default_rng(0).gamma(3.0, size=(300, 2))
    boxcox = BoxCox().fit(size * y, pd.RangeIndex(300))
    np.testing.assert_allclose(boxcox.power_, [stats.boxcox(c)[1] for c in y.T], atol=1e-4)
    expected = stats.boxcox(y[:, 0] / stats.gmean(y[:, 0]), boxcox.power_[0])
    close(boxcox.transform(size * y, pd.RangeIndex(300))[:, 0], expected, 1e-12)


def test_yeo_johnson_equals_scikit_learn_on_values_relative_to_their_size():
    y = np.random.default_rng(0).gamma(3.0, size=(300, 2)) - 2
    size = abs(y).mean(axis=0)
    reference = PowerTransformer(standardize=False).fit(y / size)
    yeo = YeoJohnson().fit(1e5 * y, pd.RangeIndex(300))
    np.testing.assert_allclose(yeo.power_, reference.lambdas_, atol=1e-4)
    w = yeo.transform(1e5 * y, pd.RangeIndex(300))
    expected = [stats.yeojohnson(z, p) for z, p in zip((y / size).T, yeo.power_, strict=True)]
    close(w, np.transpose(expected), 1e-12)


@pytest.mark.parametrize("robust", [False, True])
def test_deseasonalised_rows_of_fit_equal_statsmodels(robust):
    y = walk()
    rest = STLDeseasonalise(M, robust=robust).fit(y, STEPS).transform(y, STEPS)
    periodic = {"seasonal": 10 * len(y) + 1, "seasonal_deg": 0}
    expected = [STL(c, period=M, robust=robust, **periodic).fit().seasonal for c in y.T]
    close(rest, y - np.transpose(expected), 1e-5)  # it interpolates between fewer steps


def test_standardise_equals_scikit_learn_and_skips_missing_values():
    y = walk(missing=0.2)
    w = Standardise().fit(y, STEPS).transform(y, STEPS)
    np.testing.assert_allclose(w, StandardScaler().fit_transform(y), rtol=1e-10)


@pytest.mark.parametrize(("order", "season"), [(1, None), (2, None), (3, None), (None, M)])
def test_differences_equal_pandas(order, season):
    y = pd.DataFrame(walk(missing=0.1))
    difference = SeasonalDifference(season) if season else Difference(order)
    expected = y.diff(season) if season else y
    for _ in range(order or 0):
        expected = expected.diff()
    np.testing.assert_allclose(difference.fit(y.to_numpy(), STEPS).transform(y, STEPS), expected)


def test_a_chain_equals_its_transforms_one_after_the_other():
    y = walk()
    chained = Chain(["log", SeasonalDifference(M)]).fit(y, STEPS).transform(y, STEPS)
    np.testing.assert_allclose(chained, pd.DataFrame(np.log(y)).diff(M))


# Inverse


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("name", ALL)
def test_the_inverse_is_exact_on_the_rows_of_fit(name, size, missing):
    y = series_for(name, missing=missing, size=size)
    transform = ALL[name]().fit(y, STEPS)
    inverse = transform.inverse_transform(transform.transform(y, STEPS), STEPS)
    np.testing.assert_array_equal(np.isnan(inverse), np.isnan(y))
    close(inverse, y)


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("name", ALL)
def test_the_inverse_is_exact_on_rows_after_fit(name, index):
    y = series_for(name)
    transform = ALL[name]().fit(y[:60], index[:60])
    close(transform.inverse_transform(transform.transform(y, index), index), y)
    end = standing_after(transform, y[:60], index[:60])
    close(end.inverse_transform(transform.transform(y, index)[60:], index[60:]), y[60:])


@pytest.mark.parametrize("name", ["log", "box-cox", "yeo-johnson", "log1p", "standardise"])
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e12])
def test_the_inverse_is_exact_beside_an_offset(name, offset):
    y = offset + walk(positive=False)
    transform = ALL[name]().fit(y, STEPS)
    np.testing.assert_allclose(
        transform.inverse_transform(transform.transform(y, STEPS), STEPS), y, rtol=1e-12
    )


@pytest.mark.parametrize("power", [0.0, 1e-4, 0.3, 0.5, 1.0, 1.7, 2.0])
@pytest.mark.parametrize("kind", [BoxCox, YeoJohnson])
def test_every_forecast_has_a_finite_ordered_inverse(kind, power):
    transform = kind(power).fit(1e12 * walk(), STEPS)
    w = np.concatenate([-np.logspace(300, -10, 40), [0.0], np.logspace(-10, 300, 40)])
    y = transform.inverse_transform(np.stack([w, w], axis=1), pd.RangeIndex(81))
    assert np.isfinite(y).all()
    assert (np.diff(y, axis=0) >= 0).all()
    assert kind is YeoJohnson or (y > 0).all()


@pytest.mark.parametrize("kind", [Log, Log1p])
def test_logarithms_of_any_size_have_a_finite_inverse(kind):
    transform = kind().fit(walk(), STEPS)
    w = np.array([[-1e9, -800.0], [800.0, 1e300]])
    assert np.isfinite(transform.inverse_transform(w, STEPS[:2])).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("level", [1e-12, 1.0, 3e12])
def test_constant_series_come_back_without_a_warning(name, level):
    y = np.full((T, 2), level)
    transform = ALL[name]().fit(y, STEPS)
    w = transform.transform(y, STEPS)
    close(transform.inverse_transform(w, STEPS), y)
    assert name not in {"box-cox", "yeo-johnson"} or (transform.power_ == 1).all()


def test_an_unobserved_column_stays_missing():
    y = np.column_stack([walk(K=1), np.full(T, np.nan)])
    for transform in (Log(), BoxCox(), YeoJohnson(), Standardise()):
        w = transform.fit(y, STEPS).transform(y, STEPS)
        assert np.isnan(w[:, 1]).all()
        close(transform.inverse_transform(w, STEPS)[:, 0], y[:, 0])


def test_log1p_is_exact_down_to_its_edge():
    y = np.array([[-1 + 1e-9], [-0.5], [0.0], [1e-12]])
    log1p = Log1p().fit(y, STEPS[:4])
    back = log1p.inverse_transform(log1p.transform(y, STEPS[:4]), STEPS[:4])
    np.testing.assert_allclose(back, y, rtol=1e-9)


# At the end of a history


def integrated(history, changes, lag):
    """Add changes one by one to the last value observed at the phase, else to the last observed."""
    y = list(history)
    for change in changes:
        phase = [v for v in y[len(y) % lag :: lag] if np.isfinite(v)]
        seen = [v for v in history if np.isfinite(v)]
        y.append((phase[-1] if phase else seen[-1]) + change)
    return np.array(y[len(history) :])


@pytest.mark.parametrize("lag", [1, M])
@pytest.mark.parametrize("rows", [M + 3, 40, T])
def test_forecasts_of_changes_are_integrated_from_the_last_observed_values(lag, rows):
    y = walk(missing=0.5, seed=rows)
    transform = SeasonalDifference(lag).fit(walk(rows=rows), STEPS[:rows])
    end = standing_after(transform, y[:rows], STEPS[:rows])
    changes = np.random.default_rng(1).normal(size=(2 * M + 1, 2))
    ahead = end.inverse_transform(changes, STEPS[: 2 * M + 1])
    for k in range(2):
        close(ahead[:, k], integrated(y[:rows, k], changes[:, k], lag), 1e-12)


def test_a_second_difference_goes_on_along_the_last_slope():
    y = np.array([[1.0], [3.0], [6.0], [np.nan], [np.nan]])
    transform = Difference(order=2).fit(y, STEPS[:5])
    end = standing_after(transform, y, STEPS[:5])
    np.testing.assert_allclose(end.inverse_transform(np.zeros((2, 1)), STEPS[5:7]), [[9], [12]])


def test_a_phase_never_observed_starts_from_the_last_value():
    y = np.array([[np.nan], [2.0], [np.nan], [4.0], [np.nan], [7.0]])
    end = standing_after(SeasonalDifference(2).fit(y, STEPS[:6]), y, STEPS[:6])
    np.testing.assert_allclose(end.inverse_transform(np.zeros((2, 1)), STEPS[6:8]), [[7], [7]])


def test_the_seasonal_component_is_that_of_the_last_season_at_the_same_phase():
    y = walk(K=1)
    transform = STLDeseasonalise(M).fit(y[:50], STEPS[:50])
    end = standing_after(transform, y[:53], STEPS[:53])
    component = end.inverse_transform(np.zeros((20, 1)), STEPS[53:73])
    expected = [transform.seasonal_[44:50][(step - 50) % M] for step in range(53, 73)]
    np.testing.assert_array_equal(component, expected)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("name", ALL)
def test_standing_in_two_parts_equals_standing_at_once(name, missing):
    y = series_for(name, missing=missing)
    transform = ALL[name]().fit(y[:40], STEPS[:40])
    once = standing_after(transform, y[:60], STEPS[:60])
    parts = standing_after(transform, y[:45], STEPS[:45])
    parts = standing_after(parts, y[45:46], STEPS[45:46])
    parts = standing_after(parts, y[46:60], STEPS[46:60])
    w = np.random.default_rng(0).normal(size=(20, 2))
    for method in ("transform", "inverse_transform"):
        rows = w if method == "inverse_transform" else y[60:]
        close(getattr(parts, method)(rows, STEPS[60:]), getattr(once, method)(rows, STEPS[60:]))
    close(once.transform(y[60:], STEPS[60:]), transform.transform(y, STEPS)[60:], 1e-12)


@pytest.mark.parametrize("name", ALL)
def test_standing_elsewhere_leaves_the_transform_as_it_was(name):
    y = series_for(name)
    transform = ALL[name]().fit(y, STEPS)
    before = pickle.dumps(transform)
    end = standing_after(transform, y, STEPS)
    end.inverse_transform(end.transform(y, STEPS), STEPS)
    one_step_inverse(transform, y, y, STEPS)
    assert pickle.dumps(transform) == before


# One step


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("name", ALL)
def test_one_step_forecasts_are_mapped_back_from_the_true_history(name, missing):
    y = series_for(name, missing=missing)
    transform = ALL[name]().fit(y[:50], STEPS[:50])
    forecast = np.random.default_rng(0).normal(size=y.shape)
    back = one_step_inverse(transform, forecast, y, STEPS)
    for t in range(30, T):
        end = standing_after(transform, y[:t], STEPS[:t])
        close(back[t], end.inverse_transform(forecast[t : t + 1], STEPS[t : t + 1])[0])


@pytest.mark.parametrize("name", ALL)
def test_true_changes_one_step_ahead_give_the_true_values(name):
    y = series_for(name)
    transform = ALL[name]().fit(y, STEPS)
    w = transform.transform(y, STEPS)
    back = one_step_inverse(transform, w, y, STEPS)
    known = np.isfinite(w)
    close(back[known], y[known])


def test_before_a_season_was_seen_the_nearest_value_stands_in():
    y = np.array([[np.nan], [2.0], [3.0], [5.0], [8.0]])
    transform = SeasonalDifference(3).fit(y, STEPS[:5])
    back = one_step_inverse(transform, np.zeros((5, 1)), y, STEPS[:5])
    np.testing.assert_array_equal(back, [[2], [2], [2], [3], [2]])


# No leak, units, contract


@pytest.mark.parametrize("name", ALL)
def test_rows_after_fit_change_nothing_before_them(name):
    y = series_for(name)
    transform = ALL[name]().fit(y[:60], STEPS[:60])
    before = pickle.dumps(transform)
    changed = y.copy()
    changed[70:] *= 1.5
    same, other = transform.transform(y, STEPS), transform.transform(changed, STEPS)
    np.testing.assert_array_equal(same[:70], other[:70])
    assert not np.array_equal(same[70:], other[70:])
    assert pickle.dumps(transform) == before


@pytest.mark.parametrize("name", sorted(SEQUENTIAL))
def test_changes_know_the_past_only(name):
    y = walk()
    changed = y.copy()
    changed[41:] = 9.0
    transform = ALL[name]().fit(y, STEPS)
    same, other = transform.transform(y, STEPS), transform.transform(changed, STEPS)
    np.testing.assert_array_equal(same[:41], other[:41])
    assert (same[41] != other[41]).all()


UNIT_FREE = ["log", "box-cox", "yeo-johnson", "standardise", *WITH_SEASON, "airline"]


@pytest.mark.parametrize("size", [1e-12, 1e12])
@pytest.mark.parametrize("name", UNIT_FREE)
def test_a_forecast_does_not_depend_on_the_unit(name, size):
    y = series_for(name)
    ahead = []
    for scale in (1.0, size):
        transform = ALL[name]().fit(scale * y, STEPS)
        w = transform.transform(scale * y, STEPS)
        end = standing_after(transform, scale * y, STEPS)
        ahead.append(end.inverse_transform(w[-M:], STEPS[-M:]) / scale)
    close(ahead[1], ahead[0])


@pytest.mark.parametrize("name", ALL)
def test_transforms_can_be_cloned_and_fitted_again(name):
    y = series_for(name)
    transform = ALL[name]()
    assert repr(clone(transform)) == repr(transform)
    once = clone(transform).fit(y, STEPS)
    twice = clone(transform).fit(y[:60], STEPS[:60]).fit(y, STEPS)
    np.testing.assert_array_equal(once.transform(y, STEPS), twice.transform(y, STEPS))
    assert fitted(transform, y, STEPS) is not transform
    assert is_pointwise(transform) == (name not in SEQUENTIAL)


def test_columns_have_their_own_parameters():
    y = walk(K=3)
    for name, make in ALL.items():
        together = make().fit(y, STEPS).transform(y, STEPS)
        alone = [make().fit(y[:, [k]], STEPS).transform(y[:, [k]], STEPS) for k in range(3)]
        np.testing.assert_allclose(together, np.hstack(alone), err_msg=name)


# Errors

DAYS = pd.date_range("2024-01-01", periods=T)
NEEDS = {
    "log": (
        0.0,
        "transform='log' needs y > 0; 3 values <= 0, first at 2024-01-05 00:00:00; "
        "use 'log1p' or 'yeo-johnson'",
    ),
    "log1p": (
        -1.0,
        "transform='log1p' needs y > -1; 3 values <= -1, first at 2024-01-05 00:00:00; "
        "use 'yeo-johnson'",
    ),
    "box-cox": (
        0.0,
        "transform='box-cox' needs y > 0; 3 values <= 0, "
        "first at 2024-01-05 00:00:00; use 'yeo-johnson'",
    ),
}


@pytest.mark.parametrize("name", NEEDS)
def test_values_outside_the_domain_are_refused_in_fit_and_transform(name):
    low, message = NEEDS[name]
    y = walk(missing=0.1)
    bad = y.copy()
    bad[4, 0] = bad[4, 1] = bad[9, 0] = low
    for refuse in (ALL[name]().fit, ALL[name]().fit(y, DAYS).transform):
        with pytest.raises(ValueError) as refused:
            refuse(bad, DAYS)
        assert str(refused.value) == message


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (SeasonalDifference(12), "n_samples=12: at least 13 are needed; season=12"),
        (STLDeseasonalise(7), "n_samples=12: at least 14 are needed; season=7"),
        (Difference(12), "n_samples=12: at least 13 are needed; order=12"),
        (SeasonalDifference(), "season=None: expected an integer >= 1"),
        (STLDeseasonalise(), "season=None: expected an integer >= 2"),
        (STLDeseasonalise(4, robust="yes"), "robust='yes': expected True or False"),
        (Difference(0), "order=0: expected an integer >= 1"),
        (BoxCox(-1), r"power=-1: expected a number in \[0, 2\] or None"),
        (BoxCox(2.1), "power=2.1: expected a number in"),
        (YeoJohnson("ml"), r"power='ml': expected a number in \[0, 2\] or None"),
    ],
)
def test_parameters_that_do_not_fit_the_data_are_refused(transform, message):
    with pytest.raises(ValueError, match=message):
        transform.fit(walk(rows=12), STEPS[:12])


@pytest.mark.parametrize("name", ["difference", "seasonal_difference", "deseasonalise"])
def test_rows_that_do_not_start_where_the_transform_stands_are_refused(name):
    y = walk()
    transform = ALL[name]().fit(y[:40], DAYS[:40])
    for method in ("transform", "inverse_transform"):
        with pytest.raises(
            ValueError, match=r"starts at 2024-02-10.*expected 2024-01-01.*standing"
        ):
            getattr(transform, method)(y[40:], DAYS[40:])


@pytest.mark.parametrize("name", sorted(set(ALL) - {"log", "log1p"}))
def test_an_unfitted_transform_says_so(name):
    with pytest.raises(NotFittedError):
        ALL[name]().inverse_transform(walk(), STEPS)


# What transform= takes


class Halved(BaseEstimator):
    def fit(self, values, index):
        self.fitted_on_ = len(values)

    def transform(self, values, index):
        return values / 2

    def inverse_transform(self, values, index):
        return values * 2


def test_any_object_with_the_three_methods_is_taken():
    halved, y = Halved(), walk()
    transform, reason = find_transform([halved, "difference"], values=[y])
    assert reason == "given"
    chain = fitted(transform, y, STEPS)
    end = standing_after(chain, y, STEPS)
    np.testing.assert_allclose(end.inverse_transform(np.ones((1, 2)), STEPS[:1]), y[-1:] + 2)
    np.testing.assert_allclose(one_step_inverse(chain, y * 0, y, STEPS)[1:], y[:-1])
    assert standing_after(halved, y, STEPS) is halved
    assert is_pointwise(halved) and not hasattr(halved, "fitted_on_")


def test_what_has_no_inverse_or_no_known_name_is_refused():
    find = find_transform
    y = [walk()]
    with pytest.raises(ValueError, match="transform='sqrt': expected one of 'log', 'log1p', 'box"):
        find("sqrt", values=y)
    with pytest.raises(ValueError, match="transform='auto': expected one of"):
        find(["auto", "log"], values=y)
    with pytest.raises(TypeError, match=r"no inverse_transform .a transform without"):
        find(["log", PowerlessTransform()], values=y)
    with pytest.raises(TypeError, match="transform=3 has no fit, transform, inverse_transform"):
        find(3, values=y)
    with pytest.raises(TypeError, match="transform=Log is a class: expected an object of it"):
        find(Log, values=y)
    with pytest.raises(ValueError, match="expected at least one transform"):
        find([], values=y)


class PowerlessTransform:
    def fit(self, values, index):
        return self

    def transform(self, values, index):
        return values


def test_the_season_comes_from_the_forecaster():
    y = [walk(rows=50), walk(rows=80)]
    found, _ = find_transform("seasonal_difference", values=y, seasons=(7, 24, 30))
    assert found.season == 24
    chain, _ = find_transform(["log", STLDeseasonalise(5)], values=y, seasons=(7, 24, 30))
    assert chain.transforms[1].season == 5
    chain, _ = find_transform(Chain(["log", "deseasonalise"]), values=y, seasons=(7,))
    assert chain.transforms[1].season == 7
    with pytest.raises(ValueError, match=r"2 to 25 steps .*known are \[26\]; give seasonality="):
        find_transform("deseasonalise", values=y, seasons=(26,))


def test_nothing_is_chosen_where_nothing_was_asked_for():
    assert find_transform(None, values=[walk()]) == (None, "given")


# transform="auto"


def growing(exponent, rows=600, seed=0):
    """A level that wanders over a factor of twenty, with changes growing to a power of it."""
    rng = np.random.default_rng(seed)
    level = np.exp(1.5 * np.sin(np.arange(rows) / 60))
    return 10 * (level + 0.03 * level**exponent * rng.normal(size=rows))[:, None]


@pytest.mark.parametrize(("exponent", "kind"), [(0, type(None)), (0.5, BoxCox), (1, Log)])
def test_auto_takes_the_power_by_which_changes_grow_with_the_level(exponent, kind):
    found, reason = find_transform("auto", values=[growing(exponent, 5000, s) for s in range(3)])
    slope, error = map(float, re.findall(r"-?\d\.\d+", reason))
    assert isinstance(found, kind), reason
    assert slope == pytest.approx(exponent, abs=0.1 + 3 * error)
    assert kind is not BoxCox or found.power == pytest.approx(1 - slope)


def test_auto_makes_changes_the_same_at_all_levels():
    for exponent in (0.5, 1.0):
        y = growing(exponent, rows=5000)
        steps = pd.RangeIndex(5000)
        found, _ = find_transform("auto", values=[y])
        w = fitted(found, y, steps).transform(y, steps)
        change, high = abs(np.diff(w[:, 0])), y[1:, 0] > np.median(y)
        assert change[high].mean() / change[~high].mean() == pytest.approx(1, abs=0.25)


def test_auto_takes_values_of_zero_and_below():
    y = growing(1.0)
    with_zeros = np.where(np.random.default_rng(0).random(y.shape) < 0.01, 0.0, y)
    found, reason = find_transform("auto", values=[with_zeros])
    assert repr(found) == "YeoJohnson(power=0.0)", reason
    skewed = np.random.default_rng(0).exponential(size=(300, 1)) ** 2 - 0.5
    assert isinstance(find_transform("auto", values=[skewed])[0], YeoJohnson)
    assert find_transform("auto", values=[walk(positive=False)])[0] is None


def test_auto_takes_a_strong_season_out_and_no_weak_one():
    rng = np.random.default_rng(0)
    steps = np.arange(240)
    strong = 3 * np.sin(2 * np.pi * steps / 12) + rng.normal(size=240)
    panel = [strong[:, None] + 100, strong[60:, None] + 50]
    found, reason = find_transform("auto", values=panel, seasons=(12, 24))
    assert repr(found) == "STLDeseasonalise(season=12)", reason
    assert "season 12 of strength 0.8" in reason
    noise = [rng.normal(size=(240, 1)) for _ in range(3)]
    assert find_transform("auto", values=noise, seasons=(12, 24))[0] is None
    short = [strong[:, None] + 100, strong[:35, None] + 50]
    assert find_transform("auto", values=short, seasons=(12,))[0] is None


def test_auto_takes_logs_before_it_looks_for_a_season():
    steps = np.arange(144)
    noise = 0.05 * np.random.default_rng(0).normal(size=144)
    y = np.exp(steps / 12 + 0.3 * np.sin(2 * np.pi * steps / 12) + noise)
    assert seasonal_strength(y, 12) < 0.6
    found, reason = find_transform("auto", values=[y[:, None]], seasons=(12,))
    assert [type(t) for t in found.transforms] == [Log, STLDeseasonalise], reason


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_auto_does_not_depend_on_the_unit(size):
    for y in (growing(0.5), growing(1.0), walk(positive=False), np.ones((40, 1))):
        found, reason = find_transform("auto", values=[y], seasons=(M,))
        other, same = find_transform("auto", values=[size * y], seasons=(M,))
        assert (repr(found), reason) == (repr(other), same)


def test_auto_takes_panels_with_gaps_and_very_short_series():
    panel = [walk(missing=0.3), np.full((5, 2), np.nan), walk(rows=1), np.zeros((9, 2))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_transform("auto", values=panel, seasons=(M, 24))


def test_seasonal_strength_tells_a_season_from_noise():
    rng = np.random.default_rng(0)
    season = np.tile([0.0, 1.0, 5.0, 2.0], 10)
    noisy = season + rng.normal(size=40)
    stl = STL(noisy, period=4, seasonal=4001, seasonal_deg=0).fit()
    expected = 1 - np.var(stl.resid) / np.var(stl.resid + stl.seasonal)
    assert seasonal_strength(1e9 * noisy, 4) == pytest.approx(expected, abs=1e-4)
    assert seasonal_strength(season, 4) > 0.999
    assert seasonal_strength(rng.normal(size=400), 4) < 0.1
    assert seasonal_strength(np.ones(40), 4) == 0
    assert seasonal_strength(np.ones(7), 4) == 0

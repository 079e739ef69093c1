"""Tests between models equal scipy, statsmodels and arch; undefined cases are as documented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from arch.bootstrap import MCS
from scipy import stats

from tsrnn.comparison import diebold_mariano, model_confidence_set


def correlated_errors(seed: int = 0, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = np.convolve(rng.normal(size=n + 2), np.ones(3), mode="valid")
    return shared + 0.3 * rng.normal(size=n), shared + 0.8 * rng.normal(size=n) + 0.5


@pytest.mark.parametrize("loss", ["absolute", "squared"])
def test_diebold_mariano_for_one_step_is_the_paired_t_test(loss):
    a, b = correlated_errors()
    power = {"absolute": 1, "squared": 2}[loss]
    expected = stats.ttest_rel(np.abs(a) ** power, np.abs(b) ** power)
    assert diebold_mariano(a, b, loss=loss) == pytest.approx(tuple(expected), rel=1e-10)


@pytest.mark.parametrize("horizon", [2, 3, 6])
def test_diebold_mariano_equals_statsmodels_rectangular_kernel_with_harveys_factor(horizon):
    a, b = correlated_errors(seed=3)
    d, n = np.abs(a) - np.abs(b), len(a)
    kwds = {"maxlags": horizon - 1, "kernel": "uniform", "use_correction": False}
    ols = sm.OLS(d, np.ones(n)).fit(cov_type="HAC", cov_kwds=kwds)
    harvey = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = float(ols.tvalues[0]) * harvey
    expected = statistic, 2 * stats.t.cdf(-abs(statistic), n - 1)
    assert diebold_mariano(a, b, horizon=horizon) == pytest.approx(expected, rel=1e-10)


def test_diebold_mariano_changes_sign_with_the_order_and_not_with_the_unit():
    a, b = correlated_errors(seed=5)
    one, other = diebold_mariano(a, b, 3), diebold_mariano(1e9 * b, 1e9 * a, 3)
    assert one.statistic < 0
    assert one == pytest.approx((-other.statistic, other.p_value))


def test_diebold_mariano_rejects_equal_accuracy_in_about_five_percent_of_equal_pairs():
    rng = np.random.default_rng(0)
    p_values = [diebold_mariano(*rng.normal(size=(2, 20))).p_value for _ in range(2000)]
    assert 0.035 < np.mean(np.array(p_values) < 0.05) < 0.065


def test_identical_errors_are_no_evidence():
    assert diebold_mariano([1.0, -2.0, 3.0], [-1.0, 2.0, 3.0], horizon=2) == (0.0, 1.0)
    a = np.array([0.1, 0.2, 0.7])
    assert diebold_mariano(a, a * (1 + 1e-15)) == (0.0, 1.0)


def test_a_constant_advantage_is_certain():
    assert diebold_mariano([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]) == (-np.inf, 0.0)


def test_two_pairs_of_small_counts_differ_by_chance_as_the_notes_say():
    rng = np.random.default_rng(0)
    errors = rng.poisson(1, size=(2000, 2, 2)) - 1
    p_values = np.array([diebold_mariano(a, b).p_value for a, b in errors])
    assert 0.09 < np.mean(p_values == 0) == np.mean(p_values < 0.05) < 0.13


def test_missing_errors_are_left_out_in_pairs():
    a, b = correlated_errors(n=20)
    expected = diebold_mariano(a[2:], b[2:])
    a[0], b[1] = np.nan, np.nan
    assert diebold_mariano(a, b) == expected


def test_a_negative_variance_falls_back_to_bartletts_weights():
    d = np.array(
        [3.0, -1.0, 3.5, -1.5, 3.0, -1.2]
    )  # alternating: autocovariance at lag 1 is negative
    result = diebold_mariano(np.where(d > 0, d, 0), np.where(d < 0, -d, 0), horizon=2)
    centred, n = d - d.mean(), len(d)
    gamma = [centred @ centred / n, centred[1:] @ centred[:-1] / n]
    assert gamma[0] + 2 * gamma[1] < 0
    variance = (gamma[0] + 2 * 0.5 * gamma[1]) / n
    expected = d.mean() / np.sqrt(variance) * np.sqrt((n + 1 - 4 + 2 / n) / n)
    assert result.statistic == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diebold_mariano([1, 2], [1, 2], loss="cubic"), r"loss='cubic': expected one of"),
        (lambda: diebold_mariano([1, 2], [1, 2, 3]), r"errors_a has 2 values, errors_b 3"),
        (
            lambda: diebold_mariano([1, 2], [2, 4], 2),
            r"2 pairs of errors: horizon=2 needs at least 3",
        ),
        (lambda: diebold_mariano([1, 2], [2, 4], 0), r"horizon=0: expected an integer >= 1"),
        (
            lambda: model_confidence_set([[1, 2], [2, np.nan], [3, 1]], block_length=2),
            r"losses has 2 complete rows of 3: block_length=2 needs at least 4",
        ),
        (lambda: model_confidence_set([[1, 2], [2, 1]], 1.0), r"alpha=1.0: expected a number"),
        (
            lambda: model_confidence_set([[1, 2], [2, 1]], n_resamples=0),
            r"n_resamples=0: expected an integer >= 1",
        ),
        (
            lambda: model_confidence_set([[1, 2], [2, 1]], block_length=0),
            r"block_length=0: expected an integer >= 1",
        ),
        (
            lambda: model_confidence_set([[1, 2], [2, 1]], random_state="a"),
            r"random_state='a': expected an integer",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def correlated_losses(n: int = 80) -> pd.DataFrame:
    """Six models of a shared difficulty, the last two of which are worse."""
    rng = np.random.default_rng(2)
    shared = np.abs(np.convolve(rng.normal(size=n + 3), np.ones(4), mode="valid"))[:, np.newaxis]
    means = [1.0, 1.02, 1.05, 1.2, 1.4, 2.0]
    return pd.DataFrame(shared + rng.normal(means, 0.6, size=(n, 6)), columns=list("abcdef"))


@pytest.mark.parametrize("block_length", [1, 3, 7])
def test_model_confidence_set_equals_arch(block_length):
    losses = correlated_losses()
    reference = MCS(losses, 0.1, 5000, block_length, method="max", bootstrap="circular", seed=1)
    reference.compute()
    found = model_confidence_set(losses, block_length=block_length, n_resamples=5000)
    expected = reference.pvalues["Pvalue"]
    assert list(found["rank"].sort_values(ascending=False).index) == list(expected.index)
    np.testing.assert_allclose(found["p_value"], expected[found.index], atol=0.03)
    assert list(found.index[found["in_set"]]) == reference.included


def test_model_confidence_set_holds_the_best_with_its_confidence():
    """Three equal models in 100 independent rows: all three are in nine of ten sets."""
    rng = np.random.default_rng(0)
    full = [
        model_confidence_set(rng.normal(size=(100, 3)), block_length=1, n_resamples=300)["in_set"]
        for _ in range(300)
    ]
    assert 0.85 < np.mean([inside.all() for inside in full]) < 0.95


def test_one_seed_gives_one_set():
    losses = correlated_losses()
    pd.testing.assert_frame_equal(model_confidence_set(losses), model_confidence_set(losses))
    other = model_confidence_set(losses, random_state=1)
    assert not other["p_value"].equals(model_confidence_set(losses)["p_value"])


def test_the_unit_and_the_shared_difficulty_do_not_matter():
    losses = correlated_losses()
    shared = np.random.default_rng(5).normal(size=(len(losses), 1))
    scaled = model_confidence_set(1e6 * (losses + 3 + shared))
    pd.testing.assert_series_equal(scaled["p_value"], model_confidence_set(losses)["p_value"])


def test_identical_models_are_all_in_the_set():
    losses = np.repeat(np.random.default_rng(0).normal(size=(20, 1)), 3, axis=1)
    found = model_confidence_set(losses)
    assert found["in_set"].all() and (found["p_value"] == 1).all() and (found["rank"] == 1).all()


def test_two_identical_bad_models_leave_the_set_together():
    losses = np.random.default_rng(0).normal([1.0, 5.0, 5.0], size=(30, 3))
    losses[:, 2] = losses[:, 1]
    found = model_confidence_set(losses)
    assert found["in_set"].tolist() == [True, False, False]
    assert found["rank"].tolist() == [1, 2, 2]


def test_a_constant_difference_is_certain():
    losses = np.random.default_rng(0).normal(size=(10, 1)) + np.array([0.0, 0.5])
    assert model_confidence_set(losses)["p_value"].tolist() == [1.0, 0.0]


def test_rounding_is_no_difference():
    losses = np.random.default_rng(0).normal(size=(30, 1)) * [1.0, 1 + 1e-15]
    assert model_confidence_set(losses)["in_set"].all()


def test_incomplete_rows_are_left_out_and_a_model_without_losses_has_no_p_value():
    losses = correlated_losses()
    gaps = losses.assign(g=np.nan)
    gaps.loc[3, "b"] = np.nan
    found, expected = model_confidence_set(gaps), model_confidence_set(losses.drop(index=3))
    pd.testing.assert_frame_equal(found.loc[list("abcdef")], expected)
    assert np.isnan(found.loc["g", "p_value"]) and not found.loc["g", "in_set"]


def test_one_model_is_the_set():
    assert model_confidence_set([[1.0], [2.0]])["in_set"].tolist() == [True]

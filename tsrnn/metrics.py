"""Measure forecasts: scaled and percentage errors, the M4 average, the Diebold-Mariano test.

Conventions: ``y_true`` and ``y_pred`` are ``(n,)`` or ``(n, outputs)`` in the units of the series,
``y_train`` is the past they are scaled by, ``(rows,)`` or ``(rows, outputs)``. ``*_error`` is
better when lower. For the mean absolute and the root mean squared error use scikit-learn's own
functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)

# Two losses whose difference is below this share of their size differ by rounding only.
ROUNDING = 1e-12


class DieboldMariano(NamedTuple):
    """The outcome of :func:`diebold_mariano`."""

    statistic: float
    p_value: float


def mean_absolute_scaled_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, seasonality: int = 1
) -> float:
    r"""Return the mean absolute error in units of the training part's seasonal-naive error.

    .. math:: \mathrm{MASE} = \frac{\frac1n \sum_t |y_t - \hat y_t|}
              {\frac1{N-m} \sum_{t=m+1}^{N} |y_t - y_{t-m}|}

    Hyndman and Koehler (2006), "Another look at measures of forecast accuracy", equation in section
    3; with ``seasonality`` m as in the M4 competition. Below 1 means better than the in-sample
    seasonal naive forecast.

    Parameters
    ----------
    y_true, y_pred : array of shape (n,) or (n, outputs)
        What came and what was forecast, in the units of the series. Several outputs are averaged.
    y_train : array of shape (rows,) or (rows, outputs)
        The rows before the forecast. Missing values (NaN) are skipped.
    seasonality : int, default=1
        The season m in steps; 1 scales by the error of the last-value forecast.

    Returns
    -------
    float
        For a constant ``y_train`` the scale is 0: the error is then 0 where the forecast is exact,
        else infinite.

    Raises
    ------
    ValueError
        If shapes differ, ``y_true`` or ``y_pred`` holds NaN, or ``y_train`` has no pair of values m
        steps apart.

    Examples
    --------
    >>> mean_absolute_scaled_error([6.0, 7.0], [5.0, 5.0], y_train=[1.0, 3.0, 5.0])
    0.75
    """
    y_true, y_pred = _pair(y_true, y_pred)
    scale = seasonal_naive_error(y_train, seasonality)
    return float(np.mean(divide_by_scale(np.abs(y_true - y_pred).mean(axis=0), scale)))


def root_mean_squared_scaled_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, seasonality: int = 1
) -> float:
    r"""Return the root mean squared error in units of the training part's seasonal-naive error.

    .. math:: \mathrm{RMSSE} = \sqrt{\frac{\frac1n \sum_t (y_t - \hat y_t)^2}
              {\frac1{N-m} \sum_{t=m+1}^{N} (y_t - y_{t-m})^2}}

    Makridakis, Spiliotis and Assimakopoulos (2022), "M5 accuracy competition", equation 1 (there m
    = 1). Arguments, the answer for a constant ``y_train`` and errors are those of
    :func:`mean_absolute_scaled_error`.

    Examples
    --------
    >>> root_mean_squared_scaled_error([6.0, 7.0], [5.0, 6.0], y_train=[1.0, 3.0, 5.0])
    0.5
    """
    y_true, y_pred = _pair(y_true, y_pred)
    scale = seasonal_naive_error(y_train, seasonality, power=2)
    return float(np.mean(np.sqrt(divide_by_scale(((y_true - y_pred) ** 2).mean(axis=0), scale))))


def symmetric_mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Return the symmetric percentage error, from 0 to 200 %.

    .. math:: \mathrm{sMAPE} = \frac{200}{n} \sum_t \frac{|y_t - \hat y_t|}{|y_t| + |\hat y_t|}

    Makridakis, Spiliotis and Assimakopoulos (2020), "The M4 Competition", section 2.3. Where both
    values are 0 the term is 0. Around zero and for values of changing sign the measure says little.

    Examples
    --------
    >>> symmetric_mean_absolute_percentage_error([100.0, 0.0], [50.0, 0.0])
    33.33333333333333
    """
    y_true, y_pred = _pair(y_true, y_pred)
    error, size = np.abs(y_true - y_pred), np.abs(y_true) + np.abs(y_pred)
    terms = np.divide(error, size, out=np.zeros_like(error), where=size > 0)
    return float(200 * terms.mean())


def overall_weighted_average(
    smape: float, mase: float, *, smape_naive2: float, mase_naive2: float
) -> float:
    r"""Return the M4 competition's overall weighted average (OWA).

    .. math:: \mathrm{OWA} = \frac12 \left(\frac{\mathrm{sMAPE}}{\mathrm{sMAPE}_{\text{Naive2}}}
              + \frac{\mathrm{MASE}}{\mathrm{MASE}_{\text{Naive2}}}\right)

    Makridakis, Spiliotis and Assimakopoulos (2020), section 2.3. The four arguments are averages
    over all series of a frequency (the ratio of the averages, not the average of the ratios).
    Naive2 itself has 1.

    Raises
    ------
    ValueError
        If a measure of Naive2 is not positive.

    Examples
    --------
    >>> overall_weighted_average(9.0, 1.5, smape_naive2=18.0, mase_naive2=2.0)
    0.625
    """
    for name, value in {"smape_naive2": smape_naive2, "mase_naive2": mase_naive2}.items():
        if not value > 0:
            raise ValueError(f"{name}={value}: expected a number > 0")
    return 0.5 * (smape / smape_naive2 + mase / mase_naive2)


def diebold_mariano(
    errors_a: ArrayLike, errors_b: ArrayLike, horizon: int = 1, loss: str = "absolute"
) -> DieboldMariano:
    r"""Test whether two forecasts of the same values are equally accurate.

    With the loss differential :math:`d_t = L(a_t) - L(b_t)`, its autocovariances
    :math:`\hat\gamma_k = \frac1n \sum_{t>k} (d_t - \bar d)(d_{t-k} - \bar d)` and horizon h

    .. math:: S = \bar d \Big/
              \sqrt{\tfrac1n \Big(\hat\gamma_0 + 2 \sum_{k=1}^{h-1} \hat\gamma_k\Big)},
              \qquad S^* = S \sqrt{\tfrac{1}{n} \big(n + 1 - 2h + h(h-1)/n\big)},

    and :math:`S^*` is compared with Student's t of n - 1 degrees of freedom, two-sided. S: Diebold
    and Mariano (1995), "Comparing predictive accuracy"; the correction S* and the t distribution:
    Harvey, Leybourne and Newbold (1997), "Testing the equality of prediction mean squared errors",
    equation 9. Should the variance come out negative, which can happen for h > 1, Bartlett's
    weights 1 - k/h are used (Newey and West, 1987), which keep it positive.

    Parameters
    ----------
    errors_a, errors_b : array of shape (n,)
        Forecast errors in the order of time. A pair with a missing value (NaN) is left out.
    horizon : int, default=1
        Steps ahead of each forecast: neighbours overlap, so the differential is correlated up to
        lag h - 1.
    loss : {"absolute", "squared"}, default="absolute"
        What an error costs.

    Returns
    -------
    DieboldMariano
        ``statistic``, negative when a is the better forecast, and ``p_value``. Equal losses give
        (0, 1). A constant difference has no variance: (-inf or inf, 0).

    Raises
    ------
    ValueError
        If the lengths differ, the loss is unknown, or fewer than horizon + 1 (at least 2) pairs are
        left.

    Examples
    --------
    >>> result = diebold_mariano([1, -2, 1, 3, 1], [2, -2, 4, 3, 3])
    >>> print(f"{result.statistic:.3f} {result.p_value:.3f}")
    -2.058 0.109
    """
    if loss not in LOSSES:
        raise ValueError(f"loss={loss!r}: expected one of {sorted(LOSSES)}")
    differential = _loss_differential(errors_a, errors_b, LOSSES[loss])
    n, h = len(differential), horizon
    if h < 1:
        raise ValueError(f"horizon={horizon}: expected an integer >= 1")
    if n < max(h + 1, 2):
        raise ValueError(f"{n} pairs of errors: horizon={horizon} needs at least {max(h + 1, 2)}")
    mean = differential.mean()
    if not differential.any():
        return DieboldMariano(0.0, 1.0)
    if np.ptp(differential) <= ROUNDING * abs(mean):
        return DieboldMariano(float(np.copysign(np.inf, mean)), 0.0)
    correction = np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    statistic = correction * mean / np.sqrt(_variance_of_mean(differential, h))
    return DieboldMariano(float(statistic), float(2 * student_t.sf(abs(statistic), n - 1)))


def seasonal_naive_error(y_train: ArrayLike, seasonality: int = 1, *, power: int = 1) -> NDArray:
    """Return the scale of MASE (power 1) and RMSSE (power 2), one per output.

    It is the mean of ``|y_t - y_{t-seasonality}| ** power``.

    Parameters
    ----------
    y_train : array of shape (rows,) or (rows, outputs)
        Pairs with a missing value (NaN) are left out.
    seasonality : int, default=1
        Steps between the two values of a pair, at least 1.
    power : int, default=1
        1 for absolute, 2 for squared differences.

    Returns
    -------
    array of shape (outputs,)
        One number per output, 0 for a constant series.

    Raises
    ------
    ValueError
        If ``seasonality`` < 1 or an output has no pair of values that far apart.

    Examples
    --------
    >>> seasonal_naive_error([1.0, 3.0, float("nan"), 5.0, 9.0])
    array([3.])
    """
    if seasonality < 1:
        raise ValueError(f"seasonality={seasonality}: expected an integer >= 1")
    y_train = _columns(y_train)
    pairs = np.abs(y_train[seasonality:] - y_train[:-seasonality]) ** power
    observed = ~np.isnan(pairs)
    if len(pairs) == 0 or not observed.any(axis=0).all():
        raise ValueError(
            f"y_train has {len(y_train)} rows and no two values {seasonality} steps apart: "
            f"seasonality={seasonality} needs at least {seasonality + 1} rows"
        )
    return np.where(observed, pairs, 0.0).sum(axis=0) / observed.sum(axis=0)


def divide_by_scale(error: ArrayLike, scale: ArrayLike) -> NDArray:
    """Return ``error / scale`` where 0 / 0 is 0 and x / 0 is infinite, without a warning.

    Examples
    --------
    >>> divide_by_scale([1.0, 0.0, 2.0], [2.0, 0.0, 0.0])
    array([0.5, 0. , inf])
    """
    error, scale = np.broadcast_arrays(np.asarray(error, float), np.asarray(scale, float))
    undefined = np.where(error > 0, np.inf, np.where(error == 0, 0.0, np.nan))
    return np.divide(error, scale, out=undefined, where=scale != 0)


def _columns(values: ArrayLike) -> NDArray:
    array = np.asarray(values, dtype=float)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return both as float columns (n, outputs), checked for equal shape and missing values."""
    pair = _columns(y_true), _columns(y_pred)
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"y_true {pair[0].shape} and y_pred {pair[1].shape} differ in shape")
    if len(pair[0]) == 0:
        raise ValueError("y_true has 0 rows: expected at least 1")
    for name, values in zip(("y_true", "y_pred"), pair, strict=True):
        if missing := int(np.isnan(values).sum()):
            raise ValueError(f"{name} has {missing} missing values (NaN): leave those rows out")
    return pair


def _loss_differential(
    errors_a: ArrayLike, errors_b: ArrayLike, loss: Callable[[NDArray], NDArray]
) -> NDArray:
    loss_a = loss(np.asarray(errors_a, dtype=float).ravel())
    loss_b = loss(np.asarray(errors_b, dtype=float).ravel())
    if len(loss_a) != len(loss_b):
        raise ValueError(
            f"errors_a has {len(loss_a)} values, errors_b {len(loss_b)}: expected as many"
        )
    observed = ~(np.isnan(loss_a) | np.isnan(loss_b))
    loss_a, loss_b = loss_a[observed], loss_b[observed]
    differential = loss_a - loss_b
    return np.where(np.abs(differential) <= ROUNDING * (loss_a + loss_b), 0.0, differential)


def _variance_of_mean(differential: NDArray, horizon: int) -> float:
    n, centred = len(differential), differential - differential.mean()
    autocovariance = np.array([centred[k:] @ centred[: n - k] / n for k in range(horizon)])
    variance = autocovariance[0] + 2 * autocovariance[1:].sum()
    if variance <= ROUNDING * autocovariance[0]:
        bartlett = 1 - np.arange(1, horizon) / horizon
        variance = autocovariance[0] + 2 * bartlett @ autocovariance[1:]
    return float(variance / n)


LOSSES: dict[str, Callable[[NDArray], NDArray]] = {"absolute": np.abs, "squared": np.square}

# What `backtest(scoring=...)` knows by name; each is called as `metric(y_true, y_pred)`.
METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "mean_absolute_error": mean_absolute_error,
    "mean_absolute_percentage_error": mean_absolute_percentage_error,
    "mean_squared_error": mean_squared_error,
    "median_absolute_error": median_absolute_error,
    "r2_score": r2_score,
    "root_mean_squared_error": root_mean_squared_error,
    "symmetric_mean_absolute_percentage_error": symmetric_mean_absolute_percentage_error,
}

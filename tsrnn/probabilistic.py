"""Measure probabilistic forecasts: quantiles, samples and intervals.

Conventions: ``y_true`` is ``(n,)``; ``quantiles`` is ``(n, L)``, a column for each of the L
increasing ``levels`` between 0 and 1; ``samples`` is ``(n, S)``. Several series or targets are
stacked to rows. Losses and scores are in the units of the series unless they are scaled, and better
when lower.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import mean_pinball_loss

from tsrnn.checks import check_probability
from tsrnn.point_metrics import as_columns, check_complete, divide_by_scale, seasonal_naive_error


def mean_quantile_loss(y_true: ArrayLike, quantiles: ArrayLike, *, levels: ArrayLike) -> float:
    r"""Return the pinball loss, averaged over rows and levels.

    .. math:: \mathrm{QL} = \frac{1}{nL} \sum_{t, j}
              \max\big(\tau_j (y_t - q_{tj}),\ (\tau_j - 1)(y_t - q_{tj})\big)

    Koenker and Bassett (1978), "Regression quantiles". Half the mean absolute error
    for the median alone.

    Parameters
    ----------
    y_true : array of shape (n,)
    quantiles : array of shape (n, L)
        A column a level, such as ``predict_quantiles(levels)`` returns.
    levels : array of shape (L,)
        Probabilities, increasing, between 0 and 1.

    Raises
    ------
    ValueError
        If shapes differ, levels do not increase, or a value is missing (NaN) or infinite.

    Examples
    --------
    >>> mean_quantile_loss([3.0], [[1.0, 2.0, 5.0]], levels=[0.1, 0.5, 0.9])
    0.3
    """
    losses = _quantile_losses(*_checked_quantiles(y_true, quantiles, levels))
    return float(losses.mean())


def weighted_quantile_loss(y_true: ArrayLike, quantiles: ArrayLike, *, levels: ArrayLike) -> float:
    r"""Return the weighted quantile loss (WQL), 0.1 for 10 % of the size of the values.

    .. math:: \mathrm{WQL} = \frac1L \sum_j \frac{2 \sum_t \rho_{\tau_j}(y_t, q_{tj})}
              {\sum_t |y_t|}

    with the pinball loss :math:`\rho` of :func:`mean_quantile_loss`: ``mean_wQuantileLoss`` of
    GluonTS and the M5 uncertainty competition's idea of relative pinball losses. The weighted
    absolute percentage error for the median alone. For all zeros it is 0 where the quantiles are
    exact, else infinite. Arguments and errors are those of :func:`mean_quantile_loss`.

    Notes
    -----
    As a scorer it needs quantiles, which scikit-learn's ``make_scorer`` does not ask for; a
    function ``(model, X, y)`` does:

    >>> def wql_scorer(model, X, y):
    ...     quantiles = model.predict_quantiles([0.1, 0.5, 0.9], X)
    ...     return -weighted_quantile_loss(y, quantiles, levels=[0.1, 0.5, 0.9])

    and goes to ``cross_val_score(model, X, y, cv=..., scoring=wql_scorer)``.

    Examples
    --------
    >>> weighted_quantile_loss([4.0], [[1.0, 2.0, 8.0]], levels=[0.25, 0.5, 0.75])
    0.4583333333333333
    """
    y_true, quantiles, levels = _checked_quantiles(y_true, quantiles, levels)
    loss = _quantile_losses(y_true, quantiles, levels).mean()
    return float(divide_by_scale(2 * loss, np.abs(y_true).mean()))


def continuous_ranked_probability_score(
    y_true: ArrayLike, quantiles: ArrayLike, *, levels: ArrayLike
) -> float:
    r"""Return the mean CRPS of forecasts that are given by quantiles; lower is better.

    .. math:: \mathrm{CRPS}(F, y) = \int (F(x) - 1[y \le x])^2 dx
              = 2 \int_0^1 \rho_\tau\big(y, F^{-1}(\tau)\big) d\tau
              \approx 2 \sum_j w_j \, \rho_{\tau_j}(y, q_j)

    Gneiting and Ranjan (2011), "Comparing density forecasts using threshold- and quantile-weighted
    scoring rules", section 2. The weight of a level is the share of (0, 1) that is nearer
    to it than to any other, so that for levels (j - 1/2) / L it is twice
    :func:`mean_quantile_loss`. It is an approximation: few levels leave out most of the cost of the
    tails, so compare forecasts on the same levels only. Arguments and errors are those of
    :func:`mean_quantile_loss`.

    Examples
    --------
    >>> continuous_ranked_probability_score([3.0], [[1.0, 2.0, 5.0]], levels=[0.25, 0.5, 0.75])
    1.0
    """
    y_true, quantiles, levels = _checked_quantiles(y_true, quantiles, levels)
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
    return float(2 * _quantile_losses(y_true, quantiles, levels) @ np.diff(edges))


def crps_ensemble(y_true: ArrayLike, samples: ArrayLike) -> float:
    r"""Return the mean CRPS of forecasts that are given by samples; lower is better.

    .. math:: \mathrm{CRPS} = \frac1S \sum_i |x_i - y| - \frac{1}{2 S^2} \sum_{i, j} |x_i - x_j|

    Gneiting and Raftery (2007), "Strictly proper scoring rules, prediction, and estimation",
    equation 21, for the distribution that gives each sample the same probability. The absolute
    error for a single sample.

    Parameters
    ----------
    y_true : array of shape (n,)
    samples : array of shape (n, S)
        A row a step, in which each value is one of S draws from what was forecast.

    Raises
    ------
    ValueError
        If shapes differ, there is no sample, or a value is missing (NaN) or infinite.

    Examples
    --------
    >>> crps_ensemble([2.0], [[1.0, 3.0]])
    0.5
    """
    y_true, samples = _checked_rows(y_true, "samples", samples)
    size = samples.shape[1]
    # Sorted, the double sum over pairs is a sum over ranks.
    ranks = 2 * np.arange(1, size + 1) - size - 1
    spread = np.sort(samples, axis=1) @ ranks / size**2
    return float(np.mean(np.abs(samples - y_true[:, np.newaxis]).mean(axis=1) - spread))


def interval_coverage(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Return the share of values that lie in their interval, its ends included.

    Parameters
    ----------
    y_true, lower, upper : array of shape (n,)

    Raises
    ------
    ValueError
        If shapes differ, a value is missing (NaN) or infinite, or a lower end lies above its upper
        one.

    Examples
    --------
    >>> interval_coverage([1.0, 2.0, 5.0, 9.0], [0, 1, 2, 3], [2, 3, 4, 10])
    0.75
    """
    y_true, lower, upper = _checked_interval(y_true, lower, upper)
    return float(np.mean((lower <= y_true) & (y_true <= upper)))


def mean_interval_score(
    y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, coverage: float
) -> float:
    r"""Return the mean interval (Winkler) score: width, plus a fine for each value missed.

    .. math:: \frac1n \sum_t (u_t - l_t) + \frac{2}{\alpha} \max(l_t - y_t, 0)
              + \frac{2}{\alpha} \max(y_t - u_t, 0), \qquad \alpha = 1 - \mathrm{coverage}

    Gneiting and Raftery (2007), equation 43; Winkler (1972). Lower is better.

    Parameters
    ----------
    y_true, lower, upper : array of shape (n,)
    coverage : float
        Probability that the intervals promise, above 0 and below 1.

    Raises
    ------
    ValueError
        As for :func:`interval_coverage`, or if ``coverage`` is out of its range.

    Examples
    --------
    >>> mean_interval_score([1.0, 6.0], [0.0, 2.0], [2.0, 5.0], coverage=0.75)
    6.5
    """
    check_probability("coverage", coverage)
    y_true, lower, upper = _checked_interval(y_true, lower, upper)
    missed = np.maximum(lower - y_true, 0) + np.maximum(y_true - upper, 0)
    return float(np.mean(upper - lower + 2 / (1 - coverage) * missed))


def mean_scaled_interval_score(
    y_true: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    coverage: float,
    y_train: ArrayLike,
    seasonality: int = 1,
) -> float:
    """Return the mean interval score in units of the training part's seasonal-naive error (MSIS).

    Makridakis, Spiliotis and Assimakopoulos (2020), "The M4 Competition", section 2.3, where
    ``coverage`` is 0.95. ``y_train`` and ``seasonality`` are those of
    :func:`mean_absolute_scaled_error`, the others those of :func:`mean_interval_score`.

    Examples
    --------
    >>> mean_scaled_interval_score([1.0], [0.0], [3.0], coverage=0.8, y_train=[1.0, 3.0, 5.0])
    1.5
    """
    score = mean_interval_score(y_true, lower, upper, coverage=coverage)
    scale = seasonal_naive_error(y_train, seasonality)
    if len(scale) != 1:
        raise ValueError(f"y_train has {len(scale)} columns: expected one, score each series alone")
    return float(divide_by_scale(score, scale[0]))


def probability_integral_transform(
    y_true: ArrayLike, quantiles: ArrayLike, *, levels: ArrayLike
) -> NDArray:
    """Return the probability that each forecast gave to values up to the one that came (PIT).

    Dawid (1984), "Present position and potential developments"; Gneiting, Balabdaoui and Raftery
    (2007), "Probabilistic forecasts, calibration and sharpness", section 3.1. For a calibrated
    forecast the values are uniform on (0, 1): a histogram like a U tells of intervals that are too
    narrow, a hump of too wide ones.

    Parameters
    ----------
    y_true, quantiles, levels
        As for :func:`mean_quantile_loss`. Quantiles that cross are put in order.

    Returns
    -------
    array of shape (n,)
        Interpolated linearly between two quantiles. Beyond the outermost levels only the tail is
        known, so its middle is returned, half of the first level and half way from the last one to
        1: let the edges of a histogram be levels. On quantiles that coincide it is the mean of
        their levels.

    Raises
    ------
    ValueError
        As for :func:`mean_quantile_loss`.

    Examples
    --------
    >>> quantiles = [[1.0, 2.0, 4.0]] * 3
    >>> probability_integral_transform([3.0, 0.0, 4.0], quantiles, levels=[0.2, 0.5, 0.8])
    array([0.65, 0.1 , 0.8 ])
    """
    y_true, quantiles, levels = _checked_quantiles(y_true, quantiles, levels)
    quantiles, y = np.sort(quantiles, axis=1), y_true[:, np.newaxis]
    below, up_to = (quantiles < y).sum(axis=1), (quantiles <= y).sum(axis=1)
    beyond = np.where(below == 0, levels[0] / 2, (1 + levels[-1]) / 2)
    last = len(levels) - 1
    met = (levels[np.minimum(below, last)] + levels[up_to - 1]) / 2
    left, right = np.maximum(below - 1, 0), np.minimum(below, last)
    rows = np.arange(len(y_true))
    between = _on_line(
        y_true, quantiles[rows, left], quantiles[rows, right], levels[left], levels[right]
    )
    inside = (below > 0) & (below <= last)
    return np.where(up_to > below, met, np.where(inside, between, beyond))


def _on_line(
    x: NDArray, x_left: NDArray, x_right: NDArray, y_left: NDArray, y_right: NDArray
) -> NDArray:
    """Return y at x on the line through two points, that of the left one if they coincide."""
    width = x_right - x_left
    share = np.divide(x - x_left, width, out=np.zeros(len(x)), where=width > 0)
    return y_left + share * (y_right - y_left)


def _quantile_losses(y_true: NDArray, quantiles: NDArray, levels: NDArray) -> NDArray:
    """Return the mean pinball loss of each level, (L,)."""
    return np.array(
        [
            mean_pinball_loss(y_true, column, alpha=level)
            for column, level in zip(quantiles.T, levels, strict=True)
        ]
    )


def _checked_quantiles(
    y_true: ArrayLike, quantiles: ArrayLike, levels: ArrayLike
) -> tuple[NDArray, NDArray, NDArray]:
    """Return y (n,), quantiles (n, L) and levels (L,), checked against each other."""
    y_true, quantiles = _checked_rows(y_true, "quantiles", quantiles)
    probabilities = np.atleast_1d(np.asarray(levels, dtype=float))
    proper = (probabilities > 0) & (probabilities < 1)
    if not proper.all() or (np.diff(probabilities) <= 0).any():
        raise ValueError(f"levels={levels!r}: expected increasing numbers above 0 and below 1")
    if quantiles.shape[1] != len(probabilities):
        raise ValueError(
            f"quantiles has {quantiles.shape[1]} columns for {len(probabilities)} levels: "
            "expected one column a level"
        )
    return y_true, quantiles, probabilities


def _checked_rows(y_true: ArrayLike, name: str, values: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return y (n,) and a table of as many rows, both complete."""
    y_true, table = np.asarray(y_true, dtype=float), np.asarray(values, dtype=float)
    if y_true.ndim == 2 and y_true.shape[1] == 1:
        y_true = y_true[:, 0]
    if y_true.ndim != 1 or table.ndim != 2 or len(table) != len(y_true):
        raise ValueError(
            f"y_true {y_true.shape} and {name} {table.shape}: expected (n,) and (n, columns)"
        )
    if len(y_true) == 0:
        raise ValueError("y_true has 0 rows: expected at least 1")
    if table.shape[1] == 0:
        raise ValueError(f"{name} has 0 columns: expected at least 1")
    check_complete("y_true", y_true)
    check_complete(name, table)
    return y_true, table


def _checked_interval(
    y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike
) -> tuple[NDArray, NDArray, NDArray]:
    """Return all three as columns of one shape with ordered ends."""
    given = {"y_true": y_true, "lower": lower, "upper": upper}
    arrays = {name: as_columns(values) for name, values in given.items()}
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{shapes} differ in shape")
    if len(arrays["y_true"]) == 0:
        raise ValueError("y_true has 0 rows: expected at least 1")
    for name, array in arrays.items():
        check_complete(name, array)
    if (crossed := arrays["lower"] > arrays["upper"]).any():
        row, column = np.argwhere(crossed)[0]
        ends = f"{arrays['lower'][row, column]} and {arrays['upper'][row, column]}"
        raise ValueError(f"lower > upper in row {row}: {ends}")
    return arrays["y_true"], arrays["lower"], arrays["upper"]

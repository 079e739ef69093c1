"""Measure point forecasts: scaled and percentage errors, direction, skill.

Conventions: ``y_true`` and ``y_pred`` are ``(n,)`` or ``(n, outputs)`` in the units of the series,
``y_train`` is the past they are scaled by, ``(rows,)`` or ``(rows, outputs)``. ``*_error`` is
better when lower, ``*_score`` and ``*_accuracy`` when higher.
"""

from __future__ import annotations

import numpy as np
import sklearn.metrics
from numpy.typing import ArrayLike, NDArray

from tsrnn.checks import check_count
from tsrnn.gaps import FLOAT_EPS

ROUNDING = 4 * FLOAT_EPS  # share of a value, as in gaps.is_constant


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
        If shapes or numbers of columns differ, a value is infinite, ``y_true`` or ``y_pred`` holds
        NaN, or ``y_train`` has no pair of values m steps apart.

    Notes
    -----
    As a scorer it must be told the past, which then scales all folds alike:

    >>> from sklearn.metrics import make_scorer
    >>> first_part = [1.0, 3.0, 5.0]
    >>> scorer = make_scorer(
    ...     mean_absolute_scaled_error, greater_is_better=False, y_train=first_part
    ... )

    Examples
    --------
    >>> mean_absolute_scaled_error([6.0, 7.0], [5.0, 5.0], y_train=[1.0, 3.0, 5.0])
    0.75
    """
    y_true, y_pred = checked_pair(y_true, y_pred)
    scale = _scale(y_train, seasonality, power=1, outputs=y_true.shape[1])
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
    y_true, y_pred = checked_pair(y_true, y_pred)
    scale = _scale(y_train, seasonality, power=2, outputs=y_true.shape[1])
    return float(np.mean(np.sqrt(divide_by_scale(((y_true - y_pred) ** 2).mean(axis=0), scale))))


def symmetric_mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Return the symmetric percentage error, from 0 to 200 %.

    .. math:: \mathrm{sMAPE} = \frac{200}{n} \sum_t \frac{|y_t - \hat y_t|}{|y_t| + |\hat y_t|}

    Makridakis, Spiliotis and Assimakopoulos (2020), "The M4 Competition", section 2.3. Where both
    values are 0 the term is 0. A forecast below 0 is as wrong as can be, 200 %.

    Raises
    ------
    ValueError
        If ``y_true`` holds values below 0: any forecast of the other sign would cost 200 %, the
        nearest one as much as the farthest. Use a scaled error there.

    Examples
    --------
    >>> symmetric_mean_absolute_percentage_error([100.0, 0.0], [50.0, 0.0])
    33.33333333333333
    """
    y_true, y_pred = checked_pair(y_true, y_pred)
    _check_ratio_scale(y_true, y_true >= 0, "sMAPE is defined for values >= 0")
    error, size = np.abs(y_true - y_pred), np.abs(y_true) + np.abs(y_pred)
    terms = np.divide(error, size, out=np.zeros_like(error), where=size > 0)
    return float(200 * terms.mean())


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return scikit-learn's mean absolute percentage error, 0.1 for 10 %, where it is defined.

    scikit-learn divides by 2e-16 where ``y_true`` is 0, so that a single such row decides.

    Raises
    ------
    ValueError
        If ``y_true`` holds values that are not above 0. Use a scaled error there.

    Examples
    --------
    >>> mean_absolute_percentage_error([100.0, 50.0], [50.0, 50.0])
    0.25
    """
    y_true, y_pred = checked_pair(y_true, y_pred)
    _check_ratio_scale(y_true, y_true > 0, "MAPE is defined for values > 0")
    return float(sklearn.metrics.mean_absolute_percentage_error(y_true, y_pred))


def weighted_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Return the sum of absolute errors as a share of the sum of absolute values, 0.1 for 10 %.

    .. math:: \mathrm{WAPE} = \sum_t |y_t - \hat y_t| \Big/ \sum_t |y_t|

    Also called normalised deviation (ND) or MAD/mean ratio: Kolassa and Schütz (2007), "Advantages
    of the MAD/MEAN ratio over the MAPE". Zeros and intermittent demand are no trouble; for all
    zeros the error is 0 where the forecast is exact, else infinite.

    Examples
    --------
    >>> weighted_absolute_percentage_error([0.0, 10.0], [1.0, 8.0])
    0.3
    """
    y_true, y_pred = checked_pair(y_true, y_pred)
    return float(divide_by_scale(np.abs(y_true - y_pred).mean(), np.abs(y_true).mean()))


def mean_directional_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, *, y_last: ArrayLike = 0.0
) -> float:
    r"""Return the share of forecasts that go up or down from the last known value as the series.

    .. math:: \mathrm{MDA} = \frac1n \sum_t \mathbf 1\big[\operatorname{sign}(y_t - y_o)
              = \operatorname{sign}(\hat y_t - y_o)\big]

    with :math:`y_o` known at the origin of forecast t. "No change" is a direction of its own, so
    the naive forecast is right only where nothing changed. Pesaran and Timmermann (1992), "A simple
    nonparametric test of predictive performance", their proportion of correct signs.

    Parameters
    ----------
    y_true, y_pred : array of shape (n,) or (n, outputs)
    y_last : float, or array of the shape of y_true, default=0
        The last value known to each forecast; 0 for series of returns or changes.

    Examples
    --------
    >>> mean_directional_accuracy([5.0, 3.0, 4.0], [4.5, 5.5, 2.0], y_last=[4.0, 5.0, 3.0])
    0.3333333333333333
    """
    y_true, y_pred = checked_pair(y_true, y_pred)
    last = _like("y_last", y_last, y_true)
    return float(np.mean(np.sign(y_true - last) == np.sign(y_pred - last)))


def skill_score(y_true: ArrayLike, y_pred: ArrayLike, *, y_reference: ArrayLike) -> float:
    r"""Return the share of a reference forecast's mean absolute error that is saved.

    .. math:: \mathrm{skill} = 1 - \sum_t |y_t - \hat y_t| \Big/ \sum_t |y_t - \hat y_t^{ref}|

    1 is perfect, 0 as good as the reference, below 0 worse; 1 - skill is the relative MAE. Murphy
    (1988), "Skill scores based on the mean square error", with absolute errors. Where
    the reference is exact the skill is 0 if the forecast is too, else minus infinity.

    Parameters
    ----------
    y_true, y_pred : array of shape (n,) or (n, outputs)
    y_reference : float, or array of the shape of y_true
        The forecast to beat, such as the last known value.

    Examples
    --------
    >>> skill_score([3.0, 4.0], [3.5, 4.0], y_reference=[2.0, 3.0])
    0.75
    """
    y_true, y_pred = checked_pair(y_true, y_pred)
    error = np.abs(y_true - y_pred).mean()
    reference_error = np.abs(y_true - _like("y_reference", y_reference, y_true)).mean()
    if error == reference_error:
        return 0.0
    return float(1 - divide_by_scale(error, reference_error))


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
        One number per output, 0 for a constant series. Values that differ by no more than their
        rounding, such as 0.1 + 0.2 and 0.3, do not differ.

    Raises
    ------
    ValueError
        If ``seasonality`` < 1, a value is infinite, or an output has no pair of values that far
        apart.

    Examples
    --------
    >>> seasonal_naive_error([1.0, 3.0, float("nan"), 5.0, 9.0])
    array([3.])
    """
    check_count("seasonality", seasonality)
    y_train = as_columns(y_train)
    check_finite("y_train", y_train)
    later, earlier = y_train[seasonality:], y_train[:-seasonality]
    same = np.isclose(later, earlier, rtol=ROUNDING, atol=0)
    pairs = np.where(same, 0.0, np.abs(later - earlier)) ** power
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


def checked_pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return both as float columns (n, outputs).

    Raises
    ------
    ValueError
        If the shapes differ, there are no rows, or a value is missing (NaN) or infinite.
    """
    pair = as_columns(y_true), as_columns(y_pred)
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"y_true {pair[0].shape} and y_pred {pair[1].shape} differ in shape")
    if len(pair[0]) == 0:
        raise ValueError("y_true has 0 rows: expected at least 1")
    for name, values in zip(("y_true", "y_pred"), pair, strict=True):
        check_complete(name, values)
    return pair


def check_complete(name: str, values: NDArray) -> None:
    """Refuse missing values (NaN) and infinite ones, telling how many there are and the first."""
    missing = np.isnan(values)
    if missing.any():
        raise ValueError(
            f"{name} has {missing.sum()} missing values (NaN), first in row {_first_row(missing)}: "
            "leave those rows out"
        )
    check_finite(name, values)


def check_finite(name: str, values: NDArray) -> None:
    """Refuse infinite values, telling how many there are and the first; NaN is allowed."""
    infinite = np.isinf(values)
    if infinite.any():
        raise ValueError(
            f"{name} has {infinite.sum()} infinite values, first in row {_first_row(infinite)}: "
            "expected finite numbers"
        )


def as_columns(values: ArrayLike) -> NDArray:
    """Return values (n,) or (n, outputs) as float columns (n, outputs); one number stays one."""
    array = np.asarray(values, dtype=float)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _first_row(found: NDArray) -> int:
    """Return the row of the first value found, 0 for a single number."""
    return int(np.argwhere(np.atleast_1d(found))[0, 0])


def _scale(y_train: ArrayLike, seasonality: int, *, power: int, outputs: int) -> NDArray:
    """Return the scale of each output of y_true, which y_train must have too."""
    scale = seasonal_naive_error(y_train, seasonality, power=power)
    if len(scale) != outputs:
        raise ValueError(f"y_train has {len(scale)} columns, y_true {outputs}: expected as many")
    return scale


def _like(name: str, values: ArrayLike, target: NDArray) -> NDArray:
    """Return values as columns that fit the target's (n, outputs); one number fits all."""
    array = as_columns(values)
    if array.ndim and array.shape != target.shape:
        raise ValueError(f"{name} {array.shape} and y_true {target.shape} differ in shape")
    check_complete(name, array)
    return array


def _check_ratio_scale(y_true: NDArray, defined: NDArray, domain: str) -> None:
    """Refuse values for which a share of the value has no meaning, naming the first."""
    if not defined.all():
        row, output = np.argwhere(~defined)[0]
        raise ValueError(
            f"y_true holds {y_true[row, output]} in row {row}: {domain}; use "
            "mean_absolute_scaled_error or weighted_absolute_percentage_error"
        )

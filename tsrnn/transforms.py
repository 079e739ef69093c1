"""Transforms of the target with an exact inverse: logs, powers, differences, seasons, chains.

A transform is fitted on the training rows of one series, and each column has its own parameters.
It then stands at the first step: ``transform`` and ``inverse_transform`` take rows from there on.
`standing_after` moves it behind a history; it then maps the rows that follow, in time proportional
to them, forwards (new observations) and backwards (forecasts).

Conventions: T steps, K targets; values (T, K) are float64 with NaN where missing, which stays NaN;
index holds the stamps of the T steps; m steps a season.
"""

from __future__ import annotations

import copy
import numbers
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import boxcox, boxcox1p
from scipy.stats import boxcox_llf, yeojohnson_llf
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted
from statsmodels.tsa.seasonal import STL

from tsrnn.checks import check_count, check_flag, check_rows
from tsrnn.gaps import bridge, is_constant
from tsrnn.scaling import carried_forward

LARGEST_EXPONENT = 600.0  # exp of more, times a scale, could overflow float64
# Powers outside map a finite forecast to infinity, on one side or the other.
LEAST_POWER, LARGEST_POWER = 0.0, 2.0
# The likelihood is flat to 1e-8 around its top: what lies below is rounding, other in other units.
POWER_DECIMALS = 4
LARGEST_LIKELIHOOD = 20_000  # values that tell the power; more would only cost time
LEAST_VARIATION = 1e-6  # of the level: smaller changes do not tell how a curve bends


class Transform(Protocol):
    """What ``transform=`` takes: any object with these methods.

    Optional: ``after`` and ``one_step_inverse`` (see the functions `standing_after` and
    `one_step_inverse`) where a value's image depends on values before it, and ``pointwise``, False
    where the inverse does not map each value by itself and in order, as quantiles need.
    """

    def fit(self, values: np.ndarray, index: pd.Index) -> Any:
        """Learn the parameters from training rows."""

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        """Map the history known so far."""

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        """Map back."""


def fitted(transform: Any, values: np.ndarray, index: pd.Index) -> Any:
    """Fit a copy of a transform; the one given stays as it is."""
    fresh = clone(transform, safe=False)
    fresh.fit(values, index)
    return fresh


def standing_after(transform: Any, values: np.ndarray, index: pd.Index) -> Any:
    """Return the transform as it stands at the end of a history; the one given stays as it is.

    Parameters
    ----------
    transform : fitted transform
        One without ``after`` maps every row by itself and is returned.
    values : array of shape (T, K)
        The history from the step at which the transform stands: the first one after fit.
    index : pd.Index
        Stamps of the T steps.

    Returns
    -------
    transform
        ``transform`` and ``inverse_transform`` take the rows that follow.

    Examples
    --------
    >>> y, steps = np.array([[1.0], [4.0], [6.0]]), pd.RangeIndex(3)
    >>> end = standing_after(Difference().fit(y, steps), y, steps)
    >>> end.inverse_transform(np.array([[1.0], [1.0]]), pd.RangeIndex(3, 5)).ravel()
    array([7., 8.])
    """
    return transform.after(values, index) if hasattr(transform, "after") else transform


def one_step_inverse(
    transform: Any, forecast: np.ndarray, values: np.ndarray, index: pd.Index
) -> np.ndarray:
    """Map one-step forecasts back, each given the true values before its step.

    Parameters
    ----------
    transform : fitted transform
        One without ``one_step_inverse`` maps every row by itself.
    forecast : array of shape (T, K)
        Forecasts of the transformed values, NaN for none.
    values : array of shape (T, K)
        True values, not transformed; row t of the result depends on rows before t, and rows up to
        the first observed one on that one where nothing is known before.
    index : pd.Index
        Stamps of the T steps, from that at which the transform stands.

    Returns
    -------
    array of shape (T, K)

    Examples
    --------
    >>> y, steps = np.array([[1.0], [4.0], [6.0]]), pd.RangeIndex(3)
    >>> one_step_inverse(Difference().fit(y, steps), np.full((3, 1), 0.5), y, steps).ravel()
    array([1.5, 1.5, 4.5])
    """
    if hasattr(transform, "one_step_inverse"):
        return transform.one_step_inverse(forecast, values, index)
    return transform.inverse_transform(forecast, index)


def is_pointwise(transform: Any) -> bool:
    """Tell whether the inverse maps each value by itself and in order, so that quantiles map."""
    return bool(getattr(transform, "pointwise", True))


class Log(BaseEstimator):
    """Natural logarithm, for y > 0: multiplicative changes become additive.

    Raises
    ------
    ValueError
        In fit and transform, where values are not positive: how many, and the first stamp.

    Examples
    --------
    >>> steps = pd.RangeIndex(2)
    >>> Log().fit(np.ones((2, 1)), steps).transform(np.array([[1.0], [np.e]]), steps).ravel()
    array([0., 1.])
    """

    pointwise = True

    def fit(self, values: np.ndarray, index: pd.Index) -> Log:
        _check_above("log", 0, values, index)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        _check_above("log", 0, values, index)
        return np.log(values)

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        return np.exp(np.clip(values, -LARGEST_EXPONENT, LARGEST_EXPONENT))

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Log1p(BaseEstimator):
    """Logarithm of 1 + y, for y > -1, as for counts with zeros.

    What 1 means depends on the unit of y; ``YeoJohnson(power=0)`` is the same relative to the size
    of the values seen in fit.

    Raises
    ------
    ValueError
        In fit and transform, where values are not above -1: how many, and the first stamp.

    Examples
    --------
    >>> steps = pd.RangeIndex(2)
    >>> Log1p().fit(np.ones((2, 1)), steps).transform(np.zeros((2, 1)), steps).ravel()
    array([0., 0.])
    """

    pointwise = True

    def fit(self, values: np.ndarray, index: pd.Index) -> Log1p:
        _check_above("log1p", -1, values, index)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        _check_above("log1p", -1, values, index)
        return np.log1p(values)

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        return np.expm1(np.clip(values, -LARGEST_EXPONENT, LARGEST_EXPONENT))

    def __sklearn_is_fitted__(self) -> bool:
        return True


class BoxCox(BaseEstimator):
    r"""Power of y > 0 (Box and Cox 1964), relative to its geometric mean g.

    .. math:: w = ((y / g)^\lambda - 1) / \lambda, \qquad w = \log(y / g) \text{ for } \lambda = 0

    The relative form does not depend on the unit of y. The inverse of a w below
    :math:`-1 / \lambda`, which no y > 0 has, is that of the edge: next to zero, and positive.

    Parameters
    ----------
    power : float or None
        :math:`\lambda` in [0, 2]; None: of maximum likelihood in that range, for each column (of
        20,000 rows spread evenly, at most), and 1 for a column that does not vary. A negative one
        would map finite forecasts to infinity.

    Attributes
    ----------
    power_, scale_ : arrays of shape (K,)
        :math:`\lambda` to four decimals, and g.

    Raises
    ------
    ValueError
        In fit and transform, where values are not positive: how many, and the first stamp.

    Examples
    --------
    >>> y, steps = np.array([[1.0], [4.0], [16.0]]), pd.RangeIndex(3)
    >>> BoxCox(power=0.5).fit(y, steps).transform(y, steps).ravel()
    array([-1.,  0.,  2.])
    """

    pointwise = True

    def __init__(self, power: float | None = None):
        self.power = power

    def fit(self, values: np.ndarray, index: pd.Index) -> BoxCox:
        _check_power(self.power)
        _check_above("box-cox", 0, values, index)
        self.scale_ = np.exp(_mean(np.log(values)))
        self.power_ = _powers(self.power, values / self.scale_, boxcox_llf)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        _check_above("box-cox", 0, values, index)
        return boxcox(values / self.scale_, self.power_)

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        return np.exp(_exponent(values, self.power_)) * self.scale_


class YeoJohnson(BaseEstimator):
    r"""Power of 1 + |y| on each side of zero (Yeo and Johnson 2000), relative to a size s.

    .. math:: w = ((1 + y / s)^\lambda - 1) / \lambda \; (y \ge 0), \qquad
              w = -((1 - y / s)^{2 - \lambda} - 1) / (2 - \lambda) \; (y < 0)

    with the logarithm in place of a power of 0. s is the mean absolute value in fit, so that the
    unit of y does not matter. Every y has an image, and every w an inverse.

    Parameters
    ----------
    power : float or None
        :math:`\lambda` in [0, 2]; None: of maximum likelihood in that range, for each column (of
        20,000 rows spread evenly, at most), and 1 for a column that does not vary. Others would map
        finite forecasts to infinity.

    Attributes
    ----------
    power_, scale_ : arrays of shape (K,)
        :math:`\lambda` to four decimals, and s.

    Examples
    --------
    >>> y, steps = np.array([[-1.0], [0.0], [2.0]]), pd.RangeIndex(3)
    >>> YeoJohnson(power=1).fit(y, steps).transform(y, steps).ravel()
    array([-1.,  0.,  2.])
    """

    pointwise = True

    def __init__(self, power: float | None = None):
        self.power = power

    def fit(self, values: np.ndarray, index: pd.Index) -> YeoJohnson:
        _check_power(self.power)
        size = _mean(np.abs(values))
        self.scale_ = np.where(size > 0, size, 1.0)
        self.power_ = _powers(self.power, values / self.scale_, yeojohnson_llf)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        z = values / self.scale_
        return np.sign(z) * boxcox1p(np.abs(z), self._power_by_side(z))

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        exponent = _exponent(np.abs(values), self._power_by_side(values))
        return np.sign(values) * np.expm1(exponent) * self.scale_

    def _power_by_side(self, values: np.ndarray) -> np.ndarray:
        """Power of 1 + |y|: (T, K) of either sign -> (T, K)."""
        return np.where(values < 0, 2 - self.power_, self.power_)


class Standardise(BaseEstimator):
    """Subtract the mean of fit and divide by its standard deviation.

    A column that does not vary is divided by its absolute mean, or 1.

    Attributes
    ----------
    mean_, scale_ : arrays of shape (K,)

    Examples
    --------
    >>> y, steps = np.array([[1.0], [3.0]]), pd.RangeIndex(2)
    >>> Standardise().fit(y, steps).transform(y, steps).ravel()
    array([-1.,  1.])
    """

    pointwise = True

    def fit(self, values: np.ndarray, index: pd.Index) -> Standardise:
        self.mean_ = _mean(values)
        deviation = np.sqrt(_mean((values - self.mean_) ** 2))
        size = np.where(self.mean_ != 0, np.abs(self.mean_), 1.0)
        varies = [len(y) > 0 and not is_constant(y) for y in _observed(values)]
        self.scale_ = np.where(varies, deviation, size)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        return (values - self.mean_) / self.scale_

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        return values * self.scale_ + self.mean_


class SeasonalDifference(BaseEstimator):
    r"""Change from the same phase one season before, :math:`w_t = y_t - y_{t-m}`.

    It is missing in the first season and where one of the two values is. The inverse adds changes
    to the last value observed at the phase: a missing change counts as zero. At a phase that was
    never observed it adds to the last value observed at any. Of the rows of fit, those whose change
    is missing are remembered, so that the inverse gives them back exactly.

    Parameters
    ----------
    season : int or None
        m; None: a forecaster gives the season that it found.

    Raises
    ------
    ValueError
        In fit, if a column has no more than m observed rows; in the others, if the first stamp is
        not the one at which the transform stands.

    Examples
    --------
    >>> y, steps = np.array([[1.0], [5.0], [2.0], [7.0]]), pd.RangeIndex(4)
    >>> SeasonalDifference(2).fit(y, steps).transform(y, steps).ravel()
    array([nan, nan,  1.,  2.])
    """

    pointwise = False

    def __init__(self, season: int | None = None):
        self.season = season

    def fit(self, values: np.ndarray, index: pd.Index) -> SeasonalDifference:
        self.season_ = _checked_season(self.season, least=1)
        check_rows(_fewest(values), self.season_ + 1, f"season={self.season}: shorten it")
        unknown = np.full((self.season_, values.shape[1]), np.nan)
        self.first_ = index[:1]  # of the stamps to come; empty behind a history
        self.tail_ = unknown  # the m values before the rows to come
        self.level_ = unknown  # of them, the last observed at each phase
        self.last_ = unknown[0]  # the last observed at any
        change = self.transform(values, index)
        self.restarts_ = np.where(np.isnan(change), values, np.nan)  # (T, K)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        self._check_start(index)
        return values - np.concatenate([self.tail_, values])[: len(values)]

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        self._check_start(index)
        restarts = np.full_like(values, np.nan)
        kept = self.restarts_[: len(values)]
        restarts[: len(kept)] = kept
        start = np.where(np.isnan(self.level_), self.last_, self.level_).reshape(1, -1)
        change, restart = self._by_phase(values), self._by_phase(restarts)
        total = np.cumsum(np.nan_to_num(change), axis=0)
        base = np.concatenate([start, restart - total])
        y = total + carried_forward(base, np.isfinite(base))[1:]
        y = np.where(np.isnan(change) & np.isnan(restart), np.nan, y)
        return y.reshape(-1, values.shape[1])[: len(values)]

    def after(self, values: np.ndarray, index: pd.Index) -> SeasonalDifference:
        self._check_start(index)
        end = copy.copy(self)
        end.first_ = index[:0]
        end.tail_ = np.concatenate([self.tail_, values])[len(values) :]
        end.level_ = self._levels(values)[len(values) :]
        seen = np.concatenate([self.last_[None], values])
        end.last_ = carried_forward(seen, np.isfinite(seen))[-1]
        end.restarts_ = self.restarts_[:0]
        return end

    def one_step_inverse(
        self, forecast: np.ndarray, values: np.ndarray, index: pd.Index
    ) -> np.ndarray:
        self._check_start(index)
        before = self._levels(values)[: len(values)]
        seen = np.concatenate([self.last_[None], values])
        nearest = carried_forward(seen, np.isfinite(seen))[:-1]
        first = [y[0] if len(y) else np.nan for y in _observed(values)]
        nearest = np.where(np.isnan(nearest), first, nearest)
        return forecast + np.where(np.isnan(before), nearest, before)

    def _levels(self, values: np.ndarray) -> np.ndarray:
        """Return the last value observed at the phase of each step, before it: (T + m, K)."""
        seen = np.concatenate([self.level_, values])
        by_phase = self._by_phase(seen)
        carried = carried_forward(by_phase, np.isfinite(by_phase))
        return carried.reshape(-1, values.shape[1])[: len(seen)]

    def _by_phase(self, values: np.ndarray) -> np.ndarray:
        """Lay each season into a row: (T, K) -> (seasons, m K), NaN behind the end."""
        missing = np.full((-len(values) % self.season_, values.shape[1]), np.nan)
        return np.concatenate([values, missing]).reshape(-1, self.season_ * values.shape[1])

    def _check_start(self, index: pd.Index) -> None:
        check_is_fitted(self)
        _check_start(index, self.first_)


class Difference(BaseEstimator):
    """Change from the step before, ``order`` times over.

    It is missing at the first steps and beside missing values. The inverse adds changes to the last
    observed value: a missing change counts as zero. Of the rows of fit, those whose change is
    missing are remembered, so that the inverse gives them back exactly.

    Parameters
    ----------
    order : int
        How many times: 1 takes out a level, 2 a slope too.

    Raises
    ------
    ValueError
        In fit, if a column has no more than ``order`` observed rows.

    Examples
    --------
    >>> y, steps = np.array([[1.0], [4.0], [9.0], [16.0]]), pd.RangeIndex(4)
    >>> Difference(order=2).fit(y, steps).transform(y, steps).ravel()
    array([nan, nan,  2.,  2.])
    """

    pointwise = False

    def __init__(self, order: int = 1):
        self.order = order

    def fit(self, values: np.ndarray, index: pd.Index) -> Difference:
        check_count("order", self.order)
        check_rows(_fewest(values), self.order + 1, f"order={self.order}: lower it")
        self.stages_ = Chain([SeasonalDifference(1)] * self.order).fit(values, index)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        return self.stages_.transform(values, index)

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        return self.stages_.inverse_transform(values, index)

    def after(self, values: np.ndarray, index: pd.Index) -> Difference:
        check_is_fitted(self)
        end = copy.copy(self)
        end.stages_ = self.stages_.after(values, index)
        return end

    def one_step_inverse(
        self, forecast: np.ndarray, values: np.ndarray, index: pd.Index
    ) -> np.ndarray:
        check_is_fitted(self)
        return self.stages_.one_step_inverse(forecast, values, index)


class STLDeseasonalise(BaseEstimator):
    """Subtract a seasonal component (STL; Cleveland, Cleveland, McRae and Terpenning 1990).

    Estimated by statsmodels on the rows of fit, where gaps are interpolated for this purpose only:
    one component, the same in all seasons, which later rows repeat without being looked at. One
    that changes from season to season would follow the noise of the very rows that judge a network.
    The position on the index decides the phase.

    Parameters
    ----------
    season : int or None
        Steps in a season; None: a forecaster gives the season that it found.
    robust : bool
        Give outliers less weight, at several times the cost.

    Attributes
    ----------
    seasonal_ : array of shape (T, K)
        The component of the rows of fit.

    Raises
    ------
    ValueError
        In fit, if a column has fewer than two seasons of observed rows; in the others, if the first
        stamp is not the one at which the transform stands.

    Examples
    --------
    >>> y, steps = np.tile([[1.0], [3.0]], (6, 1)), pd.RangeIndex(12)
    >>> rest = STLDeseasonalise(season=2).fit(y, steps).transform(y, steps)
    >>> np.allclose(rest, 2.0)
    True
    """

    pointwise = True

    def __init__(self, season: int | None = None, robust: bool = False):
        self.season = season
        self.robust = robust

    def fit(self, values: np.ndarray, index: pd.Index) -> STLDeseasonalise:
        self.season_ = _checked_season(self.season, least=2)
        check_flag("robust", self.robust)
        check_rows(_fewest(values), 2 * self.season_, f"season={self.season}: shorten it")
        self.first_ = index[:1]  # of the stamps to come; empty behind a history
        self.position_ = 0  # of the first row to come
        self.seasonal_ = np.stack(
            [decomposed(y, self.season_, robust=self.robust)[0] for y in values.T], axis=1
        )  # (T, K)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        return values - self._component(values, index)

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        return values + self._component(values, index)

    def after(self, values: np.ndarray, index: pd.Index) -> STLDeseasonalise:
        check_is_fitted(self)
        _check_start(index, self.first_)
        end = copy.copy(self)
        end.first_ = index[:0]
        end.position_ = self.position_ + len(values)
        return end

    def _component(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        """Return the seasonal component of the next rows, (T, K)."""
        check_is_fitted(self)
        _check_start(index, self.first_)
        step = self.position_ + np.arange(len(values))
        last = len(self.seasonal_) - self.season_
        return self.seasonal_[np.where(step < last, step, last + (step - last) % self.season_)]


class Chain(BaseEstimator):
    """Transforms one after the other; the inverse runs backwards.

    Parameters
    ----------
    transforms : list of names or transforms
        Names as in ``TRANSFORMS``. ``fit`` fits copies.

    Attributes
    ----------
    transforms_ : list of fitted transforms

    Examples
    --------
    >>> y, steps = np.array([[1.0], [np.e], [np.e**3]]), pd.RangeIndex(3)
    >>> Chain(["log", "difference"]).fit(y, steps).transform(y, steps).ravel()
    array([nan,  1.,  2.])
    """

    def __init__(self, transforms: Sequence[Any]):
        self.transforms = transforms

    @property
    def pointwise(self) -> bool:
        """Whether all the transforms are."""
        return all(is_pointwise(resolved(transform)) for transform in self.transforms)

    def fit(self, values: np.ndarray, index: pd.Index) -> Chain:
        self.transforms_ = []
        for transform in self.transforms:
            self.transforms_.append(fitted(resolved(transform), values, index))
            values = self.transforms_[-1].transform(values, index)
        return self

    def transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        for transform in self.transforms_:
            values = transform.transform(values, index)
        return values

    def inverse_transform(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        check_is_fitted(self)
        for transform in reversed(self.transforms_):
            values = transform.inverse_transform(values, index)
        return values

    def after(self, values: np.ndarray, index: pd.Index) -> Chain:
        end = copy.copy(self)
        stages = self._stages(values, index)
        end.transforms_ = [standing_after(t, seen, index) for t, seen in stages]
        return end

    def one_step_inverse(
        self, forecast: np.ndarray, values: np.ndarray, index: pd.Index
    ) -> np.ndarray:
        for transform, seen in reversed(self._stages(values, index)):
            forecast = one_step_inverse(transform, forecast, seen, index)
        return forecast

    def _stages(self, values: np.ndarray, index: pd.Index) -> list[tuple[Any, np.ndarray]]:
        """Pair each transform with the values that it gets."""
        check_is_fitted(self)
        stages = []
        for transform in self.transforms_:
            stages.append((transform, values))
            values = transform.transform(values, index)
        return stages


def resolved(transform: Any) -> Any:
    """Return the transform of a name, list or object; refuse what cannot be one."""
    if isinstance(transform, str):
        if transform not in TRANSFORMS:
            names = ", ".join(map(repr, TRANSFORMS))
            raise ValueError(f"transform={transform!r}: expected one of {names}, a list or object")
        return TRANSFORMS[transform]()
    if isinstance(transform, list | tuple):
        if not transform:
            raise ValueError(f"transform={transform!r}: expected at least one transform, or None")
        return Chain([resolved(each) for each in transform])
    needed = ("fit", "transform", "inverse_transform")
    missing = [name for name in needed if not callable(getattr(transform, name, None))]
    if isinstance(transform, type):
        raise TypeError(f"transform={transform.__name__} is a class: expected an object of it")
    if missing:
        without = " (a transform without inverse)" if missing == ["inverse_transform"] else ""
        raise TypeError(
            f"transform={transform!r} has no {', '.join(missing)}{without}: expected a name or an "
            "object with fit, transform and inverse_transform over (values, index)"
        )
    return transform


def decomposed(
    y: np.ndarray, season: int, *, robust: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the periodic and the remaining component of y (T,) by STL, gaps interpolated.

    It sees y centred and scaled, so that offset and size do not matter.
    """
    filled = bridge(y, season)
    centred = filled - filled.mean()
    scale = 1.0 if is_constant(filled) else centred.std()
    smoother = _periodic(len(y), season)
    parts = STL(centred / scale, period=season, robust=robust, **smoother).fit()
    return parts.seasonal * scale, parts.resid * scale


def _periodic(rows: int, season: int) -> dict[str, int]:
    """Return STL's options for a component that is the same in all seasons, with the jumps of R."""
    jump = -(-season // 10)  # the smooth parts are computed at every so many steps
    mean = {"seasonal": 10 * rows + 1, "seasonal_deg": 0, "seasonal_jump": rows}
    return {**mean, "trend_jump": jump, "low_pass_jump": jump}


def _powers(given: float | None, z: np.ndarray, likelihood: Callable) -> np.ndarray:
    """Return the power of each column of z (T, K): as given, or of maximum likelihood."""
    if given is not None:
        return np.full(z.shape[1], float(given))
    return np.array([_likeliest(y, likelihood) for y in _observed(z)])


def _likeliest(z: np.ndarray, likelihood: Callable) -> float:
    """Return the power of maximum likelihood for the observed values z, 1 if they hardly vary."""
    if len(z) < 3 or np.ptp(z) <= LEAST_VARIATION:
        return 1.0
    z = z[:: -(-len(z) // LARGEST_LIKELIHOOD)]
    bounds = (LEAST_POWER, LARGEST_POWER)
    best = minimize_scalar(
        lambda power: -likelihood(power, z),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-8},
    )
    return round(float(best.x), POWER_DECIMALS)


def _exponent(w: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return log(z) of ``w = (z**power - 1) / power``, of its edge where no z > 0 has that w."""
    growth = np.maximum(power * w, -1 + np.finfo(np.float64).eps)
    exponent = np.divide(np.log1p(growth), power, out=w.copy(), where=power > 0)
    return np.clip(exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT)


def _check_power(power: Any) -> None:
    """Refuse a power that has no inverse everywhere."""
    if power is None:
        return
    number = isinstance(power, numbers.Real) and not isinstance(power, bool)
    if not number or not LEAST_POWER <= power <= LARGEST_POWER:
        raise ValueError(f"power={power!r}: expected a number in [0, 2] or None")


def _check_above(name: str, least: float, values: np.ndarray, index: pd.Index) -> None:
    """Refuse values that the transform of that name does not take."""
    low = values <= least  # False for NaN
    if low.any():
        others = "'log1p' or 'yeo-johnson'" if name == "log" else "'yeo-johnson'"
        first = index[int(np.argmax(low.any(axis=1)))]
        raise ValueError(
            f"transform={name!r} needs y > {least}; {low.sum()} values <= {least}, "
            f"first at {first}; use {others}"
        )


def _check_start(index: pd.Index, first: pd.Index) -> None:
    """Refuse rows that do not begin at the first step of fit; behind a history all may come."""
    if len(first) and len(index) and not index[:1].equals(first):
        raise ValueError(
            f"index starts at {index[0]}: expected {first[0]}, the first step of fit; for the "
            "steps behind a history take standing_after(transform, values, index)"
        )


def _checked_season(season: Any, least: int) -> int:
    """Return the season, which must be given by now."""
    check_count("season", season, least=least)
    return int(season)


def _fewest(values: np.ndarray) -> int:
    """Count the observed rows of the column that has fewest."""
    return int(np.isfinite(values).sum(axis=0).min())


def _observed(values: np.ndarray) -> list[np.ndarray]:
    """Return the observed values of each column."""
    return [y[np.isfinite(y)] for y in values.T]


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean of the observed values of each column, 0 for none: (T, K) -> (K,)."""
    return np.array([y.mean() if len(y) else 0.0 for y in _observed(values)])


TRANSFORMS: dict[str, Callable[[], Any]] = {
    "log": Log,
    "log1p": Log1p,
    "box-cox": BoxCox,
    "yeo-johnson": YeoJohnson,
    "difference": Difference,
    "seasonal_difference": SeasonalDifference,
    "deseasonalise": STLDeseasonalise,
    "standardise": Standardise,
}

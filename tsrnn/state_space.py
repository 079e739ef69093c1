"""ARIMA models of one series: estimated, and carried along the series by the Kalman filter.

Conventions: T steps on the calendar grid of a series, F covariates, n steps to forecast, m steps a
season, S states; ``w = (1 - B)^d (1 - B^m)^D y`` is the differenced series, N its length.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from statsmodels.tsa.statespace import kalman_filter
from statsmodels.tsa.statespace.sarimax import SARIMAX

from tsrnn.css import MANY_CALLS, Arma, Orders, fit_arma
from tsrnn.gaps import FLOAT_EPS, bridge, snap

# Of the states' covariances keep the last: 30 ms and 3 MB, not 440 ms and 130 MB (T=3,000, m=24).
STATES_ONLY = (
    kalman_filter.MEMORY_NO_PREDICTED_COV
    | kalman_filter.MEMORY_NO_FILTERED
    | kalman_filter.MEMORY_NO_GAIN
    | kalman_filter.MEMORY_NO_SMOOTHING
)
DIFFUSE = 1e6  # statsmodels' variance of a state of which nothing is known
# With gaps the Kalman filter climbs the exact likelihood while rows x states^2 stay below this
# (some seconds); above, the estimates from the bridged series are kept.
GAP_BUDGET = 200_000


class Specification(NamedTuple):
    """Which model: orders as in statsmodels, and whether w has a mean."""

    order: tuple[int, int, int]
    seasonal_order: tuple[int, int, int, int]
    constant: bool

    @property
    def season(self) -> int:
        """Steps in a season, 1 for none."""
        return max(1, self.seasonal_order[3])

    @property
    def lost(self) -> int:
        """Steps that differencing takes."""
        return self.order[1] + self.seasonal_order[1] * self.season

    @property
    def n_differences(self) -> int:
        """Differences taken, seasonal or not; with more than one a constant makes no sense."""
        return self.order[1] + self.seasonal_order[1]

    @property
    def arma(self) -> Orders:
        """Orders of the model of w."""
        return Orders(
            self.order[0],
            self.order[2],
            self.seasonal_order[0],
            self.seasonal_order[2],
            self.season,
        )

    @property
    def n_params(self) -> int:
        """Parameters beside the variance and the covariates' coefficients."""
        return sum(self.arma[:4]) + self.constant


@dataclass(frozen=True)
class Units:
    """Shift and scale that bring a series near zero and its changes near one."""

    centre: float
    scale: float
    X_centre: np.ndarray  # (F,)
    X_scale: np.ndarray  # (F,)

    def shrink(self, y: np.ndarray, X: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Bring a series and its covariates into these units."""
        return (y - self.centre) / self.scale, None if X is None else self.shrink_covariates(X)

    def shrink_covariates(self, X: np.ndarray) -> np.ndarray:
        """Bring covariates into these units."""
        return (X - self.X_centre) / self.X_scale


class System(NamedTuple):
    """State space of a series without its covariates, the innovations' variance being one.

    ``y_t = design a_t``, ``a_(t + 1) = transition a_t + intercept + selection e_t``.
    """

    design: np.ndarray  # (S,)
    transition: np.ndarray  # (S, S)
    intercept: np.ndarray  # (S,)
    selection: np.ndarray  # (S,)
    state: np.ndarray  # (S,), before anything was seen
    covariance: np.ndarray  # (S, S), then


class Filtered(NamedTuple):
    """What the Kalman filter says of T steps, and how it leaves them."""

    forecasts: np.ndarray  # (T,) of each step from those before, in units of y
    variances: np.ndarray  # (T,) of their errors where observed, those of the innovations being one
    state: np.ndarray  # (S,)
    covariance: np.ndarray  # (S, S), in units of the innovations' variance


@dataclass(frozen=True)
class StateSpaceModel:
    """An estimated ARIMA model and its Kalman state at the end of the history."""

    specification: Specification
    params: np.ndarray  # in the order of SARIMAX: constant, AR, MA, seasonal AR, seasonal MA
    coefficients: np.ndarray  # of the covariates, (F,)
    units: Units
    system: System
    state: np.ndarray  # (S,)
    covariance: np.ndarray  # (S, S), where sigma is one
    sigma: float = 1.0  # standard deviation of the innovations, in units of y
    trace: tuple[dict[str, Any], ...] = ()

    @property
    def order(self) -> tuple[int, int, int]:
        """Return (p, d, q)."""
        return self.specification.order

    @property
    def seasonal_order(self) -> tuple[int, int, int, int]:
        """Return (P, D, Q, m), zeros where there is no seasonal part."""
        return plain_season(self.specification)

    def forecast(self, y: np.ndarray, n: int, X: np.ndarray | None) -> np.ndarray:
        """Forecast ``(n,)`` from the state: no filter is needed where nothing is observed."""
        state, forecasts = self.state, np.empty(n)
        for h in range(n):
            forecasts[h] = self.system.design @ state
            state = self.system.transition @ state + self.system.intercept
        return self.units.centre + self.units.scale * (forecasts + self._explained(n, X))

    def deviations(self, y: np.ndarray, n: int) -> np.ndarray:
        """Return the standard deviations ``(n,)`` of the forecast errors.

        With the design row Z, transition T and selection R the error of step h is that of the
        state at the end, ``Z T^(h - 1) (a - a_hat)``, plus later innovations, weighted ``Z T^i R``.
        """
        row, known, weights = self.system.design, np.empty(n), np.empty(n)
        for h in range(n):
            known[h] = row @ self.covariance @ row
            weights[h] = row @ self.system.selection
            row = row @ self.system.transition
        later = np.concatenate([[0.0], np.cumsum(weights[:-1] ** 2)])
        return self.sigma * np.sqrt(known + later)

    def one_step(self, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        """Filter a series from its beginning: one-step forecasts ``(T,)``."""
        start = replace(self, state=self.system.state, covariance=self.system.covariance)
        if self.specification.lost:  # the level is free: let it be the first value known
            first = float(y[np.argmax(np.isfinite(y))])
            start = replace(start, units=replace(self.units, centre=first))
        return start._filter(y, X).forecasts

    def extended(self, y: np.ndarray, X: np.ndarray | None) -> StateSpaceModel:
        """Carry the state over new steps y."""
        history = self._filter(y, X)
        return replace(self, state=history.state, covariance=history.covariance)

    def started(self, y: np.ndarray, X: np.ndarray | None) -> StateSpaceModel:
        """Filter the whole history and estimate sigma from its errors.

        The first observations fix the states that differencing leaves free: they count for nothing.
        Each parameter takes a degree of freedom, as in ``forecast::Arima``.
        """
        history = self._filter(y, X)
        used = np.isfinite(y) & (history.variances < DIFFUSE / 2)
        squares = (y - history.forecasts)[used] ** 2 / history.variances[used]
        freedom = len(squares) - len(self.params) - len(self.coefficients)
        sigma = float(np.sqrt(squares.sum() / max(1, freedom)))
        return replace(self, sigma=sigma, state=history.state, covariance=history.covariance)

    def _filter(self, y: np.ndarray, X: np.ndarray | None) -> Filtered:
        explained, (scaled, _) = self._explained(len(y), X), self.units.shrink(y, None)
        result = _kalman_filter(self.system, scaled - explained, self.state, self.covariance)
        # statsmodels leaves out forecasts of missing values when it is told to keep little
        forecasts = self.system.design @ result.predicted_state[:, :-1]
        return Filtered(
            self.units.centre + self.units.scale * (forecasts + explained),
            result.forecasts_error_cov[0, 0],
            result.predicted_state[:, -1],
            result.predicted_state_cov[:, :, -1],
        )

    def _explained(self, n: int, X: np.ndarray | None) -> np.ndarray:
        """Return what the covariates explain of n steps, in the model's units."""
        if X is None:
            return np.zeros(n)
        return self.units.shrink_covariates(X) @ self.coefficients


def estimated(y: np.ndarray, X: np.ndarray | None, specification: Specification) -> StateSpaceModel:
    """Estimate by maximum likelihood and filter the whole history."""
    filled, exog = bridged(y, X, specification.season)
    arma, units = fit_complete(filled, exog, specification, climb=MANY_CALLS)
    return with_state(y, X, specification, arma, units)


def with_state(
    y: np.ndarray, X: np.ndarray | None, specification: Specification, arma: Arma, units: Units
) -> StateSpaceModel:
    """Let gaps count as gaps in the estimates, then filter the whole history."""
    params, coefficients = _statsmodels_params(arma, specification)
    if np.isnan(y).any():
        params, coefficients = _climb_with_gaps(y, X, specification, params, coefficients, units)
    system = _system(specification, params)
    model = StateSpaceModel(
        specification, params, coefficients, units, system, system.state, system.covariance
    )
    return model.started(y, X)


def fit_complete(
    y: np.ndarray,
    X: np.ndarray | None,
    specification: Specification,
    *,
    climb: int = 0,
    start: Arma | None = None,
) -> tuple[Arma, Units]:
    """Fit a complete series y ``(T,)`` with X ``(T, F)``, its changes scaled to about one.

    `climb` and `start` are those of ``fit_arma``.
    """
    exog = np.empty((len(y), 0)) if X is None else X
    # A constant level means nothing after differencing, or beside a mean: take it off, so that the
    # digits are left to what varies.
    free_level = specification.lost > 0 or specification.constant
    centre, X_centre = (y[0], exog[0]) if free_level else (0.0, np.zeros(exog.shape[1]))
    w, Z = (_difference(values, specification) for values in (y - centre, exog - X_centre))
    rounding = 16 * FLOAT_EPS * float(np.abs(y).max()) * 2.0**specification.n_differences
    varies = w.std() > rounding
    scale = float(w.std() if varies else np.ptp(y))
    X_scale = np.where(Z.std(axis=0) > 0, Z.std(axis=0), 1.0)
    Z = snap(Z / X_scale)
    if specification.constant:
        Z = np.column_stack([np.ones(len(w)), Z])
    w, orders = snap(w / scale), specification.arma
    arma = fit_arma(w, Z, orders, climb=climb, start=start, rounding=rounding / scale)
    arma = replace(arma, log_likelihood=arma.log_likelihood - len(w) * np.log(scale))
    return arma, Units(centre, scale, X_centre, X_scale)


def _climb_with_gaps(
    y: np.ndarray,
    X: np.ndarray | None,
    specification: Specification,
    params: np.ndarray,
    coefficients: np.ndarray,
    units: Units,
) -> tuple[np.ndarray, np.ndarray]:
    """Climb to the maximum of the likelihood of the observed values alone."""
    scaled, exog = units.shrink(y, X)
    varying = np.zeros(0, dtype=bool) if exog is None else np.ptp(exog, axis=0) > 0
    used = exog[:, varying] if exog is not None and varying.any() else None
    model = _sarimax(snap(scaled), used, specification, concentrate_scale=True)
    at, k = int(specification.constant), int(varying.sum())  # SARIMAX has them after the constant
    start = np.insert(params, at, coefficients[varying])
    if not len(start) or len(y) * model.k_states**2 > GAP_BUDGET:
        return params, coefficients
    with _quiet():
        top = np.asarray(model.fit(start, disp=False, cov_type="none").params)
    climbed = coefficients.copy()
    climbed[varying] = top[at : at + k]
    return np.delete(top, np.arange(at, at + k)), climbed


def _statsmodels_params(arma: Arma, specification: Specification) -> tuple[np.ndarray, np.ndarray]:
    """Order the estimates as SARIMAX, covariates apart; its constant is phi(1) Phi(1) mean(w)."""
    mean, coefficients = np.split(arma.regression, [int(specification.constant)])
    constant = mean * (1.0 - arma.phi.sum()) * (1.0 - arma.seasonal_phi.sum())
    polynomials = (arma.phi, arma.theta, arma.seasonal_phi, arma.seasonal_theta)
    return np.concatenate([constant, *polynomials]), coefficients


def _system(specification: Specification, params: np.ndarray) -> System:
    """Return statsmodels' state space; its sigma multiplies deviations."""
    with _quiet():
        model = _sarimax(np.zeros(1), None, specification)
        model.update(np.append(params, 1.0))
    state, diffuse, stationary = model.ssm.initialization(model=model.ssm)
    return System(
        model["design"][0].copy(),
        model["transition"].copy(),
        model["state_intercept"].ravel().copy(),
        model["selection"][:, 0].copy(),
        np.array(state),
        np.array(diffuse) + np.array(stationary),
    )


def _kalman_filter(
    system: System, y: np.ndarray, state: np.ndarray, covariance: np.ndarray
) -> kalman_filter.FilterResults:
    """Filter y ``(T,)`` from a known state."""
    model = kalman_filter.KalmanFilter(
        1,
        len(state),
        k_posdef=1,
        design=system.design[None, :],
        transition=system.transition,
        state_intercept=system.intercept[:, None],
        selection=system.selection[:, None],
        state_cov=np.ones((1, 1)),
    )
    model.bind(y[:, None].copy())
    model.initialize_known(state, covariance)
    return model.filter(conserve_memory=STATES_ONLY)


def _sarimax(
    y: np.ndarray,
    X: np.ndarray | None,
    specification: Specification,
    *,
    concentrate_scale: bool = False,
) -> SARIMAX:
    return SARIMAX(
        y,
        X,
        order=specification.order,
        seasonal_order=plain_season(specification),
        trend="c" if specification.constant else "n",
        concentrate_scale=concentrate_scale,
    )


def plain_season(specification: Specification) -> tuple[int, int, int, int]:
    """Return the seasonal order without a season that no polynomial uses."""
    used = any(specification.seasonal_order[:3])
    return specification.seasonal_order if used else (0, 0, 0, 0)


def bridged(y: np.ndarray, X: np.ndarray | None, m: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the part from the first to the last observation, its gaps bridged.

    What the covariates explain is known in a gap too; only the rest is bridged.
    """
    seen = np.flatnonzero(np.isfinite(y))
    part = slice(seen[0], seen[-1] + 1)
    y = y[part]
    if X is None:
        return bridge(y, m), None
    X = X[part]
    explained = regressed(y, X)
    return np.where(np.isnan(y), bridge(y - explained, m) + explained, y), X


def _difference(values: np.ndarray, specification: Specification) -> np.ndarray:
    """Apply ``(1 - B)^d (1 - B^m)^D`` along the steps."""
    for _ in range(specification.seasonal_order[1]):
        values = values[specification.season :] - values[: -specification.season]
    return np.diff(values, n=specification.order[1], axis=0)


def regressed(y: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return the part of y that a linear regression on the covariates explains, zero on average."""
    seen = np.isfinite(y)
    design = X - X[seen].mean(axis=0)
    return design @ np.linalg.lstsq(design[seen], y[seen] - y[seen].mean(), rcond=None)[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence statsmodels' remarks on starting values, convergence and table look-ups."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

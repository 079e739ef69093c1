"""ARIMA with given orders, and with orders found by stepwise search, on statsmodels' state space.

Conventions: T steps on the calendar grid of a series, F covariates, n steps to forecast, m steps a
season; ``w = (1 - B)^d (1 - B^m)^D y`` is the differenced series, N its length.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from statsmodels.tsa.seasonal import STL
from statsmodels.tsa.statespace import kalman_filter
from statsmodels.tsa.statespace.initialization import Initialization
from statsmodels.tsa.statespace.sarimax import SARIMAX

from tsrnn.baselines import naive_deviations, normal_quantiles, season_length
from tsrnn.checks import check_choice, check_count, check_rows
from tsrnn.css import SHORT, Arma, Orders, fit_arma
from tsrnn.gaps import FLOAT_EPS, bridge, is_constant, last_seen, naive_one_step, snap
from tsrnn.local import LocalForecaster

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
LONGEST_SEARCHED_SEASON = 24
KPSS_5_PERCENT = 0.463  # Kwiatkowski et al. 1992, table 1, level stationarity
SEASONAL_STRENGTH = 0.64  # forecast::nsdiffs, fitted to the M3 series
# Hyndman and Khandakar's candidates with a root this close to the unit circle are not admitted.
NEAR_UNIT_ROOT = 1.01
FINALISTS = 3


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
        exog = None if X is None else (X - self.X_centre) / self.X_scale
        return (y - self.centre) / self.scale, exog


@dataclass(frozen=True)
class LastValue:
    """The model of a constant series: it goes on, and after an update it follows."""

    order: tuple[int, int, int] = (0, 0, 0)
    seasonal_order: tuple[int, int, int, int] = (0, 0, 0, 0)
    trace: tuple[dict[str, Any], ...] = ()

    def forecast(self, y: np.ndarray, n: int, X: np.ndarray | None) -> np.ndarray:
        """Forecast ``(n,)`` by the last observation."""
        return np.full(n, y[last_seen(y)[-1]])

    def deviations(self, y: np.ndarray, n: int) -> np.ndarray:
        """Return the standard deviations ``(n,)``: zero until an update brings another value."""
        return naive_deviations(y, n)

    def one_step(self, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        """Forecast each step by the last observation before it."""
        return naive_one_step(y)

    def extended(self, y: np.ndarray, X: np.ndarray | None) -> LastValue:
        """Take note of new steps: the forecasts read them from the history."""
        return self


class Filtered(NamedTuple):
    """What the Kalman filter says of T steps, and how it leaves them."""

    forecasts: np.ndarray  # (T,) of each step from those before, in units of y
    variances: np.ndarray  # (T,) of their errors where observed, those of the innovations being one
    state: np.ndarray  # (states,)
    covariance: np.ndarray  # (states, states), in units of the innovations' variance


@dataclass(frozen=True)
class StateSpaceModel:
    """An estimated ARIMA model and its Kalman state at the end of the history."""

    specification: Specification
    params: np.ndarray  # in the order of SARIMAX: constant, AR, MA, seasonal AR, seasonal MA
    coefficients: np.ndarray  # of the covariates, (F,)
    units: Units
    sigma: float = 1.0  # standard deviation of the innovations, in units of y
    state: np.ndarray | None = None  # (states,), None before anything was seen
    covariance: np.ndarray | None = None  # where sigma is one
    trace: tuple[dict[str, Any], ...] = ()

    @property
    def order(self) -> tuple[int, int, int]:
        """Return (p, d, q)."""
        return self.specification.order

    @property
    def seasonal_order(self) -> tuple[int, int, int, int]:
        """Return (P, D, Q, m), zeros where there is no seasonal part."""
        return _plain_season(self.specification)

    def forecast(self, y: np.ndarray, n: int, X: np.ndarray | None) -> np.ndarray:
        """Forecast ``(n,)`` from the state, that is filter n missing values."""
        return self._filter(np.full(n, np.nan), X).forecasts

    def deviations(self, y: np.ndarray, n: int) -> np.ndarray:
        """Return the standard deviations ``(n,)`` of the forecast errors.

        With the design row Z, transition T and selection R the error of step h is that of the
        state at the end, ``Z T^(h - 1) (a - a_hat)``, plus later innovations, weighted ``Z T^i R``.
        """
        with _quiet():
            model = self._system(np.full(1, np.nan))
        row, transition = model["design"][0], model["transition"]
        selection = model["selection"][:, 0]
        known, weights = np.empty(n), np.empty(n)
        for h in range(n):
            known[h] = row @ self.covariance @ row
            weights[h] = row @ selection
            row = row @ transition
        later = np.concatenate([[0.0], np.cumsum(weights[:-1] ** 2)])
        return self.sigma * np.sqrt(known + later)

    def one_step(self, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        """Filter a series from its beginning: one-step forecasts ``(T,)``."""
        start = replace(self, state=None)
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
        scaled, exog = self.units.shrink(y, X)
        explained = np.zeros(len(y)) if exog is None else exog @ self.coefficients
        with _quiet():
            model = self._system(scaled - explained)
            if self.state is not None:
                model.ssm.initialization = Initialization(
                    model.k_states, "known", constant=self.state, stationary_cov=self.covariance
                )
            result = model.ssm.filter(conserve_memory=STATES_ONLY)
        # statsmodels leaves out forecasts of missing values when it is told to keep little
        forecasts = model["design"] @ result.predicted_state[:, :-1] + model["obs_intercept"]
        return Filtered(
            self.units.centre + self.units.scale * (forecasts[0] + explained),
            result.forecasts_error_cov[0, 0],
            result.predicted_state[:, -1],
            result.predicted_state_cov[:, :, -1],
        )

    def _system(self, scaled: np.ndarray) -> SARIMAX:
        """Return the state space with innovations of variance one: sigma multiplies deviations."""
        model = _sarimax(scaled, None, self.specification)
        model.update(np.append(self.params, 1.0))
        return model


class StateSpaceForecaster(LocalForecaster):
    """Interface of the forecasters below: a leaf says how the model of one series is found."""

    def _forecast_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None
    ) -> np.ndarray:
        return model.forecast(y, n, X)

    def _quantiles_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None, levels: np.ndarray
    ) -> np.ndarray:
        return normal_quantiles(model.forecast(y, n, X), model.deviations(y, n), levels)

    def _in_sample_series(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        return model.one_step(y, X)

    def _update_series(
        self, model: Any, y: np.ndarray, new_steps: int, X: np.ndarray | None
    ) -> Any:
        return model.extended(y[-new_steps:], None if X is None else X[-new_steps:])


class ARIMA(StateSpaceForecaster):
    """Seasonal ARIMA of given orders, with covariates as regressors: SARIMAX of statsmodels.

    ``phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D (y - X b) = c + theta(B) Theta(B^m) e``, estimated by
    exact maximum likelihood on a scaled series, so that units do not matter.
    Missing values are skipped by the Kalman filter. In the likelihood too, except in long seasonal
    series, whose gaps are bridged for estimation only. ``update`` filters the new rows with the
    parameters as they are (statsmodels' ``append(refit=False)``). In-sample forecasts of the first
    ``d + D m`` steps, which nothing determines, are the first observed value.

    Quantiles are normal with the forecast variances of the state space: of the state at the end
    and of the innovations to come, not of the parameters. The innovations' variance is that of the
    residuals, a degree of freedom taken by each parameter (statsmodels: by none). For a constant
    series they are those of ``Naive``: the constant.

    Parameters
    ----------
    order : (p, d, q)
        Autoregressive order, differences, moving-average order.
    seasonal_order : (P, D, Q, m)
        The same for steps of a season of length m.
    trend : {"auto", "n", "c"}
        ``"c"``: a constant in the equation above: a mean without differences, a drift with one;
        ``"n"``: none; ``"auto"``: ``"c"`` if and only if ``d = D = 0``.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series([1.0, 2.0, 4.0, 7.0, 11.0, 16.0, 22.0],
    ...               index=pd.period_range("2018", periods=7, freq="Y"))
    >>> ARIMA(order=(0, 2, 0), trend="c").fit(y=y).predict(horizon=2).round(6).tolist()
    [29.0, 37.0]
    """

    def __init__(
        self,
        order: tuple[int, int, int] = (1, 1, 1),
        seasonal_order: tuple[int, int, int, int] = (0, 0, 0, 0),
        trend: str = "auto",
        missing: str = "mask",
    ):
        self.order = order
        self.seasonal_order = seasonal_order
        self.trend = trend
        self.missing = missing

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> LastValue | StateSpaceModel:
        specification = self._specification()
        needed = specification.lost + specification.n_params + 2
        check_rows(int(np.isfinite(y).sum()), needed, "or lower the orders")
        if is_constant(y):
            return LastValue()
        return _estimate(y, X, specification)

    def _specification(self) -> Specification:
        p, d, q = _orders("order", self.order, "(p, d, q)", 3)
        P, D, Q, m = _orders("seasonal_order", self.seasonal_order, "(P, D, Q, m)", 4)
        if P + D + Q and m < 2:
            raise ValueError(
                f"seasonal_order={self.seasonal_order!r}: expected m >= 2 steps a season"
            )
        check_choice("trend", self.trend, ("auto", "n", "c"))
        constant = self.trend == "c" or (self.trend == "auto" and d + D == 0)
        return Specification((p, d, q), (P, D, Q, m) if P + D + Q else (0, 0, 0, 0), constant)


class AutoARIMA(StateSpaceForecaster):
    """ARIMA with orders found by the stepwise search of Hyndman and Khandakar (2008).

    The differences come from tests: D by the strength of the season in an STL decomposition (Wang,
    Smith and Hyndman 2006), d by KPSS tests; with covariates, on what a regression leaves.
    Then the neighbours of the best model so far are tried until none has a lower AICc. For series
    longer than 200 steps candidates are fitted by conditional least squares and compared by their
    exact likelihood there; the three best are then fitted by exact maximum likelihood. Gaps are
    bridged during the search; the chosen model is fitted, and forecasts, as ``ARIMA`` does, with
    quantiles from its state space as there; that the orders were chosen widens nothing.

    Parameters
    ----------
    seasonality : "auto" or int
        Steps in a season, 1 for none. ``"auto"``: the shortest season of the calendar, where it has
        at most 24 steps and two seasons were seen, else 1.
    max_p, max_q, max_P, max_Q : int
        Largest orders tried.
    max_d, max_D : int
        Most differences taken.
    max_length : int or None
        Search and estimation use the last so many steps; None: all. The forecasts depend on older
        values through the parameters only.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Attributes
    ----------
    orders_ : dict
        ``((p, d, q), (P, D, Q, m))`` of each series; the key of a single series is None.
    search_ : DataFrame
        The models tried, in order: series, order, seasonal_order, constant, aicc, and stage
        ("search", or "final" for the finalists of a long series). A constant series has none.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> walk = np.random.default_rng(0).normal(size=200).cumsum()
    >>> y = pd.Series(walk, index=pd.bdate_range("2024-01-01", periods=200))
    >>> AutoARIMA(seasonality=1).fit(y=y).orders_[None]
    ((0, 1, 0), (0, 0, 0, 0))
    """

    def __init__(
        self,
        seasonality: str | int = "auto",
        max_p: int = 5,
        max_q: int = 5,
        max_P: int = 2,
        max_Q: int = 2,
        max_d: int = 2,
        max_D: int = 1,
        max_length: int | None = 2_000,
        missing: str = "mask",
    ):
        self.seasonality = seasonality
        self.max_p = max_p
        self.max_q = max_q
        self.max_P = max_P
        self.max_Q = max_Q
        self.max_d = max_d
        self.max_D = max_D
        self.max_length = max_length
        self.missing = missing

    @property
    def orders_(
        self,
    ) -> dict[Hashable, tuple[tuple[int, int, int], tuple[int, int, int, int]]]:
        return {key: (model.order, model.seasonal_order) for key, model in self.models_.items()}

    @property
    def search_(self) -> pd.DataFrame:
        rows = [{"series": k, **row} for k, model in self.models_.items() for row in model.trace]
        columns = ["series", "order", "seasonal_order", "constant", "aicc", "stage"]
        return pd.DataFrame(rows, columns=columns)

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> LastValue | StateSpaceModel:
        for name in ("max_p", "max_q", "max_P", "max_Q", "max_d", "max_D"):
            check_count(name, getattr(self, name), least=0)
        if self.max_length is not None:
            check_count("max_length", self.max_length, least=50)
            y, X = y[-self.max_length :], None if X is None else X[-self.max_length :]
        seen = int(np.isfinite(y).sum())
        m = season_length(self.seasonality, self.calendar_, seen, seasons=2)
        if self.seasonality == "auto" and m > LONGEST_SEARCHED_SEASON:
            m = 1
        check_rows(seen, max(5, 2 * m + 2 if m > 1 else 0), "or set seasonality=1, or use Naive()")
        if is_constant(y):
            return LastValue()
        return self._search(y, X, m)

    def _search(self, y: np.ndarray, X: np.ndarray | None, m: int) -> StateSpaceModel:
        """Choose the differences, then climb from simple models to the lowest AICc."""
        filled, exog = _bridged(y, X, m)
        residuals = filled if exog is None else filled - _explained(filled, exog)
        d, D = _differences(residuals, m, self.max_d, self.max_D)
        seasonal = (0, D, 0, m) if m > 1 else (0, 0, 0, 0)
        simplest = Specification((0, d, 0), seasonal, False)
        n = len(filled) - simplest.lost
        short = n <= SHORT

        def criterion(candidate: Specification) -> float:
            return _criterion(_fit_complete(filled, exog, candidate, polish=short)[0], n)

        tried = _stepwise(self._first(simplest), self._neighbours, criterion)
        best = min(tried, key=tried.__getitem__)
        trace = [_row(candidate, aicc, "search") for candidate, aicc in tried.items()]
        if not short:
            finalists = sorted(tried, key=tried.__getitem__)[:FINALISTS]
            fits = {c: _fit_complete(filled, exog, c, polish=True) for c in finalists}
            exact = {c: _criterion(fit[0], n) for c, fit in fits.items()}
            trace += [_row(candidate, aicc, "final") for candidate, aicc in exact.items()]
            best = min(exact, key=exact.__getitem__)
            return replace(_with_state(y, X, best, *fits[best]), trace=tuple(trace))
        return replace(_estimate(y, X, best), trace=tuple(trace))

    def _first(self, simplest: Specification) -> list[Specification]:
        """Hyndman and Khandakar's four models to start from, and the simplest without constant."""
        constant = simplest.n_differences <= 1
        starts = [(2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1)]
        first = [_varied(simplest, *steps, constant) for steps in starts]
        first[0] = _varied(simplest, min(2, self.max_p), min(2, self.max_q), 1, 1, constant)
        return [c for c in dict.fromkeys([*first, simplest]) if self._allows(c)]

    def _neighbours(self, best: Specification) -> list[Specification]:
        """Models one step away: seasonal orders first, then the others, then the constant."""
        steps = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
        seasonal = [_varied(best, 0, 0, *step, best.constant) for step in steps]
        regular = [_varied(best, *step, 0, 0, best.constant) for step in steps]
        toggled = [best._replace(constant=not best.constant)] if best.n_differences <= 1 else []
        return [c for c in [*seasonal, *regular, *toggled] if self._allows(c)]

    def _allows(self, candidate: Specification) -> bool:
        p, q, P, Q, m = candidate.arma
        largest = (
            (self.max_p, self.max_q, self.max_P, self.max_Q)
            if m > 1
            else (self.max_p, self.max_q, 0, 0)
        )
        overlap = (p >= m > 1 and P > 0) or (q >= m > 1 and Q > 0)  # two terms at lag m
        within = (0 <= k <= most for k, most in zip((p, q, P, Q), largest, strict=True))
        return not overlap and all(within)


def _orders(name: str, value: Any, form: str, length: int) -> tuple[int, ...]:
    """Check orders and return them as plain integers."""
    if not isinstance(value, tuple | list) or len(value) != length:
        raise ValueError(f"{name}={value!r}: expected {form}, {length} integers >= 0")
    for entry in value:
        check_count(f"{name}={value!r}, entry", entry, least=0)
    return tuple(int(entry) for entry in value)


def _estimate(y: np.ndarray, X: np.ndarray | None, specification: Specification) -> StateSpaceModel:
    """Estimate by maximum likelihood and filter the whole history."""
    filled, exog = _bridged(y, X, specification.season)
    return _with_state(
        y, X, specification, *_fit_complete(filled, exog, specification, polish=True)
    )


def _with_state(
    y: np.ndarray, X: np.ndarray | None, specification: Specification, arma: Arma, units: Units
) -> StateSpaceModel:
    """Let gaps count as gaps in the estimates, then filter the whole history."""
    params, coefficients = _statsmodels_params(arma, specification)
    if np.isnan(y).any():
        params, coefficients = _climb_with_gaps(y, X, specification, params, coefficients, units)
    return StateSpaceModel(specification, params, coefficients, units).started(y, X)


def _fit_complete(
    y: np.ndarray, X: np.ndarray | None, specification: Specification, *, polish: bool
) -> tuple[Arma, Units]:
    """Fit a complete series y ``(T,)`` with X ``(T, F)``, its changes scaled to about one."""
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
    arma = fit_arma(
        snap(w / scale), Z, specification.arma, polish=polish, rounding=rounding / scale
    )
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
        seasonal_order=_plain_season(specification),
        trend="c" if specification.constant else "n",
        concentrate_scale=concentrate_scale,
    )


def _plain_season(specification: Specification) -> tuple[int, int, int, int]:
    """Return the seasonal order without a season that no polynomial uses."""
    used = any(specification.seasonal_order[:3])
    return specification.seasonal_order if used else (0, 0, 0, 0)


def _bridged(y: np.ndarray, X: np.ndarray | None, m: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the part from the first to the last observation, its gaps bridged.

    What the covariates explain is known in a gap too; only the rest is bridged.
    """
    seen = np.flatnonzero(np.isfinite(y))
    part = slice(seen[0], seen[-1] + 1)
    y = y[part]
    if X is None:
        return bridge(y, m), None
    X = X[part]
    explained = _explained(y, X)
    return np.where(np.isnan(y), bridge(y - explained, m) + explained, y), X


def _difference(values: np.ndarray, specification: Specification) -> np.ndarray:
    """Apply ``(1 - B)^d (1 - B^m)^D`` along the steps."""
    for _ in range(specification.seasonal_order[1]):
        values = values[specification.season :] - values[: -specification.season]
    return np.diff(values, n=specification.order[1], axis=0)


def _explained(y: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return the part of y that a linear regression on the covariates explains, zero on average."""
    seen = np.isfinite(y)
    design = X - X[seen].mean(axis=0)
    return design @ np.linalg.lstsq(design[seen], y[seen] - y[seen].mean(), rcond=None)[0]


def _differences(u: np.ndarray, m: int, max_d: int, max_D: int) -> tuple[int, int]:
    """Choose d and D: seasonal differences while the season is strong, then KPSS tests."""
    rounding = 64 * FLOAT_EPS * float(np.abs(u).max())
    D = 0
    while m > 1 and max_D > D and len(u) > 2 * m and seasonal_strength(u, m) > SEASONAL_STRENGTH:
        D, u = D + 1, u[m:] - u[:-m]
    d = 0
    while d < max_d and len(u) > 4 and np.ptp(u) > rounding and kpss_statistic(u) > KPSS_5_PERCENT:
        d, u = d + 1, np.diff(u)
    return d, D


def seasonal_strength(y: np.ndarray, m: int) -> float:
    """Return the share of the detrended variance that the season explains, 0 to 1.

    ``1 - var(R) / var(S + R)`` of an STL decomposition, seasonal window 11 (Wang, Smith and Hyndman
    2006, as in forecast::nsdiffs).

    Parameters
    ----------
    y : array of shape (T,)
        Complete, T >= 2 m.
    m : int
        Steps in a season.

    Examples
    --------
    >>> import numpy as np
    >>> seasonal_strength(np.tile([0.0, 1.0, 2.0, 5.0], 10), m=4)
    1.0
    """
    parts = STL(y - y.mean(), period=m, seasonal=11).fit()
    total = np.var(parts.seasonal + parts.resid)
    return float(np.clip(1.0 - np.var(parts.resid) / total, 0.0, 1.0).round(12)) if total else 0.0


def kpss_statistic(y: np.ndarray) -> float:
    """Return the KPSS statistic of level stationarity (Kwiatkowski et al. 1992, equations 10, 11).

    The long-run variance has Bartlett weights and forecast::ndiffs' number of lags.

    Examples
    --------
    >>> import numpy as np
    >>> bool(kpss_statistic(np.arange(50.0)) > KPSS_5_PERCENT)
    True
    """
    n, u = len(y), y - y.mean()
    lags = np.arange(1, int(3 * np.sqrt(n) / 13) + 1)
    covariances = np.array([u[k:] @ u[:-k] for k in lags])
    variance = (u @ u + 2.0 * (1.0 - lags / (len(lags) + 1)) @ covariances) / n
    return float(np.sum(np.cumsum(u) ** 2) / (n**2 * variance))


def _stepwise(
    first: list[Specification],
    neighbours: Callable[[Specification], list[Specification]],
    criterion: Callable[[Specification], float],
) -> dict[Specification, float]:
    """Move to the first better neighbour until there is none; return all models tried."""
    tried = {candidate: criterion(candidate) for candidate in first}
    best, moved = min(tried, key=tried.__getitem__), True
    while moved:
        moved = False
        for candidate in neighbours(best):
            if candidate not in tried:
                tried[candidate] = criterion(candidate)
                if tried[candidate] < tried[best]:
                    best, moved = candidate, True
                    break
    return tried


def _criterion(arma: Arma, n: int) -> float:
    return arma.aicc(n) if arma.smallest_root >= NEAR_UNIT_ROOT else np.inf


def _varied(base: Specification, p: int, q: int, P: int, Q: int, constant: bool) -> Specification:
    """Add to the orders of a model; without a season, P and Q stay zero."""
    (old_p, d, old_q), (old_P, D, old_Q, m) = base.order, base.seasonal_order
    seasonal = (old_P + P, D, old_Q + Q, m) if m > 1 else (0, 0, 0, 0)
    return Specification((old_p + p, d, old_q + q), seasonal, constant)


def _row(candidate: Specification, aicc: float, stage: str) -> dict[str, Any]:
    return {
        "order": candidate.order,
        "seasonal_order": _plain_season(candidate),
        "constant": candidate.constant,
        "aicc": aicc,
        "stage": stage,
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence statsmodels' remarks on starting values, convergence and table look-ups."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

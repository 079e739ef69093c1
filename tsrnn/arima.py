"""ARIMA with given orders, and with orders found by stepwise search, on statsmodels' state space.

Conventions: T steps on the calendar grid of a series, F covariates, n steps to forecast, m steps a
season; ``w = (1 - B)^d (1 - B^m)^D y`` is the differenced series, N its length.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tsrnn.baselines import naive_deviations, normal_quantiles, season_length
from tsrnn.checks import check_choice, check_count, check_positive, check_rows
from tsrnn.css import FEW_CALLS, MANY_CALLS, SHORT, Arma
from tsrnn.differencing import choose_differences
from tsrnn.gaps import is_constant, last_seen, naive_one_step
from tsrnn.local import LocalForecaster
from tsrnn.state_space import (
    Specification,
    StateSpaceModel,
    Units,
    bridged,
    estimated,
    fit_complete,
    plain_season,
    regressed,
    with_state,
)

LONGEST_SEARCHED_SEASON = 24
# Hyndman and Khandakar's candidates with a root this close to the unit circle are not admitted.
NEAR_UNIT_ROOT = 1.01
FINALISTS = 3


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
        return estimated(y, X, specification)

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


class Fit(NamedTuple):
    """A model tried in a search; its criterion is infinite where it is not admitted."""

    arma: Arma
    units: Units
    aicc: float


class AutoARIMA(StateSpaceForecaster):
    """ARIMA with orders found by the stepwise search of Hyndman and Khandakar (2008).

    The differences come from tests: D by the strength of the season in an STL decomposition (Wang,
    Smith and Hyndman 2006), d by KPSS tests; with covariates, on what a regression leaves.
    Then the neighbours of the best model so far are tried until none has a lower AICc. Candidates
    are fitted by conditional least squares and compared by their exact likelihood there, in series
    of at most 400 steps by a few steps towards its maximum; the three best are then fitted by exact
    maximum likelihood. Gaps are bridged during the search; the chosen model is fitted, and
    forecasts, as ``ARIMA`` does, with quantiles from its state space as there; that the orders were
    chosen widens nothing.

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
    time_budget : float or None
        Seconds for the search of a series; None: as long as it takes. When they run out, the best
        model so far is fitted, and `search_` says so; which one it is depends on the machine then.
        At least one model is tried, and the last fit comes on top.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Attributes
    ----------
    orders_ : dict
        ``((p, d, q), (P, D, Q, m))`` of each series; the key of a single series is None.
    search_ : DataFrame
        The models tried, in order: series, order, seasonal_order, constant, aicc, and stage:
        "search", then "final" for the finalists, or "out of time" for the best model when the time
        budget ran out. A constant series has none.

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
        time_budget: float | None = None,
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
        self.time_budget = time_budget
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
        if self.time_budget is not None:
            check_positive("time_budget", self.time_budget)
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
        """Choose the differences, climb from simple models to the lowest AICc, fit the best."""
        deadline = perf_counter() + (np.inf if self.time_budget is None else self.time_budget)
        filled, exog = bridged(y, X, m)
        residuals = filled if exog is None else filled - regressed(filled, exog)
        d, D = choose_differences(residuals, m, self.max_d, self.max_D)
        simplest = Specification((0, d, 0), (0, D, 0, m) if m > 1 else (0, 0, 0, 0), False)
        fits = self._candidates(filled, exog, simplest, deadline)
        in_time = perf_counter() <= deadline
        finalists = sorted(fits, key=lambda c: fits[c].aicc)[: FINALISTS if in_time else 1]
        exact = {c: _fit(filled, exog, c, MANY_CALLS, start=fits[c].arma) for c in finalists}
        best = min(exact, key=lambda c: exact[c].aicc)
        stage = "final" if in_time else "out of time"
        rows = [_row(c, fit.aicc, "search") for c, fit in fits.items()]
        rows += [_row(c, fit.aicc, stage) for c, fit in exact.items()]
        model = with_state(y, X, best, exact[best].arma, exact[best].units)
        return replace(model, trace=tuple(rows))

    def _candidates(
        self, y: np.ndarray, X: np.ndarray | None, simplest: Specification, deadline: float
    ) -> dict[Specification, Fit]:
        """Fit models until none next to the best is better; at least one, more before a deadline.

        Squares rank long series well enough; in short ones the likelihood may be far from them.
        """
        climb = FEW_CALLS if len(y) - simplest.lost <= SHORT else 0
        fits: dict[Specification, Fit] = {}
        for candidate in _stepwise(self._first(simplest), self._neighbours, fits):
            if fits and perf_counter() > deadline:
                break
            fits[candidate] = _fit(y, X, candidate, climb)
        return fits

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


def _stepwise(
    first: list[Specification],
    neighbours: Callable[[Specification], list[Specification]],
    fits: dict[Specification, Fit],
) -> Iterator[Specification]:
    """Yield models to fit: the first ones, then neighbours of the best until none is better."""
    yield from first
    best, moved = min(fits, key=lambda c: fits[c].aicc), True
    while moved:
        moved = False
        for candidate in neighbours(best):
            if candidate not in fits:
                yield candidate
                if fits[candidate].aicc < fits[best].aicc:
                    best, moved = candidate, True
                    break


def _fit(
    y: np.ndarray,
    X: np.ndarray | None,
    candidate: Specification,
    climb: int,
    start: Arma | None = None,
) -> Fit:
    arma, units = fit_complete(y, X, candidate, climb=climb, start=start)
    admitted = arma.smallest_root >= NEAR_UNIT_ROOT
    return Fit(arma, units, arma.aicc(len(y) - candidate.lost) if admitted else np.inf)


def _varied(base: Specification, p: int, q: int, P: int, Q: int, constant: bool) -> Specification:
    """Add to the orders of a model; without a season, P and Q stay zero."""
    (old_p, d, old_q), (old_P, D, old_Q, m) = base.order, base.seasonal_order
    seasonal = (old_P + P, D, old_Q + Q, m) if m > 1 else (0, 0, 0, 0)
    return Specification((old_p + p, d, old_q + q), seasonal, constant)


def _row(candidate: Specification, aicc: float, stage: str) -> dict[str, Any]:
    return {
        "order": candidate.order,
        "seasonal_order": plain_season(candidate),
        "constant": candidate.constant,
        "aicc": aicc,
        "stage": stage,
    }

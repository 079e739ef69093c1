"""The Theta method, on statsmodels' ThetaModel.

Conventions: T steps on the calendar grid of a series, n steps to forecast, m steps a season.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from statsmodels.tsa.forecasting.theta import ThetaModel

from tsrnn.baselines import season_length
from tsrnn.checks import check_rows
from tsrnn.gaps import is_constant, last_seen, snap
from tsrnn.smoothing import (
    Fitted,
    Form,
    Smoother,
    SmoothingForecaster,
    allows_multiplication,
    completed,
    units,
)

WITH_DRIFT = Form("add", "add", damped=False, seasonal=None)
LEAST_ROWS = 4  # the smoothing parameter, the slope and the start leave one to estimate sigma from
SEASONS_TESTED = 3  # as in M4
TEN_PERCENT = 1.645  # two-sided critical value of a standard normal


class Adjusted(NamedTuple):
    """A smoother of the seasonally adjusted series, and the season, which stays as it is."""

    fitted: Fitted
    profile: np.ndarray  # (m,) factors or summands by phase, counted from the start of the series
    multiplicative: bool
    steps: int  # of the series up to now

    def forecast(self, n: int) -> np.ndarray:
        """Forecast the next steps, ``(n,)``."""
        season = self._season(self.steps, n)
        plain = self.fitted.forecast(n)
        return plain * season if self.multiplicative else plain + season

    def deviations(self, n: int) -> np.ndarray:
        """Return the standard deviations ``(n,)`` of the errors, as large as the season makes them.

        Those of simple exponential smoothing with drift: ``sigma^2 (1 + (h - 1) alpha^2)``.
        """
        deviations = self.fitted.deviations(n)
        return deviations * self._season(self.steps, n) if self.multiplicative else deviations

    def one_step(self, y: np.ndarray) -> np.ndarray:
        """Forecast each step of the whole history."""
        season = self._season(0, len(y))
        plain = self.fitted.one_step(self._adjust(y, 0))
        return plain * season if self.multiplicative else plain + season

    def extended(self, y: np.ndarray) -> Adjusted:
        """Smooth on over new steps."""
        later = self.fitted.extended(self._adjust(y, self.steps))
        return self._replace(fitted=later, steps=self.steps + len(y))

    def with_sigma(self, y: np.ndarray) -> Adjusted:
        """Estimate sigma from the one-step errors of the history."""
        adjusted = self._adjust(y, 0)
        errors = (adjusted - self.fitted.one_step(adjusted))[self.fitted.offset :]
        errors = errors[np.isfinite(errors)] / self.fitted.start.scale
        sigma = float(np.sqrt(errors @ errors / max(1, len(errors) - 3)))
        return self._replace(fitted=self.fitted._replace(sigma=sigma))

    def _adjust(self, y: np.ndarray, first: int) -> np.ndarray:
        season = self._season(first, len(y))
        return y / season if self.multiplicative else y - season

    def _season(self, first: int, n: int) -> np.ndarray:
        return self.profile[np.arange(first, first + n) % len(self.profile)]


class Theta(SmoothingForecaster):
    """The Theta method (Assimakopoulos and Nikolopoulos 2000), winner of the M3 competition.

    The mean of two forecasts: of the straight line through the series, and of simple exponential
    smoothing of the series with its curvature doubled. That is simple exponential smoothing with a
    drift of half the slope of the line, ``l += b / 2 + alpha (y - l)`` for ``l`` the forecast of
    the next step (Hyndman and Billah 2003), which is how it is computed; slope and ``alpha`` are
    those of statsmodels' ThetaModel.

    A season is taken off before, and put on afterwards, where the autocorrelation at its lag is
    significant at 10 % and three of them were seen (Makridakis and others' test in the M3 and M4
    competitions): by a classical decomposition, multiplicative for positive data. Gaps are bridged
    (seasonal profile plus a straight line) for estimation; the smoothing then runs over the series
    as it is, and at a missing value goes on by its own forecast. ``update`` smooths on over the new
    rows: one step a row, with slope, ``alpha`` and season as they are. Covariates are accepted and
    not used.

    Quantiles are normal with variance ``sigma^2 (1 + (h - 1) alpha^2)`` (Hyndman and Billah 2003)
    in the seasonally adjusted series, times the factor of a multiplicative season, as in
    ``forecast::thetaf``; sigma is that of the one-step errors, three degrees of freedom taken.
    (statsmodels' ``prediction_intervals`` has ``(1 - alpha)^2`` in place of ``alpha^2``.) For a
    constant series they are those of ``Naive``.

    Parameters
    ----------
    seasonality : "auto" or int
        Steps in a season, 1 for none; whether it is used, the test decides. ``"auto"``: the
        shortest season of the calendar.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Attributes
    ----------
    seasonal_ : dict
        Season of each series: "add", "mul", or None where the test found none; the key of a single
        series is None.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series([1.0, 3.0, 2.0, 4.0, 3.0, 5.0],
    ...               index=pd.period_range("2018", periods=6, freq="Y"))
    >>> Theta().fit(y=y).predict(horizon=2).round(2).tolist()
    [4.83, 5.15]
    """

    def __init__(self, seasonality: str | int = "auto", missing: str = "mask"):
        self.seasonality = seasonality
        self.missing = missing

    @property
    def seasonal_(self) -> dict[object, str | None]:
        return {key: _kind(model) for key, model in self.models_.items()}

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> Adjusted | None:
        seen = int(np.isfinite(y).sum())
        m = season_length(self.seasonality, self.calendar_, seen)
        check_rows(seen, LEAST_ROWS, "use Naive() or Drift()")
        if is_constant(y):
            return None
        offset, last = int(np.argmax(np.isfinite(y))), int(last_seen(y)[-1])
        filled = completed(y[offset : last + 1], m)
        seasonal = None
        if is_seasonal(filled, m):
            seasonal = "mul" if allows_multiplication(filled) else "add"
        return _estimate(y, offset, filled, seasonal, m)


def is_seasonal(y: np.ndarray, m: int) -> bool:
    """Test the autocorrelation at a season's lag, at 10 %, as the M3 and M4 competitions did.

    It counts where ``|r_m| > 1.645 sqrt((1 + 2 (r_1^2 + ... + r_(m-1)^2)) / T)``. A strong trend
    passes too: the season that is then taken off is small.

    Parameters
    ----------
    y : array of shape (T,)
        Complete, and not constant.
    m : int
        Steps in a season. Fewer than three seasons are none.

    Examples
    --------
    >>> import numpy as np
    >>> is_seasonal(np.tile([0.0, 1.0, 2.0, 5.0], 5), m=4)
    True
    """
    if m == 1 or len(y) < SEASONS_TESTED * m:
        return False
    centred = y - y.mean()
    r = np.array([centred[k:] @ centred[:-k] for k in range(1, m + 1)]) / (centred @ centred)
    return bool(abs(r[-1]) > TEN_PERCENT * np.sqrt((1.0 + 2.0 * (r[:-1] @ r[:-1])) / len(y)))


def _estimate(
    y: np.ndarray, offset: int, filled: np.ndarray, seasonal: str | None, m: int
) -> Adjusted:
    """Estimate from the bridged part, which begins at ``offset``, then smooth y ``(T,)``."""
    centre, scale = units(filled, WITH_DRIFT._replace(seasonal=seasonal))
    scaled = snap((filled - centre) / scale)
    alpha, drift, profile, multiplicative = _estimate_lines(scaled, seasonal, m)
    first = scaled[0] / profile[0] if multiplicative else scaled[0] - profile[0]
    start = Smoother(
        WITH_DRIFT,
        alpha=alpha,
        beta=0.0,
        gamma=0.0,
        phi=1.0,
        level=float(first - drift),
        slope=drift,
        season=(),
        centre=centre,
        scale=scale,
    )
    profile = np.roll(profile if multiplicative else scale * profile, offset)
    begun = Adjusted(Fitted(offset, start, start, 0, 0.0), profile, multiplicative, offset)
    return begun.with_sigma(y).extended(y[offset:])


def _estimate_lines(
    y: np.ndarray, seasonal: str | None, m: int
) -> tuple[float, float, np.ndarray, bool]:
    """Return alpha, half the slope, the season by phase ``(m,)``, and if that is multiplicative.

    Factors that come out negative make it additive, as in statsmodels.
    """
    model = ThetaModel(
        y, period=m, deseasonalize=seasonal is not None, use_test=False, method=seasonal or "add"
    )
    result = model.fit()
    alpha, drift = float(result.params["alpha"]), float(result.params["b0"]) / 2.0
    if seasonal is None:
        return alpha, drift, np.zeros(1), False
    ahead = np.asarray(result.forecast_components(m)["seasonal"])
    return alpha, drift, np.roll(ahead, len(y)), model.method == "mul"


def _kind(model: Adjusted | None) -> str | None:
    if model is None or len(model.profile) == 1:
        return None
    return "mul" if model.multiplicative else "add"

"""A forecaster of the seasonally adjusted series, the season taken off by STL and put back on.

Conventions: T steps on the calendar grid of a series, K targets, m steps a season, L the longest
one, n steps to forecast.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted
from statsmodels.tsa.seasonal import MSTL, STL

from tsrnn.base import Forecaster
from tsrnn.checks import check_count, check_flag
from tsrnn.defaults import find_seasons
from tsrnn.gaps import bridge, is_constant
from tsrnn.records import Record, Request

# What a forecaster knows after reading its rows, which the one inside is told.
READ = (
    *("calendar_", "n_features_in_", "feature_names_in_", "_columns", "_past_only"),
    *("_static_names", "_form", "_panel_names", "_order", "_order_room"),
)
# Seasons that the trend beneath reaches back beyond those over which a component is smoothed.
TREND_SEASONS = 4
# Latest seasons over which forecasts that know the season from the past are compared with the
# others: each is a decomposition, costly where seasons are long. So many at most, or as many as
# make so many steps, and two at least.
SEASONS_COMPARED = 10
STEPS_COMPARED = 500
# How much larger the errors are, where less than half a season can be compared: measured on series
# of months with 2 to 3 seasons.
USUAL_WIDTH = 3.0


@dataclass(frozen=True)
class Season:
    """The seasonal components of one series in fit; later each goes on as its last season."""

    seasons: tuple[int, ...]
    components: np.ndarray  # (len(seasons), T, K)

    def at(self, start: int, n: int) -> np.ndarray:
        """Return the sum of the components from a step on, ``(n, K)``."""
        steps, length = np.arange(start, start + n), self.components.shape[1]
        total = np.zeros((n, self.components.shape[2]))
        for m, component in zip(self.seasons, self.components, strict=True):
            last = length - m
            total += component[np.where(steps < length, steps, last + (steps - last) % m)]
        return total


@dataclass(frozen=True)
class Decomposition:
    """How the components of a series are found."""

    window: int
    robust: bool

    def of(self, y: np.ndarray, seasons: Sequence[int]) -> Season:
        """Decompose y ``(T, K)``, without the seasons not seen more than twice."""
        used = tuple(m for m in seasons if all(_allows(column, m) for column in y.T))
        parts = [self._components(column, used) for column in y.T]
        return Season(used, np.stack(parts, axis=-1))

    def from_the_past(self, y: np.ndarray, season: Season, first: int = 0) -> np.ndarray:
        """Return the season of each step from ``first`` on as those before knew it, ``(T, K)``.

        Decomposed anew after each of the longest seasons, from the latest steps that count. Zero
        before ``first``, and where two seasons were not seen yet.
        """
        longest = max(season.seasons)
        counted = (self.window + TREND_SEASONS) * longest
        known = np.zeros_like(y)
        for start in range(max(first, 2 * longest + 1), len(y), longest):
            n = min(longest, len(y) - start)
            past = y[max(0, start - counted) : start]
            if np.isfinite(past).any(axis=0).all():
                known[start : start + n] = self.of(past, season.seasons).at(len(past), n)
        return known

    def _components(self, y: np.ndarray, seasons: tuple[int, ...]) -> np.ndarray:
        """Return the components of y ``(T,)``, one a season; outside what was seen by phase.

        STL sees the series centred and scaled, so that offset and size do not matter.
        """
        components = np.zeros((len(seasons), len(y)))
        if not seasons:
            return components
        seen = np.flatnonzero(np.isfinite(y))
        part = slice(seen[0], seen[-1] + 1)
        filled = bridge(y[part], seasons[-1])
        centre = filled.mean()
        scale = (filled - centre).std()
        found = scale * self._smooth((filled - centre) / scale, seasons)
        for component, inside, m in zip(components, found, seasons, strict=True):
            steps = np.arange(len(y)) - part.start
            steps = np.where(steps < 0, steps % m, steps)
            last = len(inside) - m
            component[:] = inside[np.where(steps < len(inside), steps, last + (steps - last) % m)]
        return components

    def _smooth(self, y: np.ndarray, seasons: tuple[int, ...]) -> np.ndarray:
        """Decompose a complete series ``(T,)`` by STL, by MSTL for several seasons."""
        jump = -(-seasons[0] // 10)  # the smooth parts are computed at every so many steps, as in R
        options: dict[str, Any] = {"robust": self.robust, "trend_jump": jump, "low_pass_jump": jump}
        if len(seasons) == 1:
            return STL(y, period=seasons[0], seasonal=self.window, **options).fit().seasonal[None]
        windows = [self.window + 4 * i for i in range(len(seasons))]
        return MSTL(y, periods=seasons, windows=windows, stl_kwargs=options).fit().seasonal.T


class STLForecaster(Forecaster):
    """Forecast the seasonally adjusted series with any forecaster, and put the season back on.

    The season is found by LOESS (STL; Cleveland, Cleveland, McRae and Terpenning 1990; for several
    seasons MSTL; Bandara, Hyndman and Bergmeir 2021), with statsmodels. A clone of ``forecaster``
    learns and forecasts the series without it; the season goes on as its last one, a seasonal naive
    forecast (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.7).
    Covariates, panels and several targets are the wrapped forecaster's matter; each series, and
    each target, has a season of its own; the effect of covariates is not taken off before it is
    sought. For a season that grows with the level give logs, as with scikit-learn's
    ``TransformedTargetRegressor``.

    ``update`` decomposes nothing that was in ``fit``: the season goes on by its phase, and the
    wrapped forecaster is updated with the rest. A series that comes with ``update`` is decomposed
    at each, as if all its rows had come at once. Gaps are bridged for the decomposition alone.

    Quantiles are those of the wrapped forecaster, shifted by the season, and widened for what it
    does not know: it has learnt from a series whose season was taken off with knowledge of all its
    rows. The distance to the forecast is multiplied by the root mean square of the one-step errors
    in ``fit`` with the season as known before (the in-sample forecasts below) over that with the
    season of the decomposition, on the same steps: those of the latest seasons (10, or fewer where
    these are more than 500 steps), without the first two; it is at least 1. Where that leaves less
    than half a season it is 3, about what was measured for series as short; a series that comes
    with ``update`` has the median of the others. A wrapped forecaster that fits its rows closely,
    such as trees, makes the intervals rather too wide.

    In-sample forecasts of the rows of ``fit`` do not use the season of the decomposition, which
    knows the rows after: the season of each row is that of a decomposition of the rows before,
    renewed after each (longest) season, and none in the first two. Parameters are those of the fit.
    Rows after ``fit`` have the season that went on.

    Parameters
    ----------
    forecaster : forecaster
        Any of this package; it is cloned. Its ``horizon``, ``freq``, ``past_only`` and ``static``
        count; its ``missing`` does not.
    seasonality : "auto", int or sequence of int
        Season lengths in steps. ``"auto"``: those of the calendar that the autocorrelation of the
        series supports. A season not seen more than twice is left out, and so are all of a constant
        series.
    seasonal_window : int, odd
        Seasons over which the component is smoothed, 4 more for each further season; the larger,
        the more alike are the seasons.
    robust : bool
        Give outliers less weight, at several times the cost.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are left to the wrapped forecaster; ``"raise"``: they are an
        error.

    Attributes
    ----------
    forecaster_ : forecaster
        The clone, fitted to the seasonally adjusted series.
    seasons_ : dict
        Season lengths of each series, () where there is none; the key of a single series is None.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn import Drift, STLForecaster
    >>> y = pd.Series([t + 10.0 * (t % 4) for t in range(40)],
    ...               index=pd.period_range("2015Q1", periods=40, freq="Q"))
    >>> model = STLForecaster(Drift()).fit(y=y)
    >>> model.predict(horizon=4).round(1).tolist()
    [40.0, 51.0, 62.0, 73.0]
    >>> model.seasons_
    {None: (4,)}
    """

    def __init__(
        self,
        forecaster: Forecaster,
        seasonality: str | int | Sequence[int] = "auto",
        seasonal_window: int = 11,
        robust: bool = False,
        missing: str = "mask",
    ):
        self.forecaster = forecaster
        self.seasonality = seasonality
        self.seasonal_window = seasonal_window
        self.robust = robust
        self.missing = missing

    @property
    def seasons_(self) -> dict[Hashable, tuple[int, ...]]:
        return {key: season.seasons for key, season in self._seasons.items()}

    @property
    def forecaster_(self) -> Forecaster:
        check_is_fitted(self)
        fitted = copy.copy(self._inner)
        self._inform(fitted, self._records)
        return fitted

    @property
    def past_only(self) -> Any:
        """Columns whose future is unknown: those of the wrapped forecaster."""
        return getattr(self.forecaster, "past_only", None)

    @property
    def static(self) -> Any:
        """Columns constant within a series: those of the wrapped forecaster."""
        return getattr(self.forecaster, "static", None)

    @property
    def freq(self) -> Any:
        """Step of the index: that of the wrapped forecaster."""
        return getattr(self.forecaster, "freq", None)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if isinstance(self.forecaster, Forecaster):
            inner = self.forecaster.__sklearn_tags__()
            tags.target_tags.multi_output = inner.target_tags.multi_output
            tags.regressor_tags.poor_score = inner.regressor_tags.poor_score
        return tags

    def _fit(self, records: dict[Hashable, Record]) -> None:
        self._check_parameters()
        self._seasons = {key: self._decompose(record) for key, record in records.items()}
        self._inner = clone(self.forecaster)
        self._inform(self._inner, records)
        self._inner._fit(self._inner._records)
        self._widths = {key: self._learn_width(record) for key, record in records.items()}
        self._usual_width = np.median(list(self._widths.values()), axis=0)

    def _update(self, records: dict[Hashable, Record], new_steps: dict[Hashable, int]) -> None:
        unfitted = {key: record for key, record in records.items() if key not in self._widths}
        found = {key: self._decompose(record) for key, record in unfitted.items()}
        self._seasons = self._seasons | found
        inner = copy.copy(self._inner)  # the one before stays whole, should this fail
        inner._update({key: self._adjusted(r) for key, r in records.items()}, new_steps)
        self._inner = inner

    def _forecast(self, requests: Sequence[Request]) -> list[np.ndarray]:
        forecasts = self._inner._forecast([self._rest(request) for request in requests])
        return [f + self._ahead(r) for f, r in zip(forecasts, requests, strict=True)]

    def _quantiles(self, requests: Sequence[Request], levels: np.ndarray) -> list[np.ndarray]:
        rests = [self._rest(request) for request in requests]
        points, found = self._inner._forecast(rests), self._inner._quantiles(rests, levels)
        return [
            (p + self._ahead(r))[..., None] + self._width(r) * (q - p[..., None])
            for p, q, r in zip(points, found, requests, strict=True)
        ]

    def _in_sample(self, record: Record) -> np.ndarray:
        season = self._seasons[record.key]
        went_on = season.at(0, len(record))
        forecast = self._one_step(record, went_on)
        if season.seasons:
            fitted = season.components.shape[1]
            honest = went_on.copy()
            honest[:fitted] = self._decomposition.from_the_past(record.y[:fitted], season)
            forecast[:fitted] = self._one_step(record, honest)[:fitted]
        return forecast

    def _learn_width(self, record: Record) -> np.ndarray:
        """Return how much larger errors are for not knowing the season of rows to come, ``(K,)``.

        The wrapped forecaster has just been fitted.
        """
        season = self._seasons[record.key]
        if not season.seasons:
            return np.ones(record.y.shape[1])
        longest = max(season.seasons)
        first, compared = 2 * longest + 1, min(SEASONS_COMPARED, STEPS_COMPARED // longest)
        first += max(0, (len(record) - first) // longest - max(2, compared)) * longest
        honest = season.at(0, len(record))
        honest[first:] = self._decomposition.from_the_past(record.y, season, first)[first:]
        usual, larger = (
            record.y[first:] - self._one_step(record, known)[first:]
            for known in (season.at(0, len(record)), honest)
        )
        ratios = _sizes(larger) / np.where(_sizes(usual) > 0, _sizes(usual), np.inf)
        enough = 2 * np.isfinite(usual).sum(axis=0) >= longest
        return np.where(enough, np.maximum(1.0, ratios), USUAL_WIDTH)

    def _width(self, request: Request) -> np.ndarray:
        width: np.ndarray = self._widths.get(request.record.key, self._usual_width)
        return width[:, None]

    def _usual_horizon(self) -> int:
        if not isinstance(self.forecaster, Forecaster):
            raise TypeError(
                f"forecaster={self.forecaster!r}: expected a forecaster of tsrnn, such as AutoETS()"
                + _wrapped(self.forecaster)
            )
        return self.forecaster._usual_horizon()

    def _steps_ahead(self) -> int:
        return self.forecaster._steps_ahead()

    @property
    def _decomposition(self) -> Decomposition:
        return Decomposition(int(self.seasonal_window), bool(self.robust))

    def _check_parameters(self) -> None:
        check_flag("robust", self.robust)
        check_count("seasonal_window", self.seasonal_window, least=7)
        if self.seasonal_window % 2 == 0:
            raise ValueError(f"seasonal_window={self.seasonal_window}: expected an odd integer")
        for season in self._given_seasons():
            check_count("seasonality", season, also=("auto",))

    def _given_seasons(self) -> list[Any]:
        return (
            [self.seasonality]
            if isinstance(self.seasonality, str)
            else list(np.atleast_1d(self.seasonality).tolist())
        )

    def _decompose(self, record: Record) -> Season:
        if self.seasonality == "auto":
            seasons = find_seasons([record.y], self.calendar_.seasons).value
        else:
            seasons = sorted({m for m in self._given_seasons() if m > 1})
        return self._decomposition.of(record.y, seasons)

    def _inform(self, inner: Forecaster, records: dict[Hashable, Record]) -> None:
        """Let the forecaster inside know what was read, with the adjusted series for its own."""
        for name in READ:
            if name in vars(self):
                setattr(inner, name, getattr(self, name))
        inner._records = {key: self._adjusted(record) for key, record in records.items()}

    def _adjusted(self, record: Record) -> Record:
        return replace(record, y=record.y - self._seasons[record.key].at(0, len(record)))

    def _rest(self, request: Request) -> Request:
        return request._replace(record=self._adjusted(request.record))

    def _ahead(self, request: Request) -> np.ndarray:
        return self._seasons[request.record.key].at(len(request.record), request.n)

    def _one_step(self, record: Record, season: np.ndarray) -> np.ndarray:
        return self._inner._in_sample(replace(record, y=record.y - season)) + season


def _sizes(errors: np.ndarray) -> np.ndarray:
    """Return the root mean squares ``(K,)`` of errors ``(n, K)``, NaN where missing."""
    seen = np.isfinite(errors)
    total = np.where(seen, errors, 0.0) ** 2
    return np.sqrt(total.sum(axis=0) / np.maximum(1, seen.sum(axis=0)))


def _wrapped(regressor: Any) -> str:
    """Say how a regressor becomes a forecaster, "" for what is none."""
    if isinstance(regressor, type) or not hasattr(regressor, "predict"):
        return ""
    return f"; for a regressor: WindowForecaster({regressor!r})"


def _allows(y: np.ndarray, m: int) -> bool:
    """Tell whether more than two seasons of y ``(T,)`` were seen, and whether it varies."""
    seen = np.isfinite(y)
    return int(seen.sum()) > 2 * m and not is_constant(y)

"""Any scikit-learn regressor as a forecaster, by lag windows.

Conventions: T steps of a series, w window, F covariates, H horizon trained, n steps to forecast, L
levels.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Hashable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import get_tags

from tsrnn.base import Forecaster
from tsrnn.baselines import naive_deviations, normal_quantiles
from tsrnn.checks import check_choice, check_count, check_rows, check_share
from tsrnn.defaults import find_seasons
from tsrnn.gaps import is_constant, last_seen, naive_one_step, snap
from tsrnn.lags import UNCHANGED, Batch, Errors, Lags, Units
from tsrnn.local import column_means
from tsrnn.model_selection import first_unchronological_fold
from tsrnn.records import Record, Request
from tsrnn.reduction import STRATEGIES, Reduction, Series

USUAL_WINDOW = 8  # without a season
LEAST_WINDOW = 2
MOST_STEPS = 48  # ahead whose errors are measured, where the horizon is shorter
LONGEST_FED = 500  # missing steps at the end that are forecast to bridge them


class WindowForecaster(Forecaster):
    """Forecast with a scikit-learn regressor on lag windows (reduction to regression).

    A row for the regressor holds the last ``window`` values, oldest first, the covariates of the
    last ``covariate_window`` steps, and those of the step to be forecast, which must be known
    ahead; its target is that step's value. One model learns from all series of a panel, each in its
    own units. ``update`` takes in new rows without a refit. A series that is constant is no
    example, and goes on by its last value. The units of one that was so in fit, or comes with
    ``update``, are learnt at each update, as if all its rows had come at once.

    Quantiles come from the errors on the latest part of each series, held out from a first fit; the
    second learns from everything and forecasts. The shape of the errors, counted with both signs,
    is that of all steps ahead together, their size that of the step, not falling; beyond the steps
    measured it grows with the root of the steps, as that of a random walk.

    A search within the regressor (``GridSearchCV``, ``LassoCV``) meets windows that overlap: one
    whose folds are not cut by time is warned of.

    Missing values stay NaN in the windows of a regressor that accepts NaN by its tags; for others
    each is replaced by the last value seen before it, and windows that would reach back before the
    start of a series are not learnt from. Missing values at the end are forecast: the last value
    seen is the origin. Covariates are standardised; missing ones are replaced by their mean for
    regressors that do not accept NaN.

    Parameters
    ----------
    regressor : scikit-learn regressor or pipeline
        It is cloned, for strategy "direct" once for each step.
    window : "auto" or int
        Values in a window; with ``level="last"`` and no covariates 2 at least. ``"auto"``: one more
        than the shortest season of the calendar that the autocorrelation supports, 8 without a
        season, and at most a quarter of the longest series.
    strategy : {"recursive", "direct", "multi_output"}
        "recursive": one regressor of the next step is fed its own forecasts. "direct": a regressor
        for each step of the horizon. "multi_output": one regressor of all steps of the horizon,
        which it must be able to predict jointly; its covariates are those of all these steps, and
        when a step is forecast those after it are set to their mean.
    horizon : int
        Steps that are forecast without feeding back, by "direct" and "multi_output", and that
        ``predict()`` gives. Longer horizons come from feeding forecasts back.
    level : {"last", None}
        "last": windows and targets are relative to the last value of the window, in units of the
        size of a change, so that trees, which cannot extrapolate, follow a level that moves. None:
        they are the values as they are, for a series that keeps its level, or a regressor of
        positive targets only.
    covariate_window : "auto" or int
        Steps up to the origin whose covariates are read as well, for they explain the values in the
        window; 0: none. ``"auto"``: those of the window, at most 8.
    past_only : list of column names (numbers for arrays), optional
        Columns of X known only up to the origin of a forecast: they are read in the window, and at
        steps that are forecast they count as their mean. X for ``predict`` need not have them.
    validation_fraction : float in [0, 1)
        Share of the latest steps held out for the errors. With 0, or where too little is left to
        learn from, they are those of the one fit on its own rows, which are too small.
    missing : {"mask", "raise"}
        ``"mask"``: missing values as above; ``"raise"``: they are an error.

    Attributes
    ----------
    regressors_ : list
        Fitted regressors, one for each step with "direct", else one; none if all series are
        constant.
    window_ : int
        Values in a window.

    Notes
    -----
    ``level="last"`` is the default by measurement (validation parts of the shipped oil, stock, sea
    temperature and carbon dioxide series; mean absolute error over that of the last value, one step
    and a season ahead): gradient boosting 0.75 to 1.15 in place of 1.4 to 28, ridge regression
    0.41 to 1.02 in place of 0.46 to 1.11, never worse by more than 0.005.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from tsrnn import WindowForecaster
    >>> y = np.sin(np.arange(100) / 3) + 0.1 * np.arange(100)
    >>> model = WindowForecaster(LinearRegression(), window=4).fit(y=y)
    >>> model.predict(horizon=3).round(3)
    array([10.941, 10.878, 10.729])
    >>> (np.sin(np.arange(100, 103) / 3) + 0.1 * np.arange(100, 103)).round(3)
    array([10.941, 10.878, 10.729])
    """

    def __init__(
        self,
        regressor: Any,
        window: str | int = "auto",
        strategy: str = "recursive",
        horizon: int = 1,
        level: str | None = "last",
        covariate_window: str | int = "auto",
        past_only: Sequence[Hashable] | None = None,
        validation_fraction: float = 0.2,
        missing: str = "mask",
    ):
        self.regressor = regressor
        self.window = window
        self.strategy = strategy
        self.horizon = horizon
        self.level = level
        self.covariate_window = covariate_window
        self.past_only = past_only
        self.validation_fraction = validation_fraction
        self.missing = missing

    @property
    def regressors_(self) -> list[Any]:
        return [] if self._reduction is None else list(self._reduction.regressors)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # scikit-learn scores rows in no order, forecast 200 steps ahead from each other.
        tags.regressor_tags.poor_score = True
        return tags

    def _fit(self, records: dict[Hashable, Record]) -> None:
        self._check_parameters()
        ordered = sorted(records.values(), key=lambda record: str(record.key))
        self._bridged = not get_tags(self.regressor).input_tags.allow_nan
        self._units = {record.key: self._learn_units(record) for record in ordered}
        self._fitted = {key for key, units in self._units.items() if units is not None}
        self._learn_covariates(ordered)
        self.window_ = self._find_window(ordered)
        _warn_of_shuffled_windows(self.regressor, sum(len(record) for record in ordered))
        series = [self._series(r) for r in ordered if self._units[r.key] is not None]
        self._reduction = self._reduced(series, [len(s) for s in series]) if series else None
        self._errors = None
        if self._reduction is not None:
            self._errors = self._learn_errors(series, self._reduction)

    def _update(self, records: dict[Hashable, Record], new_steps: dict[Hashable, int]) -> None:
        unfitted = {key: record for key, record in records.items() if key not in self._fitted}
        found = {key: self._learn_units(record) for key, record in unfitted.items()}
        self._units = self._units | found

    def _forecast(self, requests: Sequence[Request]) -> list[np.ndarray]:
        moving = [request for request in requests if self._units[request.record.key] is not None]
        paths = self._paths(moving) if self._reduction is not None else {}
        return [
            paths[r.record.key][:, None] if r.record.key in paths else _last_value(r)
            for r in requests
        ]

    def _quantiles(self, requests: Sequence[Request], levels: np.ndarray) -> list[np.ndarray]:
        points = self._forecast(requests)
        return [
            self._around(request, point[:, 0], levels)[:, None, :]
            for request, point in zip(requests, points, strict=True)
        ]

    def _in_sample(self, record: Record) -> np.ndarray:
        forecast, units = naive_one_step(record.y[:, 0]), self._units[record.key]
        if units is not None and self._reduction is not None:
            series = self._series(record)
            origins = np.arange(series.lags.first, len(series) - 1)
            if len(origins):
                batch, X = series.batch(origins), series.covariates(origins, 1)
                forecast[origins + 1] = units.grow(self._reduction.ahead(batch, X, 1)[:, 0])
        return forecast[:, None]

    def _steps_ahead(self) -> int:
        return 1 if self.strategy == "recursive" else int(self.horizon)

    def _check_parameters(self) -> None:
        _check_regressor(self.regressor)
        check_choice("strategy", self.strategy, STRATEGIES)
        check_count("window", self.window, also=("auto",))
        check_count("covariate_window", self.covariate_window, least=0, also=("auto",))
        if self.covariate_window == 0 and self._past_only.any():
            raise ValueError("covariate_window=0: past_only columns are read in the window only")
        check_choice("level", self.level, ("last", None))
        if self.window == 1 and self.level == "last" and not len(self._past_only):
            raise ValueError(
                "window=1: relative to its last value it is always zero, and there are no "
                "covariates to learn from; use level=None, or window=2 or more"
            )
        check_share("validation_fraction", self.validation_fraction)

    def _find_window(self, records: list[Record]) -> int:
        """Choose the values in a window, and refuse series that are too short for it."""
        observed = max(int(np.isfinite(r.y).sum()) for r in records)
        window = int(self.window) if self.window != "auto" else self._usual_window(records)
        block = self._steps_ahead()
        least = LEAST_WINDOW if self.window == "auto" else (window if self._bridged else 1)
        check_rows(observed, least + block + 1, "give a smaller window or horizon, or use Naive()")
        return window

    def _usual_window(self, records: list[Record]) -> int:
        seasons = find_seasons([record.y for record in records], self.calendar_.seasons).value
        usual = min(seasons) + 1 if seasons else USUAL_WINDOW
        longest = max(int(np.isfinite(record.y).sum()) for record in records)
        return max(LEAST_WINDOW, min(usual, longest // 4))

    def _learn_units(self, record: Record) -> Units | None:
        """Return the units of a series, None for a constant one."""
        y = record.y[:, 0]
        if is_constant(y):
            return None
        return Units.of(y) if self.level is not None else UNCHANGED

    def _learn_covariates(self, records: list[Record]) -> None:
        """Learn the mean and the deviation of each covariate, as neutral value and unit."""
        given = [record.X for record in records if record.X is not None]
        self._X_units = None
        if given:
            X = np.concatenate(given)
            mean = column_means(X)
            deviation = np.sqrt(column_means((X - mean) ** 2))
            self._X_units = mean, np.where(deviation > 0, deviation, 1.0)

    def _covariates(self, X: np.ndarray | None) -> np.ndarray | None:
        if X is None or self._X_units is None:
            return None
        mean, deviation = self._X_units
        scaled = snap((X - mean) / deviation)
        return np.where(np.isnan(scaled), 0.0, scaled) if self._bridged else scaled

    def _series(self, record: Record) -> Series:
        units = self._units[record.key]
        assert units is not None
        lags = Lags(
            units.shrink(record.y[:, 0]), self.window_, self._bridged, self.level is not None
        )
        return Series(
            lags,
            self._covariates(record.X),
            self._covariates(record.ahead),
            self._lagged_covariates(),
            self._past_only,
        )

    def _lagged_covariates(self) -> int:
        if self.covariate_window == "auto":
            return min(self.window_, USUAL_WINDOW)
        return int(self.covariate_window)

    def _reduced(self, series: list[Series], until: list[int]) -> Reduction | None:
        try:
            return Reduction.fitted(self.regressor, self.strategy, int(self.horizon), series, until)
        except ValueError as error:
            if self.strategy != "multi_output" or self.horizon == 1:
                raise
            raise ValueError(
                f"{error}\nstrategy='multi_output' gave {type(self.regressor).__name__} "
                f"{self.horizon} outputs: if it takes one only, use strategy='direct', or "
                "sklearn.multioutput.MultiOutputRegressor"
            ) from error

    def _learn_errors(self, series: list[Series], reduction: Reduction) -> Errors:
        """Fit to what comes before the latest part of each series, and forecast that part."""
        held = [round(self.validation_fraction * len(s)) for s in series]
        until = [len(s) - steps for s, steps in zip(series, held, strict=True)]
        trial = self._reduced(series, until) if any(held) else None
        if trial is None:
            trial, until = reduction, [s.lags.first + 1 for s in series]
        longest = max(len(s) - first for s, first in zip(series, until, strict=True))
        steps = max(1, min(max(int(self.horizon), MOST_STEPS), longest // 2))
        return Errors.of(trial.errors(series, until, steps))

    def _paths(self, requests: Sequence[Request]) -> dict[Hashable, np.ndarray]:
        """Forecast ``(n,)`` for each request, all at once, in an order not that of the call."""
        assert self._reduction is not None
        if not requests:
            return {}
        ordered = sorted(requests, key=lambda request: str(request.record.key))
        n = max(_unseen(request.record) + request.n for request in ordered)
        batches, exog = zip(*(self._window_of(request, n) for request in ordered), strict=True)
        X = None if exog[0] is None else np.stack(exog)
        found = self._reduction.ahead(Batch.joined(batches), X, n)
        return {
            request.record.key: self._grown(request, z)
            for request, z in zip(ordered, found, strict=True)
        }

    def _window_of(self, request: Request, n: int) -> tuple[Batch, np.ndarray | None]:
        """Return the window at the last value seen and the covariates ``(n, F)`` after it."""
        series = self._series(request.record)
        end = len(series) - _unseen(request.record)
        batch = series.batch(np.array([end - 1]))
        exog, future = series.X, self._covariates(request.X)
        if exog is None or future is None:
            return batch, None
        known = np.concatenate([exog[end:], future])
        known[:, self._past_only] = 0.0
        return batch, np.concatenate([known, np.zeros((n - len(known), known.shape[1]))])

    def _around(self, request: Request, point: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return quantiles ``(n, L)`` around the forecasts of a request."""
        units, y = self._units[request.record.key], request.record.y[:, 0]
        if units is None or self._errors is None:
            return normal_quantiles(point, naive_deviations(y, request.n), levels)
        steps = _unseen(request.record) + 1 + np.arange(request.n)
        return point[:, None] + units.scale * self._errors.quantiles(steps, levels)

    def _grown(self, request: Request, z: np.ndarray) -> np.ndarray:
        units, skipped = self._units[request.record.key], _unseen(request.record)
        assert units is not None
        return units.grow(z[skipped : skipped + request.n])


def _check_regressor(regressor: Any) -> None:
    if isinstance(regressor, Forecaster):
        raise TypeError(
            f"regressor={regressor!r}: expected a scikit-learn regressor, such as Ridge(); a "
            "forecaster needs no windows"
        )
    if isinstance(regressor, type) or not (hasattr(regressor, "fit") and _predicts(regressor)):
        raise TypeError(
            f"regressor={regressor!r}: expected a scikit-learn regressor, such as Ridge()"
        )


def _predicts(regressor: Any) -> bool:
    """Tell whether there is a ``predict``, or will be: that of a stack depends on its fit."""
    if hasattr(regressor, "predict"):
        return True
    return hasattr(regressor, "__sklearn_tags__") and is_regressor(regressor)


def _warn_of_shuffled_windows(regressor: Any, rows: int) -> None:
    """Warn of searches within a regressor that are judged on rows before those learnt from.

    They are those whose class name ends in CV, as scikit-learn's do.
    """
    parts = (
        [regressor, *regressor.get_params().values()] if hasattr(regressor, "get_params") else []
    )
    for part in parts:
        if not isinstance(part, type) and type(part).__name__.endswith("CV"):
            cv = getattr(part, "cv", None)
            if _is_unchronological(cv, rows):
                warnings.warn(
                    f"{type(part).__name__}(cv={cv!r}) learns from windows that overlap those it "
                    "is judged on, and lie after them: its scores may come out too good, and its "
                    "choice may be the wrong one; pass cv=TimeSeriesSplit(5)",
                    UserWarning,
                    stacklevel=4,
                )


def _is_unchronological(cv: Any, rows: int) -> bool:
    if not (cv is None or isinstance(cv, Integral) or hasattr(cv, "split")):
        return False  # given folds; an iterator would be used up
    try:
        fold = first_unchronological_fold(copy.deepcopy(cv), np.zeros((rows, 1)))
    except (TypeError, ValueError):  # one that needs more than rows: the fit tells
        return False
    return fold is not None


def _unseen(record: Record) -> int:
    """Return the missing steps at the end that are forecast first."""
    return min(len(record) - 1 - int(last_seen(record.y[:, 0])[-1]), LONGEST_FED)


def _last_value(request: Request) -> np.ndarray:
    y = request.record.y[:, 0]
    return np.full((request.n, 1), y[last_seen(y)[-1]])

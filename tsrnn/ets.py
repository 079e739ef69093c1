"""Exponential smoothing of a given form, or of one chosen from the data, on statsmodels' ETSModel.

Conventions: T steps on the calendar grid of a series, n steps to forecast, m steps a season.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from itertools import product
from typing import Any, ClassVar

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel, ETSResults

from tsrnn.baselines import season_length
from tsrnn.checks import check_choice, check_count, check_rows
from tsrnn.gaps import is_constant, last_seen, snap
from tsrnn.smoothing import (
    Fitted,
    Form,
    Smoother,
    SmoothingForecaster,
    allows_multiplication,
    completed,
    obstacle,
    units,
)

PARTS: dict[str, tuple[Any, ...]] = {
    "error": ("add", "mul"),
    "trend": ("add", None),
    "damped": (True, False),
    "seasonal": ("add", "mul", None),
}
LONGEST_SEASON = 24
LEAST_ROWS = 10  # statsmodels' starting values need as many
# Up to this many rows times season length every form is estimated in full (0.1 s at most); above it
# the best form of each kind of season is, found with the starting states of a decomposition.
CHEAP = 2_000


class FormForecaster(SmoothingForecaster):
    """Interface of the forecasters below: a leaf says which forms are compared."""

    choices: ClassVar[dict[str, tuple[Any, ...]]]  # of the parameters that make a form
    trend: str | None
    damped: str | bool
    seasonal: str | None
    seasonality: str | int
    max_length: int | None

    @abstractmethod
    def _forms(self, y: np.ndarray, m: int, seen: int) -> list[Form]:
        """List the forms that the parameters, a season of m steps and y ``(T,)`` admit.

        The gaps of y are bridged; ``seen`` values were observed.
        """

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> Fitted | None:
        for name, known in self.choices.items():
            check_choice(name, getattr(self, name), known)
        first, end = self._part(y)
        seen = int(np.isfinite(y[first:end]).sum())
        m = season_length(self.seasonality, self.calendar_, seen, seasons=2)
        if self.seasonality == "auto" and m > LONGEST_SEASON:
            m = 1
        check_rows(seen, max(LEAST_ROWS, 2 * m if m > 1 else 0), "use Naive() or Drift()")
        if is_constant(y[first:end]):
            return None
        self._check_form(m)
        filled = completed(y[first:end], m)
        start = _choose(filled, self._forms(filled, m, seen), m)
        return Fitted(first, start, start, 0, _sigma(start, y[first:])).extended(y[first:])

    def _part(self, y: np.ndarray) -> tuple[int, int]:
        """Return where the steps that are learnt from begin, at an observation, and end, at one."""
        end, first = int(last_seen(y)[-1]) + 1, 0
        if self.max_length is not None:
            check_count("max_length", self.max_length, least=50)
            first = max(0, end - int(self.max_length))
        return first + int(np.argmax(np.isfinite(y[first:]))), end

    def _check_form(self, m: int) -> None:
        """Refuse parts that were asked for and cannot be."""
        if self.trend is None and self.damped != "auto" and self.damped:
            raise ValueError("damped=True needs trend='add': without a trend nothing is damped")
        if self.seasonal in ("add", "mul") and m == 1:
            raise ValueError(
                f"seasonal={self.seasonal!r} needs a season, got seasonality={self.seasonality!r}: "
                f'give its steps, such as 12 ("auto" takes up to {LONGEST_SEASON} where two '
                "seasons were seen), or set seasonal=None"
            )


class ETS(FormForecaster):
    """Exponential smoothing of a given form (Hyndman, Koehler, Ord and Snyder 2008).

    ``ETS()`` is simple exponential smoothing, ``trend="add"`` Holt's method, with ``seasonal`` that
    of Holt and Winters. Smoothing parameters and starting states maximise the exact likelihood of
    statsmodels' ETSModel. Gaps are bridged (seasonal profile plus a straight line) for estimation;
    the estimated model then runs over the series as it is, and at a missing value it goes on by its
    own forecast. ``update`` runs on over the new rows. In-sample forecasts before the part used for
    estimation are naive ones. Covariates are accepted and not used.

    Quantiles are normal around the forecast, with the variances by step of the model (Hyndman et
    al. 2008, chapter 6; multiplicative seasons to the first order) and the one-step variance of the
    observed residuals, a degree of freedom taken by each parameter. Missing values at the end widen
    them; those before the last observation do not. For a constant series they are those of
    ``Naive``: the constant.

    Parameters
    ----------
    error : {"add", "mul"}
    trend : {None, "add"}
    damped : bool
        Whether the trend flattens out.
    seasonal : {None, "add", "mul"}
    seasonality : "auto" or int
        Steps in a season. ``"auto"``: the shortest season of the calendar, where it has at most 24
        steps and two seasons were seen. Without ``seasonal`` it is not used.
    max_length : int or None
        Estimation uses so many steps up to the last observation; None: all.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    See Also
    --------
    AutoETS : Chooses the form by AICc.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series([3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0, 21.0],
    ...               index=pd.period_range("2014", periods=10, freq="Y"))
    >>> ETS(trend="add").fit(y=y).predict(horizon=2).round(3).tolist()
    [23.0, 25.0]
    """

    choices = PARTS

    def __init__(
        self,
        error: str = "add",
        trend: str | None = None,
        damped: bool = False,
        seasonal: str | None = None,
        seasonality: str | int = "auto",
        max_length: int | None = 2_000,
        missing: str = "mask",
    ):
        self.error = error
        self.trend = trend
        self.damped = damped
        self.seasonal = seasonal
        self.seasonality = seasonality
        self.max_length = max_length
        self.missing = missing

    def _forms(self, y: np.ndarray, m: int, seen: int) -> list[Form]:
        form = Form(self.error, self.trend, bool(self.damped), self.seasonal)
        if form.positive_only and not allows_multiplication(y):
            raise _not_multiplicative(y, self, "use 'add'")
        return [form]


class AutoETS(FormForecaster):
    """Exponential smoothing: error, trend and season chosen by AICc (Hyndman et al. 2002, 2008).

    The combinations are those of ``forecast::ets``: no multiplicative trend, no additive error with
    a multiplicative season unless both are asked for, multiplicative parts for positive data only
    (a part that is asked for and cannot be is an error, as with :class:`ETS`). All are compared by
    their maximal likelihood; where that is costly, first with the starting states of a
    decomposition, and the best one of each kind of season is estimated in full. The chosen model
    forecasts, and is updated, as :class:`ETS` of that form; its quantiles are the same.

    Parameters
    ----------
    error : {"auto", "add", "mul"}
    trend : {"auto", "add", None}
    damped : {"auto", True, False}
        Whether a trend flattens out.
    seasonal : {"auto", "add", "mul", None}
    seasonality : "auto" or int
        Steps in a season, 1 for none. ``"auto"``: the shortest season of the calendar, where it has
        at most 24 steps and two seasons were seen, else 1.
    max_length : int or None
        Choice and estimation use so many steps up to the last observation; None: all.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Attributes
    ----------
    forms_ : dict
        Model of each series, None for a constant one; the key of a single series is None.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> months = pd.period_range("2015-01", periods=60, freq="M")
    >>> noise = np.random.default_rng(0).normal(size=60)
    >>> y = pd.Series(50 + 10 * np.sin(2 * np.pi * np.arange(60) / 12) + 0.1 * noise, index=months)
    >>> AutoETS(error="add").fit(y=y).predict(horizon=3).round().tolist()
    [50.0, 55.0, 59.0]
    """

    choices: ClassVar[dict[str, tuple[Any, ...]]] = {
        name: ("auto", *known) for name, known in PARTS.items()
    }

    def __init__(
        self,
        error: str = "auto",
        trend: str | None = "auto",
        damped: str | bool = "auto",
        seasonal: str | None = "auto",
        seasonality: str | int = "auto",
        max_length: int | None = 2_000,
        missing: str = "mask",
    ):
        self.error = error
        self.trend = trend
        self.damped = damped
        self.seasonal = seasonal
        self.seasonality = seasonality
        self.max_length = max_length
        self.missing = missing

    @property
    def forms_(self) -> dict[Any, Form | None]:
        return {key: model and model.now.form for key, model in self.models_.items()}

    def _forms(self, y: np.ndarray, m: int, seen: int) -> list[Form]:
        errors = ["add", "mul"] if self.error == "auto" else [self.error]
        trends = [None, "add"] if self.trend == "auto" else [self.trend]
        damping = [False, True] if self.damped == "auto" else [bool(self.damped)]
        seasons = [None, "add", "mul"] if self.seasonal == "auto" else [self.seasonal]
        seasons = seasons if m > 1 else [None]
        positive = allows_multiplication(y)
        forms = [
            Form(error, trend, damped and trend is not None, seasonal)
            for error, trend, damped, seasonal in product(errors, trends, damping, seasons)
        ]
        forms = [form for form in dict.fromkeys(forms) if positive or not form.positive_only]
        if not forms:
            raise _not_multiplicative(y, self, "use 'add' or 'auto'")
        stable = [form for form in forms if form.stable] or forms
        return [form for form in stable if form.n_params(m) < seen - 1] or stable[:1]


def _not_multiplicative(y: np.ndarray, asked: ETS | AutoETS, remedy: str) -> ValueError:
    return ValueError(
        f"error={asked.error!r}, seasonal={asked.seasonal!r}: multiplicative parts need "
        f"{obstacle(y)}; {remedy}"
    )


def _choose(y: np.ndarray, forms: list[Form], m: int) -> Smoother:
    """Estimate the form with the least AICc; the gaps of y are bridged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels' remarks on convergence
        if len(forms) > 1 and len(y) * m > CHEAP:
            forms = _finalists(y, forms, m)
        results = [_estimate(y, form, m, full=True) for form in forms]
    scores = [_aicc(*pair, y, m) for pair in zip(results, forms, strict=True)]
    best = int(np.argmin(scores))
    return _smoother(results[best], forms[best], *units(y, forms[best]))


def _finalists(y: np.ndarray, forms: list[Form], m: int) -> list[Form]:
    """Return the best form of each kind of season, judged with the states of a decomposition."""
    ranked = sorted(forms, key=lambda form: _aicc(_estimate(y, form, m, full=False), form, y, m))
    return list({form.seasonal: form for form in reversed(ranked)}.values())


def _estimate(y: np.ndarray, form: Form, m: int, *, full: bool) -> ETSResults:
    """Maximise the likelihood, over the starting states too if ``full``."""
    centre, scale = units(y, form)
    model = ETSModel(
        snap((y - centre) / scale),
        error=form.error,
        trend=form.trend,
        damped_trend=form.damped,
        seasonal=form.seasonal,
        seasonal_periods=m if form.seasonal else None,
        initialization_method="estimated" if full else "heuristic",
    )
    return model.fit(disp=False)


def _aicc(result: ETSResults, form: Form, y: np.ndarray, m: int) -> float:
    """Return Akaike's corrected criterion in the units of y."""
    n, k = len(y), form.n_params(m)
    log_likelihood = result.llf - n * np.log(units(y, form)[1])
    aicc = -2.0 * log_likelihood + 2.0 * k * n / max(n - k - 1, 1)
    return float(aicc) if np.isfinite(aicc) else np.inf


def _smoother(result: ETSResults, form: Form, centre: float, scale: float) -> Smoother:
    alpha = float(result.smoothing_level)
    return Smoother(
        form,
        alpha=alpha,
        beta=float(result.smoothing_trend) if form.trend else 0.0,
        gamma=float(result.smoothing_seasonal / (1.0 - alpha)) if form.seasonal else 0.0,
        phi=float(result.damping_trend) if form.damped else 1.0,
        level=float(result.initial_level),
        slope=float(result.initial_trend) if form.trend else 0.0,
        season=tuple(map(float, result.initial_seasonal)) if form.seasonal else (),
        centre=centre,
        scale=scale,
    )


def _sigma(start: Smoother, y: np.ndarray) -> float:
    """Return the standard deviation of the one-step errors over the observed values."""
    forecasts = start.run(y)[0]
    errors = (y - forecasts) / (forecasts if start.form.error == "mul" else start.scale)
    errors = errors[np.isfinite(y)]
    estimated = start.form.n_params(max(1, len(start.season))) - 1  # the variance apart
    return float(np.sqrt(np.sum(errors**2) / max(1, len(errors) - estimated)))

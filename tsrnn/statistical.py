"""Exponential smoothing with the model chosen from the data, on statsmodels' ETSModel.

Conventions: T steps on the calendar grid of a series, n steps to forecast, m steps a season.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel, ETSResults

from tsrnn.baselines import naive_deviations, normal_quantiles, season_length
from tsrnn.checks import check_choice, check_count, check_rows
from tsrnn.gaps import bridge, is_constant, last_seen, naive_one_step, snap
from tsrnn.local import LocalForecaster

CHOICES: dict[str, tuple[Any, ...]] = {
    "error": ("auto", "add", "mul"),
    "trend": ("auto", "add", None),
    "damped": ("auto", True, False),
    "seasonal": ("auto", "add", "mul", None),
}
LONGEST_SEASON = 24
LEAST_ROWS = 10  # statsmodels' starting values need as many
# Up to this many rows times season length every form is estimated in full (0.1 s at most); above it
# the best form of each kind of season is, found with the starting states of a decomposition.
CHEAP = 2_000
# Multiplicative forms of a series that varies by less than this, relatively, equal additive ones.
LEAST_VARIATION = 1e-6
# Multiplicative errors grow exponentially; thousands of steps ahead they must not overflow.
LARGEST_SQUARE = 1e200


class Form(NamedTuple):
    """One of the models: error and season "add" or "mul", trend "add" or None."""

    error: str
    trend: str | None
    damped: bool
    seasonal: str | None

    @property
    def positive_only(self) -> bool:
        """Tell whether the model needs positive data."""
        return "mul" in (self.error, self.seasonal)

    @property
    def stable(self) -> bool:
        """Additive errors with a multiplicative season divide by values near zero."""
        return not (self.error == "add" and self.seasonal == "mul")

    def n_params(self, m: int) -> int:
        """Count smoothing parameters, starting states and the variance."""
        trend = 0 if self.trend is None else 2 + self.damped
        return 3 + trend + (0 if self.seasonal is None else m)


@dataclass(frozen=True)
class Smoother:
    """Level l, slope b and season s, moved by each observation (Hyndman et al. 2008, chapter 2).

    With x the part of y that is not season, and r = x - (l + φ b): l += φ b + α r, b = φ b + β r,
    and s moves by γ towards the part of y that is not the new level (Holt and Winters' form, as in
    statsmodels; its smoothing_seasonal is (1 - α) γ). A missing value has r = 0.
    """

    form: Form
    alpha: float
    beta: float
    gamma: float
    phi: float
    level: float
    slope: float
    season: tuple[float, ...]  # of the coming m steps; () for none
    centre: float
    scale: float

    def run(self, y: np.ndarray) -> tuple[np.ndarray, Smoother]:
        """Forecast each step of y ``(T,)`` from those before it; return the smoother at the end."""
        multiplicative = self.form.seasonal == "mul"
        neutral = 1.0 if multiplicative else 0.0
        season = list(self.season) or [neutral]
        level, slope, m = self.level, self.slope, len(season)
        forecasts = np.empty(len(y))
        for t, value in enumerate(((y - self.centre) / self.scale).tolist()):
            s = season[t % m]
            base = level + self.phi * slope
            forecasts[t] = base * s if multiplicative else base + s
            level, slope = base, self.phi * slope
            if value == value:  # not NaN
                residual = (value / s if multiplicative else value - s) - base
                level += self.alpha * residual
                slope += self.beta * residual
                other = value / level if multiplicative else value - level
                season[t % m] = s + self.gamma * (other - s)
        turned = season[len(y) % m :] + season[: len(y) % m]
        after = replace(self, level=level, slope=slope, season=tuple(turned) if self.season else ())
        return self.centre + self.scale * forecasts, after

    def deviations(self, n: int, sigma: float) -> np.ndarray:
        """Return the standard deviations ``(n,)`` of the errors of forecasts 1 to n steps ahead.

        An error e at step j moves the forecast of step h by c e; the mean squares of the errors
        before h, so weighted, add up. With multiplicative errors e has the size of the value
        itself, whose mean square is that of the forecast plus what came before. Exact for additive
        seasons and none (classes 1 and 2 of Hyndman et al. 2008, chapter 6), and for multiplicative
        ones with multiplicative errors during one season; else exact to the first order in e.
        """
        steps, m, gamma = np.arange(n), max(1, len(self.season)), (1.0 - self.alpha) * self.gamma
        damped = np.cumsum(self.phi ** (steps + 1.0))
        on_base = np.concatenate([[0.0], self.alpha + self.beta * damped[:-1]])
        on_season = np.where(steps % m == 0, gamma, 0.0)
        base, season = self.level + self.slope * damped, np.resize(self.season or (0.0,), n)
        mean, ratios = base + season, np.ones((2, n))
        if self.form.seasonal == "mul":
            mean, ratios = base * season, np.stack([season, base])
        variances, squares = np.empty(n), np.ones(n)
        for h in range(n):
            on_level, on_phase = ratios[:, h, None] / ratios[:, :h]
            c = on_level * on_base[h:0:-1] + on_phase * on_season[h:0:-1]
            before = sigma**2 * (c**2 @ squares[:h])
            if self.form.error == "mul":
                squares[h] = min(mean[h] ** 2 + before, LARGEST_SQUARE)
            variances[h] = before + sigma**2 * squares[h]
        return self.scale * np.sqrt(variances)


class Fitted(NamedTuple):
    """A smoother where estimation began, ``offset`` steps into the series, and where it is now.

    That is at the last observation, ``unseen`` missing steps before the end: the intervals of the
    forecasts widen from there.
    """

    offset: int
    start: Smoother
    now: Smoother
    unseen: int
    sigma: float  # of the one-step errors: in units of the scale, or relative where multiplicative

    def extended(self, y: np.ndarray) -> Fitted:
        """Run on over new steps, up to the last observation among them."""
        y = np.concatenate([np.full(self.unseen, np.nan), y])
        run = int(last_seen(y)[-1]) + 1
        return self._replace(now=self.now.run(y[:run])[1], unseen=len(y) - run)


class ETS(LocalForecaster):
    """Exponential smoothing: error, trend and season chosen by AICc (Hyndman et al. 2002, 2008).

    The combinations are those of ``forecast::ets``: no multiplicative trend, no additive error with
    a multiplicative season, multiplicative parts for positive data only. Smoothing parameters and
    starting states maximise the exact likelihood of statsmodels' ETSModel; where that is costly,
    they are first compared with the starting states of a decomposition, and the best one of each
    kind of season is estimated in full. Gaps are bridged (seasonal profile plus a straight line)
    for estimation; the estimated model then runs over the series as it is, and at a missing
    value it goes on by its own forecast. ``update`` runs on over the new rows. In-sample forecasts
    before the part used for estimation are naive ones. Covariates are accepted and not used.

    Quantiles are normal around the forecast, with the variances by step of the chosen model
    (Hyndman et al. 2008, chapter 6; multiplicative seasons to the first order) and the one-step
    variance of the observed residuals, a degree of freedom taken by each parameter. Missing values
    at the end widen them; those before the last observation do not. For a constant series they are
    those of ``Naive``: the constant.

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
        Choice and estimation use the last so many steps; None: all.
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
    >>> ETS(error="add").fit(y=y).predict(horizon=3).round().tolist()
    [50.0, 55.0, 59.0]
    """

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

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> Fitted | None:
        for name, known in CHOICES.items():
            check_choice(name, getattr(self, name), known)
        length = len(y)
        if self.max_length is not None:
            check_count("max_length", self.max_length, least=50)
            length = min(length, int(self.max_length))
        seen = int(np.isfinite(y[-length:]).sum())
        m = season_length(self.seasonality, self.calendar_, seen, seasons=2)
        if self.seasonality == "auto" and m > LONGEST_SEASON:
            m = 1
        check_rows(seen, max(LEAST_ROWS, 2 * m if m > 1 else 0), "use Naive() or Drift()")
        if is_constant(y[-length:]):
            return None
        first = len(y) - length
        offset = first + int(np.argmax(np.isfinite(y[first:])))
        start = _choose(y[offset:], self._forms(y[offset:], m), m)
        return Fitted(offset, start, start, 0, _sigma(start, y[offset:])).extended(y[offset:])

    def _forecast_series(
        self, model: Fitted | None, y: np.ndarray, n: int, X: np.ndarray | None
    ) -> np.ndarray:
        if model is None:
            return np.full(n, y[last_seen(y)[-1]])
        return model.now.run(np.full(model.unseen + n, np.nan))[0][model.unseen :]

    def _quantiles_series(
        self,
        model: Fitted | None,
        y: np.ndarray,
        n: int,
        X: np.ndarray | None,
        levels: np.ndarray,
    ) -> np.ndarray:
        if model is None:
            deviations = naive_deviations(y, n)
        else:
            deviations = model.now.deviations(model.unseen + n, model.sigma)[model.unseen :]
        return normal_quantiles(self._forecast_series(model, y, n, X), deviations, levels)

    def _in_sample_series(
        self, model: Fitted | None, y: np.ndarray, X: np.ndarray | None
    ) -> np.ndarray:
        naive = naive_one_step(y)
        if model is None:
            return naive
        return np.concatenate([naive[: model.offset], model.start.run(y[model.offset :])[0]])

    def _update_series(
        self, model: Fitted | None, y: np.ndarray, new_steps: int, X: np.ndarray | None
    ) -> Fitted | None:
        return model and model.extended(y[-new_steps:])

    def _forms(self, y: np.ndarray, m: int) -> list[Form]:
        """List the combinations that the parameters, the season and the data admit."""
        errors = ["add", "mul"] if self.error == "auto" else [self.error]
        trends = [None, "add"] if self.trend == "auto" else [self.trend]
        damping = [False, True] if self.damped == "auto" else [bool(self.damped)]
        seasons = [None, "add", "mul"] if self.seasonal == "auto" else [self.seasonal]
        seasons = seasons if m > 1 else [None]
        low, spread = float(np.nanmin(y)), float(np.nanstd(y))
        positive = low > 0 and spread > LEAST_VARIATION * low
        forms = [
            Form(error, trend, damped and trend is not None, seasonal)
            for error, trend, damped, seasonal in product(errors, trends, damping, seasons)
        ]
        forms = [form for form in dict.fromkeys(forms) if positive or not form.positive_only]
        if not forms:
            raise ValueError(
                f"error={self.error!r}, seasonal={self.seasonal!r}: multiplicative parts need "
                f"positive y, the least value is {low:g}; use 'add' or 'auto'"
            )
        seen = int(np.isfinite(y).sum())
        affordable = [form for form in forms if form.n_params(m) < seen - 1] or forms[:1]
        return [form for form in affordable if form.stable] or affordable


def _choose(y: np.ndarray, forms: list[Form], m: int) -> Smoother:
    """Estimate the form with the least AICc; y begins with an observation."""
    last = int(last_seen(y)[-1])
    filled = bridge(y[: last + 1], m)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels' remarks on convergence
        if len(filled) * m > CHEAP:
            forms = _finalists(filled, forms, m)
        results = [_estimate(filled, form, m, full=True) for form in forms]
    scores = [_aicc(*pair, filled, m) for pair in zip(results, forms, strict=True)]
    best = int(np.argmin(scores))
    return _smoother(results[best], forms[best], *_units(filled, forms[best]))


def _finalists(y: np.ndarray, forms: list[Form], m: int) -> list[Form]:
    """Return the best form of each kind of season, judged with the states of a decomposition."""
    ranked = sorted(forms, key=lambda form: _aicc(_estimate(y, form, m, full=False), form, y, m))
    return list({form.seasonal: form for form in reversed(ranked)}.values())


def _units(y: np.ndarray, form: Form) -> tuple[float, float]:
    """Return centre and scale; a multiplicative model keeps its zero.

    The optimiser of statsmodels is sensitive to them: these gave the best likelihood of five tried.
    """
    return (0.0, float(np.mean(y))) if form.positive_only else (float(y[0]), float(np.std(y)))


def _estimate(y: np.ndarray, form: Form, m: int, *, full: bool) -> ETSResults:
    """Maximise the likelihood, over the starting states too if ``full``."""
    centre, scale = _units(y, form)
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
    log_likelihood = result.llf - n * np.log(_units(y, form)[1])
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

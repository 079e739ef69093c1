"""Exponential smoothing as a recursion: level, slope and season, moved by each observation.

Conventions: T steps on the calendar grid of a series, n steps to forecast, m steps a season.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from tsrnn.baselines import naive_deviations, normal_quantiles
from tsrnn.gaps import bridge, last_seen, naive_one_step
from tsrnn.local import LocalForecaster

# Multiplicative errors grow exponentially; thousands of steps ahead they must not overflow.
LARGEST_SQUARE = 1e200
# Multiplicative forms of a series that varies by less than this, relatively, equal additive ones.
LEAST_VARIATION = 1e-6
# Values below this share of the mean are zero once they are snapped; in units of the mean, levels
# and factors below it are too small to divide by.
LEAST_SHARE = 1e-9


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
    statsmodels; its smoothing_seasonal is (1 - α) γ). A missing value has r = 0. Where zeros have
    brought a multiplicative season to zero, x is y; where they have the level, s does not move.
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
                residual = (_ratio(value, s, value) if multiplicative else value - s) - base
                level += self.alpha * residual
                slope += self.beta * residual
                other = _ratio(value, level, s) if multiplicative else value - level
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
        divisors = np.where(np.abs(ratios) > LEAST_SHARE, ratios, [[1.0], [np.inf]])  # as in run
        variances, squares = np.empty(n), np.ones(n)
        for h in range(n):
            on_level, on_phase = ratios[:, h, None] / divisors[:, :h]
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

    def forecast(self, n: int) -> np.ndarray:
        """Forecast the next steps, ``(n,)``."""
        return self.now.run(np.full(self.unseen + n, np.nan))[0][self.unseen :]

    def deviations(self, n: int) -> np.ndarray:
        """Return the standard deviations ``(n,)`` of the errors of the forecasts."""
        return self.now.deviations(self.unseen + n, self.sigma)[self.unseen :]

    def one_step(self, y: np.ndarray) -> np.ndarray:
        """Forecast each step of the whole history; those before estimation naively."""
        before = naive_one_step(y)[: self.offset]
        return np.concatenate([before, self.start.run(y[self.offset :])[0]])

    def extended(self, y: np.ndarray) -> Fitted:
        """Run on over new steps, up to the last observation among them."""
        y = np.concatenate([np.full(self.unseen, np.nan), y])
        run = int(last_seen(y)[-1]) + 1
        return self._replace(now=self.now.run(y[:run])[1], unseen=len(y) - run)


class SmoothingForecaster(LocalForecaster):
    """Interface of forecasters by smoothing: a leaf says how one series is fitted.

    Its model forecasts, says how far it may be off, and is extended, as :class:`Fitted` is; None is
    the model of a constant series, which goes on until an update brings another value.
    """

    def _forecast_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None
    ) -> np.ndarray:
        return np.full(n, y[last_seen(y)[-1]]) if model is None else model.forecast(n)

    def _quantiles_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None, levels: np.ndarray
    ) -> np.ndarray:
        deviations = naive_deviations(y, n) if model is None else model.deviations(n)
        return normal_quantiles(self._forecast_series(model, y, n, X), deviations, levels)

    def _in_sample_series(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        return naive_one_step(y) if model is None else model.one_step(y)

    def _update_series(
        self, model: Any, y: np.ndarray, new_steps: int, X: np.ndarray | None
    ) -> Any:
        return model and model.extended(y[-new_steps:])


def units(y: np.ndarray, form: Form) -> tuple[float, float]:
    """Return centre and scale of y ``(T,)``; a multiplicative model keeps its zero.

    The optimiser of statsmodels is sensitive to them: these gave the best likelihood of five tried.
    """
    return (0.0, float(np.mean(y))) if form.positive_only else (float(y[0]), float(np.std(y)))


def completed(y: np.ndarray, m: int) -> np.ndarray:
    """Bridge the gaps of y ``(T,)``; positive data stay within what was observed."""
    filled, low = bridge(y, m), np.nanmin(y)
    return np.clip(filled, low, np.nanmax(y)) if low > 0 else filled


def allows_multiplication(y: np.ndarray) -> bool:
    """Tell whether y ``(T,)`` is positive and varies enough for effects in per cent."""
    return not obstacle(y)


def obstacle(y: np.ndarray) -> str:
    """Say what effects in per cent need that y ``(T,)`` does not have, "" if nothing."""
    low, mean, spread = float(np.nanmin(y)), float(np.nanmean(y)), float(np.nanstd(y))
    if low <= 0:
        return f"positive y, the least value is {low:g}"
    if low <= LEAST_SHARE * mean:
        return f"y above {LEAST_SHARE:g} of its mean, which is {mean:g}, the least value is {low:g}"
    if spread <= LEAST_VARIATION * low:
        return (
            f"y to vary by more than {LEAST_VARIATION:g} of its size, its standard deviation is "
            f"{spread:g} around {mean:g}"
        )
    return ""


def _ratio(value: float, by: float, otherwise: float) -> float:
    return value / by if abs(by) > LEAST_SHARE else otherwise

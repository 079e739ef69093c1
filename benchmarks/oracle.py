"""How near does a default forecaster come to the best forecast there can be?

Panels are made by a process whose parameters are known. So the best forecast from the same
information, the oracle's, is known too, and what each column of X is worth:

    python benchmarks/oracle.py --panels daily hourly --seeds 0 1 2

A seed makes a panel and the networks. Each model is fitted once on the first part of the panel and
forecasts from each step of the rest, taking in the rows since (``update``). It is judged by all
values, those hidden from it included. Rows go to ``oracle.csv`` in ``--output``; those that are
there for the same commit are not computed again, unless ``--again`` is given or the tree has
changes that are not committed.

Conventions: S series, T steps, O origins, H horizon, d size of a state.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from measured import CIRCUMSTANCES, ROOT, circumstances, current_commit, store_row, stored_row
from numpy.typing import NDArray
from scipy.linalg import block_diag, solve_discrete_lyapunov
from scipy.signal import lfilter

from tsrnn import ARIMA, LSTMForecaster, Naive, SeasonalNaive
from tsrnn.base import Forecaster

Array = NDArray[np.float64]

SECTORS = np.array(["energy", "food", "metal", "paper"])
BURN_IN = 1_000  # steps made and dropped: a panel starts in its stationary state
QUICK_EPOCHS = 2
LONGEST_ARIMA_SEASON = 12  # steps; estimation with gaps and 24 states takes minutes a series
BAR = 1.1  # times the oracle's mean absolute error
KEY = ["panel", "model", "seed", "commit"]
SCORES = ["mae", "rmse", "mae_ratio", "rmse_ratio", "margin", "theory_ratio"]
SECONDS = ["fit_seconds", "predict_seconds"]
COLUMNS = ["panel", "model", "seed", *SCORES, *SECONDS, "commit", *CIRCUMSTANCES]


@dataclass(frozen=True)
class Recipe:
    r"""A process with a known optimum, in units of its innovations' deviation.

    .. math::
        y_t &= a + 2 n + s_{t \bmod m} + u_t + \beta x_t + \gamma z_{t-k} + \sigma v_t \\
        \phi(B) (1 - \Phi B^m) u_t &= e_t

    with the offset a of a series' sector and its number n, white noises e and v of variance 1, and
    autoregressions x and z of order and variance 1. The column x is known in advance, z of the past
    only: for k steps it tells what comes.
    """

    season: int = 7
    freq: str = "D"
    horizon: int = 7
    series: int = 20
    length: int = 700
    test: int = 100
    phi: tuple[float, ...] = (0.7,)
    seasonal_phi: float = 0.3
    noise: float = 0.5
    amplitude: float = 2.0
    beta: float = 1.5
    known_phi: float = 0.7
    gamma: float = 1.5
    lead: int = 4
    lead_phi: float = 0.5
    missing: float = 0.2

    @property
    def polynomial(self) -> Array:
        """Coefficients of phi(B) (1 - Phi B^m)."""
        seasonal = np.zeros(self.season + 1)
        seasonal[0], seasonal[-1] = 1.0, -self.seasonal_phi
        return np.trim_zeros(np.convolve([1.0, *(-p for p in self.phi)], seasonal), "b")

    @property
    def origins(self) -> NDArray[np.int64]:
        """Steps known at each origin, (O,)."""
        return np.arange(self.length - self.test, self.length - self.horizon + 1)


RECIPES: dict[str, Recipe] = {
    "daily": Recipe(),
    "hourly": Recipe(season=24, freq="h", horizon=24, length=1_000, lead=12),
    "short": Recipe(length=300),
    "no_season": Recipe(season=7, amplitude=0.0, seasonal_phi=0.0),
    # Nothing to learn but the series themselves
    "seasonal_ar": Recipe(beta=0.0, gamma=0.0),
    "ar2": Recipe(beta=0.0, gamma=0.0, amplitude=0.0, seasonal_phi=0.0, phi=(1.2, -0.4)),
}


class Panel(NamedTuple):
    """A panel as made: arrays (S, T) and what is constant within a series (S,)."""

    recipe: Recipe
    complete: Array  # y without missing values
    y: Array  # NaN where missing
    mean: Array  # offset and season
    price: Array  # x, known in advance
    orders: Array  # z, of the past only
    sector: NDArray[np.str_]
    size: Array


def make_panel(recipe: Recipe, seed: int) -> Panel:
    """Draw a panel."""
    rng = np.random.default_rng(seed)
    S, T = recipe.series, recipe.length
    price = autoregression(rng, [1.0, -recipe.known_phi], (S, T))
    price *= np.sqrt(1 - recipe.known_phi**2)
    orders = autoregression(rng, [1.0, -recipe.lead_phi], (S, T + recipe.lead))
    orders *= np.sqrt(1 - recipe.lead_phi**2)
    rest = autoregression(rng, recipe.polynomial, (S, T))
    sector, size = rng.integers(len(SECTORS), size=S), rng.normal(size=S)
    offset = rng.normal(0, 10, len(SECTORS))[sector] + 2 * size
    pattern = recipe.amplitude * rng.normal(size=recipe.season)
    mean = offset[:, None] + np.resize(pattern - pattern.mean(), T)
    complete = mean + rest + recipe.beta * price + recipe.gamma * orders[:, :T]
    complete = complete + recipe.noise * rng.normal(size=(S, T))
    y = np.where(rng.random((S, T)) < recipe.missing, np.nan, complete)
    seen = orders[:, recipe.lead :]  # at step t, what moves y at t + k
    return Panel(recipe, complete, y, mean, price, seen, SECTORS[sector], size)


def autoregression(
    rng: np.random.Generator, polynomial: Sequence[float] | Array, shape: tuple[int, int]
) -> Array:
    """Draw stationary autoregressions with innovations of variance 1, (S, T)."""
    shocks = rng.normal(size=(shape[0], BURN_IN + shape[1]))
    return lfilter([1.0], polynomial, shocks, axis=1)[:, BURN_IN:]


def frames(panel: Panel) -> tuple[pd.Series, pd.DataFrame]:
    """Lay a panel out as y and X with rows (series, time)."""
    S, T = panel.y.shape
    names = [f"s{i:02}" for i in range(S)]
    times = pd.date_range("2020-01-01", periods=T, freq=panel.recipe.freq)
    index = pd.MultiIndex.from_product([names, times], names=["series", "time"])
    columns = {"price": panel.price.ravel(), "orders": panel.orders.ravel()}
    constant = {"sector": np.repeat(panel.sector, T), "size": np.repeat(panel.size, T)}
    y = pd.Series(panel.y.ravel(), index, name="y")
    return y, pd.DataFrame({**columns, **constant}, index)


class System(NamedTuple):
    """A linear state space: state (d,) = transition state + shocks, value = read state + noise."""

    transition: Array  # (d, d)
    shocks: Array  # (d, d) covariance
    read: Array  # (d,)
    noise: float  # variance


def autoregressive(polynomial: Array, variance: float) -> System:
    """Write an autoregression as a state space, its state the latest values."""
    d = len(polynomial) - 1
    transition = np.eye(d, k=-1)
    transition[0] = -polynomial[1:]
    first = np.eye(d)[0]
    return System(transition, variance * np.outer(first, first), first, 0.0)


def added(systems: Sequence[System], noise: float) -> System:
    """Add independent systems up, and white noise of a variance."""
    return System(
        block_diag(*(s.transition for s in systems)),
        block_diag(*(s.shocks for s in systems)),
        np.concatenate([s.read for s in systems]),
        noise,
    )


def filtered(system: System, values: Array) -> tuple[Array, Array]:
    """Kalman's filter: values (S, T), NaN where missing, to states (S, T, d) and covariances.

    The state at step t given the values up to t; the system is stationary, and starts so.
    """
    F, Q, z, noise = system
    (S, T), d = values.shape, len(z)
    a, P = np.zeros((S, d)), np.tile(solve_discrete_lyapunov(F, Q), (S, 1, 1))
    states, covariances = np.empty((S, T, d)), np.empty((S, T, d, d))
    for t in range(T):
        if t:
            a, P = a @ F.T, F @ P @ F.T + Q
        seen = np.isfinite(values[:, t])
        Pz = P @ z
        gain = np.where(seen[:, None], Pz / (Pz @ z + noise)[:, None], 0.0)
        a = a + gain * np.where(seen, values[:, t] - a @ z, 0.0)[:, None]
        P = P - gain[:, :, None] * Pz[:, None, :]
        states[:, t], covariances[:, t] = a, P
    return states, covariances


def ahead(system: System, states: Array, covariances: Array, horizon: int) -> tuple[Array, Array]:
    """Forecast from states (S, O, d): means and variances (S, O, H) of the values to come."""
    F, Q, z, noise = system
    mean, variance = [], []
    for _ in range(horizon):
        states, covariances = states @ F.T, F @ covariances @ F.T + Q
        mean.append(states @ z)
        variance.append(covariances @ z @ z + noise)
    return np.stack(mean, axis=-1), np.stack(variance, axis=-1)


def oracle(panel: Panel, columns: Sequence[str] = ("price", "orders")) -> tuple[Array, Array]:
    """Best forecasts (S, O, H) at the origins of a panel, and the variance of their errors.

    The parameters are known; of the covariates, those in ``columns``. One that is not is noise with
    the known autocorrelation: a part of the state.
    """
    recipe, T = panel.recipe, panel.recipe.length
    parts = [autoregressive(recipe.polynomial, 1.0)]
    values, explained = panel.y.copy(), panel.mean.copy()
    if "price" in columns:
        explained += recipe.beta * panel.price
    else:
        parts.append(_unknown(recipe.beta, recipe.known_phi))
    if "orders" in columns:
        values[:, recipe.lead :] -= recipe.gamma * panel.orders[:, : T - recipe.lead]
        values[:, : recipe.lead] = np.nan  # what moved them was before the column starts
    else:
        parts.append(_unknown(recipe.gamma, recipe.lead_phi))
    system = added(parts, recipe.noise**2)
    last = recipe.origins - 1
    states, covariances = (part[:, last] for part in filtered(system, values - explained))
    mean, variance = ahead(system, states, covariances, recipe.horizon)
    steps = np.arange(1, recipe.horizon + 1)
    mean = mean + explained[:, last[:, None] + steps]
    if "orders" in columns:  # known up to k steps ahead, then forecast from the last value
        beyond = np.maximum(0, steps - recipe.lead)
        source = last[:, None] + np.minimum(steps - recipe.lead, 0)
        kept = recipe.lead_phi**beyond
        mean = mean + recipe.gamma * kept * panel.orders[:, source]
        variance = variance + recipe.gamma**2 * (1 - kept**2)
    return mean, variance


def _unknown(effect: float, phi: float) -> System:
    """Effect of an autoregression of variance 1 that nobody sees."""
    return autoregressive(np.array([1.0, -phi]), effect**2 * (1 - phi**2))


class Outcome(NamedTuple):
    """Forecasts (S, O, H), and how long they took."""

    forecasts: Array
    fit_seconds: float
    predict_seconds: float
    theory: Array | None = None  # (S, O, H), variance of the oracle's errors


def run_oracle(*columns: str) -> Callable[[Panel, int, bool], Outcome]:
    """Forecast as one who knows the parameters and sees some of the columns."""

    def run(panel: Panel, seed: int, quick: bool) -> Outcome:
        start = perf_counter()
        mean, variance = oracle(panel, columns)
        return Outcome(mean, 0.0, perf_counter() - start, variance)

    return run


def run_lstm(*columns: str) -> Callable[[Panel, int, bool], Outcome]:
    """Forecast with the defaults, from some of the columns."""

    def run(panel: Panel, seed: int, quick: bool) -> Outcome:
        model = LSTMForecaster(
            panel.recipe.horizon,
            past_only=[name for name in columns if name == "orders"],
            static=[name for name in columns if name in ("sector", "size")],
            max_epochs=QUICK_EPOCHS if quick else "auto",
            random_state=seed,
        )
        return run_forecaster(model, panel, columns)

    return run


def run_arima(panel: Panel, seed: int, quick: bool) -> Outcome:
    """An ARIMA a series with the column known in advance: it has no place for one of the past."""
    season = panel.recipe.season
    order = (0, 1, 1, season) if season <= LONGEST_ARIMA_SEASON else (0, 0, 0, 0)
    return run_forecaster(ARIMA((1, 0, 1), order), panel, ("price",))


def run_forecaster(model: Forecaster, panel: Panel, columns: Sequence[str]) -> Outcome:
    """Fit once; at each origin take in the row since the last one and forecast, without a refit."""
    recipe, S = panel.recipe, panel.recipe.series
    y, X = frames(panel)
    given = X[list(columns)] if columns else None
    known = [name for name in columns if name == "price"]
    rows = np.arange(recipe.length) + recipe.length * np.arange(S)[:, None]  # of steps, (S, T)

    def part(frame: Any, first: int, last: int) -> Any:
        return None if frame is None else frame.iloc[rows[:, first:last].ravel()]

    start = perf_counter()
    model.fit(part(given, 0, recipe.origins[0]), part(y, 0, recipe.origins[0]))
    fitted, forecasts = perf_counter(), []
    for origin in recipe.origins:
        if origin > recipe.origins[0]:
            model.update(part(given, origin - 1, origin), part(y, origin - 1, origin))
        future = part(X[known], origin, origin + recipe.horizon) if known else None
        forecast = model.predict(future, horizon=recipe.horizon)
        forecasts.append(forecast.to_numpy().reshape(S, recipe.horizon))
    values = np.stack(forecasts, axis=1)
    return Outcome(values, fitted - start, perf_counter() - fitted)


MODELS: dict[str, Callable[[Panel, int, bool], Outcome]] = {
    "oracle": run_oracle("price", "orders"),
    "oracle_without_price": run_oracle("orders"),
    "oracle_without_orders": run_oracle("price"),
    "naive": lambda panel, seed, quick: run_forecaster(Naive(), panel, ()),
    "seasonal_naive": lambda panel, seed, quick: run_forecaster(
        SeasonalNaive(panel.recipe.season), panel, ()
    ),
    "arima": run_arima,
    "lstm": run_lstm("price", "orders", "sector", "size"),
    "lstm_without_price": run_lstm("orders", "sector", "size"),
    "lstm_without_orders": run_lstm("price", "sector", "size"),
    "lstm_without_static": run_lstm("price", "orders"),
}


def scores(panel: Panel, outcome: Outcome) -> dict[str, float]:
    """Judge forecasts beside the oracle's, and beside the naive ones by the oracle's margin.

    ``margin`` is the share reached of the oracle's gain over the last value, in mean absolute
    errors; ``theory_ratio`` what the mean absolute error is to that of the whole oracle in theory.
    """
    steps = panel.recipe.origins[:, None] + np.arange(panel.recipe.horizon)
    true = panel.complete[:, steps]
    best, least = oracle(panel)
    naive = run_forecaster(Naive(), panel, ()).forecasts
    mae, mae_best, mae_naive = (
        float(np.abs(true - f).mean()) for f in (outcome.forecasts, best, naive)
    )
    rmse, rmse_best = (root_mean_square(true - f) for f in (outcome.forecasts, best))
    theory = np.nan
    if (
        outcome.theory is not None
    ):  # the mean absolute value of normal numbers is as their deviation
        theory = float(np.sqrt(outcome.theory).sum() / np.sqrt(least).sum())
    return {
        "mae": mae,
        "rmse": rmse,
        "mae_ratio": mae / mae_best,
        "rmse_ratio": rmse / rmse_best,
        "margin": (mae_naive - mae) / (mae_naive - mae_best),
        "theory_ratio": theory,
    }


def root_mean_square(errors: Array) -> float:
    return float(np.sqrt((errors**2).mean()))


def measure_all(
    name: str,
    models: Sequence[str],
    seeds: Sequence[int],
    path: Path,
    commit: str,
    *,
    again: bool = False,
    quick: bool = False,
) -> pd.DataFrame:
    """Return one row a model and seed, each from the CSV at `path` or computed and stored there."""
    again = again or commit.endswith("+dirty")  # the same mark may stand for other code
    recipe = shortened(RECIPES[name]) if quick else RECIPES[name]
    label, rows = f"{name}-quick" if quick else name, []
    for seed in seeds:
        panel = make_panel(recipe, seed)
        for model in models:
            key = dict(zip(KEY, (label, model, seed, commit), strict=True))
            row = None if again else stored_row(path, key)
            if row is None:
                outcome = MODELS[model](panel, seed, quick)
                row = key | {**scores(panel, outcome), **circumstances()}
                row |= dict(zip(SECONDS, outcome[1:3], strict=True))
                store_row(path, row, KEY, COLUMNS)
            print(f"{label} {model} seed {seed}: {row['mae_ratio']:.3f}", file=sys.stderr)
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def shortened(recipe: Recipe) -> Recipe:
    return replace(recipe, series=4, length=240, test=recipe.horizon + 4)


def table(rows: pd.DataFrame) -> str:
    """Lay out means over the seeds, and the deviation of the ratio to the oracle's error."""
    groups = rows.groupby(["panel", "model"], sort=False)
    means = groups[[*SCORES, *SECONDS]].mean()
    means.insert(3, "deviation", groups["mae_ratio"].std())
    return means.round(3).to_string(na_rep="")


def verdicts(rows: pd.DataFrame) -> list[str]:
    """Say whether the issue's bar is reached, and what a dropped column costs beside theory."""
    said = []
    for name, part in rows.groupby("panel", sort=False):
        ratio = part.groupby("model")["mae_ratio"].mean()
        theory = part.groupby("model")["theory_ratio"].mean()
        if "lstm" in ratio:
            reached = "reached" if ratio["lstm"] <= BAR else "missed"
            said.append(f"{name}: lstm {ratio['lstm']:.3f} times the oracle's error: {reached}")
        for column in ("price", "orders"):
            ours, best = f"lstm_without_{column}", f"oracle_without_{column}"
            if {"lstm", ours, best} <= set(ratio.index):
                cost, due = ratio[ours] / ratio["lstm"], theory[best]
                said.append(
                    f"{name}: without {column} {cost:.3f} times the error; in theory {due:.3f}"
                )
    return said


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--panels", nargs="+", choices=RECIPES, default=["daily", "hourly"])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--again", action="store_true", help="compute rows that are there already")
    parser.add_argument(
        "--quick", action="store_true", help="a few short series and epochs: does it run?"
    )
    asked = parser.parse_args(arguments)
    path, commit = asked.output / "oracle.csv", current_commit()
    options = {"again": asked.again, "quick": asked.quick}
    rows = pd.concat(
        measure_all(name, asked.models, asked.seeds, path, commit, **options)
        for name in asked.panels
    )
    print(table(rows))
    print("\n".join(verdicts(rows)))


if __name__ == "__main__":
    main()

"""Does a recurrent network beat the random walk on prices? And what do leaking backtests say?

First, honestly: 20 S&P 500 stocks and 8 exchange rates, one session ahead and five, forecast from
every origin of the last fifth of the data by networks and ARIMA that were fitted on what came
before (then updated, not refitted), beside the last value:

    TSRNN_DATA=../shared/data python benchmarks/honesty.py

Prices are in logarithms, so that an error of 0.01 is one per cent of any of them. The
Diebold-Mariano test is that of ``backtest``: a fold gives one number, the mean over series and
steps. Series by series 5 % of the tests fall below 0.05 by luck, so their number is printed too.

Then, on purpose, as in the published results that say "84-87 % better than ARIMA": the closes of
one stock are scaled before the split, cut into windows that overlap, and the windows are shuffled
before some of them become the test part (Siami-Namini, Tavakoli and Siami Namin 2018 report the
figure, from a rolling ARIMA; they do not say where theirs comes from). Then each habit is left out
in turn, down to the honest score, and ``audit_leakage`` is asked what it finds.

Rows go to ``honesty.csv`` in ``--output``; those that are there for the same commit are not
computed again, unless ``--again`` is given or the tree has changes that are not committed.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from measured import CIRCUMSTANCES, ROOT, circumstances, current_commit, store_row, stored_row
from sklearn.base import clone
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.preprocessing import MinMaxScaler
from statsmodels.stats.multitest import multipletests
from tasks import stacked

from tsrnn import (
    AutoARIMA,
    GRUForecaster,
    LSTMForecaster,
    LSTMRegressor,
    Naive,
    audit_leakage,
    backtest,
    make_windows,
)
from tsrnn.datasets import fetch_exchange_rate, fetch_sp500_stocks
from tsrnn.metrics import diebold_mariano

HORIZONS = (1, 5)
TEST_SHARE = 0.2
LEAK_STOCK = "MSFT"
KEY = ["question", "dataset", "horizon", "model", "seed", "commit"]
FIGURES = ["mae_%", "skill_%", "dm_p", "series", "series_p<0.05", "series_holm", "folds", "seconds"]
COLUMNS = [*KEY[:-1], *FIGURES, "found", "commit", *CIRCUMSTANCES]
# Rows few enough for the network to learn the windows by heart, which is what the leak rewards.
LEAK_ROWS, LEAK_WINDOW, LEAK_HORIZON, LEAK_EPOCHS, LEAK_FOLDS = 600, 40, 80, 300, 5


def logarithms(dataset: str, quick: bool) -> pd.DataFrame:
    """Return log prices, a column a series; days on which any is missing are left out."""
    frame = fetch_sp500_stocks().drop(columns="SP500") if dataset == "sp500" else None
    frame = fetch_exchange_rate() if frame is None else frame
    frame = np.log(frame.dropna())
    return frame.iloc[-400:, :3] if quick else frame


def models(horizon: int, seed: int, quick: bool) -> dict[str, Any]:
    network = {"horizon": horizon, "random_state": seed, "max_epochs": 2 if quick else "auto"}
    return {
        "lstm": LSTMForecaster(**network),
        "gru": GRUForecaster(**network),
        "arima": AutoARIMA(seasonality=1),
        "naive": Naive(),
    }


def honest_rows(dataset: str, horizon: int, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Backtest all models over the last fifth, as one panel; print the verdict."""
    frame = logarithms(dataset, quick)
    n_folds = 5 if quick else int(TEST_SHARE * len(frame)) // horizon
    started = perf_counter()
    result = backtest(
        models(horizon, seed, quick),
        y=stacked(frame),
        horizon=horizon,
        n_folds=n_folds,
        refit="none",
        levels=(),
        seasonality=1,
    )
    print(f"\n{dataset}, {horizon} step(s) ahead, {n_folds} origins")
    print(
        result.summary()[["MAE", "skill_%", "dm_p", "mcs_p"]].to_string(
            float_format="{:.4f}".format
        )
    )
    print(result.verdict(), *result.warnings(), sep="\n")
    by_series = series_p_values(result.forecasts)
    rows = []
    for model, row in result.summary().iterrows():
        p_values = by_series.get(model, pd.Series(dtype=float))
        rows.append(
            {
                "model": model,
                "mae_%": 100 * row["MAE"],
                "skill_%": row["skill_%"],
                "dm_p": row["dm_p"],
                "series": frame.shape[1],
                "series_p<0.05": int((p_values < 0.05).sum()),
                "series_holm": int((multipletests(p_values, method="holm")[1] < 0.05).sum())
                if len(p_values)
                else 0,
                "folds": n_folds,
                "seconds": perf_counter() - started,
                "found": result.verdict(),
            }
        )
    return rows


def series_p_values(forecasts: pd.DataFrame) -> dict[str, pd.Series]:
    """Test each series by itself; only wins over the last value count, losses get p = 1."""
    errors = forecasts.assign(error=(forecasts["y_true"] - forecasts["y_pred"]).abs())
    table = errors.pivot_table("error", ["series", "fold"], "model")
    found: dict[str, dict[str, float]] = {}
    for series, losses in table.groupby(level="series"):
        for model in losses.columns.drop("naive"):
            test = diebold_mariano(losses[model], losses["naive"])
            won = test.statistic < 0
            found.setdefault(model, {})[str(series)] = test.p_value if won else 1.0
    return {model: pd.Series(values) for model, values in found.items()}


def leak_rows(seed: int, quick: bool) -> list[dict[str, Any]]:
    """Score one network on the same targets, with all habits at once down to none; audit each."""
    prices = np.log(fetch_sp500_stocks()[LEAK_STOCK].dropna().iloc[-LEAK_ROWS:])
    horizon, window = (5, 10) if quick else (LEAK_HORIZON, LEAK_WINDOW)
    raw = prices.to_numpy()
    scaled = MinMaxScaler().fit_transform(raw[:, np.newaxis])[:, 0]
    shuffled = KFold(LEAK_FOLDS, shuffle=True, random_state=seed)
    ways = {
        "scaled before the split, shuffled windows": (scaled, shuffled),
        "shuffled windows": (raw, shuffled),
        "scaled before the split, windows into the test part": (
            scaled,
            TimeSeriesSplit(LEAK_FOLDS),
        ),
        "windows into the test part": (raw, TimeSeriesSplit(LEAK_FOLDS)),
        "none": (raw, TimeSeriesSplit(LEAK_FOLDS, gap=horizon - 1)),
    }
    arima = arima_errors(prices, horizon, quick)
    network = LSTMRegressor(
        hidden_size=64,
        max_epochs=2 if quick else LEAK_EPOCHS,
        learning_rate=0.01,
        batch_size=64,
        early_stopping=False,
        random_state=seed,
    )
    rows = []
    for name, (values, cv) in ways.items():
        started = perf_counter()
        X, y = make_windows(values, window=window, horizon=horizon)
        X, y = X[..., 0], y[:, -1] if y.ndim == 2 else y
        errors = network_errors(network, X, y, cv) * (np.ptp(raw) / np.ptp(values))
        errors = errors.rename(index=lambda row: prices.index[row + window + horizon - 1])
        both = pd.concat({"lstm": errors, "arima": arima}, axis=1, join="inner").dropna()
        found = audit_leakage(network, X, y, cv=cv, horizon=horizon)
        better = 100 * (1 - rmse(both["lstm"]) / rmse(both["arima"]))
        test = diebold_mariano(both["lstm"], both["arima"], horizon=horizon, loss="squared")
        sentences = " ".join(found.sentences())
        word = "better" if better > 0 else "worse"
        print(
            f"\nLeaks: {name}\nRMSE {abs(better):.1f} % {word} than ARIMA (p = {test.p_value:.2g})"
        )
        print(found)
        rows.append(
            {
                "model": name,
                "skill_%": better,
                "dm_p": test.p_value,
                "series": 1,
                "folds": LEAK_FOLDS,
                "seconds": perf_counter() - started,
                "found": sentences,
            }
        )
    return rows


def network_errors(network: Any, X: Any, y: Any, cv: Any) -> pd.Series:
    """Return the errors of the test rows of all folds, by row; print what tsrnn warns of."""
    parts = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("once")
        for train, test in cv.split(X):
            forecast = clone(network).fit(X[train], y[train]).predict(X[test])
            parts.append(pd.Series(y[test] - forecast, index=test))
    for text in {str(warning.message) for warning in caught}:
        print(f"\nA warning came: {text}")
    return pd.concat(parts).sort_index()


def arima_errors(prices: pd.Series, horizon: int, quick: bool) -> pd.Series:
    """Return honest errors so many steps ahead, by target; orders found on the first sixth."""
    n_folds = 20 if quick else int(len(prices) * LEAK_FOLDS / (LEAK_FOLDS + 1)) - horizon
    call = {"horizon": horizon, "n_folds": n_folds, "step": 1, "refit": "none", "levels": ()}
    forecasts = backtest({"arima": AutoARIMA(seasonality=1)}, y=prices, **call).forecasts
    last = forecasts[forecasts["step"] == horizon].set_index("time")
    return last["y_true"] - last["y_pred"]


def rmse(errors: pd.Series) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def main(output: Path, seed: int, quick: bool, again: bool) -> None:
    """Answer both questions, each row measured once a commit."""
    path, commit = output / "honesty.csv", current_commit()
    for dataset in ("sp500", "exchange-rate"):
        for horizon in HORIZONS:
            key = {"question": "honest", "dataset": dataset, "horizon": horizon, "seed": seed}
            answer(
                path, key | {"commit": commit}, again, honest_rows, dataset, horizon, seed, quick
            )
    key = {"question": "leaking", "dataset": LEAK_STOCK, "horizon": LEAK_HORIZON, "seed": seed}
    answer(path, key | {"commit": commit}, again, leak_rows, seed, quick)


def answer(path: Path, key: dict[str, Any], again: bool, measure: Any, *arguments: Any) -> None:
    """Measure and keep the rows of a question, unless they are there."""
    if not (again or key["commit"].endswith("dirty")) and stored_row(path, key):
        print(f"{key['question']}, {key['dataset']}, {key['horizon']} step(s): measured already")
        return
    for row in measure(*arguments):
        store_row(path, key | row | circumstances(), KEY, COLUMNS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--again", action="store_true", help="measure again what is there")
    main(**vars(parser.parse_args()))

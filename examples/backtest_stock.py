"""Does an LSTM beat the random walk on a stock? An honest backtest, and what a dishonest one says.

Copy this script, put your own prices in the place of MSFT, and believe the answer: the models see
nothing after each origin, a refit starts from fresh weights, and the audit proves of a model that
perturbing the future changes none of its forecasts. The same audit is then shown the two habits
from which most "LSTM beats ARIMA" results come: a scaler fitted on all the data, and shuffled folds
over windows that overlap.
"""

from __future__ import annotations

import argparse

import pandas as pd
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import MinMaxScaler

from tsrnn import (
    AutoARIMA,
    ExpandingWindowSplit,
    LSTMForecaster,
    Naive,
    Theta,
    audit_leakage,
    backtest,
    make_windows,
)
from tsrnn.datasets import load_stocks

HORIZON = 5  # sessions, a week of trading
WINDOW = 60  # sessions that the dishonest regression reads


def main(quick: bool = False, report: str | None = None, plot: str | None = None) -> None:
    """Backtest MSFT; ``quick`` takes fewer sessions and epochs, as the tests do."""
    prices = load_stocks()["MSFT"].dropna().iloc[-300 if quick else -1_500 :]
    lstm = LSTMForecaster(HORIZON, max_epochs=2 if quick else "auto", random_state=0)
    models = {
        "lstm": lstm,
        "arima": AutoARIMA(seasonality=1),
        "theta": Theta(seasonality=1),
        "naive": Naive(),
    }
    # Refit in one fold of ten, from fresh weights; in the others the new closes come by `update`.
    n_folds = 4 if quick else 60
    result = backtest(models, y=prices, horizon=HORIZON, n_folds=n_folds, refit=10, n_jobs=2)
    columns = ["MASE", "RMSE", "skill_%", "dm_p", "mcs_p", "coverage_80", "WQL"]
    print(result.summary()[columns].round(3))
    print(result.verdict())
    for sentence in result.warnings():  # forecasts that copy the last close, folds that failed
        print(sentence)

    # By step ahead: what skill there is should be in the first steps.
    steps = result.scores["step"].pivot_table("skill_%", "model", "step", sort=False)
    print(steps.round(1))

    # The proof that no future is used: the audit changes it, and the forecasts stay.
    audit = audit_leakage(lstm, None, prices, cv=ExpandingWindowSplit(2, horizon=HORIZON))
    print(audit)

    print(dishonest(prices))
    if report:
        print(result.to_html(report, audit=audit))
    if plot:
        result.plot().figure.savefig(plot)


def dishonest(prices: pd.Series) -> str:
    """Score a regression as it should not be done, and ask the audit what is wrong with it."""
    scaled = MinMaxScaler().fit_transform(prices.to_frame())[:, 0]  # the scaler has seen it all
    windows, targets = make_windows(scaled, window=WINDOW, horizon=HORIZON)
    X, y = windows[:, :, 0], targets[:, -1]
    shuffled, model = KFold(5, shuffle=True, random_state=0), KNeighborsRegressor(2)
    apart = TimeSeriesSplit(5, gap=HORIZON - 1)
    r2, honest = (cross_val_score(model, X, y, cv=cv).mean() for cv in (shuffled, apart))
    audit = audit_leakage(model, X, y, cv=shuffled)
    return f"Scaled before the split, windows shuffled: R2 {r2:.2f} for {honest:.2f}. {audit}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--report", metavar="FILE", help="write the report, one HTML page")
    parser.add_argument("--plot", metavar="FILE", help="draw the last folds")
    main(**vars(parser.parse_args()))

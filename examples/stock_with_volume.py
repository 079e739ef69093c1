"""One stock, with the traded volume as a covariate that is known of the past only.

Volume says something about tomorrow's swings, but nobody knows tomorrow's volume today. A column
named in ``past_only`` is read up to the last known session and never asked for beyond it.

What comes out: the next five closes with an interval, what the model chose from the data and why,
and a backtest against the random walk. Expect no miracle there: daily prices are next to a random
walk, and the network falls back to it where it finds nothing (``trust_`` near 0). How wide the
intervals are is another matter, so their coverage is counted over the last sessions too.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.base import clone

from tsrnn import LSTMForecaster, Naive, backtest
from tsrnn.datasets import load_stocks

HORIZON = 5  # sessions, a week of trading


def coverage_of_intervals(model: LSTMForecaster, X: pd.DataFrame, y: pd.Series) -> float:
    """Return the share of rows within the 80 % interval forecast one session before."""
    inside = []
    for session in range(len(y)):
        interval = model.predict_interval(0.8, horizon=1).iloc[0]
        inside.append(interval["lower"] <= y.iloc[session] <= interval["upper"])
        # Without a refit: the state moves on by one session.
        model.update(X.iloc[[session]], y.iloc[[session]])
    return float(np.mean(inside))


def main(quick: bool = False, plot: str | None = None) -> None:
    """Forecast Microsoft's close; ``quick`` takes fewer sessions and epochs, as the tests do."""
    # The index holds the sessions of the exchange. Holidays need no filling in: the calendar of
    # the forecast is learnt from them.
    microsoft = load_stocks("MSFT").iloc[-300 if quick else -2_000 :]
    close = microsoft["Adj Close"].rename("close")
    # Logs, because volume is far from symmetric; zero volume would have to be masked (NaN).
    X = pd.DataFrame({"log_volume": np.log(microsoft["Volume"])})

    lstm = LSTMForecaster(
        HORIZON, past_only=["log_volume"], max_epochs=2 if quick else "auto", random_state=0
    )
    lstm.fit(X, close)
    # No X here: its only column is of the past. The five rows are the next five business days.
    forecast = lstm.predict_interval(0.8).assign(forecast=lstm.predict())
    print(forecast[["lower", "forecast", "upper"]].round(2))
    for name in ("seasonality", "scaling", "segment"):
        print(f"{name}: {lstm.chosen_[name].value} ({lstm.chosen_[name].reason})")

    # Volume earns its place only if it lowers the error of the same network without it. Each fold
    # gets the covariates of its training rows; of the test rows it gets no volume.
    folds = {"horizon": HORIZON, "n_folds": 2 if quick else 40, "refit": 10}
    with_volume = backtest({"with volume": lstm, "naive": Naive()}, X, close, **folds)
    alone = clone(lstm).set_params(past_only=None)
    without = backtest({"without volume": alone}, y=close, **folds)
    table = pd.concat([with_volume.summary(), without.summary()])
    print(table[["MASE", "RMSE", "skill_%", "dm_p"]].round(3))
    print(with_volume.verdict())

    # An honest check of the intervals: fit on the past, then go through rows the model never saw.
    last = 5 if quick else 250
    lstm.fit(X.iloc[:-last], close.iloc[:-last])
    share = coverage_of_intervals(lstm, X.iloc[-last:], close.iloc[-last:])
    print(f"{share:.0%} of the last {last} closes within the 80 % interval of the session before")
    if plot:
        with_volume.plot().figure.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--plot", metavar="FILE", help="draw the last folds of the backtest")
    main(**vars(parser.parse_args()))

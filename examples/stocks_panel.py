"""Twenty stocks as one panel, with the sector as a static category.

One network is trained on all the series: each adds to what is learnt about all. Levels may differ
as they like, since every series is read relative to its own past. The sector is a fact about a
series, not about a day; a column named in ``static`` is read once for each series.

What comes out: forecasts and intervals of all stocks in one call, the forecast of a stock that was
not there in training (it only needs a history), and a backtest with the random walk beside it. Of
stock prices no model should be expected to beat that by much.
"""

from __future__ import annotations

import argparse

import pandas as pd

from tsrnn import LSTMForecaster, Naive, backtest, from_long, to_long
from tsrnn.datasets import fetch_sp500_stocks

HORIZON = 5  # sessions, a week of trading
NEWCOMER = "WMT"  # left out of the training, then added
SECTORS = {
    "technology": ["AAPL", "AMD", "MSFT"],
    "finance": ["BAC", "JPM"],
    "retail": ["BBY", "HD", "WMT"],
    "energy": ["CVX", "RRC", "XOM"],
    "industry": ["GE"],
    "health care": ["JNJ", "LLY", "MRK", "PFE", "UNH"],
    "consumer goods": ["KO", "PEP", "PG"],
}


def long_table(prices: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each stock and session, as such data come out of a database."""
    sector = {ticker: name for name, tickers in SECTORS.items() for ticker in tickers}
    table = prices[list(sector)].rename_axis("day").reset_index()
    table = table.melt("day", var_name="ticker", value_name="price")
    table["sector"] = table["ticker"].map(sector)
    return table.sort_values(["ticker", "day"])


def main(quick: bool = False, plot: str | None = None) -> None:
    """Forecast the panel; ``quick`` takes fewer sessions and epochs, as the tests do."""
    prices = fetch_sp500_stocks().iloc[-150 if quick else -1_000 :]
    # From one long table to what fit takes: the target on an index (series, time), the other
    # columns as covariates on the same rows.
    X, y = from_long(long_table(prices), series="ticker", time="day", target="price")
    newcomer = y.index.get_level_values("ticker") == NEWCOMER

    lstm = LSTMForecaster(
        HORIZON, static=["sector"], max_epochs=2 if quick else "auto", random_state=0
    )
    lstm.fit(X[~newcomer], y[~newcomer])
    # Static columns need not be given again: fit has seen them.
    forecast = lstm.predict_interval(0.8).assign(forecast=lstm.predict())
    print(to_long(forecast.round(2), series="ticker", time="day").head(3).to_string(index=False))
    print(f"{len(forecast)} rows; trust in the network's corrections: {lstm.trust_[0]:.2f}")
    for name in ("scaling", "seasonality", "hidden_size"):
        print(f"{name}: {lstm.chosen_[name].value} ({lstm.chosen_[name].reason})")

    # A stock that is new on the list: no refit, its history and its sector are enough.
    lstm.update(X[newcomer], y[newcomer])
    print(lstm.predict().loc[[NEWCOMER]].round(2).to_string())

    # All the series are cut at the same stamps: a fold never trains on one stock's future to
    # forecast another's. The baselines fit a model a series and take no covariates.
    folds = {"horizon": HORIZON, "n_folds": 2 if quick else 20, "refit": 10}
    result = backtest({"lstm": lstm}, X, y, **folds)
    naive = backtest({"naive": Naive()}, y=y, **folds)
    table = pd.concat([result.summary(), naive.summary()])
    print(table[["MASE", "RMSE", "skill_%", "dm_p"]].round(3))
    print(result.verdict())
    # Mean absolute errors in percent of the price, comparable between stocks, by sector.
    errors = result.forecasts.assign(
        sector=result.forecasts["series"].map(X["sector"].groupby(level="ticker").first()),
        percent=lambda f: 100 * (f["y_pred"] / f["y_true"] - 1).abs(),
    )
    print(errors.groupby("sector")["percent"].mean().sort_values().round(1).to_string())
    if plot:
        result.plot(series="AAPL").figure.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--plot", metavar="FILE", help="draw the last folds of one stock")
    main(**vars(parser.parse_args()))

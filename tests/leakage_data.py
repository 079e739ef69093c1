"""Series and columns on which the tests of the leakage audit agree."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit

DAYS = pd.date_range("2024-01-01", periods=160)
CV = TimeSeriesSplit(3)


def noise(seed: int, n: int = 160) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(size=n), DAYS[:n])


def series(seed: int = 0) -> pd.Series:
    return (50 + noise(seed).cumsum()).rename("y")


def lags(y: pd.Series, *others: int) -> pd.DataFrame:
    return pd.DataFrame({f"lag{k}": y.shift(k) for k in others or (1, 2, 3)})

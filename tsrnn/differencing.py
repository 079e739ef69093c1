"""How often a series must be differenced: a seasonal strength and a unit-root test.

Conventions: T steps, m steps a season.
"""

from __future__ import annotations

import numpy as np
from statsmodels.tsa.seasonal import STL

from tsrnn.gaps import FLOAT_EPS

KPSS_5_PERCENT = 0.463  # Kwiatkowski et al. 1992, table 1, level stationarity
SEASONAL_STRENGTH = 0.64  # forecast::nsdiffs, fitted to the M3 series


def choose_differences(u: np.ndarray, m: int, max_d: int, max_D: int) -> tuple[int, int]:
    """Choose d and D: seasonal differences while the season is strong, then KPSS tests."""
    rounding = 64 * FLOAT_EPS * float(np.abs(u).max())
    D = 0
    while m > 1 and max_D > D and len(u) > 2 * m and seasonal_strength(u, m) > SEASONAL_STRENGTH:
        D, u = D + 1, u[m:] - u[:-m]
    d = 0
    while d < max_d and len(u) > 4 and np.ptp(u) > rounding and kpss_statistic(u) > KPSS_5_PERCENT:
        d, u = d + 1, np.diff(u)
    return d, D


def seasonal_strength(y: np.ndarray, m: int) -> float:
    """Return the share of the detrended variance that the season explains, 0 to 1.

    ``1 - var(R) / var(S + R)`` of an STL decomposition, seasonal window 11 (Wang, Smith and Hyndman
    2006, as in forecast::nsdiffs).

    Parameters
    ----------
    y : array of shape (T,)
        Complete, T >= 2 m.
    m : int
        Steps in a season.

    Examples
    --------
    >>> import numpy as np
    >>> seasonal_strength(np.tile([0.0, 1.0, 2.0, 5.0], 10), m=4)
    1.0
    """
    parts = STL(y - y.mean(), period=m, seasonal=11).fit()
    total = np.var(parts.seasonal + parts.resid)
    return float(np.clip(1.0 - np.var(parts.resid) / total, 0.0, 1.0).round(12)) if total else 0.0


def kpss_statistic(y: np.ndarray) -> float:
    """Return the KPSS statistic of level stationarity (Kwiatkowski et al. 1992, equations 10, 11).

    The long-run variance has Bartlett weights and forecast::ndiffs' number of lags.

    Examples
    --------
    >>> import numpy as np
    >>> bool(kpss_statistic(np.arange(50.0)) > KPSS_5_PERCENT)
    True
    """
    n, u = len(y), y - y.mean()
    lags = np.arange(1, int(3 * np.sqrt(n) / 13) + 1)
    covariances = np.array([u[k:] @ u[:-k] for k in lags])
    variance = (u @ u + 2.0 * (1.0 - lags / (len(lags) + 1)) @ covariances) / n
    return float(np.sum(np.cumsum(u) ** 2) / (n**2 * variance))

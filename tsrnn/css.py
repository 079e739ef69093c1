"""Seasonal ARMA models by conditional least squares: quick estimates to rank or to start from.

The model of a stationary series w (differenced already) with regressors Z is

    phi(B) Phi(B^m) u = theta(B) Theta(B^m) e,    u = w - Z b

with phi(B) = 1 - phi_1 B - ..., theta(B) = 1 + theta_1 B + ... (Box and Jenkins 1976, chapter 9).
The innovations e come from recursive filters; the first p + m P of them, which lack a past, are
left out. The sum of their squares is minimised by Levenberg-Marquardt over free parameters, which
partial autocorrelations turn into stationary and invertible ones (Monahan 1984). The exact Gaussian
likelihood at these estimates is close to its maximum, so models can be ranked by it.

Conventions: N steps, k regressors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import leastsq, minimize
from scipy.signal import lfilter
from statsmodels.tsa.innovations.arma_innovations import arma_innovations

FAR_OFF = 1e10
FLOAT_TINY = float(np.finfo(np.float64).tiny)
# Partial autocorrelations stay inside this: closer to one, the covariances lose all digits.
LARGEST_PARTIAL = 1 - 1e-5
# The squares have several minima. On six real and made series the better of two starts (AR, MA)
# was mostly within 2 units of the best log-likelihood known, a single start up to 45 off.
STARTS = ((0.1, 0.1), (0.5, -0.5))
# A log-likelihood of 2,000 is then known to 2e-5; in long seasonal series each step takes 0.1 s.
CLIMB = {"ftol": 1e-8, "maxiter": 30}
SHORT = 200  # steps
MOST_CALLS = (
    10  # of the innovations, per parameter; 20 take twice the time for about 1 unit of AICc
)


class Orders(NamedTuple):
    """Orders of a stationary seasonal ARMA model."""

    p: int
    q: int
    P: int = 0
    Q: int = 0
    m: int = 1


@dataclass(frozen=True)
class Arma:
    """Estimates of one model."""

    orders: Orders
    regression: np.ndarray  # b, (k,)
    phi: np.ndarray
    theta: np.ndarray
    seasonal_phi: np.ndarray
    seasonal_theta: np.ndarray
    log_likelihood: float  # exact, with the variance that maximises it

    def aicc(self, n: int) -> float:
        """Akaike's criterion for n observations, corrected (Hurvich and Tsai 1989)."""
        k = len(self.regression) + sum(self.orders[:4]) + 1  # the variance is one of them
        if n <= k + 1:
            return np.inf
        return -2.0 * self.log_likelihood + 2.0 * k * n / (n - k - 1)

    @property
    def smallest_root(self) -> float:
        """Distance from zero of the root (seasonal ones in B^m) next to the unit circle."""
        lags = (-self.phi, self.theta, -self.seasonal_phi, self.seasonal_theta)
        inverse = [np.abs(np.roots(np.concatenate([[1.0], c]))).max() for c in lags if c.any()]
        return 1.0 / max(inverse) if inverse and max(inverse) > 0 else np.inf


def fit_arma(
    w: np.ndarray, Z: np.ndarray, orders: Orders, *, polish: bool = False, rounding: float = 0.0
) -> Arma:
    """Estimate a seasonal ARMA model by conditional least squares.

    Parameters
    ----------
    w : array of shape (N,)
        Complete, stationary series.
    Z : array of shape (N, k)
        Regressors, a column of ones for a mean; k may be 0.
    orders : Orders
    polish : bool
        Climb on to the maximum of the exact likelihood: slower by about five times.
    rounding : float
        Size of the rounding errors in w; innovations below it are not modelled.

    Returns
    -------
    Arma

    Examples
    --------
    >>> import numpy as np
    >>> e = np.random.default_rng(0).normal(size=2000)
    >>> w = np.convolve(e, [1, 0.6])[:2000]
    >>> fit_arma(w, np.empty((2000, 0)), Orders(p=0, q=1)).theta.round(1)
    array([0.6])
    """
    columns = np.column_stack([w, Z])
    e, _ = _unexplained(columns)
    best, args = np.zeros(sum(orders[:4])), (columns, orders)
    if len(best) and np.abs(e).max() > rounding:
        starts = [np.repeat([ar, ma, ar, ma], orders[:4]) for ar, ma in STARTS]
        calls = MOST_CALLS * (len(best) + 1)
        # full_output keeps MINPACK from warning: where it stopped is good enough to rank by
        ends = [leastsq(_innovations, x, args, full_output=True, maxfev=calls)[0] for x in starts]
        best = min(ends, key=lambda x: float(np.sum(_innovations(x, *args) ** 2)))
        if polish:
            # In a short series the optimum of the squares may lie in another valley.
            valleys = [best, starts[-1]] if len(w) <= SHORT else [best]
            tops = [
                minimize(_minus_log_likelihood, x, args, method="L-BFGS-B", options=CLIMB)
                for x in valleys
            ]
            best = min(tops, key=lambda top: float(top.fun)).x
    try:
        whitened, _ = _whitened(best, columns, orders)
    except ValueError:  # the best squares may lie on a unit root: then without a model
        best = np.zeros(len(best))
        whitened, _ = _whitened(best, columns, orders)
    _, regression = _unexplained(whitened)
    log_likelihood = -_minus_log_likelihood(best, columns, orders, rounding)
    return Arma(orders, regression, *_coefficients(best, orders), log_likelihood)


def _unexplained(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Regress the first column on the others; return residuals ``(N,)`` and b ``(k,)``."""
    w, Z = columns[:, 0], columns[:, 1:]
    if not Z.shape[1]:
        return w, np.empty(0)
    b = np.linalg.lstsq(Z, w, rcond=None)[0]
    return w - Z @ b, b


def _coefficients(
    x: np.ndarray, orders: Orders
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn unrestricted parameters into phi, theta, Phi, Theta of stable polynomials."""
    sizes = (orders.p, orders.q, orders.P, orders.Q)
    parts = np.split(x, np.cumsum(sizes)[:-1])
    phi, theta, seasonal_phi, seasonal_theta = (_stable(part) for part in parts)
    return phi, -theta, seasonal_phi, -seasonal_theta


def _stable(x: np.ndarray) -> np.ndarray:
    """Durbin-Levinson: partial autocorrelations to the coefficients of a stationary model."""
    phi = np.empty(0)
    for partial in LARGEST_PARTIAL * x / np.sqrt(1.0 + x * x):
        phi = np.append(phi - partial * phi[::-1], partial)
    return phi


def _product(short: np.ndarray, seasonal: np.ndarray, m: int) -> np.ndarray:
    """Multiply (1 + short_1 B + ...) by (1 + seasonal_1 B^m + ...)."""
    spread = np.zeros(m * len(seasonal) + 1)
    spread[0] = 1.0
    spread[m::m] = seasonal
    return np.convolve(np.concatenate([[1.0], short]), spread)


def _innovations(x: np.ndarray, columns: np.ndarray, orders: Orders) -> np.ndarray:
    """Return e ``(N,)`` of w and Z side by side ``(N, 1 + k)``, zero where there is no past.

    Both are filtered, then regressed on each other, so that b needs no search.
    """
    phi, theta, seasonal_phi, seasonal_theta = _coefficients(x, orders)
    one, m = np.ones(1), orders.m
    e = lfilter(np.append(one, -phi), one, columns, axis=0)
    e = _seasonal_filter(np.append(one, -seasonal_phi), one, e, m)
    e[: min(orders.p + m * orders.P, len(e) // 2)] = 0.0
    e = lfilter(one, np.append(one, theta), e, axis=0)
    return _unexplained(_seasonal_filter(one, np.append(one, seasonal_theta), e, m))[0]


def _seasonal_filter(b: np.ndarray, a: np.ndarray, u: np.ndarray, m: int) -> np.ndarray:
    """Filter in B^m: the m phases side by side, which skips all lags that have no coefficient."""
    if len(a) == len(b) == 1:
        return u
    n, width = u.shape
    seasons = np.zeros((-(-n // m) * m, width))
    seasons[:n] = u
    return lfilter(b, a, seasons.reshape(-1, m * width), axis=0).reshape(-1, width)[:n]


def _whitened(x: np.ndarray, columns: np.ndarray, orders: Orders) -> tuple[np.ndarray, float]:
    """Return exact innovations ``(N, 1 + k)`` of variance one, and the sum of their log-variances.

    The innovations algorithm (Brockwell and Davis 1991, section 8.7).
    """
    if not len(x):
        return columns, 0.0
    phi, theta, seasonal_phi, seasonal_theta = _coefficients(x, orders)
    ar = -_product(-phi, -seasonal_phi, orders.m)[1:]
    ma = _product(theta, seasonal_theta, orders.m)[1:]
    e, variance = arma_innovations(columns, ar, ma, 1.0, normalize=True)
    return e, float(np.log(variance).sum())


def _minus_log_likelihood(
    x: np.ndarray, columns: np.ndarray, orders: Orders, rounding: float = 0.0
) -> float:
    """Exact Gaussian likelihood, highest over b and the variance."""
    try:
        whitened, log_variance = _whitened(x, columns, orders)
    except ValueError:  # next to a unit root the variances lose all digits
        return FAR_OFF
    e, n = _unexplained(whitened)[0], len(columns)
    variance = max(float(np.mean(e**2)), rounding**2, FLOAT_TINY)
    return 0.5 * (n * (np.log(2 * np.pi * variance) + 1.0) + log_variance)

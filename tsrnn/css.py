"""Seasonal ARMA models by conditional least squares: quick estimates to rank or to start from.

The model of a stationary series w (differenced already) with regressors Z is

    phi(B) Phi(B^m) u = theta(B) Theta(B^m) e,    u = w - Z b

with phi(B) = 1 - phi_1 B - ..., theta(B) = 1 + theta_1 B + ... (Box and Jenkins 1976, chapter 9).
The innovations e come from recursive filters; the first p + m P of them, which lack a past, are
left out. The sum of their squares is minimised by Levenberg-Marquardt over free parameters, which
partial autocorrelations turn into stationary and invertible ones (Monahan 1984). The exact Gaussian
likelihood at these estimates is close to its maximum, so models can be ranked by it. It is a sum of
squares too, of whitened residuals, so the same method climbs on to its maximum.

Conventions: N steps, k regressors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.lapack import dpbtrf, dtbtrs
from scipy.optimize import leastsq
from scipy.signal import lfilter

FAR_OFF = 1e10
FLOAT_TINY = float(np.finfo(np.float64).tiny)
# Partial autocorrelations stay inside this: closer to one, the covariances lose all digits.
LARGEST_PARTIAL = 1 - 1e-5
# (AR, MA) to start from. Squares and likelihood have several maxima. On made and real series
# (Tourism, ETTh1, stocks; orders up to (4, 3)(2, 2)) the better of the first two starts was on
# average 1.3 units of log-likelihood below the best of nine, one start alone 3 to 5.
STARTS = ((0.1, 0.1), (-0.5, 0.5), (-0.5, -0.5))
SHORT = 400  # steps; a model with a season of 12 then takes about 50 ms
FEW_CALLS = 10  # of the innovations, per parameter; twice as many gain 0.2 units of likelihood
MANY_CALLS = 50
TOLERANCE = 1e-7  # of the sum of squares: 1e-4 units of the log-likelihood of 2,000 steps


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
    free: np.ndarray  # what the search moved: as many unrestricted parameters
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
    w: np.ndarray,
    Z: np.ndarray,
    orders: Orders,
    *,
    climb: int = 0,
    start: Arma | None = None,
    rounding: float = 0.0,
) -> Arma:
    """Estimate a seasonal ARMA model by conditional least squares, then by maximum likelihood.

    Parameters
    ----------
    w : array of shape (N,)
        Complete, stationary series.
    Z : array of shape (N, k)
        Regressors, a column of ones for a mean; k may be 0.
    orders : Orders
    climb : int
        Most evaluations of the exact likelihood, for each parameter, on the way to its maximum;
        0: stay at the least squares.
    start : Arma or None
        Estimates of the same orders to climb on from; None: from the least squares.
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
    columns = np.vstack([w, Z.T])
    e, _ = _unexplained(columns)
    best, args = np.zeros(sum(orders[:4])), (columns, orders)
    if len(best) and np.abs(e).max() > rounding:
        starts = _valleys(*args) if start is None else [start.free]
        exact = (*args, rounding)
        best = _least(_exact_innovations, starts, exact, climb) if climb else starts[0]
    try:
        whitened, _ = _whitened(best, columns, orders)
    except np.linalg.LinAlgError:  # the best squares may lie on a unit root: then without a model
        best = np.zeros(len(best))
        whitened, _ = _whitened(best, columns, orders)
    _, regression = _unexplained(whitened)
    variance = np.mean(_exact_innovations(best, columns, orders, rounding) ** 2)
    log_likelihood = -0.5 * len(w) * (np.log(2 * np.pi * max(variance, FLOAT_TINY)) + 1.0)
    return Arma(orders, regression, *_coefficients(best, orders), best, float(log_likelihood))


def _valleys(columns: np.ndarray, orders: Orders) -> list[np.ndarray]:
    """Return the least squares, and in a short series other starts: its optimum may lie there."""
    starts = [np.repeat([ar, ma, ar, ma], orders[:4]) for ar, ma in STARTS]
    best = _least(_innovations, starts[:2], (columns, orders), FEW_CALLS)
    return [best, *starts[1:]] if columns.shape[1] <= SHORT else [best]


def _least(
    residuals: Callable[..., np.ndarray],
    starts: list[np.ndarray],
    args: tuple[Any, ...],
    calls: int,
) -> np.ndarray:
    """Return the parameters with the least sum of squares that the starts lead to."""
    most = calls * (len(starts[0]) + 1)
    # full_output keeps MINPACK from warning: where it stopped is good enough to rank by
    ends = [
        leastsq(residuals, x, args, full_output=True, ftol=TOLERANCE, maxfev=most)[0]
        for x in starts
    ]
    return min(ends, key=lambda x: float(np.sum(residuals(x, *args) ** 2)))


def _unexplained(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Regress the first row on the others; return residuals ``(N,)`` and b ``(k,)``."""
    w, Z = columns[0], columns[1:].T
    if not Z.shape[1]:
        return w, np.empty(0)
    b = np.linalg.lstsq(Z, w, rcond=None)[0]
    return w - Z @ b, b


def _coefficients(
    x: np.ndarray, orders: Orders
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn unrestricted parameters into phi, theta, Phi, Theta of stable polynomials."""
    partials = iter((LARGEST_PARTIAL * x / np.sqrt(1.0 + x * x)).tolist())
    sizes = (orders.p, orders.q, orders.P, orders.Q)
    phi, theta, seasonal_phi, seasonal_theta = (_stable(islice(partials, k)) for k in sizes)
    return phi, -theta, seasonal_phi, -seasonal_theta


def _stable(partials: Iterable[float]) -> np.ndarray:
    """Durbin-Levinson: partial autocorrelations to the coefficients of a stationary model."""
    phi: list[float] = []  # no array: a handful of numbers, asked for thousands of times
    for partial in partials:
        phi = [a - partial * b for a, b in zip(phi, reversed(phi), strict=True)] + [partial]
    return np.array(phi)


def _polynomials(x: np.ndarray, orders: Orders) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients of phi(B) Phi(B^m) and of theta(B) Theta(B^m), both from 1 on."""
    phi, theta, seasonal_phi, seasonal_theta = _coefficients(x, orders)
    return _product(-phi, -seasonal_phi, orders.m), _product(theta, seasonal_theta, orders.m)


def _product(short: np.ndarray, seasonal: np.ndarray, m: int) -> np.ndarray:
    """Multiply (1 + short_1 B + ...) by (1 + seasonal_1 B^m + ...)."""
    spread = np.zeros(m * len(seasonal) + 1)
    spread[0] = 1.0
    spread[m::m] = seasonal
    return np.convolve(np.append(1.0, short), spread)


def _autoregressed(columns: np.ndarray, ar: np.ndarray) -> np.ndarray:
    """Apply phi(B) to each row, as if zeros had gone before."""
    return np.array([np.convolve(row, ar)[: len(row)] for row in columns])


def _innovations(x: np.ndarray, columns: np.ndarray, orders: Orders) -> np.ndarray:
    """Return e ``(N,)`` of w and Z one below the other ``(1 + k, N)``, zero where w has no past.

    All are filtered, then regressed on each other, so that b needs no search.
    """
    ar, ma = _polynomials(x, orders)
    z = _autoregressed(columns, ar)
    z[:, : min(len(ar) - 1, z.shape[1] // 2)] = 0.0
    return _unexplained(lfilter([1.0], ma, z) if len(ma) > 1 else z)[0]


def _exact_innovations(
    x: np.ndarray, columns: np.ndarray, orders: Orders, rounding: float = 0.0
) -> np.ndarray:
    """Return ``(N,)`` whose sum of squares is least where the exact likelihood is highest.

    The likelihood, highest over b and the variance, falls with ``S |V|^(1 / N)``, S the sum of
    squares of the whitened residuals, V the covariance of w in units of the innovations' variance.
    """
    try:
        whitened, log_determinant = _whitened(x, columns, orders)
    except np.linalg.LinAlgError:  # next to a unit root V loses all digits
        return np.full(columns.shape[1], FAR_OFF)
    e = _unexplained(whitened)[0]
    return np.hypot(e, rounding) * np.exp(0.5 * log_determinant / len(e))


def _whitened(x: np.ndarray, columns: np.ndarray, orders: Orders) -> tuple[np.ndarray, float]:
    """Return the rows ``(1 + k, N)`` with V as covariance made white, and log |V|.

    From step r = max(p, q) on, ``z = phi(B) w`` is a moving average; before, z = w. The covariance
    of z has a band of r + 1 diagonals, whose Cholesky factor whitens z (Ansley 1979).
    """
    ar, ma = _polynomials(x, orders)
    r = max(len(ar), len(ma)) - 1
    z = _autoregressed(columns, ar)
    z[:, :r] = columns[:, :r]
    factor, failed = dpbtrf(_band(ar, ma, r, z.shape[1]), lower=1, overwrite_ab=1)
    if failed:
        raise np.linalg.LinAlgError("the covariance is not positive definite")
    whitened, _ = dtbtrs(factor, z.T, uplo="L")
    return whitened.T, 2.0 * float(np.log(factor[0]).sum())


def _band(ar: np.ndarray, ma: np.ndarray, r: int, n: int) -> np.ndarray:
    """Return the covariances of z ``(r + 1, N)`` by lag and step of the earlier one.

    They are those of w (gamma) before step r, those of the moving average after it, and across it
    ``c_k = sum_j theta_(j + k) psi_j``, where ``sum_i a_i gamma_|k - i| = c_k`` with a = phi(B) as
    coefficients (Brockwell and Davis 1991, equations 3.3.8 and 3.3.9).
    """
    lags = np.arange(r + 1)
    ahead = lags[:, None] + lags
    a, theta = np.zeros((2, 2 * r + 2))
    a[: len(ar)], theta[: len(ma)] = ar, ma
    hankel = theta[ahead]
    moving = hankel @ theta[: r + 1]
    if len(ar) == 1:  # z is w, a moving average all along
        return np.repeat(moving[:, None], n, axis=1)
    across = hankel @ lfilter(ma, ar, np.eye(1, r + 1)[0])
    yule_walker = np.tril(a[np.abs(lags[:, None] - lags)])
    yule_walker[:, 1:] += a[ahead[:, 1:]]
    gamma = np.linalg.solve(yule_walker, across)
    band = np.repeat(moving[:, None], n, axis=1)
    first = min(r, n)
    band[:, :first] = np.where(ahead[:, :first] < r, gamma[:, None], across[:, None])
    return band

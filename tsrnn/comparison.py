"""Compare forecasts: whether one is better than another, and which of many may be the best.

Conventions: n losses in the order of time (a fold or an origin each), M models; lower is better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t
from sklearn.utils import check_random_state

from tsrnn.checks import check_choice, check_count, check_probability, check_seed

# Two losses whose difference is below this share of their size differ by rounding only.
ROUNDING = 1e-12


class DieboldMariano(NamedTuple):
    """The outcome of :func:`diebold_mariano`."""

    statistic: float
    p_value: float


def diebold_mariano(
    errors_a: ArrayLike, errors_b: ArrayLike, horizon: int = 1, loss: str = "absolute"
) -> DieboldMariano:
    r"""Test whether two forecasts of the same values are equally accurate.

    With the loss differential :math:`d_t = L(a_t) - L(b_t)`, its autocovariances
    :math:`\hat\gamma_k = \frac1n \sum_{t>k} (d_t - \bar d)(d_{t-k} - \bar d)` and horizon h

    .. math:: S = \bar d \Big/
              \sqrt{\tfrac1n \Big(\hat\gamma_0 + 2 \sum_{k=1}^{h-1} \hat\gamma_k\Big)},
              \qquad S^* = S \sqrt{\tfrac{1}{n} \big(n + 1 - 2h + h(h-1)/n\big)},

    and :math:`S^*` is compared with Student's t of n - 1 degrees of freedom, two-sided. S: Diebold
    and Mariano (1995), "Comparing predictive accuracy"; the correction S* and the t distribution:
    Harvey, Leybourne and Newbold (1997), "Testing the equality of prediction mean squared errors",
    equation 9. Should the variance come out negative, which can happen for h > 1, Bartlett's
    weights 1 - k/h are used (Newey and West, 1987), which keep it positive.

    Parameters
    ----------
    errors_a, errors_b : array of shape (n,)
        Forecast errors in the order of time. A pair with a missing value (NaN) is left out.
    horizon : int, default=1
        Steps ahead of each forecast: neighbours overlap, so the differential is correlated up to
        lag h - 1.
    loss : {"absolute", "squared"}, default="absolute"
        What an error costs.

    Returns
    -------
    DieboldMariano
        ``statistic``, negative when a is the better forecast, and ``p_value``. Equal losses give
        (0, 1). A constant difference has no variance: (-inf or inf, 0), from two pairs on.

    Raises
    ------
    ValueError
        If the lengths differ, the loss is unknown, or fewer than horizon + 1 (at least 2) pairs are
        left.

    Notes
    -----
    The t distribution supposes normal differences, which few pairs do not make up for. Of equal
    forecasts whose errors are small counts (Poisson of mean 1, less 1), two pairs were called
    different at the 5 % level in 11 % of simulations, each time with p = 0 as both differences were
    the same; from five pairs on it was 3 to 6 %. A backtest asks for at least five folds.

    Examples
    --------
    >>> result = diebold_mariano([1, -2, 1, 3, 1], [2, -2, 4, 3, 3])
    >>> print(f"{result.statistic:.3f} {result.p_value:.3f}")
    -2.058 0.109
    """
    check_choice("loss", loss, sorted(LOSSES))
    check_count("horizon", horizon)
    differential = _loss_differential(errors_a, errors_b, LOSSES[loss])
    n, needed = len(differential), max(horizon + 1, 2)
    if n < needed:
        raise ValueError(f"{n} pairs of errors: horizon={horizon} needs at least {needed}")
    statistic = corrected_t(differential, horizon)
    return DieboldMariano(statistic, float(2 * student_t.sf(abs(statistic), n - 1)))


def model_confidence_set(
    losses: ArrayLike | pd.DataFrame,
    alpha: float = 0.1,
    *,
    block_length: int | None = None,
    n_resamples: int = 1000,
    random_state: Any = 0,
) -> pd.DataFrame:
    r"""Find the models among which the best one is, with confidence 1 - alpha.

    With :math:`\bar d_i` the mean loss of model i less the average over the models left, the models
    are called equal unless the greatest of

    .. math:: t_i = \bar d_i \big/ \sqrt{\widehat{\operatorname{var}}(\bar d_i)},
              \qquad T_{\max} = \max_i t_i

    is too great; then the model that has it is left out and the others are tested again. Variances
    and the distribution of :math:`T_{\max}` come from a bootstrap of circular blocks. The p-value
    of a model is the greatest p-value of the tests up to the one that left it out: it belongs to
    the set of every confidence from 1 - p up. Hansen, Lunde and Nason (2011), "The model confidence
    set", sections 3.1.2 (T_max) and 2.3 (p-values).

    Parameters
    ----------
    losses : DataFrame or array of shape (n, M)
        One row a fold or origin in the order of time, one column a model. A row with a missing
        value (NaN) is left out, but a column without any value does not count as a model.
    alpha : float, default=0.1
        Chance, at most, that the best model is not in the set.
    block_length : int, optional
        Rows that are drawn together, at least as many as neighbouring losses overlap; by default
        the cube root of n, the order that is best for variances (Hall, Horowitz and Jing 1995).
    n_resamples : int, default=1000
        Number of bootstrap samples; 1 / n_resamples is the resolution of the p-values.
    random_state : int, RandomState or None, default=0
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row a model in the order of the columns: ``mean_loss``, ``p_value``, ``in_set`` and
        ``rank`` (1 for what is left last; models with the same losses share it). A column without
        any value has NaN and is not in the set.

    Raises
    ------
    ValueError
        If there are fewer than two blocks of complete rows, or a parameter is out of its range.

    Notes
    -----
    For few rows the variances are rough. Of three equal models with independent losses the 90 % set
    held all three in 78 % of simulations with 10 rows, in 86 % with 50, in 88 % with 200 (a certain
    one of them in 92, 93 and 96 %).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> losses = pd.DataFrame(rng.normal([1.0, 1.0, 3.0], size=(99, 3)), columns=["a", "b", "c"])
    >>> model_confidence_set(losses)["in_set"].to_dict()
    {'a': True, 'b': True, 'c': False}
    """
    check_probability("alpha", alpha)
    check_count("n_resamples", n_resamples)
    check_seed("random_state", random_state)
    table = losses if isinstance(losses, pd.DataFrame) else pd.DataFrame(np.asarray(losses))
    table = table.astype(float)
    compared = table.dropna(axis=1, how="all").dropna()
    length = _block_length(block_length, len(compared), len(table))
    found = pd.DataFrame(index=table.columns, columns=["mean_loss", "p_value", "rank"], dtype=float)
    if compared.shape[1]:
        values = compared.to_numpy()
        resampled = _resampled_means(values, length, n_resamples, random_state)
        p_values, rank = _eliminate(values.mean(axis=0), resampled, np.abs(values).max())
        found.loc[compared.columns] = np.column_stack([values.mean(axis=0), p_values, rank])
    found.insert(2, "in_set", found["p_value"] >= alpha)
    return found.rename_axis("model")


def corrected_t(values: NDArray, horizon: int) -> float:
    """Return S* of :func:`diebold_mariano`: t of the mean of values correlated up to lag h - 1.

    It is 0 for zeros only, and infinite for another constant.

    Examples
    --------
    >>> round(corrected_t(np.array([1.0, 3.0, 1.0, 3.0]), horizon=1), 3)
    3.464
    """
    n, h, mean = len(values), horizon, values.mean()
    if not values.any():
        return 0.0
    if np.ptp(values) <= ROUNDING * abs(mean):
        return float(np.copysign(np.inf, mean))
    correction = np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    return float(correction * mean / np.sqrt(_variance_of_mean(values, h)))


def _variance_of_mean(values: NDArray, horizon: int) -> float:
    """Return it from autocovariances with equal weights, or Bartlett's if that is negative."""
    n, centred = len(values), values - values.mean()
    autocovariance = np.array([centred[k:] @ centred[: n - k] / n for k in range(horizon)])
    variance = autocovariance[0] + 2 * autocovariance[1:].sum()
    if variance <= ROUNDING * autocovariance[0]:
        bartlett = 1 - np.arange(1, horizon) / horizon
        variance = autocovariance[0] + 2 * bartlett @ autocovariance[1:]
    return float(variance / n)


def _loss_differential(
    errors_a: ArrayLike, errors_b: ArrayLike, loss: Callable[[NDArray], NDArray]
) -> NDArray:
    """Return the loss of a less that of b where both are known; rounding counts as none."""
    loss_a = loss(np.asarray(errors_a, dtype=float).ravel())
    loss_b = loss(np.asarray(errors_b, dtype=float).ravel())
    if len(loss_a) != len(loss_b):
        raise ValueError(
            f"errors_a has {len(loss_a)} values, errors_b {len(loss_b)}: expected as many"
        )
    observed = ~(np.isnan(loss_a) | np.isnan(loss_b))
    loss_a, loss_b = loss_a[observed], loss_b[observed]
    differential = loss_a - loss_b
    return np.where(np.abs(differential) <= ROUNDING * (loss_a + loss_b), 0.0, differential)


def _block_length(asked: int | None, n: int, n_given: int) -> int:
    """Return the rows of a block, of which at least two must fit."""
    if asked is not None:
        check_count("block_length", asked)
    length = max(1, round(n ** (1 / 3))) if asked is None else asked
    if n < max(2 * length, 2):
        raise ValueError(
            f"losses has {n} complete rows of {n_given}: block_length={length} needs at least "
            f"{2 * length}"
        )
    return length


def _resampled_means(losses: NDArray, length: int, n_resamples: int, random_state: Any) -> NDArray:
    """Return the means of resampled losses less the mean of the losses, (n_resamples, M)."""
    n = len(losses)
    centred = losses - losses.mean(axis=0)
    n_blocks, rest = divmod(n, length)
    starts = check_random_state(random_state).randint(n, size=(n_resamples, n_blocks + 1))
    cumulated = np.vstack([np.zeros(losses.shape[1]), np.cumsum(np.tile(centred, (2, 1)), axis=0)])
    whole = cumulated[length : length + n] - cumulated[:n]  # sum of the block from each start
    part = cumulated[rest : rest + n] - cumulated[:n]
    sums = [column[starts[:, :-1]].sum(axis=1) for column in whole.T]
    return (np.stack(sums, axis=1) + part[starts[:, -1]]) / n


def _eliminate(means: NDArray, resampled: NDArray, size: float) -> tuple[NDArray, NDArray]:
    """Leave out the worst model until all left are the same; return p-values and ranks, (M,)."""
    p_values, rank = np.ones(len(means)), np.ones(len(means))
    left = np.arange(len(means))
    p_value = 0.0
    while len(left) > 1:
        statistics, simulated = _standardised(means[left], resampled[:, left], size)
        worst = statistics == statistics.max()
        if worst.all():
            break
        p_value = max(p_value, float(np.mean(simulated.max(axis=1) >= statistics.max())))
        p_values[left[worst]] = p_value
        rank[left[worst]] = len(left) - worst.sum() + 1
        left = left[~worst]
    return p_values, rank


def _standardised(means: NDArray, resampled: NDArray, size: float) -> tuple[NDArray, NDArray]:
    """Return t of each model against the average, (M,), and of the resampled ones, (B, M).

    A difference without variance is certain, one of rounding size is none.
    """
    excess = means - means.mean()
    deviations = resampled - resampled.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.mean(deviations**2, axis=0))
    negligible = ROUNDING * size
    excess = np.where(np.abs(excess) <= negligible, 0.0, excess)
    certain = np.where(excess == 0, 0.0, np.copysign(np.inf, excess))
    varies = spread > negligible
    statistics = np.divide(excess, spread, out=certain, where=varies)
    simulated = np.divide(deviations, spread, out=np.zeros_like(deviations), where=varies)
    return statistics, simulated


LOSSES: dict[str, Callable[[NDArray], NDArray]] = {"absolute": np.abs, "squared": np.square}

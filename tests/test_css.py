from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from statsmodels.tsa.innovations.arma_innovations import arma_innovations
from statsmodels.tsa.statespace.sarimax import SARIMAX

from tsrnn.css import MANY_CALLS, Orders, _innovations, _polynomials, _stable, _whitened, fit_arma

NONE = np.empty((600, 0))


def made_series() -> np.ndarray:
    e = np.random.default_rng(0).normal(size=600)
    return lfilter([1.0, 0.4], [1.0, -0.6], e)


@pytest.mark.parametrize("orders", [Orders(1, 1), Orders(2, 0), Orders(1, 0, 1, 1, 4)])
def test_exact_likelihood_and_its_maximum_equal_statsmodels(orders):
    w = made_series()
    season = (orders.P, 0, orders.Q, orders.m if orders.m > 1 else 0)
    model = SARIMAX(w, order=(orders.p, 0, orders.q), seasonal_order=season, concentrate_scale=True)
    quick, exact = (fit_arma(w, NONE, orders, climb=climb) for climb in (0, MANY_CALLS))
    params = [quick.phi, quick.theta, quick.seasonal_phi, quick.seasonal_theta]
    assert quick.log_likelihood == pytest.approx(model.loglike(np.concatenate(params)), rel=1e-6)
    assert exact.log_likelihood == pytest.approx(model.fit(disp=False).llf, abs=1e-2)
    assert exact.log_likelihood >= quick.log_likelihood > exact.log_likelihood - 2


def test_innovations_equal_a_filter_written_out():
    w, phi, theta, Phi = made_series()[:40], 0.5, 0.3, -0.4
    free = np.array([phi, -theta, Phi])
    x = free / np.sqrt(1 - free**2)
    e = _innovations(x, w[None, :], Orders(1, 1, 1, 0, 4))
    u = [
        w[t] - phi * w[t - 1] - Phi * w[t - 4] + phi * Phi * w[t - 5] if t >= 5 else 0.0
        for t in range(40)
    ]
    for t in range(5, 40):
        assert e[t] == pytest.approx(u[t] - theta * e[t - 1], abs=1e-4)


def test_every_free_parameter_is_stationary():
    for partials in np.random.default_rng(0).uniform(-1, 1, size=(50, 4)):
        assert np.abs(np.roots(np.append(1.0, -_stable(partials)))).max() < 1


def test_regression_is_found_beside_the_arma_part():
    Z = np.random.default_rng(1).normal(size=(600, 2))
    fit = fit_arma(made_series() + Z @ [3.0, -2.0], Z, Orders(1, 1))
    np.testing.assert_allclose(fit.regression, [3, -2], atol=0.1)
    np.testing.assert_allclose([*fit.phi, *fit.theta], [0.6, 0.4], atol=0.1)


def test_rounding_is_not_modelled():
    w = 1e-15 * made_series()
    fit = fit_arma(w, NONE, Orders(2, 2), rounding=1e-13)
    assert not fit.phi.any() and not fit.theta.any()


def test_smallest_root_of_a_moving_average():
    fit = fit_arma(lfilter([1.0, 0.5], [1.0], made_series()), NONE, Orders(0, 1))
    assert fit.smallest_root == pytest.approx(1 / abs(fit.theta[0]))


@pytest.mark.parametrize(
    ("orders", "n"),
    [
        (Orders(2, 1), 50),
        (Orders(0, 2, 0, 1, 12), 100),
        (Orders(3, 1, 1, 2, 4), 60),
        (Orders(1, 2, 1, 1, 12), 10),
        (Orders(0, 0, 2, 0, 7), 9),
    ],
)
def test_whitening_is_that_of_the_innovations_algorithm(orders, n):
    """Brockwell and Davis 1991, section 8.7, in statsmodels; also for less than a season."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=sum(orders[:4])), rng.normal(size=n)
    ar, ma = _polynomials(x, orders)
    e, variance = arma_innovations(w, -ar[1:], ma[1:], 1.0, normalize=True)
    whitened, log_determinant = _whitened(x, w[None, :], orders)
    np.testing.assert_allclose(whitened[0], e, rtol=1e-7, atol=1e-10)
    assert log_determinant == pytest.approx(np.log(variance).sum(), rel=1e-9, abs=1e-10)

"""Backtests over processes: joblib's own, a Dask cluster, Ray. The numbers are the serial ones."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config

from tsrnn import AutoARIMA, LSTMForecaster, Naive, backtest

MODELS = {
    "lstm": LSTMForecaster(horizon=3, hidden_size=8, max_epochs=5, random_state=0),
    "arima": AutoARIMA(seasonality=1, max_p=1, max_q=1),
    "naive": Naive(),
}


def run(n_jobs):
    index = pd.date_range("2024-01-01", periods=150)
    y = pd.Series(np.sin(np.arange(150) / 5), index=index)
    y += 0.1 * np.random.default_rng(0).normal(size=150)
    return backtest(MODELS, y=y, horizon=3, n_folds=3, n_jobs=n_jobs)


@pytest.fixture(scope="module")
def serial():
    return run(1)


def assert_same(result, serial):
    """Bit for bit."""
    pd.testing.assert_frame_equal(result.forecasts, serial.forecasts, check_exact=True)
    for key in serial.scores:
        pd.testing.assert_frame_equal(result.scores[key], serial.scores[key], check_exact=True)


def test_processes_give_the_serial_numbers_and_leave_the_threads_alone(serial):
    threads = torch.get_num_threads()
    assert_same(run(2), serial)
    assert torch.get_num_threads() == threads


def test_threads_give_the_serial_numbers(serial):
    with parallel_config("threading"):
        assert_same(run(2), serial)


DASK = """
    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster), parallel_config("dask"):
            result = run(-1)
"""
RAY = """
    import ray
    from ray.util.joblib import register_ray
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    with parallel_config("ray"):
        result = run(-1)
    ray.shutdown()
"""


@pytest.mark.parametrize(("package", "script"), [("distributed", DASK), ("ray", RAY)])
def test_a_cluster_gives_the_serial_numbers(package, script, tmp_path):
    """In a process of its own: what a cluster leaves running must not meet other tests."""
    pytest.importorskip(package)
    begin = "from joblib import parallel_config\nfrom test_backtest_clusters import *"
    code = "\n".join(
        [begin, textwrap.dedent(script), "assert_same(result, run(1))", "print('same')"]
    )
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([here, os.path.dirname(here)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip().endswith("same"), done.stderr[-3000:]

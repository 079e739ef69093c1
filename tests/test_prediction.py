from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from tsrnn import GRUForecaster, LSTMForecaster
from tsrnn.forking import Corpus, last_passes
from tsrnn.heads import Quantile
from tsrnn.networks import Seq2SeqNetwork
from tsrnn.prediction import GRID, quantiles_of_errors

NAN = np.nan
TINY = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}


def series(values, start="2024-01-01"):
    return pd.Series(values, index=pd.date_range(start, periods=len(values)), name="y")


def random_walk(n=600, seed=0):
    return series(50 + np.random.default_rng(seed).normal(size=n).cumsum())


def all_series(model):
    return [model._preparation.series(record) for record in model._records.values()]


# Quantiles of errors ------------------------------------------------------------------------------


def test_quantiles_of_errors_are_those_of_weibull():
    errors = np.random.default_rng(0).normal(size=(200, 3, 2))
    table = quantiles_of_errors(errors)
    assert table.shape == (len(GRID), 3, 2)
    expected = np.quantile(errors[:, 1, 1], 0.25, method="weibull")
    assert table[49, 1, 1] == pytest.approx(expected)


def test_a_step_without_errors_has_those_of_the_nearest_step():
    errors = np.random.default_rng(0).normal(size=(50, 4, 1))
    errors[:, [0, 3]] = NAN
    table = quantiles_of_errors(errors)
    np.testing.assert_array_equal(table[:, 0], table[:, 1])
    np.testing.assert_array_equal(table[:, 3], table[:, 2])


def test_without_any_error_nothing_is_claimed_but_the_forecast():
    assert not quantiles_of_errors(np.full((0, 3, 1), NAN)).any()


# Intervals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        LSTMForecaster(8, **TINY),
        LSTMForecaster(8, **TINY, strategy="recursive"),
        LSTMForecaster(8, **TINY, transform="difference"),
        LSTMForecaster(8, **TINY | {"max_epochs": 30}, loss="quantile"),
        LSTMForecaster(8, **TINY, early_stopping=False),
    ],
    ids=["direct", "recursive", "differences", "quantile", "all epochs"],
)
def test_intervals_of_a_random_walk_are_those_of_theory(model):
    """The h-step deviation is the root of h; the interval of 80 % is 1.2816 of them each way."""
    wide = []
    for seed in range(3):
        interval = model.fit(y=random_walk(1500, seed)).predict_interval(0.8)
        wide.append((interval["upper"] - interval["lower"]).to_numpy() / 2)
    expected = norm.ppf(0.9) * np.sqrt(np.arange(1, 9))
    np.testing.assert_allclose(np.mean(wide, axis=0), expected, rtol=0.25)


def test_intervals_beyond_the_horizon_go_on_widening():
    model = LSTMForecaster(4, **TINY).fit(y=random_walk())
    interval = model.predict_interval(0.8, horizon=64)
    wide = (interval["upper"] - interval["lower"]).to_numpy()
    assert (wide[7::4] > wide[3:-4:4]).all()  # the last step of each round
    assert wide[63] / wide[3] == pytest.approx(4, rel=0.3)  # the root of 16 rounds


@pytest.mark.parametrize("loss", ["absolute_error", "quantile"])
def test_quantiles_do_not_depend_on_other_series_in_the_call(loss):
    y = pd.concat({"a": random_walk(60), "b": 3 * random_walk(60, 1)}, names=["series", "time"])
    model = GRUForecaster(3, **TINY, loss=loss).fit(y=y)
    both = model.predict_quantiles([0.1, 0.9])
    alone = model.predict_quantiles([0.1, 0.9], pd.DataFrame(index=both.index[3:]))
    pd.testing.assert_frame_equal(alone, both[3:], check_exact=True)


def test_the_median_is_the_forecast_of_a_quantile_loss():
    model = GRUForecaster(3, **TINY, loss="quantile", n_estimators=2).fit(y=random_walk())
    median = model.predict_quantiles(0.5)[0.5].rename("y")
    pd.testing.assert_series_equal(median, model.predict(), check_exact=True)


def test_levels_outside_those_trained_are_refused_with_what_to_write():
    model = GRUForecaster(3, **TINY, loss="quantile").fit(y=random_walk(60))
    with pytest.raises(ValueError, match=r"loss=Quantile\(\["):
        model.predict_quantiles([0.001])
    head = Quantile([0.001, 0.5, 0.999])
    assert len(GRUForecaster(3, **TINY, loss=head).fit(y=random_walk(60)).predict_quantiles(0.001))


def test_quantiles_of_several_targets_have_a_column_each():
    y = random_walk(80).to_frame("u").assign(v=random_walk(80, 1) * 5)
    model = GRUForecaster(3, **TINY, loss="quantile").fit(y=y)
    found = model.predict_quantiles([0.1, 0.9])
    assert found.columns.tolist() == [("u", 0.1), ("u", 0.9), ("v", 0.1), ("v", 0.9)]
    assert (found["v"][0.9] > found["v"][0.1]).all()


# Batches ------------------------------------------------------------------------------------------

STRATEGIES = [
    {"strategy": "direct"},
    {"strategy": "recursive"},
    {"strategy": "seq2seq", "attention": True},
    {"strategy": "direct", "loss": "quantile"},
]


@pytest.mark.parametrize("options", STRATEGIES, ids=lambda options: str([*options.values()]))
def test_reading_the_last_origin_equals_reading_all(options):
    lengths = {"a": 60, "b": 20, "c": 33}
    y = pd.concat({k: random_walk(n, n) for k, n in lengths.items()}, names=["series", "time"])
    model = LSTMForecaster(4, **TINY, **options, segment=1).fit(y.to_frame("X") ** 2, y)
    predictor = model._predictor()
    corpus = Corpus([model._preparation.line(s) for s in all_series(model)], model._layout)
    passes = last_passes(corpus.length, 1, predictor.origins)
    levels = np.array([0.1, 0.9])
    whole = predictor.read(corpus, passes, levels)
    for every, last in zip(whole, predictor.read(corpus, passes, levels, last=True), strict=True):
        for all_origins, one in zip(every, last, strict=True):
            if one is not None:
                np.testing.assert_allclose(one, all_origins[-1:], rtol=1e-5, atol=1e-6)


def test_a_decoder_counts_when_batches_are_sized(monkeypatch):
    """Of 64 origins 3 steps each are decoded, or of the last one only."""
    y = pd.concat({i: random_walk(80, i) for i in range(40)}, names=["series", "time"])
    model = LSTMForecaster(3, **TINY, strategy="seq2seq", segment=1, context=64).fit(y=y)
    predictor, seen, forward = model._predictor(), [], Seq2SeqNetwork.forward
    corpus = Corpus([model._preparation.line(s) for s in all_series(model)], model._layout)

    def watched(self, x, *rest):
        seen.append(len(x))
        return forward(self, x, *rest)

    monkeypatch.setattr(Seq2SeqNetwork, "forward", watched)
    monkeypatch.setattr("tsrnn.prediction.ORIGINS_AT_ONCE", 64 * 4 * 20)
    passes = last_passes(corpus.length, 1, predictor.origins)
    predictor.read(corpus, passes)
    assert seen == [20, 20]
    predictor.read(corpus, passes, last=True)
    assert seen[2:] == [40]


# In-sample ----------------------------------------------------------------------------------------


def test_in_sample_forecasts_restart_after_a_gap_too_long():
    y = random_walk(120)
    y.iloc[50:60] = NAN
    model = GRUForecaster(3, **TINY, max_gap=4).fit(y=y)
    forecast = model.predict_in_sample()
    assert (forecast.iloc[51:61] == y.iloc[49]).all()  # the first of the next piece included
    assert forecast.iloc[61] != y.iloc[60] and np.isfinite(forecast).all()

from __future__ import annotations

import numpy as np
import pytest

from tsrnn import defaults
from tsrnn.defaults import Choice, choose
from tsrnn.forking import Anchor
from tsrnn.scaling import causal_mean, evenly


def noise(T, seed=0):
    return np.random.default_rng(seed).normal(size=(T, 1))


def wave(T, season):
    return np.sin(2 * np.pi * np.arange(T) / season)[:, None]


def test_what_the_user_gave_wins():
    found = Choice(7, "seen in the data")
    assert choose("auto", found) is found
    assert choose(3, found) == Choice(3, "given")
    assert choose(None, found) == Choice(None, "given")


# Seasons ------------------------------------------------------------------------------------------


def test_a_season_that_is_there_is_found_and_one_that_is_not_is_not():
    y = 10 + noise(400).cumsum(axis=0) * 0.05 + wave(400, 24)
    found = defaults.find_seasons([y], [24, 17])
    assert found.value == (24,)
    assert found.reason == (
        "24: supported by the autocorrelation; 17: not supported by the autocorrelation"
    )


def test_seasons_are_rarely_found_in_random_walks():
    walks = [noise(400, seed).cumsum(axis=0) for seed in range(100)]
    assert np.mean([defaults.supports(y, 5) for y in walks]) <= 0.1


def test_two_seasons_must_be_seen():
    found = defaults.find_seasons([wave(40, 24)], [24])
    assert found == Choice((), "24: fewer than two seen")


def test_most_series_of_a_panel_decide():
    with_season = [wave(200, 7) + 0.1 * noise(200, seed) for seed in range(3)]
    without = [noise(200, seed).cumsum(axis=0) for seed in range(10, 12)]
    assert defaults.find_seasons(with_season + without, [7]).value == (7,)
    assert defaults.find_seasons(with_season[:1] + without, [7]).value == ()


def test_a_season_is_found_behind_missing_values_and_none_in_a_constant():
    y = wave(300, 12) + 0.1 * noise(300)
    y[np.random.default_rng(1).random(300) < 0.3] = np.nan
    assert defaults.supports(y, 12)
    assert not defaults.supports(np.full((300, 1), 5.0), 12)
    assert not defaults.supports(np.full((300, 1), np.nan), 12)


# Anchor -------------------------------------------------------------------------------------------

KINDS = {
    "random walk": (noise(600).cumsum(axis=0), Anchor(1)),
    "white noise": (noise(600), Anchor(0)),
    "exact season": (np.tile(noise(12), (50, 1)), Anchor(12, 1.0)),
    "noisy season": (np.tile(3 * noise(12), (50, 1)) + noise(600, 1), Anchor(12, 0.1)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_anchor_fits_the_kind_of_series(kind):
    w, expected = KINDS[kind]
    found = defaults.find_anchor(w, [12], span=12, horizon=6)
    if kind == "exact season":  # repeating the values or the profile is the same
        assert found.season == 12
    else:
        assert found == expected


@pytest.mark.parametrize("anchor", [Anchor(1), Anchor(0), Anchor(4), Anchor(4, 0.3)], ids=str)
def test_forecast_error_is_the_mean_absolute_error_over_all_origins(anchor):
    w, H = noise(60).cumsum(axis=0), 3
    level, season = causal_mean(w, 8), max(1, anchor.season)
    pattern = anchor.pattern(w, level)
    means = []
    for h in range(1, H + 1):
        errors = []
        for t in range(max(season * -(-h // season), 2 * season), 60):
            place = t
            while place > t - h:
                place -= season
            base = pattern[place, 0] + (level[t - h, 0] if anchor.around_level else 0)
            errors.append(abs(w[t, 0] - base))
        means.append(np.mean(errors))
    assert defaults.forecast_error(w, level, anchor, H) == pytest.approx(np.mean(means))


def test_an_anchor_that_cannot_be_tried_is_not_taken():
    w = noise(10)
    assert defaults.forecast_error(w, causal_mean(w, 4), Anchor(12), 3) == np.inf


# Scaling ------------------------------------------------------------------------------------------


def test_logs_are_taken_where_changes_grow_with_the_level():
    level = np.repeat(np.exp(np.linspace(0, 3, 50)), 24)[:, None]
    assert defaults.find_scaling([level * (10 + noise(1200))]).value == "multiplicative"
    assert defaults.find_scaling([level * 10 + noise(1200)]).value == "additive"
    assert defaults.find_scaling([level * 10 + level**0.3 * noise(1200)]).value == "additive"


def test_logs_are_not_taken_of_values_that_are_not_positive_or_hardly_vary():
    level = np.repeat(np.exp(np.linspace(0, 3, 50)), 24)[:, None]
    y = level * (10 + noise(1200))
    y[0] = 0
    assert defaults.find_scaling([y]) == Choice("additive", "some values are not positive")
    assert defaults.find_scaling([100 + noise(1200)]).reason == "the level hardly varies"


def test_the_choice_of_scaling_knows_no_unit():
    level = np.repeat(np.exp(np.linspace(0, 3, 50)), 24)[:, None]
    y = level * (10 + noise(1200))
    assert defaults.find_scaling([y * 2.0**40]) == defaults.find_scaling([y * 2.0**-40])


# Sizes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seasons", "horizon", "length", "expected"),
    [
        ((), 5, 1000, 1),
        ((24, 168), 48, 1000, 24),
        ((24,), 7, 1000, 6),
        ((24,), 48, 100, 1),
        ((7,), 6, 1000, 1),
        ((12,), 1, 1000, 1),
    ],
)
def test_segment_is_the_largest_divisor_of_the_season_up_to_the_horizon(
    seasons, horizon, length, expected
):
    assert defaults.find_segment(seasons, horizon, length).value == expected


def test_span_is_short_for_a_walk_and_long_around_a_fixed_level():
    assert defaults.find_span([noise(2000).cumsum(axis=0)], (), 5).value == 16
    assert defaults.find_span([noise(2000)], (), 5).value == 256
    assert defaults.find_span([noise(2000)], (24, 168), 24).value == 672


@pytest.mark.parametrize(
    ("segment", "seasons", "expected"),
    [(1, (), 8), (1, (12,), 12), (24, (24, 168), 24), (1, (168,), 8)],
)
def test_window_covers_the_segment_else_a_short_season(segment, seasons, expected):
    assert defaults.find_window(segment, seasons).value == expected


def test_networks_grow_with_the_data_within_bounds():
    sizes = [defaults.find_hidden_size(n).value for n in (10, 1_000, 10_000, 10**7)]
    assert sizes == [16, 16, 64, 128]


def test_learning_rate_falls_with_the_root_of_the_size():
    rates = [defaults.find_learning_rate(n).value for n in (128, 32)]
    assert rates == pytest.approx([4e-3, 8e-3])


def test_epochs_make_the_steps_that_the_values_deserve():
    assert defaults.find_epochs(3_000, batches=1).value == 200
    assert defaults.find_epochs(300_000, batches=10).value == pytest.approx(80, abs=1)
    assert defaults.find_epochs(3_000, batches=1_000).value == 10


def test_batches_are_a_quarter_of_the_passes_within_bounds():
    assert [defaults.find_batch_size(n).value for n in (3, 100, 4_000)] == [8, 25, 64]


def test_a_panel_is_judged_by_series_of_all_its_parts():
    series = [np.full((1, 1), float(i)) for i in range(5_000)]
    seen = np.ravel(evenly(series, 200))
    assert len(seen) == 200
    assert np.diff(seen).min() == np.diff(seen).max() == 25
    assert len(evenly(series[:7], 200)) == 7

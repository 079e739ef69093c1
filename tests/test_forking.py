from __future__ import annotations

import numpy as np
import pytest

from tsrnn.forking import (
    OUTSIDE,
    Anchor,
    Corpus,
    Covariates,
    Known,
    Layout,
    draw_passes,
    fill,
    last_passes,
    line_of,
    make_line,
    pass_ending_at,
    stacked,
    steps_since,
)
from tsrnn.scaling import usual_deviation, working_values

ANCHORS = [Anchor(1), Anchor(0), Anchor(6), Anchor(6, 1.0), Anchor(6, 0.3)]


def layout(**changes):
    chosen = {
        "horizon": 4,
        "segment": 3,
        "window": 5,
        "span": 8,
        "seasons": (6,),
        "multiplicative": False,
        "shows_missing": True,
    }
    return Layout(**(chosen | changes))


def values(T=40, K=2, missing=0.2, seed=0):
    rng = np.random.default_rng(seed)
    y = 5 + rng.normal(size=(T, K)).cumsum(axis=0) + 3 * np.sin(np.arange(T) * np.pi / 3)[:, None]
    gone = rng.random((T, K)) < missing
    gone[0] = False
    return np.where(gone, np.nan, y)


def known_of(y, anchor=ANCHORS[3], effect=None):
    origin = y[0]
    effect = np.zeros((0, y.shape[1])) if effect is None else effect
    w = working_values(y, origin, False)
    return Known(origin, usual_deviation(w, 8, np.ones(len(origin))), effect, anchor)


def line_with(y, X, known, chosen, n_known=None):
    """A line with covariates, all of them known in advance unless said otherwise."""
    if X is None:
        return make_line(y, known, chosen)
    return make_line(y, known, chosen, Covariates(X, X.shape[1] if n_known is None else n_known))


def corpus_of(y, anchor=ANCHORS[3], X=None, effect=None, **changes):
    chosen = layout(**changes)
    return Corpus([line_with(y, X, known_of(y, anchor, effect), chosen)], chosen)


def slow_base(line, chosen, t, h):
    """The anchor's forecast of step t + h from origin t, one number after the other."""
    m = max(1, line.known.anchor.season)
    place = t + h
    while place > t:
        place -= m
    pattern = line.pattern[place if place >= 0 else t]
    return pattern + (line.scaled.level[t] if line.known.anchor.around_level else 0)


def slow_unseen(w, t):
    """Logarithm of one more than the steps since each target was seen, or since the start."""
    seen = [np.flatnonzero(np.isfinite(w[: t + 1, k])) for k in range(w.shape[1])]
    return [np.log1p(t - (places[-1] if len(places) else 0)) for places in seen]


def slow_input(line, chosen, t):
    """What is shown at origin t: window, surprises, mask, change of level, seasons, covariates."""
    w, level, scale = line.scaled.w, line.scaled.level[t], line.scaled.scale[t]
    window, surprises, missing, covariates = [], [], [], []
    for s in range(t - chosen.window + 1, t + 1):
        seen = s >= 0 and np.isfinite(w[s])
        window.append((line.filled[s] - level) / scale if s >= 0 else np.zeros(w.shape[1]))
        surprises.append(np.where(seen, line.surprise[max(s, 0)] / scale, 0))
        missing.append(~(np.zeros(w.shape[1], bool) | seen))
        if line.covariates is not None:
            X = line.covariates.X
            covariates.append(X[s] if s >= 0 else np.zeros(X.shape[1]))
    rise = [(level - line.scaled.level[max(0, t - chosen.segment)]) / scale]
    seasonal = []
    for m in chosen.seasons:
        if m > chosen.window:
            for h in range(1, chosen.horizon + 1):
                place = t + h - m * -(-h // m)
                seasonal.append((line.filled[place if place >= 0 else t] - level) / scale)
    masks = [*missing, slow_unseen(w, t)] if chosen.shows_missing else []
    return np.concatenate([*window, *surprises, *masks, *rise, *seasonal, *covariates])


@pytest.mark.parametrize("with_covariates", [False, True])
@pytest.mark.parametrize("anchor", ANCHORS, ids=str)
def test_batch_equals_the_slow_loop(anchor, with_covariates):
    y, rng = values(), np.random.default_rng(1)
    X = rng.normal(size=(44, 3)) if with_covariates else None
    effect = rng.normal(size=(3, 2)) if with_covariates else None
    chosen = layout()
    line = line_with(y, X, known_of(y, anchor, effect), chosen)
    batch = Corpus([line], chosen).batch(np.array([0]), np.arange(40)[None])
    for t in range(40):
        np.testing.assert_allclose(batch.x[0, t], slow_input(line, chosen, t), atol=1e-12)
        scale = line.scaled.scale[t]
        np.testing.assert_array_equal(batch.scale[0, t], scale)
        for h in range(1, 5):
            place = 0, t, h - 1
            base = slow_base(line, chosen, t, h)
            np.testing.assert_allclose(batch.base[place], base, atol=1e-12)
            assert batch.step[place] == t + h
            inside = t + h < 40
            seen = np.isfinite(y[t + h]) if inside else np.zeros(2, bool)
            np.testing.assert_array_equal(batch.observed[place], seen)
            future = line.scaled.w[t + h] if inside else np.zeros(2)
            target = np.where(seen, (future - base) / scale, 0)
            np.testing.assert_allclose(batch.target[place], target, atol=1e-12)


def test_known_covariates_are_those_of_the_future_step_and_of_its_anchor():
    y, X = values(), np.random.default_rng(1).normal(size=(44, 3))
    effect = np.random.default_rng(2).normal(size=(3, 2))
    batch = corpus_of(y, Anchor(6), X, effect).batch(np.array([0]), np.arange(40)[None])
    for t in range(6, 40):
        for h in range(1, 5):
            np.testing.assert_array_equal(batch.known[0, t, h - 1], [*X[t + h], *X[t + h - 6]])
            np.testing.assert_allclose(batch.effect[0, t, h - 1], X[t + h] @ effect, atol=1e-12)


def test_covariates_beyond_what_is_known_are_zero():
    y, X = values(), np.ones((41, 1))
    batch = corpus_of(y, Anchor(1), X, np.zeros((1, 2))).batch(np.array([0]), np.array([[39]]))
    np.testing.assert_array_equal(batch.known[0, 0, :, 0], [1, 0, 0, 0])


def test_the_linear_effect_is_taken_off_the_working_values():
    y, X = values(missing=0), np.random.default_rng(1).normal(size=(40, 1))
    effect = np.array([[2.0, -1.0]])
    line = line_with(y, X, known_of(y, Anchor(1), effect), layout())
    np.testing.assert_allclose(line.scaled.w, y - y[0] - X @ effect, atol=1e-12)


def test_columns_of_the_past_only_are_seen_up_to_the_origin_and_nowhere_else():
    y, X = values(missing=0), np.random.default_rng(1).normal(size=(40, 3))
    known, chosen = known_of(y, Anchor(1), np.ones((2, 2))), layout()
    changed = X.copy()
    changed[21:, 2] = 1e9
    batches = [
        Corpus([line_with(y, covariates, known, chosen, n_known=2)], chosen).batch(
            np.array([0]), np.array([[20]])
        )
        for covariates in (X, changed)
    ]
    for a, b in zip(*batches, strict=True):
        np.testing.assert_array_equal(a, b)
    assert batches[0].known.shape[-1] == 4  # two columns, at the step and at its anchor
    assert X[20, 2] in batches[0].x and X[21, 2] not in batches[0].x


def test_covariates_ahead_are_those_known_at_the_origin():
    y, rng = values(missing=0), np.random.default_rng(1)
    X, ahead = rng.normal(size=(44, 1)), rng.normal(size=(40, 4, 1))
    known, chosen = known_of(y, Anchor(1), np.zeros((1, 2))), layout()
    line = make_line(y, known, chosen, Covariates(X, 1, ahead))
    batch = Corpus([line], chosen).batch(np.array([0]), np.arange(40)[None])
    np.testing.assert_array_equal(batch.known[0, :39, :, 0], ahead[:39, :, 0])
    np.testing.assert_array_equal(batch.known[0, 39, :, 0], X[40:, 0])  # the present: what is given


def test_what_is_static_belongs_to_its_series():
    panel = [values(T, seed=T) for T in (25, 40)]
    lines = [
        make_line(y, known_of(y), layout(), static=np.array([i, 7.0])) for i, y in enumerate(panel)
    ]
    batch = Corpus(lines, layout()).batch(np.array([1, 0, 1]), np.array([[9], [9], [12]]))
    np.testing.assert_array_equal(batch.static, [[1, 7], [0, 7], [1, 7]])


def test_targets_come_from_the_truth_where_other_values_are_shown():
    y = values(missing=0)
    line = make_line(y, known_of(y), layout())
    shown = line_of(line.scaled.w + 1, line.known, layout())
    batch = Corpus([shown], layout(), truth=[line]).batch(np.array([0]), np.arange(36)[None])
    found = batch.base + batch.target * batch.scale[:, :, None]
    np.testing.assert_allclose(found, line.scaled.w[batch.step[0]][None], atol=1e-9)


def test_steps_since_count_from_the_last_observed_or_the_start():
    observed = np.array([[0], [0], [1], [0], [0], [1], [1], [0]], dtype=bool)
    np.testing.assert_array_equal(steps_since(observed)[:, 0], [0, 1, 0, 1, 2, 0, 0, 1])


def test_targets_put_back_on_their_base_are_the_values():
    y, origins = values(), np.arange(36)[None]
    for anchor in ANCHORS:
        batch = corpus_of(y, anchor).batch(np.array([0]), origins)
        found = batch.base + batch.target * batch.scale[:, :, None] + y[0]
        expected = y[batch.step]
        np.testing.assert_allclose(found[batch.observed], expected[batch.observed], atol=1e-9)


@pytest.mark.parametrize("anchor", ANCHORS, ids=str)
@pytest.mark.parametrize("t", [0, 4, 20, 35])
def test_nothing_after_an_origin_changes_what_is_seen_there(anchor, t):
    y, X = values(), np.random.default_rng(1).normal(size=(40, 1))
    effect, known = np.ones((1, 2)), known_of(y, anchor, np.ones((1, 2)))
    changed, X_changed = y.copy(), X.copy()
    changed[t + 1 :], X_changed[t + 1 :] = 1e9, -1e9
    assert np.array_equal(known.effect, effect)
    seen = []
    for target, covariates in [(y, X), (changed, X_changed)]:
        corpus = Corpus([line_with(target, covariates, known, layout())], layout())
        seen.append(corpus.batch(np.array([0]), np.arange(t + 1)[None]))
    for name in ("x", "base", "scale"):
        a, b = (getattr(batch, name) for batch in seen)
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(seen[0].target, seen[1].target)


def test_targets_never_come_from_before_their_origin():
    y = values(missing=0)
    known, changed = known_of(y, Anchor(1)), y.copy()
    changed[:19] += 1e9
    changed[19:] = y[19:]
    lines = [make_line(values_, known, layout(span=1)) for values_ in (y, changed)]
    a, b = (Corpus([line], layout()).batch(np.array([0]), np.array([[20]])) for line in lines)
    raw = [batch.base + batch.target * batch.scale[:, :, None] for batch in (a, b)]
    np.testing.assert_allclose(raw[0], raw[1], rtol=1e-9)
    assert (a.step > 20).all()


def test_size_counts_the_inputs():
    for shows_missing in (False, True):
        for seasons in ((), (4,), (6, 9)):
            chosen = {"shows_missing": shows_missing, "seasons": seasons}
            corpus = corpus_of(values(), X=np.ones((40, 3)), effect=np.zeros((3, 2)), **chosen)
            x = corpus.batch(np.array([0]), np.array([[10]])).x
            assert x.shape[-1] == layout(**chosen).size(targets=2, covariates=3)


def test_a_series_is_read_alike_alone_and_in_a_panel():
    panel = [values(T, seed=T) for T in (25, 40, 31)]
    anchors = [Anchor(0), Anchor(6, 0.3), Anchor(1)]
    lines = [make_line(y, known_of(y, a), layout()) for y, a in zip(panel, anchors, strict=True)]
    origins = np.arange(24)[None].repeat(3, axis=0)
    together = Corpus(lines, layout()).batch(np.arange(3), origins)
    for i, line in enumerate(lines):
        alone = Corpus([line], layout()).batch(np.array([0]), origins[:1])
        for name in ("x", "target", "observed", "base", "scale"):
            np.testing.assert_array_equal(getattr(together, name)[i], getattr(alone, name)[0])


def test_origins_outside_a_series_have_no_target():
    batch = corpus_of(values()).batch(np.array([0]), np.array([[10, OUTSIDE]]))
    assert batch.observed[0, 0].any()
    assert not batch.observed[0, 1].any()
    assert np.isfinite(batch.x).all()


# Anchors and filling ------------------------------------------------------------------------------


def test_fill_takes_the_value_a_season_earlier():
    w = np.array([[np.nan], [1], [2], [3], [np.nan], [np.nan], [np.nan], [np.nan]])
    np.testing.assert_array_equal(fill(w, 3)[:, 0], [1, 1, 2, 3, 1, 2, 3, 1])
    np.testing.assert_array_equal(fill(w, 1)[:, 0], [1, 1, 2, 3, 3, 3, 3, 3])


def test_fill_of_a_target_never_observed_is_zero():
    w = np.array([[np.nan, 1.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(fill(w, 1), [[0, 1], [0, 1]])


@pytest.mark.parametrize("anchor", ANCHORS, ids=str)
def test_surprise_is_the_error_of_the_forecast_one_step_before(anchor):
    chosen = layout(horizon=1)
    y = values(missing=0)
    line = make_line(y, known_of(y, anchor), chosen)
    lag = max(1, anchor.season)
    for s in range(lag, 40):
        expected = line.scaled.w[s] - slow_base(line, chosen, s - 1, 1)
        np.testing.assert_allclose(line.surprise[s], expected, atol=1e-12)
    assert not line.surprise[:lag].any()


# Passes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phases", [1, 2, 4])
@pytest.mark.parametrize("most", [1, 3, 7, OUTSIDE])
def test_drawn_passes_visit_each_origin_at_most_once_and_read_each_step_phases_times(phases, most):
    rng, lengths = np.random.default_rng(0), np.array([50, 5, 23])
    passes = draw_passes(lengths, 4, most, phases, rng)
    for series, length in enumerate(lengths):
        visited = [p.origins for p in passes if p.series == series]
        visited = np.concatenate([*visited, []]).astype(int)
        assert len(np.unique(visited)) == len(visited)
        assert ((visited >= 3) & (visited <= length - 2)).all()  # a segment behind, a target after
        read = np.zeros(length, int)
        for origin in visited:
            read[max(0, origin - 3) : origin + 1] += 1
        assert read.max() <= phases
        if length > 10:
            assert (read[3 : length - 5] == phases).all()


@pytest.mark.parametrize("most", [1, 3, 7])
def test_drawn_passes_are_a_segment_apart_and_not_too_long(most):
    passes = draw_passes(np.array([100, 37]), 4, most, 2, np.random.default_rng(0))
    assert max(len(p.origins) for p in passes) == most
    for p in passes:
        assert (np.diff(p.origins) == 4).all()


def test_drawn_passes_differ_from_epoch_to_epoch():
    rng = np.random.default_rng(0)
    drawn = [draw_passes(np.array([400]), 8, 10, 1, rng) for _ in range(5)]
    assert len({tuple(passes[0].origins) for passes in drawn}) > 1


@pytest.mark.parametrize("segment", [1, 4, 24])
@pytest.mark.parametrize("most", [1, 5, OUTSIDE])
@pytest.mark.parametrize("end", [0, 2, 3, 30, 99])
def test_pass_ending_at_has_whole_segments_behind_it_and_ends_there(segment, most, end):
    origins = pass_ending_at(np.int64(end), segment, most)
    assert origins[-1] == end
    assert 1 <= len(origins) <= most
    assert (np.diff(origins) == segment).all()
    assert origins[0] >= min(end, segment - 1)
    if len(origins) < most:
        assert origins[0] < 2 * segment - 1 or len(origins) == 1  # no further one would fit


def test_last_passes_leave_out_series_that_are_too_short():
    passes = last_passes(np.array([3, 10]), 2, 5, back=4)
    assert [p.series for p in passes] == [1]
    np.testing.assert_array_equal(passes[0].origins, [1, 3, 5])


def test_stacked_passes_keep_their_origins_and_fill_up_outside():
    passes = last_passes(np.array([4, 9]), 2, 3)
    series, origins = stacked(passes)
    np.testing.assert_array_equal(series, [0, 1])
    np.testing.assert_array_equal(origins, [[1, 3, OUTSIDE], [4, 6, 8]])

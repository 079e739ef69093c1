"""Leaks that are planted: each is found and named."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from leakage_data import CV, DAYS, lags, noise, series
from scipy.ndimage import gaussian_filter1d
from scipy.signal import filtfilt, savgol_filter
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, TimeSeriesSplit
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from tsrnn import (
    ARIMA,
    AutoARIMA,
    ExpandingWindowSplit,
    SeasonalNaive,
    make_windows,
)
from tsrnn.leakage import audit_leakage
from tsrnn.leakage_report import CURES
from tsrnn.leakage_sample import FUTURES, perturbed
from tsrnn.leakage_scaling import scaling_of


def found(report, kind: str) -> list[tuple[str, str]]:
    """Steps and columns of the leaks of a kind, each once."""
    rows = report.leaks[report.leaks["kind"] == kind]
    return list(dict.fromkeys(zip(rows["step"], rows["column"], strict=True)))


def only(report) -> tuple[str, str, str]:
    """Step, column and kind of the one leak, whatever the number of its folds."""
    keys = report.leaks[["step", "column", "kind"]].drop_duplicates()
    assert len(keys) == 1, report
    return tuple(keys.iloc[0])


# 1. Scaling before the split


@pytest.mark.parametrize(
    ("scaler", "told"),
    [
        (StandardScaler(), "standardised"),
        (MinMaxScaler(), "scaled to 0 .. 1"),
        (MinMaxScaler((-1, 1)), "scaled to -1 .. 1"),
        (RobustScaler(), "median of 0"),
        (PowerTransformer(), "standardised"),
        (StandardScaler(with_std=False), "centred"),
        (StandardScaler(with_mean=False), "divided by its deviation"),
        (MinMaxScaler((0, 5)), "whole numbers at both ends"),
        (QuantileTransformer(n_quantiles=99, output_distribution="normal"), "made normal"),
    ],
)
def test_a_column_scaled_over_all_rows_is_named(scaler, told):
    y = series()
    X = lags(y).assign(wind=noise(1) ** 2).iloc[3:]
    X["wind"] = scaler.fit_transform(X[["wind"]]).ravel()
    report = audit_leakage(Ridge(), X, y[3:], CV)
    assert only(report) == ("before the split", "wind", "scaled over all rows")
    assert told in report.leaks["how"][0]


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_a_series_scaled_before_it_is_cut_into_windows_is_recognised(scaler):
    scaled = scaler.fit_transform(series().to_frame())[:, 0]
    windows, targets = make_windows(scaled, window=12)
    report = audit_leakage(Ridge(), windows[:, :, 0], targets[:, 0], CV)
    assert only(report) == ("before the split", "y, x0, x1, ... x11", "scaled over all rows")


def test_a_scaled_column_is_recognised_without_the_row_that_a_lag_costs():
    y, X = series(), pd.DataFrame({"wind": noise(1), "rain": noise(2) ** 2})
    X[["wind", "rain"]] = StandardScaler().fit_transform(X)
    report = audit_leakage(Ridge(), X.assign(before=y.shift(1))[1:], y[1:], CV)
    assert [column for _, column in found(report, "scaled over all rows")] == ["wind", "rain"]


def test_each_series_of_a_panel_scaled_over_all_its_rows_is_recognised():
    y = pd.concat({key: series(i) for i, key in enumerate("ab")})
    scaled = y.groupby(level=0).transform(lambda part: (part - part.mean()) / part.std())
    report = audit_leakage(SeasonalNaive(7), None, scaled, ExpandingWindowSplit(2, horizon=5))
    assert only(report) == ("before the split", "y", "scaled over all rows")
    assert "in each series" in report.leaks["how"][0]


def test_a_preparation_that_scales_all_rows_is_proven_to():
    def prepare(X, y):
        return (X - X.mean()) / X.std(), y

    X = pd.DataFrame({"wind": noise(1), "rain": noise(2)})
    report = audit_leakage(Ridge(), X, series(), CV, prepare=prepare)
    assert found(report, "changes with later rows") == [("prepare", "wind"), ("prepare", "rain")]
    assert found(report, "scaled over all rows") == []
    assert (report.leaks["size"] > 1e-5).all()


@pytest.mark.parametrize("freeze", [FrozenEstimator, lambda s: FunctionTransformer(s.transform)])
@pytest.mark.parametrize("search", [False, True])
def test_a_scaler_fitted_before_and_carried_into_the_pipeline_is_named(freeze, search):
    y, X = series(), pd.DataFrame({"wind": noise(1), "rain": noise(2)})
    step = freeze(StandardScaler().fit(X))
    model = Pipeline([("scale", step), ("ridge", Ridge())])
    model = GridSearchCV(model, {"ridge__alpha": [1.0, 9.0]}, cv=CV) if search else model
    report = audit_leakage(model, X, y, CV)
    assert {step for step, _ in found(report, "scaled over all rows")} == {"pipeline step 'scale'"}
    assert set(report.leaks["kind"]) == {"scaled over all rows"}


EARLY_EXTREMES = noise(1).to_frame("wind").assign(rain=noise(2) ** 2)
EARLY_EXTREMES.iloc[5] = [9.0, 9.0]
EARLY_EXTREMES.iloc[6] = [-9.0, 0.0]


@pytest.mark.parametrize(
    "scaler",
    [
        MinMaxScaler(),
        MinMaxScaler((-1, 1), clip=True),
        MaxAbsScaler(),
        RobustScaler(),
        QuantileTransformer(n_quantiles=40),
        make_column_transformer((MinMaxScaler(), ["wind", "rain"])),
    ],
)
@pytest.mark.parametrize(
    "cv",
    [
        CV,
        TimeSeriesSplit(5, test_size=10),
        ExpandingWindowSplit(3, horizon=5),
        [(np.arange(128), np.arange(128, 160))],
    ],
)
def test_a_scaler_in_the_pipeline_whose_extremes_are_in_training_is_clean(scaler, cv):
    report = audit_leakage(make_pipeline(scaler, Ridge()), EARLY_EXTREMES, series(), cv)
    assert report.clean, report


@pytest.mark.parametrize("scaler", [MinMaxScaler(), MaxAbsScaler()])
def test_a_scaler_fitted_before_whose_extremes_come_later_is_named(scaler):
    X, y = EARLY_EXTREMES[::-1].set_axis(DAYS), series()
    pipe = make_pipeline(FrozenEstimator(scaler.fit(X)), Ridge())
    report = audit_leakage(pipe, X, y, CV)
    assert {kind for kind in report.leaks["kind"]} == {"scaled over all rows"}


def test_data_scaled_by_hand_on_the_training_rows_are_clean_in_the_folds_that_follow():
    scaler = MinMaxScaler().fit(EARLY_EXTREMES[20:120] / 9)
    X = pd.DataFrame(scaler.transform(EARLY_EXTREMES / 9), DAYS, ["wind", "rain"])[20:]
    later = [(np.arange(100), np.arange(100, 140))]
    assert ((X[100:] > 0) & (X[100:] < 1)).all().any()
    assert audit_leakage(Ridge(), X, series()[20:], later).clean
    first = X.iloc[:100].to_numpy().argmax(axis=0).max()
    sooner = [(np.arange(first), np.arange(first, 140)), *later]
    report = audit_leakage(Ridge(), X, series()[20:], sooner)
    assert only(report)[2] == "scaled over all rows"
    assert report.leaks["fold"].unique().tolist() == [0]


# 2. Windows that look ahead


@pytest.mark.parametrize("width", [3, 5, 8, 21])
def test_a_centred_mean_of_the_target_is_named(width):
    y = series()
    X = lags(y).assign(trend=y.rolling(width, center=True).mean())
    report = audit_leakage(Ridge(), X[11:-11], y[11:-11], CV)
    assert only(report) == ("before the split", "trend", "window over later rows")
    assert f"to {(width - 1) // 2} row" in report.leaks["how"][0]


def test_a_centred_mean_of_another_column_is_named():
    y, wind = series(), noise(1)
    X = lags(y).assign(wind=wind, calm=wind.rolling(7, center=True).mean())
    report = audit_leakage(Ridge(), X[4:-4], y[4:-4], CV)
    assert only(report) == ("before the split", "calm", "window over later rows")


@pytest.mark.parametrize(
    "smooth",
    [
        lambda x: gaussian_filter1d(x, 2),
        lambda x: savgol_filter(x, 9, 2),
        lambda x: filtfilt([0.5], [1, -0.5], x),
    ],
)
def test_two_sided_smoothing_of_the_target_is_named(smooth):
    y = series()
    report = audit_leakage(Ridge(), lags(y).assign(trend=smooth(y.to_numpy()))[3:], y[3:], CV)
    assert only(report) == ("before the split", "trend", "window over later rows")


@pytest.mark.parametrize("digits", [2, 12])
@pytest.mark.parametrize(
    "smooth",
    [
        lambda y: y.rolling(5, center=True).median(),
        lambda y: y.rolling(7, center=True).max(),
        lambda y: y.where(np.arange(len(y)) % 5 == 0).bfill(),
    ],
)
def test_values_of_the_target_in_later_rows_are_named(smooth, digits):
    y = series().round(digits)
    X = lags(y).assign(level=smooth(y))[3:-4]
    report = audit_leakage(Ridge(), X, y[3:-4], CV)
    assert only(report) == ("before the split", "level", "window over later rows")
    assert "are those of y in later rows" in report.leaks["how"][0]
    before = lags(y).assign(level=smooth(y).shift(4))[7:]
    assert audit_leakage(Ridge(), before, y[7:], CV).clean


def test_gaps_filled_with_the_median_of_all_rows_are_named():
    y, wind = series(), noise(1).where(np.arange(160) % 20 > 0)
    X = pd.DataFrame({"before": y.shift(1, fill_value=50), "wind": wind.fillna(wind.median())})
    report = audit_leakage(Ridge(), X, y, CV)
    assert only(report) == ("before the split", "wind", "filled from all rows")
    assert "8 of its values are the median" in report.leaks["how"][0]
    for honest in (wind.expanding().median(), wind[:30].median()):
        assert audit_leakage(Ridge(), X.assign(wind=wind.fillna(honest).fillna(0)), y, CV).clean


def test_gaps_filled_with_the_mean_of_all_rows_are_named():
    y, wind = series(), noise(1).where(np.arange(160) % 20 > 0)
    X = pd.DataFrame({"before": y.shift(1, fill_value=50), "wind": wind.fillna(wind.mean())})
    report = audit_leakage(Ridge(), X, y, CV)
    assert only(report) == ("before the split", "wind", "filled from all rows")
    assert audit_leakage(Ridge(), X.assign(wind=wind.ffill().fillna(0.0)), y, CV).clean


def test_a_return_whose_price_is_known_is_a_target_in_X():
    price = series()
    X = pd.DataFrame({"close": price, "momentum": price.pct_change().shift(1)})[2:]
    report = audit_leakage(Ridge(), X, price.pct_change()[2:], CV)
    assert only(report) == ("before the split", "close", "target in X")
    assert audit_leakage(Ridge(), X[:-1], price.pct_change().shift(-1)[2:-1], CV).clean


def test_a_trailing_mean_that_includes_the_target_of_its_row_is_named():
    y = series()
    X = lags(y).assign(mean=y.rolling(4).mean())
    report = audit_leakage(Ridge(), X[4:], y[4:], CV)
    assert only(report) == ("before the split", "mean", "target in X")


@pytest.mark.parametrize(
    "smooth",
    [
        lambda column: column.rolling(5, center=True, min_periods=1).max(),
        lambda column: column.where(np.arange(len(column)) % 4 == 0).bfill().ffill(),
        lambda column: column.where(np.arange(len(column)) % 4 == 0).interpolate(),
        lambda column: column[::-1].ewm(span=5).mean()[::-1],
    ],
)
def test_a_preparation_that_looks_ahead_is_proven_to(smooth):
    def prepare(X, y):
        return X.assign(wind=smooth(X["wind"])), y

    X = pd.DataFrame({"wind": noise(1), "rain": noise(2)})
    report = audit_leakage(Ridge(), X, series(), CV, prepare=prepare)
    assert only(report) == ("prepare", "wind", "changes with later rows")


def test_a_preparation_that_chooses_columns_by_all_rows_is_proven_to():
    def prepare(X, y):
        return X[X.corrwith(y).abs().nlargest(2).index.sort_values()], y

    X = pd.DataFrame({name: noise(i) for i, name in enumerate("abcde", start=1)})
    report = audit_leakage(Ridge(), X, series(), CV, prepare=prepare)
    assert {step for step, _ in found(report, "changes with later rows")} == {"prepare"}
    assert set(report.leaks["kind"]) == {"changes with later rows"}


def test_back_filled_gaps_are_found_at_the_gaps():
    wind = noise(1)
    wind.iloc[[60, 61, 121, 122]] = np.nan

    def prepare(X, y):
        return X.bfill(), y

    report = audit_leakage(Ridge(), wind.to_frame("wind"), series(), CV, prepare=prepare)
    assert only(report) == ("prepare", "wind", "changes with later rows")


class CentredMean(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return pd.DataFrame(X).rolling(3, center=True, min_periods=1).mean().to_numpy()


def test_a_step_that_looks_at_later_test_rows_is_named():
    X = pd.DataFrame({"wind": noise(1), "rain": noise(2)})
    pipe = Pipeline(
        [
            ("scale", StandardScaler()),
            ("no", "passthrough"),
            ("centredmean", CentredMean()),
            ("ridge", Ridge()),
        ]
    )
    report = audit_leakage(pipe, X, series(), CV)
    key = ("pipeline step 'centredmean'", "wind, rain", "looks at later test rows")
    assert only(report) == key
    assert (report.leaks["size"] > 0).all()


# 3. Target in X


@pytest.mark.parametrize(
    ("make", "kind", "told"),
    [
        (lambda y: y, "target in X", "equals y of its own row"),
        (lambda y: 32 + 1.8 * y, "target in X", "linear function of y of its own row"),
        (
            lambda y: y + noise(5) / 100,
            "target in X",
            "nearly is a linear function of y of its own",
        ),
        (np.log, "target in X", "linear function of the logarithm of y"),
        (np.arctan, "target in X", "monotone function"),
        (lambda y: y.pct_change(), "target in X", "made of the logarithm of y of its own row"),
        (lambda y: y.pct_change().shift(-1), "window over later rows", "the logarithm of y"),
        (lambda y: y.shift(-1), "later target in X", "equals y of 1 row later"),
        (lambda y: -2 * y.shift(-3), "later target in X", "linear function of y of 3 rows later"),
    ],
)
def test_the_target_among_the_columns_is_named(make, kind, told):
    y = series()
    X = lags(y).assign(other=make(y))[3:-3]
    report = audit_leakage(Ridge(), X, y[3:-3], CV)
    assert only(report) == ("before the split", "other", kind)
    assert told in report.leaks["how"][0]


def test_smooth_series_are_no_targets_of_each_other():
    y = (noise(0).cumsum().cumsum() + 500).rename("y")
    X = lags(y, 1, 2).assign(mean=y.shift(1).rolling(3).mean(), slope=y.shift(1).diff())
    assert audit_leakage(Ridge(), X[4:], y[4:], CV).clean


@pytest.mark.parametrize("raw_target", [True, False])
def test_a_preparation_that_leaves_the_target_in_X_is_proven_to(raw_target):
    y, wind = series(), noise(1)

    def prepare(X, given):
        y = X["y"] if given is None else given
        return pd.DataFrame({"wind": X["wind"], "sin": np.sin(y), "lag": y.shift(1)}).iloc[1:], y[
            1:
        ]

    X = pd.DataFrame({"y": y, "wind": wind})
    report = audit_leakage(
        Ridge(), X, y if raw_target else None, CV, prepare=prepare, known_in_advance=None
    )
    assert only(report) == ("prepare", "sin", "target in X")


# 4. Splits


@pytest.mark.parametrize(
    ("cv", "name"),
    [
        (KFold(4, shuffle=True, random_state=0), "KFold, shuffled,"),
        (KFold(4), "KFold"),
        (4, "KFold(4)"),
    ],
)
def test_folds_that_train_on_later_rows_are_named(cv, name):
    y = series()
    report = audit_leakage(Ridge(), lags(y)[3:], y[3:], cv)
    assert only(report) == ("cv", "y", "training after the test rows")
    assert name in report.leaks["how"][0]
    assert report.leaks["size"].max() > 0.01


@pytest.mark.parametrize(
    "cv", [KFold(3, shuffle=True, random_state=0), ShuffleSplit(2, random_state=0), 5]
)
@pytest.mark.parametrize("given", [series(), series().to_numpy()])
def test_folds_in_which_a_forecaster_cannot_be_fitted_are_named_all_the_same(cv, given):
    report = audit_leakage(SeasonalNaive(7), None, given, cv)
    assert only(report) == ("cv", "y", "training after the test rows")
    assert report.notes[0].startswith("Not fitted in folds 0, 1")
    assert set(report.folds) <= {4}


def test_rows_in_both_parts_of_a_fold_are_named():
    y = series()
    cv = [(np.arange(100), np.arange(90, 120)), (np.arange(120), np.arange(120, 150))]
    report = audit_leakage(Ridge(), lags(y)[3:], y[3:], cv)
    assert found(report, "test rows in training") == [("cv", "y")]
    assert report.leaks["fold"].tolist() == [0]


def test_time_series_split_of_shuffled_rows_trains_on_later_ones():
    y = series()
    mixed = y.sample(frac=1, random_state=0).index
    report = audit_leakage(
        Ridge(),
        lags(y)[3:].loc[mixed.intersection(y.index[3:], sort=False)],
        y.loc[mixed.intersection(y.index[3:], sort=False)],
        CV,
    )
    assert ("cv", "y") in found(report, "training after the test rows")


def test_a_panel_cut_by_row_trains_on_other_series_later_on():
    y = pd.concat({key: series(i) for i, key in enumerate("abc")})
    X = y.groupby(level=0).shift(1).fillna(50).to_frame("before")
    report = audit_leakage(Ridge(), X, y, TimeSeriesSplit(2))
    assert only(report) == ("cv", "y", "training after the test rows")
    assert audit_leakage(Ridge(), X, y, ExpandingWindowSplit(2, horizon=20)).clean


def test_shuffled_folds_of_a_classifier_are_named_whatever_classes_they_hold():
    y = pd.Series(np.repeat(["rise", "fall", "rest"], [70, 70, 17]), DAYS[3:])
    report = audit_leakage(LogisticRegression(), lags(series())[3:], y, KFold(3))
    assert only(report) == ("cv", "y", "training after the test rows")


# 5. Overlapping targets


def test_windows_of_several_targets_need_a_gap():
    windows, targets = make_windows(series(), window=12, horizon=5)
    report = audit_leakage(Ridge(), windows[:, :, 0], targets, CV)
    assert only(report) == ("cv", "y", "overlapping targets")
    assert "the last 4 training rows" in report.leaks["how"][0]
    assert "use gap=4" in report.leaks["how"][0]
    assert audit_leakage(Ridge(), windows[:, :, 0], targets, TimeSeriesSplit(3, gap=4)).clean


@pytest.mark.parametrize(
    "name", ["y_24h", "Load24", "y_l24", "y_D-1", "y_1d", "hist", "lag24", "day_before", None]
)
def test_a_lag_alone_asks_for_no_gap_but_its_horizon_may_be_told(name):
    y = series()
    X = y.shift(24).to_frame(name)[24:]
    X = X if name else X.to_numpy()
    report = audit_leakage(Ridge(), X, y[24:], CV)
    assert report.clean, report
    unclear = [note for note in report.notes if note.endswith("pass horizon=24")]
    assert len(unclear) == (name not in ("y_l24", "hist", "lag24", "day_before"))
    assert not audit_leakage(Ridge(), X, y[24:], CV, horizon=24).clean


@pytest.mark.parametrize("named", [True, False])
def test_a_target_ahead_of_a_window_or_of_what_is_called_no_lag_is_named(named):
    y = series()
    X = y.to_frame("close_2024")[:-5] if named else lags(y, *range(5, 17)).to_numpy()[16:]
    report = audit_leakage(Ridge(), X, y.shift(-5)[:-5] if named else y[16:], CV)
    assert only(report) == ("cv", "y", "overlapping targets")
    assert report.leaks["how"][0].endswith("or say horizon=1 if the target belongs to its own row")


@pytest.mark.parametrize("gap", [0, 3])
def test_a_target_some_rows_ahead_needs_a_gap(gap):
    y = series()
    X, ahead = lags(y, 0, 1, 2)[2:-5], y.shift(-5)[2:-5]
    report = audit_leakage(Ridge(), X, ahead, TimeSeriesSplit(3, gap=gap))
    assert only(report) == ("cv", "y", "overlapping targets")
    assert f"gap={gap}, use gap=4" in report.leaks["how"][0]
    assert audit_leakage(Ridge(), X, ahead, TimeSeriesSplit(3, gap=4)).clean
    assert audit_leakage(Ridge(), X, ahead, TimeSeriesSplit(3, gap=gap), horizon=1).clean


def test_a_target_summed_up_over_the_next_rows_needs_a_gap():
    change, price = noise(0), series()
    ahead = sum(change.shift(-k) for k in range(1, 6))
    for X, y in [(lags(change, 0, 1), ahead), (lags(price, 0, 1), price.shift(-5) / price - 1)]:
        report = audit_leakage(Ridge(), X[1:-5], y[1:-5], CV)
        assert only(report) == ("cv", "y", "overlapping targets")
        assert "use gap=4" in report.leaks["how"][0]


def test_simple_returns_of_several_rows_made_of_those_of_one_need_a_gap():
    price = series()
    X, y = price.pct_change().to_frame("return")[1:-5], (price.shift(-5) / price - 1)[1:-5]
    report = audit_leakage(Ridge(), X, y, CV)
    assert only(report) == ("cv", "y", "overlapping targets")
    assert audit_leakage(Ridge(), X, y, TimeSeriesSplit(3, gap=4)).clean


def test_the_horizon_of_a_preparation_is_measured():
    y = series()

    def prepare(X, y):  # a maximum, of which finished data show no sign
        return lags(y, 0, 1)[1:-5], y[::-1].rolling(5).max()[::-1].shift(-1)[1:-5]

    report = audit_leakage(Ridge(), None, y, CV, prepare=prepare)
    assert only(report) == ("cv", "y", "overlapping targets")
    assert audit_leakage(Ridge(), None, y, TimeSeriesSplit(3, gap=4), prepare=prepare).clean


@pytest.mark.parametrize("label", ["origin", "first target"])
def test_prepared_windows_of_several_targets_need_a_gap(label):
    y, start = series(), {"origin": 11, "first target": 12}[label]

    def prepare(X, y):
        windows, targets = make_windows(y, window=12, horizon=5)
        return windows[:, :, 0], pd.DataFrame(targets, y.index[start : start + len(targets)])

    report = audit_leakage(Ridge(), None, y, CV, prepare=prepare)
    assert only(report) == ("cv", "y", "overlapping targets")
    assert "gap=0, use gap=4" in report.leaks["how"][0]
    assert audit_leakage(Ridge(), None, y, TimeSeriesSplit(3, gap=4), prepare=prepare).clean


def test_a_series_scaled_in_a_preparation_before_the_windows_are_cut_is_proven():
    def prepare(X, y):
        windows, targets = make_windows(MinMaxScaler().fit_transform(y.to_frame()), window=12)
        return windows[:, :, 0], pd.Series(targets[:, 0], y.index[12:])

    report = audit_leakage(Ridge(), None, series(), CV, prepare=prepare)
    assert found(report, "changes with later rows") == [("prepare", "x0, x1, x2, ... y")]


@pytest.mark.parametrize(("transform", "clean"), [(np.log, True), (lambda y: y - y.mean(), False)])
def test_a_preparation_of_the_target_alone_is_tried(transform, clean):
    cv = ExpandingWindowSplit(2, horizon=4)
    report = audit_leakage(
        SeasonalNaive(7), None, series(), cv, prepare=lambda X, y: (X, transform(y))
    )
    assert report.clean == clean
    assert found(report, "changes with later rows") == ([] if clean else [("prepare", "y")])


def test_rows_chosen_by_a_quantile_of_all_rows_are_named():
    def prepare(X, y):
        kept = X["wind"] < X["wind"].quantile(0.9)
        return X[kept], y[kept]

    report = audit_leakage(Ridge(), noise(1).to_frame("wind"), series(), CV, prepare=prepare)
    assert only(report) == ("prepare", "which rows are kept", "changes with later rows")


def test_a_horizon_that_the_data_do_not_show_can_be_told():
    y = series()
    X, highest = lags(y, 0, 1)[1:-5], y[::-1].rolling(5).max()[::-1].shift(-1)[1:-5]
    assert audit_leakage(Ridge(), X, highest, CV).clean
    report = audit_leakage(Ridge(), X, highest, CV, horizon=5)
    assert only(report) == ("cv", "y", "overlapping targets")


# 6. Validation on the test fold


class EarlyStopper(RegressorMixin, BaseEstimator):
    """Ridge whose penalty is the best on a validation set given as a parameter."""

    def __init__(self, validation_data=None):
        self.validation_data = validation_data

    def fit(self, X, y):
        models = [Ridge(alpha).fit(X, y) for alpha in (0.1, 10.0, 1000.0)]
        held_out = self.validation_data or (X[-20:], y[-20:])
        self.best_ = max(models, key=lambda model: model.score(*held_out))
        return self

    def predict(self, X):
        return self.best_.predict(X)


def test_a_validation_set_of_test_rows_in_a_parameter_is_named():
    y = series()
    X = lags(y).to_numpy()[3:]
    target = y.to_numpy()[3:]
    pipe = make_pipeline(StandardScaler(), EarlyStopper((X[-30:], target[-30:])))
    report = audit_leakage(pipe, X, target, TimeSeriesSplit(1 + 2, test_size=30))
    step = "parameter 'earlystopper__validation_data'"
    assert only(report) == (step, "X, y", "test rows in a parameter")
    assert audit_leakage(EarlyStopper((X[:20], target[:20])), X, target, CV).clean
    assert audit_leakage(EarlyStopper(), X, target, CV).clean


def test_early_stopping_on_the_test_fold_as_an_argument_of_fit_is_named():
    y, wind = series(), noise(1)
    X = pd.DataFrame({"wind": wind, "before": y.shift(1, fill_value=50)})
    model = HistGradientBoostingRegressor(early_stopping=True, max_iter=20, min_samples_leaf=5)

    def arguments(X, y, train, test):
        return {"X_val": X.iloc[test], "y_val": y.iloc[test]}

    report = audit_leakage(model, X, y, CV, fit_params=arguments)
    assert found(report, "test rows in a parameter") == [
        ("parameter 'X_val' of fit", "X"),
        ("parameter 'y_val' of fit", "y"),
    ]
    assert report.leaks["size"].max() > 1e-3

    def honest(X, y, train, test):
        return {"X_val": X.iloc[train[-20:]], "y_val": y.iloc[train[-20:]]}

    assert audit_leakage(model, X, y, CV, fit_params=honest).clean


# 7. Covariates of the future


def test_a_measured_covariate_of_the_forecast_rows_is_named():
    wind = noise(1)
    y = (10 + 3 * wind + noise(2)).rename("y")
    X = pd.DataFrame({"wind": wind})
    cv = ExpandingWindowSplit(2, horizon=8, initial=100)
    report = audit_leakage(ARIMA((1, 0, 0)), X, y, cv)
    assert only(report) == ("predict", "wind", "future covariate")
    assert report.leaks["size"].min() > 1
    model = AutoARIMA(seasonality=1, max_p=1, max_q=0)
    assert audit_leakage(model, X, y, cv, known_in_advance=["wind"]).clean


def test_a_lag_shorter_than_the_horizon_is_a_future_covariate():
    y = series()
    cv = ExpandingWindowSplit(2, horizon=8, initial=100)
    model = ARIMA((1, 0, 0))
    report = audit_leakage(model, lags(y, 3)[12:], y[12:], cv)
    assert only(report) == ("predict", "lag3", "future covariate")
    assert "3 rows before, while forecasts go 8 rows ahead" in report.leaks["how"][0]
    assert audit_leakage(model, lags(y, 8)[12:], y[12:], cv).clean


def test_a_column_that_is_called_a_lag_as_long_as_the_horizon_is_taken_for_one():
    y, X = series(), pd.DataFrame({"wind_lag8": noise(1).shift(8)})[8:]
    cv = ExpandingWindowSplit(2, horizon=8, initial=100)
    report = audit_leakage(ARIMA((1, 0, 0)), X, y[8:], cv)
    assert report.clean, report
    assert "wind_lag8 (its name tells a lag as long as the forecasts)" in report.notes[0]
    short = X.set_axis(["wind_lag7"], axis=1)
    report = audit_leakage(ARIMA((1, 0, 0)), short, y[8:], cv)
    assert only(report) == ("predict", "wind_lag7", "future covariate")
    assert "known_in_advance=['wind_lag7']" in report.leaks["cure"][0]
    assert audit_leakage(ARIMA((1, 0, 0)), short, y[8:], cv, known_in_advance=["wind_lag7"]).clean


def test_regressors_too_use_columns_known_in_advance_only_once_these_are_named():
    y = series()
    X = lags(y).assign(wind=noise(1))[3:]
    assert audit_leakage(Ridge(), X, y[3:], CV).clean
    names = ["lag1", "lag2", "lag3"]
    report = audit_leakage(Ridge(), X, y[3:], CV, known_in_advance=names)
    assert only(report) == ("predict", "wind", "future covariate")


# 8. States between fits


@pytest.mark.parametrize(
    "model",
    [
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, warm_start=True),
        SGDRegressor(max_iter=20, warm_start=True),
        RandomForestRegressor(5, warm_start=True),
    ],
)
def test_weights_kept_from_fold_to_fold_are_named(model):
    y = series() / 50
    X = lags(y)[3:]
    report = audit_leakage(model, X, y[3:], CV)
    assert only(report) == ("estimator", "y", "state kept between fits")
    assert "warm_start=True" in report.leaks["how"][0]
    assert audit_leakage(clone(model).set_params(warm_start=False), X, y[3:], CV).clean


def test_the_step_that_keeps_weights_is_named():
    y = series() / 50
    pipe = make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, warm_start=True)
    )
    report = audit_leakage(pipe, lags(y)[3:], y[3:], CV)
    assert only(report) == ("pipeline step 'mlpregressor'", "y", "state kept between fits")
    assert "mlpregressor__warm_start=True" in report.leaks["how"][0]


class OnceFitted(StandardScaler):
    """A scaler that never forgets."""

    def fit(self, X, y=None, sample_weight=None):
        return self if hasattr(self, "scale_") else super().fit(X, y, sample_weight)


def test_a_scaler_that_is_not_fitted_again_is_named():
    y = series()
    pipe = make_pipeline(OnceFitted(), Ridge())
    report = audit_leakage(pipe, lags(y)[3:], y[3:], CV)
    assert only(report) == ("pipeline step 'oncefitted'", "y", "state kept between fits")


class Shared(RegressorMixin, BaseEstimator):
    """A mean over all targets that any instance has ever seen."""

    seen: ClassVar[list[float]] = []

    def fit(self, X, y):
        Shared.seen[:] = [max([*Shared.seen, float(np.max(y))])]
        return self

    def predict(self, X):
        return np.full(len(X), Shared.seen[0])


def test_a_state_shared_by_clones_is_named():
    Shared.seen.clear()
    y = series()
    report = audit_leakage(Shared(), lags(y)[3:], y[3:], CV)
    assert only(report) == ("estimator", "y", "state shared between clones")


# The report, and what is refused


def test_the_report_tells_each_leak_once_with_its_cure():
    y = series()
    X = lags(y).assign(same=2 * y)[3:]
    report = audit_leakage(Ridge(), X, y[3:], KFold(3, shuffle=True, random_state=0))
    told = report.sentences()
    assert len(told) == 3  # two leaks and a note
    assert told[0].startswith("cv, column y: training after the test rows (folds 0, 1, 2;")
    assert "Cure: drop the column" in told[1]
    assert repr(report).startswith("LeakageReport: 2 leaks\n- cv, column y")
    assert repr(report).count("\n- ") == 3
    with pytest.raises(ValueError, match="column same: target in X"):
        report.raise_if_leaking()
    assert report.leaks["cure"].tolist() == [CURES[kind] for kind in report.leaks["kind"]]


def test_a_clean_report_says_so():
    y = series()
    report = audit_leakage(Ridge(), lags(y)[3:], y[3:], CV)
    assert report.sentences()[0] == "No leak was found."
    report.raise_if_leaking()


def test_the_data_and_the_estimator_are_left_as_they_were():
    y, X = series(), lags(series())[3:]
    before, model = X.copy(), Ridge()
    audit_leakage(model, X, y[3:], KFold(3))
    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_series_equal(y, series())
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cv": None}, "cv=None: expected the splitter"),
        ({"n_folds": 0}, "n_folds=0: expected an integer >= 1"),
        ({"horizon": 0}, "horizon=0: expected an integer >= 1"),
        ({"known_in_advance": ["wind"]}, r"known_in_advance has \['wind'\]: X has the columns"),
        ({"known_in_advance": "lag1"}, "known_in_advance='lag1': expected a list"),
        ({"y": series()[:-1]}, "X has 160 rows and y has 159"),
        ({"X": None, "y": None}, "X and y are None"),
        ({"prepare": lambda X, y: (X.to_numpy()[3:], y.to_numpy()[3:])}, "157 rows of 160"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    given = {"X": lags(series(), 1), "y": series(), "cv": CV, **arguments}
    with pytest.raises(ValueError, match=message):
        audit_leakage(Ridge(), **given)


def test_what_is_no_estimator_and_no_pair_is_refused():
    y = series()
    with pytest.raises(TypeError, match="expected an estimator with fit and predict"):
        audit_leakage(Ridge, lags(y), y, CV)
    with pytest.raises(TypeError, match="fit_params='a': expected a dict of arguments of fit"):
        audit_leakage(Ridge(), lags(y), y, CV, fit_params="a")
    with pytest.raises(TypeError, match=r"X is a sparse matrix: .* such as X.toarray\(\)"):
        audit_leakage(Ridge(), csr_array(lags(y)[3:]), y[3:], CV)
    with pytest.raises(TypeError, match="prepare returned a DataFrame: expected the tuple"):
        audit_leakage(Ridge(), lags(y), y, CV, prepare=lambda X, y: X)


def test_an_estimator_that_fails_says_in_which_fold():
    y = series()
    with pytest.raises(ValueError, match="NaN") as raised:
        audit_leakage(Ridge(), lags(y), y, CV)
    assert "in fold 0 of the audit" in raised.value.__notes__[0]


# Perturbation


@pytest.mark.parametrize("future", FUTURES)
def test_other_futures_keep_the_kind_of_values(future):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "whole": rng.integers(0, 50, 40),
            "positive": rng.gamma(1, size=40),
            "flag": np.arange(40) % 3 == 0,
            "text": pd.Series(list("ab" * 20), dtype="category"),
            "holes": pd.Series(rng.normal(size=40)).where(np.arange(40) % 5 > 0),
        }
    )
    rows = np.arange(40) >= 30
    other = perturbed(frame, rows, future, np.random.default_rng(1))
    pd.testing.assert_frame_equal(other[:30], frame[:30])
    assert (other.dtypes == frame.dtypes).all()
    assert (other["positive"] > 0).all()
    assert (other["flag"][30:] != frame["flag"][30:]).all()
    assert (other["text"][30:] != frame["text"][30:]).all()
    assert other["holes"].isna().equals(frame["holes"].isna())


def test_scaling_is_told_from_chance():
    x = np.random.default_rng(0).normal(size=100)
    assert scaling_of((x - x.mean()) / x.std()) == "standardised (mean 0, deviation 1)"
    assert scaling_of(x) is None
    assert scaling_of(np.tile([-1.0, 1.0], 50)) is None
    assert scaling_of(np.round(np.linspace(0, 1, 100), 2)) is None


def test_functions_of_the_rows_in_a_pipeline_are_clean():
    y = series()
    pipe = make_pipeline(FunctionTransformer(np.log), Ridge())
    assert audit_leakage(pipe, lags(y)[3:], y[3:], CV).clean

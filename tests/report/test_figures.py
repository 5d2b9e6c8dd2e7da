import re
import xml.etree.ElementTree as ET

import made_up_report as made_up
import matplotlib
import numpy as np
import pytest

from gansift.report import figures, trust_figures
from gansift.report.drawing import HARMFUL, HELPFUL
from gansift.report.summary import ClassCount, Growth
from gansift.report.words import MINUS

GRID = made_up.summary((160, 320)).grid
ROWS = [row for row in GRID if row.horizon == 320]
RNG = np.random.default_rng(0)
X1, X2 = RNG.normal(size=(40, 1)), RNG.normal(size=(40, 2))
VALUES = np.linspace(-1, 2, 40)
GROWTH = [Growth(9 - k, 2.0**k) for k in range(9)]

DRAWN = {
    "intervals": lambda: figures.interval_chart([("test", -1.0, [-2, 0]), ("none", None, None)], "FID", "lower"),
    "change": lambda: figures.change_chart(ROWS, "test", "FID", "lower", (-1, 1), chosen=4),
    "histogram": lambda: figures.score_histogram(VALUES, "lower", "FID", VALUES[:4]),
    "classes": lambda: figures.class_balance([ClassCount("<&$1$>", 9, 7)]),
    "prediction": lambda: trust_figures.prediction_chart(GRID, "FID"),
    "verification": lambda: trust_figures.verification_chart(VALUES.tolist(), VALUES.tolist(), "FID", "v-0"),
    "off scale": lambda: trust_figures.verification_chart([0.1, 90.0, -9e3], [0.1, -0.2, 0.0], "FID", "v-1"),
    "no removal": lambda: trust_figures.verification_chart([], [], "FID", "v-2"),
    "growth": lambda: trust_figures.growth_chart(GROWTH, None),
    "growth and trust": lambda: trust_figures.growth_chart(GROWTH, 4),
    "no growth": lambda: trust_figures.growth_chart([Growth(1, None)], 4),
    "map of a line": lambda: figures.score_map(X1, VALUES, "lower", "all"),
    "map of a plane": lambda: figures.score_map(X2, VALUES, "higher", "all"),
    "many points": lambda: figures.score_map(np.tile(X2, (20, 1)), np.tile(VALUES, 20), "lower", "all"),
    "harm of classes": lambda: figures.class_harm(["<&$1$>"] * 20 + ["b"] * 20, VALUES, "lower", "FID"),
    "density": lambda: figures.density_chart(X1, X1 + 1, None),
    "cloud": lambda: figures.cloud_chart(X2, X2 + 1, "after", figures.cloud_limits(X2, None, X2 + 1)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_xml_the_same_each_time_and_leaves_matplotlib_as_it_was(name):
    before = dict(matplotlib.rcParams)
    svg = DRAWN[name]()
    assert svg == DRAWN[name]()
    assert dict(matplotlib.rcParams) == before
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"]
    assert "://" not in svg
    assert "<style" not in svg


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]


def test_class_names_are_neither_markup_nor_mathematics():
    assert "<&$1$>" in texts(DRAWN["classes"]())


@pytest.mark.parametrize(("direction", "side"), [("lower", "below"), ("higher", "above")])
def test_the_axis_says_which_way_is_better(direction, side):
    svg = figures.change_chart(ROWS, "validation", "FID", direction, (-1, 1))
    assert f"change of FID ({side} 0 is better)" in texts(svg)
    assert "chosen" not in texts(svg)


def test_panels_of_one_split_share_limits_that_hold_every_interval():
    low, high = figures.change_limits(GRID, "test")
    assert low < min(row.test_ci95[0] for row in GRID)
    assert high > max(row.random_test_ci95[1] for row in GRID)


def bars(svg: str, colour: str) -> int:
    """How many filled, clipped rectangles have this colour."""
    return len(re.findall(rf'clip-path="[^"]*" style="fill: var\(--\w+, {colour}\)', svg))


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_the_harmful_side_of_the_histogram_is_coloured_as_harmful(direction):
    svg = figures.score_histogram(np.array([-3.0, -2.0, -1.0, 1.0]), direction, "fid", np.zeros(0))
    harmful, helpful = bars(svg, HARMFUL), bars(svg, HELPFUL)
    assert (harmful > helpful) == (direction == "lower")
    assert ("← harmful" in texts(svg)) == (direction == "lower")


def test_a_histogram_of_equal_or_no_scores_is_drawn():
    for values in (np.zeros(5), np.full(5, 2.0), np.array([np.nan])):
        ET.fromstring(figures.score_histogram(values, "lower", "fid", values[:1]))


def test_of_many_classes_those_that_lost_most_are_drawn():
    classes = [ClassCount(f"c{k}", 100, 100 - k) for k in range(30)]
    shown = texts(figures.class_balance(classes))
    assert "c29" in shown
    assert "c10" in shown
    assert "c9" not in shown


@pytest.mark.parametrize(("direction", "worst"), [("lower", "a"), ("higher", "c")])
def test_classes_are_told_by_their_mean_score_the_most_harmful_first(direction, worst):
    labels, values = ["a", "a", "b", "c", "c", "c"], np.array([-2.0, -1.0, 0.5, 1.0, 2.0, 3.0])
    said = ET.fromstring(figures.class_harm(labels, values, direction, "FID")).attrib["aria-label"]
    assert said.startswith(f"Mean score by class. {worst}: ")
    for name, mean in (("a", f"{MINUS}1.50"), ("b", "+0.500"), ("c", "+2.00")):
        assert f"{name}: {mean}" in said
    assert "a: {}1.50, {} harmful".format(MINUS, "100%" if direction == "lower" else "0%") in said

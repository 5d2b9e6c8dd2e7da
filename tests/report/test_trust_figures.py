import math
import re
import xml.etree.ElementTree as ET

import pytest

from gansift.report import trust_figures
from gansift.report.drawing import HARMFUL, HELPFUL
from gansift.report.summary import Growth


def uses(svg: str, style: str) -> list[tuple[float, float]]:
    """Places of the marks whose style begins so."""
    found = re.findall(rf'<use href="[^"]*" x="([^"]*)" y="([^"]*)" style="{re.escape(style)}', svg)
    return [(float(x), float(y)) for x, y in found]


def dots(svg: str) -> list[tuple[float, float]]:
    return uses(svg, f"fill: var(--helpful, {HELPFUL})")


def triangles(svg: str) -> list[tuple[float, float]]:
    return uses(svg, f"fill-opacity: 0; stroke: var(--harmful, {HARMFUL})")


def lines(svg: str, dashed: bool) -> int:
    return sum(
        ("stroke-dasharray" in tag) == dashed for tag in re.findall(r"<path[^>]*stroke: var\(--harmful[^>]*>", svg)
    )


def test_every_removal_is_a_dot_and_none_is_a_triangle_while_all_are_on_the_scale():
    svg = trust_figures.verification_chart([0.1, -0.2, 0.9], [0.1, -0.1, 0.1], "fid", "v")
    assert len(dots(svg)) == 3
    assert triangles(svg) == []


def test_a_prediction_off_the_scale_stands_at_the_edge_and_squeezes_nothing():
    near = trust_figures.verification_chart([0.1, 0.2], [0.1, -0.2], "fid", "v")
    far = trust_figures.verification_chart([0.1, 0.2, 90.0, -9e3], [0.1, -0.2, 0.0, 0.1], "fid", "v")
    assert dots(far) == [pytest.approx(place, abs=5) for place in dots(near)]
    assert len(triangles(far)) == 2
    low, high = sorted(x for x, _ in triangles(far))
    assert low < min(x for x, _ in dots(far))
    assert high > max(x for x, _ in dots(far))


def test_a_measured_change_off_the_scale_stands_at_the_top():
    svg = trust_figures.verification_chart([0.1, 0.2, 0.1], [0.1, -0.2, 90.0], "fid", "v")
    [(_, top)] = triangles(svg)
    assert top < min(y for _, y in dots(svg))  # downwards in SVG


@pytest.mark.parametrize(
    ("predicted", "true", "largest"),
    [([1.0, -3.0], [0.5, 0.2], 5.0), ([0.1], [-200.0], 1.0), ([5.0, 1.0], [0.0, 0.0], math.inf), ([], [], math.inf)],
)
def test_the_scale_is_ten_times_the_smaller_of_both_unless_that_is_zero(predicted, true, largest):
    assert trust_figures.largest_on_scale(predicted, true) == pytest.approx(largest)


def test_many_removals_are_one_bitmap():
    values = [k / 600 for k in range(600)]
    svg = trust_figures.verification_chart(values, values, "fid", "v")
    assert "<image" in svg
    assert dots(svg) == []


GROWTH = [Growth(step, 1.1 ** (99 - step)) for step in range(99, -1, -1)]


def shaded(svg: str) -> float | None:
    """Width of the shaded region, in units of the view box."""
    found = re.search(r'<path d="M ([\d.]+) [\d.]+\s*L [\d.]+ [\d.]+\s*L ([\d.]+) [^>]*opacity: 0.12', svg)
    return None if found is None else float(found[2]) - float(found[1])


def test_the_believable_stretch_is_shaded_in_proportion():
    of = {horizon: shaded(trust_figures.growth_chart(GROWTH, horizon)) for horizon in (20, 40, 100, 400)}
    assert of[40] == pytest.approx(2 * of[20], rel=1e-3)
    assert of[100] == pytest.approx(5 * of[20], rel=1e-3)
    assert of[100] == pytest.approx(of[400])  # no farther than the sweep went
    assert shaded(trust_figures.growth_chart(GROWTH, None)) is None


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]

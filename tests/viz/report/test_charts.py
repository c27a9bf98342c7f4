"""Charts say what their numbers say."""

import re

import pytest

from hrm.viz.report.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Curve, bar_chart, line_chart, plain


def points(svg: str, element: str, style: str) -> list[tuple[float, float]]:
    [found] = re.findall(rf'<{element} class="\w+ {style}" points="([^"]+)"', svg)
    return [tuple(map(float, pair.split(","))) for pair in found.split()]


def test_a_curve_goes_through_its_points():
    curve = Curve("exact", [(1, 0.0), (2, 0.5), (3, 1.0)], "main", [(0.0, 0.2), (0.25, 0.75), (0.8, 1.0)])
    svg = line_chart([curve], "segment", "said & done", 0, 1)
    bottom, middle = HEIGHT - BOTTOM, (HEIGHT - BOTTOM + TOP) / 2
    assert points(svg, "polyline", "main") == [
        (LEFT, bottom),
        ((LEFT + WIDTH - RIGHT) / 2, middle),
        (WIDTH - RIGHT, TOP),
    ]
    band = points(svg, "polygon", "main")
    assert len(band) == 6 and band[-1] == (LEFT, bottom) and band[2] == (WIDTH - RIGHT, TOP)
    assert 'role="img" aria-label="said &amp; done"' in svg
    assert re.findall(r'class="tick y"[^>]*>([^<]+)<', svg) == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    assert re.findall(r'class="tick" [^>]*>([^<]+)<', svg) == ["1", "2", "3"]


def test_one_segment_and_powers_of_ten_can_be_drawn():
    single = line_chart([Curve("exact", [(1, 0.5)], "main", [(0.4, 0.6)])], "segment", "", 0, 1)
    assert len(points(single, "polygon", "main")) == 4
    decades = line_chart(
        [Curve("loss", [(10, 100.0), (20, 0.01)], "main")], "update", "", 0.01, 100, y=plain, is_log=True
    )
    ys = [y for _, y in points(decades, "polyline", "main")]
    assert ys == [TOP, HEIGHT - BOTTOM]
    assert "1e-" not in decades and ">0.01<" in decades and ">100<" in decades


@pytest.mark.parametrize("count", [1, 8, 16, 64])
def test_bars_are_as_high_as_their_counts(count: int):
    right, wrong = [0] * (count - 1) + [30], [0] * (count - 1) + [10]
    svg = bar_chart(right, wrong, "segments", "")
    heights = [float(h) for h in re.findall(r'<rect class="bar [^>]*height="([\d.]+)"', svg)]
    assert len(heights) == 2 and heights[0] == pytest.approx(3 * heights[1], abs=0.3)
    assert (">40</text>" in svg) == (count <= 24) or count > 24

"""Drawings: deterministic, legible in light and dark, and true to what they are given."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.layout_engine import ConstrainedLayoutEngine

from book.tools import plots
from book.tools.plots.style import INK, save


def sweep_records():
    rows = [
        {"suite": "s", "category": c, "value": v, "metric": m, "estimate": 0.9 - abs(v) / 900, "low": 0.7, "high": 0.95}
        for c in ("washer", "bottle_cap")
        for v in (-90.0, 0.0, 90.0)
        for m in ("pixel_auroc", "aupro")
    ]
    records = pd.DataFrame(rows)
    return records, records[records["category"] == "washer"]


def sweep_svg(name="fig-a"):
    return plots.to_svg(plots.plot_sweep(*sweep_records(), "angle"), name, 'turned by "a" < b')


def test_svg_is_well_formed_repeatable_and_takes_the_pages_colour():
    svg = sweep_svg()
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == 'turned by "a" < b'
    assert "width" not in root.attrib  # the page decides
    assert svg == sweep_svg()
    assert INK not in svg
    assert "currentColor" in svg
    assert "DejaVu" not in svg
    assert plots.PALETTE[0] in svg


def test_a_figure_is_laid_out_once_for_the_page_and_its_files(monkeypatch, tmp_path):
    laid_out, lay_out = [], ConstrainedLayoutEngine.execute
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda *given: laid_out.append(1) or lay_out(*given))
    figure = plots.plot_sweep(*sweep_records(), "angle")
    plots.to_svg(figure, "fig-a")
    places = [axes.get_position().bounds for axes in figure.axes]
    for name in ("a.svg", "a.png"):
        save(figure, tmp_path / name)
    assert len(laid_out) == 1
    assert [axes.get_position().bounds for axes in figure.axes] == places
    assert min(left for left, *_ in places) > 0.05, "room for the numbers of the axis"


def test_two_figures_of_a_page_share_no_clip_path():
    def clips(svg):
        return {e.attrib["id"] for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("clipPath")}

    assert clips(sweep_svg())
    assert not clips(sweep_svg("fig-a")) & clips(sweep_svg("fig-b"))


def test_a_sweep_says_metrics_units_and_categories():
    texts = {e.text for e in ElementTree.fromstring(sweep_svg()).iter() if e.tag.endswith("text")}
    assert {
        "pixel AUROC [%]",
        "AUPRO (FPR ≤ 0.3) [%]",
        "rotation angle [degrees]",
        "washer",
        "bottle cap",
        "mean",
    } <= texts


def test_a_sweep_draws_percent_against_the_settings_unit():
    figure = plots.plot_sweep(*sweep_records(), "hue", metrics=("aupro",))
    mean = next(line for line in figure.axes[0].lines if line.get_label() == "mean")
    assert mean.get_xdata() == pytest.approx(np.array([-90, 0, 90]) / np.pi)
    assert mean.get_ydata() == pytest.approx([80, 90, 80])


def test_an_outline_leaves_the_defect_and_the_far_field_untouched():
    picture = np.full((40, 40, 3), 77, np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[15:25, 15:25] = True
    drawn = plots.outline(picture, mask)
    assert (drawn[mask] == 77).all()
    assert (drawn[:10] == 77).all()
    changed = (drawn != 77).any(axis=2)
    assert changed.any()
    assert (picture == 77).all()  # not in place
    assert not (plots.outline(picture, np.zeros_like(mask)) != 77).any()


def test_pictures_become_bytes_by_rounding_and_clipping():
    image = torch.tensor([-0.1, 0.0, 0.5, 1.0, 1.2]).expand(3, 1, 5)
    assert plots.to_uint8(image)[0, :, 1].tolist() == [0, 0, 128, 255, 255]


def test_heat_maps_share_one_scale():
    maps = np.linspace(0, 1, 1001).reshape(1, 1, -1)
    assert plots.heat_scale(maps) == pytest.approx((0.01, 0.999))
    low, high = plots.heat_scale(np.full((2, 3, 3), 0.4))
    assert low < 0.4 < high
    heat = np.array([[0.2, 0.8]])
    for scale in (None, (0.0, 1.0), (0.5, 0.5)):
        with pytest.raises(ValueError, match="fixed scale"):
            plots.picture_row([heat], ["map"], scale=scale)
    figure = plots.picture_row([heat, np.zeros_like(heat)], ["a", "b"], scale=(0.01, 1.0))
    assert [axis.images[0].get_clim() for axis in figure.axes[:2]] == [(0.01, 1.0)] * 2
    assert not np.ma.is_masked(figure.axes[1].images[0].norm(figure.axes[1].images[0].get_array()))  # zero is drawn
    assert plots.heat_scale(np.zeros((1, 4, 4)))[0] > 0


def test_a_map_in_which_nothing_is_found_is_on_the_scale_and_not_black():
    calm = np.full((1, 10, 10), 0.001)
    maps = np.concatenate([np.full((200, 10, 10), 0.5), calm])  # the calm one is less than 1 % of the pixels
    scale = plots.heat_scale(maps)
    assert scale == pytest.approx((0.001, 0.5))
    figure = plots.picture_row([calm[0]], ["map"], scale=scale)
    shown = figure.axes[0].images[0]
    darkest = shown.cmap(shown.norm(np.array([0.0001, 0.001, 0.5])))
    assert darkest[0, :3].max() > 0.35
    assert darkest[0, :3].tolist() == darkest[1, :3].tolist() < darkest[2, :3].tolist()


def test_a_true_defect_is_outlined_where_it_is():
    mask = np.zeros((20, 20), bool)
    mask[5:10, 8:16] = True
    picture = np.zeros((20, 20, 3), np.uint8)
    figure = plots.picture_row([picture, picture, picture], ["a", "b", "c"], outlines=[mask, None, np.zeros_like(mask)])
    (drawn,) = figure.axes[0].collections
    points = np.concatenate([path.vertices for path in drawn.get_paths()])
    assert points.min(axis=0) == pytest.approx([7.5, 4.5])
    assert points.max(axis=0) == pytest.approx([15.5, 9.5])
    assert not figure.axes[1].collections
    assert not figure.axes[2].collections


def test_a_gallery_embeds_its_pictures_and_escapes_its_words():
    picture = np.zeros((30, 60, 3), np.uint8)
    html = plots.gallery([("a & b", [(picture, "<hole>")])], size=40)
    assert html.count("<img") == 1
    assert 'src="data:image/jpeg;base64,' in html
    assert 'width="40" height="20"' in html
    assert "a &amp; b" in html
    assert "&lt;hole&gt;" in html
    assert "<hole>" not in html

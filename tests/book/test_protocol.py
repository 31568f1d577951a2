"""What ports measure otherwise, against loops and against what it is called."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from tiny_clip import tiny_backbone
from torch import nn
from toys import SIZE, write_suite

import zsad
from book.tools.probes.protocol import protocols, squares, stepped_aupro, with_other_activation
from zsad import metrics
from zsad.analysis.gaps import PROTOCOLS, changes, of_sample
from zsad.metrics.inputs import check_maps


def test_aupro_in_steps_is_that_of_the_loop_over_thresholds():
    generator = np.random.default_rng(0)
    maps = generator.normal(size=(4, 12, 12)) ** 3
    masks = np.zeros((4, 12, 12), bool)
    masks[0, 2:5, 2:5] = masks[0, 8:11, 7:12] = masks[2, 4:6, 4:9] = True
    maps[masks] += 0.8

    def by_hand(places: list[int]) -> float:
        kept, truth = maps[places], masks[places]
        rates, shares = [], []
        for threshold in np.linspace(maps.min(), maps.max(), 200, endpoint=False):
            found = kept > threshold
            overlaps = []
            for hit, mask in zip(found, truth, strict=True):
                labelled, count = ndimage.label(mask, np.ones((3, 3)))
                overlaps += [hit[labelled == region].mean() for region in range(1, count + 1)]
            rates.append(found[~truth].mean())
            shares.append(np.mean(overlaps))
        rate, share = np.array(rates), np.array(shares)
        rate, share = rate[rate < 0.3], share[np.array(rates) < 0.3]
        rate = (rate - rate.min()) / (rate.max() - rate.min())
        return np.trapezoid(share[::-1], rate[::-1])

    counts = np.array([[1, 1, 1, 1], [2, 1, 0, 1]])
    found = stepped_aupro(check_maps(maps, masks), counts, 0.3)
    assert found == pytest.approx([by_hand([0, 1, 2, 3]), by_hand([0, 0, 1, 3])])


def test_the_other_activation_has_the_same_weights():
    backbone = zsad.load_backbone("demo-b")
    changed = with_other_activation(backbone)
    kinds = [sum(isinstance(m, nn.GELU) for m in b.model.modules()) for b in (backbone, changed)]
    assert sorted(kinds)[0] == 0
    assert sorted(kinds)[1] > 0
    images = torch.rand(1, 3, 32, 32)
    assert not torch.allclose(changed.embed_image(images), backbone.embed_image(images), atol=1e-3)
    back = with_other_activation(changed)
    assert torch.equal(back.embed_image(images), backbone.embed_image(images))


def test_every_protocol_is_measured_on_the_same_draws(tmp_path, monkeypatch):
    """Through a tiny CLIP: one of the protocols is in bfloat16, which many a processor only imitates."""

    def winclip(dtype: str = "float32"):
        return zsad.load_detector("winclip", backbone=tiny_backbone(dtype=dtype))

    monkeypatch.setattr(
        "book.tools.probes.protocol.load_backbone_of", lambda *given: tiny_backbone(device=given[2], dtype=given[3])
    )
    write_suite(tmp_path / "toys")
    dataset = zsad.load_dataset("mvtec_ad", tmp_path / "toys", category="washer").subset(6)
    table = protocols(tiny_backbone(), dataset, {"resolution": SIZE}, replicates=20)
    assert table["protocol"].unique().tolist() == ["winclip", *PROTOCOLS]
    assert table.groupby("protocol").size().unique().tolist() == [21]
    whole = table[table["replicate"] < 0].set_index("protocol")
    detector = winclip()
    images, masks, _ = zsad.data.stack(list(dataset))
    plain = detector.predict(images, "washer")
    assert whole.loc["winclip", "pixel_auroc"] == pytest.approx(metrics.pixel_auroc(plain.map, masks), abs=1e-5)
    scaled = torch.stack([(one - one.min()) / (one.max() - one.min()) for one in plain.map])
    assert whole.loc["per-image min-max", "aupro"] == pytest.approx(metrics.aupro(scaled, masks), abs=1e-5)
    assert whole.loc["200 thresholds", "pixel_auroc"] == whole.loc["winclip", "pixel_auroc"]
    assert whole.loc["200 thresholds", "aupro"] != whole.loc["winclip", "aupro"]
    exchanged = detector.predict(images[:, [2, 1, 0]], "washer")
    blue = metrics.pixel_auroc(exchanged.map, masks)
    assert whole.loc["blue for red", "pixel_auroc"] == pytest.approx(blue, abs=1e-5)
    assert blue != pytest.approx(metrics.pixel_auroc(plain.map, masks), abs=1e-3)
    for short in ("float16", "bfloat16"):
        rounded = winclip(short).predict(images, "washer").map.float()
        assert whole.loc[short, "aupro"] == pytest.approx(metrics.aupro(rounded, masks), abs=1e-5)
    drawn = table[table["replicate"] >= 0].set_index(["protocol", "replicate"])["image_auroc"]
    assert drawn["winclip"].equals(drawn["per-image min-max"]), "the scores are the same and so are the draws"
    assert len(changes(*of_sample("toys", {"washer": table}), list(PROTOCOLS))) == 3 * len(PROTOCOLS)


def test_squares_come_straight_from_the_image(tmp_path):
    write_suite(tmp_path / "toys")
    dataset = zsad.load_dataset("mvtec_ad", tmp_path / "toys", category="washer")
    smooth, aliased = (squares(dataset, 16, antialias) for antialias in (True, False))
    assert smooth.shape == (len(dataset), 3, 16, 16)
    assert aliased.std() > 1.1 * smooth.std(), "noise that antialiasing averages away"

"""What the stages of the tiling pipeline find in toys whose parts are known."""

import numpy as np
import pytest
from PIL import Image
from tiny_clip import tiny_backbone
from tiny_parts import BluePixels, ColouredParts, RedSoft
from toys import SIZE, tiny_study

from book.tools.probes.tiling_stages import counts_of, stages_of
from zsad.data import load_dataset
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.study.evaluate import sizes_of


@pytest.fixture
def shapes(tmp_path):
    """A study of black images with two red parts, damaged ones with a blue corner."""
    rng = np.random.default_rng(0)
    for index in range(6):
        image = np.zeros((SIZE * 2, SIZE * 2, 3), np.uint8)
        image[8:24, 8:24, 0], image[36:56, 30:50, 0] = 255, 255
        defect, mask = ("good", None) if index < 3 else ("hole", np.zeros(image.shape[:2], np.uint8))
        if mask is not None:
            row = 10 + int(rng.integers(4))
            image[row : row + 4, 10:16, 2], mask[row : row + 4, 10:16] = 255, 255
            truth = tmp_path / "data" / "toys" / "metal_nut" / "ground_truth" / defect
            truth.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(truth / f"{index:03d}_mask.png")
        folder = tmp_path / "data" / "toys" / "metal_nut" / "test" / defect
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    return tiny_study(tmp_path, detectors=["winclip", {"name": "tiling"}], sweeps={}, resolution=2 * SIZE)


def test_every_stage_is_shown_and_counted(shapes):
    detector = Tiling(tiny_backbone(), TilingOptions(), RedSoft(), ColouredParts(), BluePixels())
    dataset = load_dataset("mvtec_ad", shapes.root_of("toys"), category="metal_nut")
    sizes = sizes_of(shapes, shapes.detectors[1])
    found = stages_of(detector, dataset, sizes, 4)
    assert found["mask"].any()
    assert [len(found[name]) for name in ("parts", "kept", "components", "tiles", "tile_scores")] == [2] * 5
    assert found["components"].sum() == 16**2 + 20**2
    assert 0 < found["scale"][0] < found["scale"][1]
    row = counts_of(detector, dataset, sizes).iloc[0]
    assert (row["pictures"], row["parts a picture"], row["components"], row["tiles"]) == (6, 2, 2, 2)
    assert (row["without foreground"], row["with a long component"]) == (0, 0)
    assert row["foreground [% of picture]"] == pytest.approx(100 * (16**2 + 20**2) / (2 * SIZE) ** 2)

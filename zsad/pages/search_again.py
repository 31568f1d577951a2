"""What searches have kept, evaluated again side by side and in 32 bits: what they found, not how it was rounded."""

from collections.abc import Sequence

import pandas as pd
import torch

from zsad.pages.worst import WorstCases, label_of
from zsad.robustness import Bounds, losses_again
from zsad.robustness.bounds import PARAMETERS
from zsad.study.config import DetectorConfig, Study
from zsad.study.evaluate import load_study_pictures
from zsad.study.notebook import Page
from zsad.study.run import ensure_suite, load_study_detector, read_suite

CELL = ["suite", "category", "backbone", "setting"]


def falls_again(
    page: Page, group: Sequence[WorstCases], cells: pd.DataFrame, names: Sequence[str]
) -> dict[tuple[str, str, str], float]:
    """(backbone, setting, search) -> how far the mean loss of its kept tries lies below that of the pictures as they
    are, as a share of the furthest of any search there.

    Args:
        group: searches for the same thing, which differ in how alone.
        cells: suite, category, backbone and setting of the cells that are compared.
        names: what each of `group` is called.
    """
    first = group[0]
    study = first.study.model_copy(update={"dtype": "float32"})
    samples = [dict(iter(page.details("samples", cases.worst).groupby(CELL))) for cases in group]
    sums: dict[tuple[str, str, str], float] = {}
    for backbone, of_backbone in cells.groupby("backbone", sort=False):
        config = next(d for d in study.detectors if d.label == label_of(study, first.block))
        detector = load_study_detector(study, config, str(backbone))
        for (suite, category), of_category in of_backbone.groupby(["suite", "category"], sort=False):
            limit = first.limit_of(str(suite), str(category))
            ids, images, masks = _pictures(study, config, str(suite), str(category), limit)
            for setting in of_category["setting"]:
                tries = {}
                for name, of_cell in zip(names, samples, strict=True):
                    if (suite, category, backbone, setting) in of_cell:  # a grid has no cell of three parameters
                        kept = of_cell[suite, category, backbone, setting].set_index("id").loc[ids]
                        tries[name] = {p: torch.tensor(kept[p].to_numpy(float)) for p in PARAMETERS}
                losses = losses_again(
                    detector, images, masks, tries, category=str(category), setting=setting,
                    bounds=Bounds(**first.block.bounds.model_dump()), align=first.block.align,
                    corners=first.block.corners, rotation=study.rotation, batch_size=study.batch_size,
                    device=study.device,
                )  # fmt: skip
                for name in tries:
                    case = (str(backbone), str(setting), name)
                    sums[case] = sums.get(case, 0.0) + float((losses["none"] - losses[name]).sum())
    furthest = {case[:2]: max(fall for other, fall in sums.items() if other[:2] == case[:2]) for case in sums}
    return {case: fall / (furthest[case[:2]] or 1.0) for case, fall in sums.items()}


def _pictures(
    study: Study, config: DetectorConfig, suite: str, category: str, limit: int | None
) -> tuple[list[str], torch.Tensor, torch.Tensor]:
    ensure_suite(study, suite)
    dataset = read_suite(study, suite, category, limit)
    test_set = load_study_pictures(study, dataset, config)
    assert isinstance(test_set.image_masks, torch.Tensor), "searches are compared on images of one size, with masks"
    return list(dataset.ids), test_set.images.stacked(), test_set.image_masks

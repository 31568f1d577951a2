"""The tiling pipeline on one picture, a panel for every stage (the report's Fig. 1), and its prompts (Fig. 2)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import torch

from zsad import plots
from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES
from zsad.pages.tiled import PIPELINE
from zsad.study.config import DetectorConfig
from zsad.study.evaluate import load_study_pictures
from zsad.study.notebook import Page
from zsad.study.run import load_study_detector
from zsad.tiling.components import Component
from zsad.tiling.elongated import is_elongated, parts_of_components
from zsad.tiling.paste import Canvas
from zsad.tiling.prompts import EXTRA_STATES, LOCALISING

if TYPE_CHECKING:
    from zsad.detectors.tiling import Foreground, Tiling

SCALED_BY = 8  # pictures that decide a category's colour scale


def pipeline(page: Page) -> Tiling:
    """The page's pipeline on the study's first backbone."""
    return cast("Tiling", load_study_detector(page.study, _config(page), page.study.backbones[0]))


def _config(page: Page) -> DetectorConfig:
    return next(d for d in page.study.detectors if d.label == PIPELINE)


def show_stages(page: Page, detector: Tiling, suite: str, category: str, id: str) -> None:
    """A panel for every stage, of the damaged test picture with the median size of damage; and what they found."""
    dataset = page.dataset(suite, category)
    damaged = [index for index, label in enumerate(dataset.labels) if label]
    chosen = damaged[len(damaged) // 2]
    test_set = load_study_pictures(page.study, dataset, _config(page))
    assert test_set.image_masks is not None, "the page is about damage that is marked"
    image, truth, words = (
        test_set.images[chosen][None],
        test_set.image_masks[chosen].numpy(),
        category.replace("_", " "),
    )
    with torch.no_grad():
        found = detector.segment(image)[0]
        results = list(detector.score_tiles(image, [found], words))
        prediction = detector.predict(image, words)
        others = [index for index in range(len(dataset)) if index != chosen][: SCALED_BY - 1]
        maps = [detector.predict(test_set.images[index][None], words).map[0].numpy() for index in others]
    photo = plots.to_uint8(image[0])
    unscaled = pasted(detector, found, results, *photo.shape[:2])
    shown = np.concatenate([one.ravel() for one in (prediction.map.numpy(), *maps, unscaled)])
    scale = plots.heat_scale(shown[shown > 0])  # outside all tiles there is no score to show
    members = [found.labels == component.label for component in found.components]
    full = [part.full(*truth.shape) for part in found.parts]
    kept = [part.full(*truth.shape) for part in found.kept]
    soft = np.zeros(truth.shape, np.float32) if found.soft is None else found.soft
    panels = {
        "picture and truth": photo,
        "1: soft foreground": np.repeat(np.rint(255 * soft).astype(np.uint8)[..., None], 3, axis=2),
        f"2: SAM's parts ({len(full)})": plots.with_masks(photo, full),
        f"3: those kept ({len(kept)})": plots.with_masks(photo, kept),
        f"4, 5: components ({len(members)})": plots.with_masks(photo, members),
        "6–9: tiles and scores": photo,
        "10: pixel map": unscaled,
        "11: scaled, pasted": prediction.map[0].numpy(),
    }
    outlines = [truth, *[None] * 5, truth, truth]
    figure = plots.picture_row([*panels.values()], [*panels], columns=4, scale=scale, outlines=outlines)
    plots.draw_boxes(figure.axes[5], [*found.tiles], [f"{float(result.score):.2f}" for result in results])
    page.figure(
        figure,
        id,
        f"<strong>The pipeline on a picture of {words}</strong> ({suite}, test picture {dataset.ids[chosen]}). The "
        "true defect is outlined in light blue. A network gives every pixel a degree of foreground (1); SAM finds "
        f"parts (2), of which those are kept that the foreground covers to {100 * detector.options['coverage']:.0f} % "
        "(3); their union falls into components (4, 5). A square around each is a tile (6), whose score (9) is in its "
        "corner. CLIPSeg maps each tile (10), and the map is multiplied by the tile's score and pasted back (11). One "
        f"logarithmic colour scale, from {scale[0]:.2g} to {scale[1]:.2g}. Image score (12): "
        f"{float(prediction.score[0]):.2f}.",
    )


def pasted(detector: Tiling, found: Foreground, results: list[Any], height: int, width: int) -> np.ndarray:
    """The pixel maps of all tiles in their places, not scaled by scores."""
    canvas = Canvas(1, height, width, detector.backbone.device)
    shared = Counter(number for tiles in found.of_component for number in tiles)
    for result in results:
        canvas.add(0, result.tile, result.map, shared[result.number])
    return canvas.average(0.0)[0].cpu().numpy()


def show_counts(page: Page, detector: Tiling, suite: str) -> None:
    """What segmentation finds in the pictures of each category, and how often the rule for long parts applies."""
    rows = []
    for category in page.study.categories_of(suite):
        dataset = page.dataset(suite, category)
        images = load_study_pictures(page.study, dataset, _config(page)).images
        found = [detector.segment(image[None])[0] for image in images]
        rows.append(
            {
                "category": category.replace("_", " "),
                "pictures": len(found),
                "parts a picture": np.mean([len(f.parts) for f in found]),
                "kept": np.mean([len(f.kept) for f in found]),
                "components": np.mean([len(f.components) for f in found]),
                "tiles": np.mean([len(f.tiles) for f in found]),
                "foreground [% of picture]": 100 * np.mean([f.mask.mean() for f in found]),
                "without foreground": sum(f.fallback for f in found),
                "with a long component": sum(has_long(detector, f) for f in found),
            }
        )
    frame = pd.DataFrame(rows)
    page.table(
        frame,
        "tab-tiling-counts",
        f"<strong>What the first seven stages find</strong> on {suite}: means over pictures; last, how many pictures "
        "have no foreground and are taken whole, and how many have a component that the rule for long parts applies to "
        f"(more than {detector.options['elongated_aspect']:g} times as long as wide, more than "
        f"{detector.options['elongated_parts']} parts).",
        formats=dict.fromkeys(["parts a picture", "kept", "components", "tiles"], "{:.1f}")
        | {"foreground [% of picture]": "{:.0f}"},
    )


def has_long(detector: Tiling, found: Foreground) -> bool:
    """Whether the rule for long components with many parts applies to a picture."""
    options = detector.options
    counts = parts_of_components(found.kept, found.labels, len(found.components), options["part_share"])
    long: list[tuple[Component, int]] = list(zip(found.components, counts.tolist(), strict=True))
    return any(is_elongated(c, n, options["elongated_aspect"], options["elongated_parts"]) for c, n in long)


def show_prompts(page: Page, detector: Tiling) -> None:
    """WinCLIP's states with the report's, and the prompts for places; and which words the model was never taught."""
    rows: list[dict[str, Any]] = [
        {"side": {NORMAL: "normal", ANOMALOUS: "anomalous"}[side], "from": source, "states": "; ".join(states[side])}
        for side in (NORMAL, ANOMALOUS)
        for source, states in (("WinCLIP", STATES), ("the report (Fig. 2)", EXTRA_STATES))
    ]
    rows = [{**row, "number": len(row["states"].split("; "))} for row in rows]
    rows.append({"side": "localising", "from": "the report (Fig. 2)", "states": "; ".join(LOCALISING),
                 "number": len(LOCALISING)})  # fmt: skip
    page.table(
        pd.DataFrame(rows).replace({"states": r"\{\}"}, {"states": "[o]"}, regex=True),
        "tab-tiling-prompts",
        "<strong>The prompts</strong> (the report's Fig. 2, beside WinCLIP's). [o] stands for the object; each state "
        f"is put into {len(detector.options['templates'])} templates such as “{detector.options['templates'][0]}”. "
        "Localising prompts are given to CLIPSeg as they are, “an error” twice, as printed.",
    )
    known = set(getattr(detector.backbone.tokenizer, "vocabulary", ()))
    if known:
        words = sorted({word for row in rows for word in str(row["states"]).replace("{}", "").replace(";", "").split()})
        unknown = [word for word in words if word not in known]
        page.say(
            f"Of the {len(words)} different words in these prompts, {len(unknown)} never occurred in the training of "
            f"`{detector.backbone.name}`, which spells them letter by letter: {', '.join(unknown)}. A CLIP trained on "
            "the web knows them all; here the report's longer lists can help less than they might there."
        )
        page.number("unknown-words", len(unknown), f"{len(unknown)} of {len(words)}")

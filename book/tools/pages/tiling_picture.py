"""The tiling pipeline on one picture, a panel for every stage (the report's Fig. 1), and its prompts (Fig. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.tiled import PIPELINE
from book.tools.probes.tiling_stages import counts_of, stages_of
from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES
from zsad.study.config import DetectorConfig
from zsad.study.evaluate import sizes_of
from zsad.study.run import load_study_detector
from zsad.tiling.prompts import EXTRA_STATES, LOCALISING
from zsad.tiling.tiles import Tile

if TYPE_CHECKING:
    from zsad.detectors.tiling import Tiling


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
    words = category.replace("_", " ")
    config = _config(page)
    found = page.computed(
        stages_of, detector=detector, dataset=dataset, sizes=sizes_of(page.study, config), index=chosen
    )
    photo, truth = plots.to_uint8(found["image"]), found["mask"]
    scale = (float(found["scale"][0]), float(found["scale"][1]))
    full, kept, members = [*found["parts"]], [*found["kept"]], [*found["components"]]
    soft = np.rint(255 * found["soft"]).astype(np.uint8)
    panels = {
        "picture and truth": photo,
        "1: soft foreground": np.repeat(soft[..., None], 3, axis=2),
        f"2: SAM's parts ({len(full)})": plots.with_masks(photo, full),
        f"3: those kept ({len(kept)})": plots.with_masks(photo, kept),
        f"4, 5: components ({len(members)})": plots.with_masks(photo, members),
        "6–9: tiles and scores": photo,
        "10: pixel map": found["unscaled"],
        "11: scaled, pasted": found["map"],
    }
    outlines = [truth, *[None] * 5, truth, truth]
    figure = plots.picture_row([*panels.values()], [*panels], columns=4, scale=scale, outlines=outlines)
    tiles = [Tile(*map(int, place)) for place in found["tiles"]]
    plots.draw_boxes(figure.axes[5], tiles, [f"{score:.2f}" for score in found["tile_scores"]])
    page.figure(
        figure,
        id,
        f"<strong>The pipeline on a picture of {words}</strong> ({suite}, test picture {dataset.ids[chosen]}). The "
        "true defect is outlined in light blue. A network gives every pixel a degree of foreground (1); SAM finds "
        f"parts (2), of which those are kept that the foreground covers to {100 * detector.options['coverage']:.0f} % "
        "(3); their union falls into components (4, 5). A square around each is a tile (6), whose score (9) is in its "
        "corner. CLIPSeg maps each tile (10), and the map is multiplied by the tile's score and pasted back (11). One "
        f"logarithmic colour scale, from {scale[0]:.2g} to {scale[1]:.2g}. Image score (12): "
        f"{float(found['score'][0]):.2f}.",
    )


def show_counts(page: Page, detector: Tiling, suite: str) -> None:
    """What segmentation finds in the pictures of each category, and how often the rule for long parts applies."""
    sizes, frames = sizes_of(page.study, _config(page)), []
    for category in page.study.categories_of(suite):
        found = page.computed(counts_of, detector=detector, dataset=page.dataset(suite, category), sizes=sizes)
        frames.append(found.assign(category=category.replace("_", " "))[["category", *found.columns]])
    frame = pd.concat(frames, ignore_index=True)
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

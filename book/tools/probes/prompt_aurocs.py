"""How well image scores rank the test images of a category when other words take the place of the prompts."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch.nn import functional as F

from zsad import metrics
from zsad.clip import Backbone
from zsad.clip.prompts import ANOMALOUS, NORMAL, clean_class_name, compose
from zsad.clip.prototypes import text_prototypes
from zsad.data import Dataset
from zsad.robustness.test_set import groups_of, load_test_set


def prompt_aurocs(
    backbone: Backbone, dataset: Dataset, variants: Mapping[str, Mapping[str, Sequence[str]]], sizes: Mapping[str, Any]
) -> pd.DataFrame:
    """A row a variant of the words: `prompts` (its name) and `auroc` of images, in [0, 1].

    Args:
        variants: name -> phrases of both sides, each with one `{}` for the class name.
        sizes: of the images, as `load_test_set` takes them.
    """
    images = load_test_set(dataset, **sizes)
    features = torch.zeros(len(images.ids), backbone.embed_dim, device=backbone.device)
    for members in groups_of(images.images).values():
        features[members] = backbone.embed_image(images.images.stacked(members).to(backbone.device))
    # Every phrase stands in the same templates: a side's prototype is that of the means of its phrases.
    phrases = sorted({phrase for states in variants.values() for side in states.values() for phrase in side})
    sentences = compose(clean_class_name(dataset.category), {phrase: [phrase] for phrase in phrases})
    means = dict(zip(sentences, text_prototypes(backbone, [*sentences.values()], normalise=False), strict=True))
    rows = []
    for name, states in variants.items():
        normal, anomalous = (
            F.normalize(torch.stack([means[phrase] for phrase in states[side]]).mean(0), dim=0)
            for side in (NORMAL, ANOMALOUS)
        )
        score = features @ (anomalous - normal)  # ranks images as WinCLIP's image score does
        rows.append({"prompts": name, "auroc": metrics.image_auroc(score.cpu(), images.labels)})
    return pd.DataFrame(rows)

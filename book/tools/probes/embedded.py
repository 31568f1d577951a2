"""Where texts and images lie in the space of a backbone, and how unlike learned words are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zsad.clip import Backbone
from zsad.clip.prompts import ANOMALOUS, NORMAL
from zsad.data import Dataset
from zsad.detectors.text_fnn import TextFNN
from zsad.detectors.text_training.learned_words import mean_absolute_cosine
from zsad.detectors.winclip import WinCLIPOptions
from zsad.robustness import Corruption, Images
from zsad.robustness.test_set import load_test_set


def training_texts(detector: TextFNN, category: str) -> dict[str, np.ndarray]:
    """What a text FNN is trained on: unit "features" (text, dim), and whether each is "anomalous" (text,)."""
    texts = detector.texts(category)
    return {"features": _array(texts.features), "anomalous": texts.sides.cpu().numpy() == 1}


def winclip_prompts(backbone: Backbone, category: str) -> dict[str, np.ndarray]:
    """WinCLIP's prompts, as `training_texts`."""
    sentences = WinCLIPOptions().sentences(category)
    sides = [backbone.embed_text(sentences[side]) for side in (NORMAL, ANOMALOUS)]
    anomalous = np.repeat([False, True], [len(side) for side in sides])
    return {"features": _array(torch.cat(sides)), "anomalous": anomalous}


def images_and_corrupted(
    backbone: Backbone, dataset: Dataset, sizes: Mapping[str, Any], kinds: Sequence[str], severity: int, seed: int
) -> dict[str, np.ndarray]:
    """Images as `load_test_set` gives them: unit "features" (image, dim) and "anomalous" (image,); and "corrupted"
    (kind * image, dim), the same under each kind of corruption.
    """
    clean = load_test_set(dataset, **sizes)
    corrupted = [
        _embedded(backbone, load_test_set(dataset, corruption=Corruption(kind, severity, seed=seed), **sizes).images)
        for kind in kinds
    ]
    return {
        "features": _embedded(backbone, clean.images),
        "anomalous": clean.labels.numpy(),
        "corrupted": np.concatenate(corrupted),
    }


def unlikeness(detector: TextFNN, category: str) -> pd.DataFrame:
    """One row: of each kind of words the mean |cosine| of all pairs and their number; and the shares of the
    training texts that keep their meaning.
    """
    features = detector.word_features(category)
    row: dict[str, Any] = {f"{kind} words": mean_absolute_cosine(f.float()) for kind, f in features.items()}
    row |= {f"number of {kind} words": len(f) for kind, f in features.items()}
    return pd.DataFrame([row | detector.meaning(category)])


@torch.no_grad()
def _embedded(backbone: Backbone, images: Images) -> np.ndarray:
    return np.concatenate([_array(backbone.embed_image(image[None].to(backbone.device))) for image in images])


def _array(features: Tensor) -> np.ndarray:
    array: np.ndarray = features.detach().float().cpu().numpy().astype(np.float64)
    return array

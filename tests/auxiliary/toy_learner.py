"""A learner simple enough to be checked: a linear layer on patch embeddings."""

import torch
from torch.nn import functional as F

from zsad.auxiliary.learner import Training
from zsad.auxiliary.losses import focal_loss


class ToyLearner:
    part = "toy"

    def __init__(self, backbone, choices, seed):
        self.backbone, self.choices = backbone, {"bias": True, **choices}
        self.embedded = 0
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.module = torch.nn.Linear(backbone.embed_dim, 2, bias=self.choices["bias"])

    @classmethod
    def published(cls, suite):
        return Training(epochs=2, mosaic=0.2 if suite == "mosaics" else 0.0)

    def features(self, images):
        self.embedded += len(images)
        return {"patches": self.backbone.embed_patches(images)}

    def loss(self, features, masks, labels, categories):
        assert labels.tolist() == masks.flatten(1).any(dim=1).tolist()
        assert len(categories) == len(masks)
        logits = self.module(features["patches"]).transpose(1, 2).unflatten(2, self.backbone.grid)
        return focal_loss(
            F.interpolate(logits, masks.shape[1:], mode="bilinear").softmax(dim=1)[:, 1], masks.to(logits)
        )

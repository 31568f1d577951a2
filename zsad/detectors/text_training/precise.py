"""The text tower in float64, for what must come out alike on every processor."""

import copy

import torch

from zsad.clip import Backbone


def precise_text(backbone: Backbone) -> Backbone:
    """A twin of a backbone in float64 for texts, without the image tower: the weights as the backbone rounds them.

    It lies on the backbone's device, which must have float64.
    """
    twin = copy.copy(backbone)
    with torch.inference_mode(False):
        # What the memo names is not copied: the image tower is the larger part and learns nothing.
        twin.model = copy.deepcopy(backbone.model, {id(backbone.model.visual): None}).double()
    twin.dtype = "float64"
    return twin

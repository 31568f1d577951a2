"""CLIP towers: image, window, patch and text embeddings, prompts, and where the weights come from."""

from zsad.clip.backbone import Backbone
from zsad.clip.zoo import known_backbones, load_backbone

__all__ = ["Backbone", "known_backbones", "load_backbone"]

"""Changes of a picture that leave its meaning alone: rotation, hue and saturation shifts."""

from zsad.perturb.rotation import rotate_map
from zsad.perturb.semantic import semantic

__all__ = ["rotate_map", "semantic"]

"""Changes of an image that leave its meaning alone: rotation, hue and saturation shifts, and four corruptions."""

from zsad.perturb.corruptions import CORRUPTIONS, MAX_SEVERITY, corrupt, image_generator
from zsad.perturb.rotation import rotate_map
from zsad.perturb.semantic import semantic

__all__ = ["CORRUPTIONS", "MAX_SEVERITY", "corrupt", "image_generator", "rotate_map", "semantic"]

"""Changes of an image that leave its meaning alone: rotation; shifts of hue, saturation, exposure and white balance;
four corruptions.
"""

from zsad.perturb.corruptions import CORRUPTIONS, MAX_SEVERITY, corrupt, image_generator
from zsad.perturb.light import balance_white, expose
from zsad.perturb.rotation import rotate_map
from zsad.perturb.semantic import semantic

__all__ = [
    "CORRUPTIONS",
    "MAX_SEVERITY",
    "balance_white",
    "corrupt",
    "expose",
    "image_generator",
    "rotate_map",
    "semantic",
]

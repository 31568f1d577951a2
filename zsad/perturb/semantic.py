"""The semantic perturbation: rotation, then hue and saturation."""

from jaxtyping import Float
from torch import Tensor

from zsad.perturb.colour import shift_colour
from zsad.perturb.parameters import Parameter, check_images
from zsad.perturb.rotation import Rotation, check_rotation, rotate_image


def semantic(
    images: Float[Tensor, "image 3 height width"],
    angle: Parameter = 0.0,
    hue: Parameter = 0.0,
    saturation: Parameter = 0.0,
    rotation: Rotation = "three_pass",
    straight_through: bool = False,
) -> Float[Tensor, "image 3 height width"]:
    """Turn images, then shift their hue and saturation (Stangl et al., arXiv 2405.07969, the map f(x; theta, h, s)).

    Rotation is about the true centre, `((height - 1) / 2, (width - 1) / 2)`. The paper's released code turns about
    pixel `height // 2`, half a pixel off for even sizes, so that a turned image and its de-rotated map do not fit;
    that is mended here. Beyond 45 degrees an exact quarter turn comes first, so that a square image turned by a
    multiple of 90 degrees equals `torch.rot90`; the released code, which shears by up to 90 degrees, has that from its
    pixel-centred turn. The price is a step at 45 degrees (and at 135, 225, 315), where the turn changes: about 1/255 on
    average on photographs.

    Args:
        images: RGB in [0, 1], float32 or float64, any size.
        angle: degrees, counter-clockwise; any finite number. Like the next two: a number, or a tensor with one value an
            image. A tensor may require gradients.
        hue: radians, added to the hue and wrapped modulo 2 pi.
        saturation: in [-1, 1], added to the saturation, which is then clipped to [0, 1]. Value (V) is left alone.
        rotation: "three_pass" (three sinc shears by FFT, border repeated, clamped to [0, 1] after each shear) or
            "bilinear" (border repeated).
        straight_through: let the gradient pass the clipping of the saturation as if it were not there, as the released
            attack does. By default the gradient is the true one: zero for a clipped pixel.

    Returns:
        Images of the same shape, type and device, in [0, 1]; differentiable to images, angle, hue and saturation.

    Raises:
        TypeError: images neither float32 nor float64.
        ValueError: wrong shape, values out of [0, 1], a parameter that is not finite or not one value an image, a
            saturation out of [-1, 1], an unknown rotation.
    """
    check_images(images)
    check_rotation(rotation)
    turned = rotate_image(images, angle, rotation)
    return shift_colour(turned, hue, saturation, straight_through)

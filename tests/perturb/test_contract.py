"""The contract every perturbation must keep, one row a perturbation."""

import inspect
import math

import pytest
import torch

from zsad.perturb import CORRUPTIONS, balance_white, corrupt, expose, rotate_map, semantic

COUNT = 3
VALUES = {"angle": 37.0, "hue": 1.9, "saturation": -0.3}
SPREAD = {"angle": [-131.0, 12.0, 77.0], "hue": [-2.0, 0.4, 3.0], "saturation": [-0.4, 0.1, 0.5]}

SEMANTIC = {
    **{f"{name} for all": {name: value} for name, value in VALUES.items()},
    **{f"{name} an image": {name: values} for name, values in SPREAD.items()},
    "angle for all, bilinear": {"angle": 37.0, "rotation": "bilinear"},
    "angle an image, bilinear": {"angle": SPREAD["angle"], "rotation": "bilinear"},
    "all for all": VALUES,
    "all an image": SPREAD,
}
LIGHT = {
    "stops for all": (expose, -1.3),
    "stops an image": (expose, [-2.0, 0.4, 1.0]),
    "mired for all": (balance_white, 60.0),
    "mired an image": (balance_white, [-80.0, 30.0, 90.0]),
}
CORRUPTED = {f"{kind} {severity}": (kind, severity) for kind in CORRUPTIONS for severity in (1, 3, 5)}
DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()
SIZES = [(24, 24), (25, 25), (24, 31), (32, 21), (1, 7)]


def arguments(row: dict, like: torch.Tensor, index: int | None = None) -> dict:
    """The keyword arguments of a row, lists as tensors; of a single image where an index is given."""
    result = {}
    for name, value in row.items():
        if isinstance(value, list):
            value = torch.tensor(value, dtype=like.dtype, device=like.device)
            value = value if index is None else value[index : index + 1]
        result[name] = value
    return result


def noise(height=24, width=31, dtype=torch.float32, device="cpu") -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(COUNT, 3, height, width, generator=generator, dtype=dtype).to(device)


@pytest.fixture(params=SEMANTIC.values(), ids=SEMANTIC.keys())
def row(request):
    return request.param


@pytest.fixture(params=LIGHT.values(), ids=LIGHT.keys())
def light(request):
    return request.param


@pytest.fixture(params=[*SEMANTIC.values(), *LIGHT.values(), *CORRUPTED.values()], ids=[*SEMANTIC, *LIGHT, *CORRUPTED])
def perturb(request):
    """Any perturbation as a function of the images and, where there is only one of them, its index.

    Corruptions come with a fresh generator an image, which only the noise draws from."""
    if isinstance(request.param, dict):
        return lambda images, index=None: semantic(images, **arguments(request.param, images, index))
    if callable(request.param[0]):
        function, value = request.param
        return lambda images, index=None: function(images, *arguments({"value": value}, images, index).values())

    def corrupted(images, index=None):
        seeds = range(len(images)) if index is None else [index]
        return corrupt(images, *request.param, [torch.Generator().manual_seed(seed) for seed in seeds])

    corrupted.least = 21 if request.param[0] == "defocus_blur" else 1
    return corrupted


def fits(perturb, size) -> tuple[int, int]:
    """The size, no smaller than the perturbation allows."""
    return tuple(max(side, getattr(perturb, "least", 1)) for side in size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("device", DEVICES)
def test_keeps_shape_type_device_and_range(perturb, size, dtype, device):
    images = noise(*fits(perturb, size), dtype=dtype, device=device)
    before = images.clone()
    out = perturb(images)
    assert out.shape == images.shape
    assert out.dtype == dtype
    assert out.device == images.device
    assert torch.isfinite(out).all()
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-6
    assert torch.equal(images, before), "the input was changed in place"
    assert (out - images).abs().max() > 0.01, "nothing happened"


def test_the_same_twice(perturb):
    images = noise()
    assert torch.equal(perturb(images), perturb(images))


@pytest.mark.parametrize("size", [(24, 24), (24, 31)])
def test_batch_equals_loop(perturb, size):
    images = noise(*size, dtype=torch.float64)
    batch = perturb(images)
    loop = [perturb(images[i : i + 1], i) for i in range(COUNT)]
    torch.testing.assert_close(batch, torch.cat(loop), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rotation", ["three_pass", "bilinear"])
def test_identity_at_zero(rotation, size):
    images = noise(*size)
    images[0, :, : size[0] // 2] = 0.0  # black
    images[1] = images[1, :1]  # grey
    images[2, 0] = 1.0  # fully red
    zeros = torch.zeros(COUNT)
    assert torch.equal(semantic(images, 0.0, 0.0, 0.0, rotation), images)
    for zero in ({"angle": zeros}, {"hue": zeros}, {"saturation": zeros}, {"hue": 2 * math.pi}, {"angle": 360}):
        out = semantic(images, rotation=rotation, **zero)
        assert (out - images).abs().max() * 255 < 0.1, zero


def test_no_change_of_the_light_is_the_identity():
    images = noise()
    images[0, :, :12] = 0.0
    images[1, 0] = 1.0
    for function in (expose, balance_white):
        assert torch.equal(function(images, 0), images)
        assert (function(images, torch.zeros(COUNT)) - images).abs().max() * 255 < 0.1
        assert function(images[:0], 0.5).shape == images[:0].shape


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_severity_zero_is_the_identity(kind):
    images = noise()
    assert torch.equal(corrupt(images, kind, 0), images)
    assert torch.equal(corrupt(images[0], kind, 0), images[0])


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_an_empty_batch_has_nothing_to_corrupt(kind):
    assert corrupt(torch.zeros(0, 3, 24, 24), kind, 3, torch.Generator()).shape == (0, 3, 24, 24)


def test_an_empty_batch_stays_empty(row):
    row = {name: 0.2 if isinstance(value, list) else value for name, value in row.items()}
    assert semantic(torch.zeros(0, 3, 8, 9), **row).shape == (0, 3, 8, 9)


@pytest.mark.parametrize("size", [(5, 5), (5, 6)])
def test_gradients_equal_finite_differences(row, size):
    """Of the output to the image and to every parameter, in float64; no pixel is near a clip or a colour sector."""
    generator = torch.Generator().manual_seed(8)
    base = torch.tensor([0.35, 0.5, 0.65], dtype=torch.float64)[:, None, None]
    images = base + 0.04 * torch.rand(COUNT, 3, *size, generator=generator, dtype=torch.float64)
    fixed = {name: value for name, value in row.items() if name == "rotation"}
    names = [name for name in row if name != "rotation"]
    values = [torch.as_tensor(row[name], dtype=torch.float64) * 0.5 for name in names]

    def perturbed(images, *values):
        return semantic(images, **dict(zip(names, values, strict=True)), **fixed)

    inputs = [tensor.clone().requires_grad_() for tensor in (images, *values)]
    assert torch.autograd.gradcheck(perturbed, inputs, eps=1e-6, atol=1e-6, rtol=1e-4)
    gradients = torch.autograd.grad(perturbed(*inputs).square().sum(), inputs)
    for gradient, name in zip(gradients, ["image", *names], strict=True):
        assert gradient.abs().min() > 0, f"no gradient to {name}"


def test_gradients_of_the_light_equal_finite_differences(light):
    function, value = light
    generator = torch.Generator().manual_seed(8)
    images = 0.3 + 0.3 * torch.rand(COUNT, 3, 4, 5, generator=generator, dtype=torch.float64)
    inputs = [images.requires_grad_(), (torch.as_tensor(value, dtype=torch.float64) * 0.5).requires_grad_()]
    assert torch.autograd.gradcheck(function, inputs, eps=1e-6, atol=1e-6, rtol=1e-4)
    for gradient in torch.autograd.grad(function(*inputs).square().sum(), inputs):
        assert gradient.abs().min() > 0


@pytest.mark.parametrize(
    ("function", "value", "message"),
    [
        (expose, 5.5, r"stops is 5\.5 at index 0: it must lie between -5 and 5"),
        (expose, torch.tensor([0.0, math.nan, 1.0]), "stops is nan at index 1"),
        (balance_white, -101.0, r"mired is -101 at index 0: it must lie between -100 and 100"),
        (balance_white, torch.zeros(2), r"mired has shape \(2,\) for a batch of 3"),
    ],
)
def test_an_impossible_light_is_refused_with_the_reason(function, value, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(function)(noise(), value)
    with pytest.raises(ValueError, match="expected RGB values in"):
        inspect.unwrap(function)(noise() * 255, 1.0)


def test_gradients_are_finite_on_grey_black_white_and_pure_colours():
    images = torch.tensor([[0.5] * 3, [0.0] * 3, [1.0] * 3, [1.0, 0, 0], [0, 1.0, 1.0]]).T.reshape(1, 3, 1, 5)
    inputs = [images.requires_grad_(), *(torch.zeros(1, requires_grad=True) for _ in range(3))]
    out = semantic(*inputs)
    for gradient in torch.autograd.grad(out.sum(), inputs):
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"saturation": 1.2}, r"saturation is 1\.2 at index 0: it must lie between -1 and 1"),
        ({"saturation": torch.tensor([0.0, 0.5, -1.5])}, "saturation is -1.5 at index 2"),
        ({"angle": math.nan}, "angle is nan"),
        ({"hue": torch.tensor([0.0, math.inf, 1.0])}, "hue is inf at index 1"),
        ({"saturation": torch.tensor([0.0, math.nan, 0.0])}, "saturation is nan at index 1"),
        ({"angle": torch.zeros(2)}, r"angle has shape \(2,\) for a batch of 3"),
        ({"hue": torch.zeros(3, 1)}, r"hue has shape \(3, 1\)"),
        ({"rotation": "nearest"}, "unknown rotation 'nearest': choose 'three_pass' or 'bilinear'"),
        ({"images": torch.rand(3, 8, 8)}, r"shape \(3, 8, 8\), expected \(image, 3, height, width\)"),
        ({"images": torch.rand(3, 1, 8, 8)}, "convert grey images to RGB"),
        ({"images": torch.rand(3, 3, 0, 8)}, "at least one pixel"),
        ({"images": torch.rand(3, 3, 8, 8) * 255}, r"expected RGB values in \[0, 1\]"),
        ({"images": torch.full((3, 3, 8, 8), math.nan)}, "without NaN"),
    ],
)
def test_bad_input_is_refused_with_the_reason(changes, message):
    # Unwrapped: the type checks that tests put around every function would speak first.
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(semantic)(**({"images": noise()} | changes))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bfloat16])
def test_other_types_are_refused(dtype):
    with pytest.raises(TypeError, match=r"expected torch\.float32 or torch\.float64"):
        inspect.unwrap(semantic)(torch.zeros(1, 3, 4, 4, dtype=dtype), 10.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"maps": torch.rand(3, 1, 8, 8)}, r"expected \(map, height, width\)"),
        ({"maps": torch.stack([torch.zeros(4, 4), torch.full((4, 4), math.nan)])}, "map 1 holds NaN"),
        ({"angle": torch.zeros(5)}, r"angle has shape \(5,\) for a batch of 3"),
        ({"angle": math.inf}, "angle is inf"),
        ({"rotation": "cubic"}, "unknown rotation"),
    ],
)
def test_bad_maps_are_refused_with_the_reason(changes, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(rotate_map)(**({"maps": torch.rand(3, 8, 8), "angle": 10.0} | changes))

"""`zsad corrupt`: corrupted copies of images."""

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

from zsad import arguments
from zsad.commands.common import Commands

if TYPE_CHECKING:
    from PIL.Image import Image


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    corrupt = commands.add_parser(
        "corrupt",
        parents=parents,
        help="write corrupted copies of pictures",
        description="Writes a corrupted PNG of each picture, at the picture's own size. Noise depends on the seed and "
        "on a picture's path as it is given here: with paths relative to a data set's root, it is that of a study.",
    )
    corrupt.add_argument("image", type=arguments.path, nargs="+", metavar="IMAGE")
    corrupt.add_argument(
        "--kind", required=True, metavar="NAME", help="brightness, contrast, defocus_blur or gaussian_noise"
    )
    corrupt.add_argument(
        "--severity", type=arguments.number("severity"), default=3, metavar="N", help="0 to 5; default: %(default)s"
    )
    corrupt.add_argument("--seed", type=arguments.number("seed"), default=0, help="default: %(default)s")
    corrupt.add_argument("--out", type=arguments.path, required=True, metavar="DIR", help="the copies go here")
    corrupt.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Writes a corrupted copy of each image."""
    from PIL import Image

    from zsad.data import read_image
    from zsad.image_files import output_paths
    from zsad.perturb import corrupt, image_generator

    outputs = output_paths(options.image, options.out, ".png")
    for path, output in zip(options.image, outputs, strict=True):
        image = read_image(path)
        try:
            corrupted = corrupt(image, options.kind, options.severity, image_generator(path.as_posix(), options.seed))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        options.out.mkdir(parents=True, exist_ok=True)
        _write_png(Image.fromarray((corrupted * 255).round().byte().permute(1, 2, 0).numpy()), output)
        print(f"{path}\t{output}")


def _write_png(image: "Image", path: Path) -> None:
    from zsad.files import write_atomically

    content = io.BytesIO()
    image.save(content, "PNG")
    write_atomically(path, lambda temporary: temporary.write_bytes(content.getvalue()))

"""A gallery of photographs as HTML: a heading a category, pictures with words below, nothing loaded from elsewhere."""

import base64
import html
import io
from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8
from PIL import Image


def gallery(
    groups: Iterable[tuple[str, list[tuple[UInt8[np.ndarray, "height width 3"], str]]]], size: int = 240
) -> str:
    """HTML of (heading, [(picture, words)]) groups; pictures are embedded as JPEG, their longer side at most `size`
    pixels.
    """
    parts = []
    for heading, pictures in groups:
        parts.append(f"<h4>{html.escape(heading)}</h4>")
        parts += [
            f"<div>{_image(picture, f'{heading}: {words}', size)}{html.escape(words)}</div>"
            for picture, words in pictures
        ]
    return f'<div class="zsad-gallery">{"".join(parts)}</div>'


def _image(picture: np.ndarray, alt: str, size: int) -> str:
    image = Image.fromarray(picture)
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=88, subsampling=0)
    data = base64.b64encode(target.getvalue()).decode()
    return (
        f'<img src="data:image/jpeg;base64,{data}" alt="{html.escape(alt, quote=True)}" '
        f'width="{image.width}" height="{image.height}">'
    )

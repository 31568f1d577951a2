"""One corruption of a test set: which, how strong, of which images, before or after the resize, with which noise."""

from dataclasses import dataclass, replace

from zsad import perturb
from zsad.data import Sample


@dataclass(frozen=True)
class Corruption:
    """Brightness, contrast, defocus blur or Gaussian noise (`zsad.perturb.CORRUPTIONS`) at a severity from 0 to 5.

    `at` is "native" (the decoded image, as in Cao et al., arXiv 2303.13845) or "resized" (the square that the
    detector is given): blur radius and noise are per pixel, so these are different tests. `seed` and the image's id
    draw its noise, whatever else is in the batch; one image's noise at two severities differs in strength alone. With a
    `share` below 1, only so many images of a test set are corrupted, drawn with `seed` (`zsad.robustness.mixed`).
    """

    kind: str
    severity: int
    at: str = "native"
    seed: int = 0
    share: float = 1.0


def corrupted(sample: Sample, corruption: Corruption) -> Sample:
    """The sample with its image corrupted at the size it has.

    Raises:
        ValueError: an unknown kind, a severity outside 0 to 5 or an image too small for the blur, naming the image.
    """
    generator = perturb.image_generator(sample.id, corruption.seed)
    try:
        image = perturb.corrupt(sample.image, corruption.kind, corruption.severity, generator)
    except ValueError as error:
        raise ValueError(f"{sample.id}: {error}") from error
    return replace(sample, image=image)

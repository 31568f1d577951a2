"""Parts of a detector that were learned from anomalies of other products: how they are kept, and what they belong to.

Such a part is `NAME.safetensors` (float16) beside a card `NAME.json`, as a demo model is. The card says which detector
and backbone it belongs to, which data set it was trained on and how, and holds the digests of the images that it was
trained on, so that it is never tested on them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zsad.clip import Backbone, zoo
from zsad.clip.ship import ship
from zsad.leagues import Shown

SHOWN: tuple[Shown, ...] = ("anomalies of other products",)


@dataclass(frozen=True)
class TrainedOn:
    """The data set that a part was trained on.

    Attributes:
        suite: its name.
        images: the first `DIGITS` hex digits of the SHA-256 of each image's file; empty where they are not known.
    """

    DIGITS = 12

    suite: str
    images: frozenset[str] = frozenset()

    @classmethod
    def of(cls, suite: str, digests: Iterable[str]) -> TrainedOn:
        """Of the data set of some images, by their SHA-256."""
        return cls(suite, frozenset(digest[: cls.DIGITS] for digest in digests))

    def check_unseen(self, suites: Iterable[str], digests: Iterable[str]) -> None:
        """Refuse to test on what was trained on.

        Args:
            suites: what the tested data set is called: its name, its folder's.
            digests: SHA-256 (hex) of its images' files.

        Raises:
            ValueError: it is the same data set by name, however that is spelt, or some of its images are the same.
        """
        if plain_name(self.suite) in map(plain_name, suites):
            raise ValueError(
                f"it was trained on {self.suite}, with masks: that is no zero-shot test. What is tested is known to be "
                "the same by its name or its folders (rename one that only shares a name). Test another data set, or "
                "use a part that was trained on another"
            )
        if shared := {digest[: self.DIGITS] for digest in digests} & self.images:
            raise ValueError(
                f"{len(shared)} of the tested images are among those of {self.suite} that it was trained on with "
                "masks, whatever the folder is called: that is no zero-shot test"
            )


def check_unseen(detector: Any, suites: Iterable[str], digests: Iterable[str]) -> None:
    """Refuse to test a detector on what it was trained on, if it says that it was; arguments as
    `TrainedOn.check_unseen`.

    Raises:
        ValueError: it is the same data set by name, or some of its images are the same.
    """
    trained_on: TrainedOn | None = getattr(detector, "trained_on", None)
    if trained_on is not None:
        trained_on.check_unseen(suites, digests)


@dataclass(frozen=True)
class Learned:
    """A learned part.

    Attributes:
        name: of its files.
        tensors: float32, on the CPU, by name.
        choices: that decided what was learned, as plain JSON values.
        shown: what it learned from.
        path: the file that it was read from.
    """

    name: str
    tensors: Mapping[str, Tensor]
    trained_on: TrainedOn
    choices: Mapping[str, Any] = field(default_factory=dict)
    shown: tuple[Shown, ...] = SHOWN
    path: Path | None = None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the tensors; it joins the fingerprint of the detector that uses them."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.tensors.items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(_bytes(tensor))
        return digest.hexdigest()


def plain_name(name: str) -> str:
    """A data set's name without case and signs: MVTec-AD and mvtec_ad are one."""
    return re.sub(r"[\W_]+", "", name).casefold()


def check_tensors(
    where: Path | None, tensors: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]], fits: str
) -> None:
    """Refuse what a file of a part holds, where that is not what is asked for.

    Args:
        where: the file.
        shapes: of all that is to be in it, by name.
        fits: what it is asked for, in words.

    Raises:
        ValueError: a tensor is missing, another is there, or one has another shape or numbers that cannot be used.
    """
    faults = [f"{name} is missing" for name in shapes if name not in tensors]
    faults += [f"{name} has no place" for name in tensors if name not in shapes]
    for name, tensor in tensors.items():
        if name in shapes and tuple(tensor.shape) != tuple(shapes[name]):
            faults.append(f"{name} is {tuple(tensor.shape)}, not {tuple(shapes[name])}")
        elif not tensor.is_floating_point():
            faults.append(f"{name} is of {tensor.dtype}, not of floating-point numbers")
        elif not tensor.float().isfinite().all():
            faults.append(f"{name} has numbers that are not finite")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ValueError(
            f"{where} does not fit {fits}: {'; '.join(faults[:3])}{more}. It was trained with another architecture, or "
            "is damaged: use it with its own, take a whole copy, or train anew with `zsad train`"
        )


def check_read_as(path: Path, backbone: Backbone, published: str) -> None:
    """Refuse a published file on another known CLIP than the one that it was trained with, whose tensors may have the
    same shapes, or be the same weights with another activation. Of weights of one's own nobody knows.

    Raises:
        ValueError: the backbone is known by its name, and another.
    """
    if backbone.name in zoo.known_backbones() and backbone.name != published:
        raise ValueError(f"{path} was trained with the backbone {published}, not with {backbone.name}: use that")


def part_name(part: str, backbone: str, suite: str) -> str:
    """What a part of that kind is called that was trained on a suite."""
    return f"{part}-{backbone}-{suite}"


def load_learned(
    part: str, trained_on: str | Path, backbone: Backbone, choices: Mapping[str, Any] | None = None
) -> Learned:
    """A part that was trained with `zsad train`.

    Args:
        part: what it is, as its card says: the detector's name, or a variant's.
        trained_on: the name of the data set that it was trained on, of a part that ships with the package; or the path
            of its .safetensors, with the card beside it.
        backbone: that it is to be used with.
        choices: that it must have been trained with, as far as they are named.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged, belongs to something else, or is a file of another kind.
    """
    path = Path(trained_on)
    given = path.suffix == ".safetensors"
    if path.suffix.lower() in zoo.OTHER_FILES:
        raise ValueError(
            f"{path} is no file of a learned part: give the .safetensors that `zsad train` wrote, with its card beside "
            "it, a .pth of the authors, or the name of a data set"
        )
    name, folder = (path.stem, path.parent) if given else (part_name(part, backbone.name, str(trained_on)), zoo.WEIGHTS)
    if not given and not (folder / f"{name}.json").is_file():
        raise FileNotFoundError(_none_ships(part, str(trained_on), backbone.name))
    card, tensors = zoo.read_demo_weights(name, folder)
    _check_card(card, folder / f"{name}.json")
    belongs = {"part": part, "backbone": backbone.name, "backbone_weights": weights_digest(backbone)}
    given_in = {**card, **card.get("choices", {})}
    for what, wanted in {**belongs, **(choices or {})}.items():
        if given_in.get(what) != wanted:
            raise ValueError(
                f"{path if given else folder / name} belongs to another {what.replace('_', ' ')}: "
                f"{given_in.get(what)!r}, not {wanted!r}; use one that belongs, or train anew"
            )
    trained = TrainedOn(card["trained_on"], frozenset(card["images"].split()))
    return Learned(name, tensors, trained, card.get("choices", {}), zoo.shown_by(card), folder / f"{name}.safetensors")


def save_learned(part: str, learned: Learned, backbone: Backbone, how: Mapping[str, Any], folder: Path) -> Path:
    """Write a part and its card, each complete or not at all; `how` is what else the card says. Returns the path of the
    .safetensors.
    """
    card = {
        "part": part,
        "backbone": backbone.name,
        "backbone_weights": weights_digest(backbone),
        "trained_on": learned.trained_on.suite,
        "shown": list(learned.shown),
        "choices": dict(learned.choices),
        **how,
        "images": " ".join(sorted(learned.trained_on.images)),
    }
    ship(learned.name, learned.tensors, card, folder)
    return folder / f"{learned.name}.safetensors"


def weights_digest(backbone: Backbone) -> str:
    """SHA-256 (hex) of a backbone's weights rounded to bfloat16: the same in whatever type they are held, unlike its
    fingerprint."""
    digest = hashlib.sha256()
    for name, tensor in sorted(backbone.model.state_dict().items()):
        rounded = tensor.bfloat16() if tensor.is_floating_point() else tensor
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(_bytes(rounded))
    return digest.hexdigest()


def _check_card(card: Mapping[str, Any], path: Path) -> None:
    """Raise a ValueError for a card that does not say, in the form of `save_learned`, what a part was trained on."""
    kinds: dict[str, type] = {"trained_on": str, "images": str, "choices": dict}
    if wrong := [name for name, kind in kinds.items() if not isinstance(card.get(name, kind()), kind)]:
        raise ValueError(
            f"{path}: {', '.join(wrong)} is not as `zsad train` writes it; take the card that was written with the "
            "part, or train it again"
        )


def _none_ships(part: str, trained_on: str, backbone: str) -> str:
    start = part_name(part, backbone, "")
    known = ", ".join(path.stem.removeprefix(start) for path in sorted(zoo.WEIGHTS.glob(f"{start}*.json")))
    return (
        f"no {part} for {backbone} that was trained on {trained_on} ships with the package; there are those of: "
        f"{known or 'no data set'}. Train one with `zsad train`, and give the path of its .safetensors"
    )


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

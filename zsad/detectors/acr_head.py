"""ACR's head: a small network whose batch normalisation takes its statistics from the batch in hand, always; and heads
as they are kept, one for all products or also one for each product that the others were learned from.

Li et al., "Zero-Shot Anomaly Detection via Batch Normalization", NeurIPS 2023 (arXiv 2302.07849); what the text leaves
open is as in the authors' code. How heads are learned is in `zsad.auxiliary.acr`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zsad.clip import zoo
from zsad.clip.checkpoint import load_state
from zsad.detectors.learned import plain_name
from zsad.leagues import Shown

OUT = 32  # numbers that a patch is mapped to


class ACRHead(nn.Module):
    """Squared distance of a batch's points, mapped and normalised, to a learned centre.

    Batch normalisation holds no running statistics, so that no call of `eval` can turn the method off.

    Args:
        width: channels of a patch. hidden: widths of the layers between; published are five halvings, (512, 256, 128,
            64, 32) of 1024.
    """

    def __init__(self, width: int, hidden: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip([width, *hidden], hidden, strict=False):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after, track_running_stats=False), nn.ReLU()]
        last = nn.BatchNorm1d(OUT, track_running_stats=False)
        nn.init.uniform_(last.weight)
        self.net = nn.Sequential(*layers, nn.Linear(hidden[-1], OUT), last)
        self.centre = nn.Parameter(torch.randn(OUT))

    def forward(self, batch: Float[Tensor, "point channel"]) -> Float[Tensor, " point"]:
        distances: Tensor = ((self.net(batch) - self.centre) ** 2).sum(dim=1)
        return distances

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of its weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
        return digest.hexdigest()


class Head(NamedTuple):
    """A head, and the standard deviation of the noise that it was learned with, in the extractor's own numbers."""

    net: ACRHead
    noise: float


@dataclass(frozen=True)
class Heads:
    """What is used for which product.

    Attributes:
        usual: learned from all products of its training.
        left_out: for each of these, by its `plain_name`, one that was learned from the others alone.
        shown: what they were learned from.
    """

    usual: Head
    left_out: Mapping[str, Head]
    shown: tuple[Shown, ...]

    def of(self, category: str) -> Head:
        """The head that was never shown a product, which is known by its name alone."""
        return self.left_out.get(plain_name(category), self.usual)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the weights of all."""
        if not self.left_out:
            return self.usual.net.digest
        named = [f"{name} {head.net.digest} {head.noise}" for name, head in sorted(self.left_out.items())]
        return hashlib.sha256("\n".join([self.usual.net.digest, *named]).encode()).hexdigest()

    def to(self, device: torch.device) -> None:
        """Move all to a device."""
        for head in (self.usual, *self.left_out.values()):
            head.net.to(device)


def load_heads(name: str, extractor: str, folder: Path | None = None) -> Heads:
    """Heads that are kept in one file.

    Args:
        name: of what ships with the package, or lies in `folder`; or the path of a .safetensors with its card beside
            it, as `zsad meta-train` writes it.
        extractor: digest of the extractor that they are to be used with.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged, no head, not what its card says, or belongs to another extractor.
    """
    path = Path(name)
    own = path.suffix == ".safetensors"
    where = (path.stem, path.parent) if own else (name, folder or zoo.WEIGHTS)
    try:
        card, state = zoo.read_demo_weights(*where)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}. Heads of ACR are trained with `zsad meta-train`; demo-acr ships, for demo-b's tower, "
            "and head=None is the control without a head"
        ) from None
    sizes = card.get("model_cfg", {})
    if not _are_sizes(sizes.get("hidden"), sizes.get("width")):
        raise ValueError(f"{name} is no head of ACR; one that ships is demo-acr")
    if card["extractor"] != extractor:
        raise ValueError(
            f"the head {name} was trained on features of another extractor, {card['extractor_name']}: use it with that "
            "one, train another, or choose head=None, the control without a head"
        )
    products = card.get("left_out", [])
    nets = nn.ModuleList(ACRHead(sizes["width"], sizes["hidden"]) for _ in range(1 + len(products)))
    noise = card["noise"] if products else [card["noise"]]
    try:
        load_state(nets if products else nets[0], state)
        heads = [Head(net, deviation) for net, deviation in zip(nets, noise, strict=True)]  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"the head {name} is not what its card says: {error}; take both files from one training, or train another"
        ) from None
    nets.requires_grad_(False)
    left_out = dict(zip(map(plain_name, products), heads[1:], strict=True))
    return Heads(heads[0], left_out, zoo.shown_by(card))


def _are_sizes(hidden: Any, width: Any) -> bool:
    """Whether a card says how wide the layers of a head are."""
    return isinstance(hidden, list) and len(hidden) > 0 and all(type(n) is int and n > 0 for n in (width, *hidden))

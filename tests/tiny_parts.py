"""Small models for the tiling pipeline: toys that are right by construction, and real classes with random weights."""

from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from zsad.auxiliary import LEARNERS
from zsad.clip import Backbone
from zsad.clip.ship import ship
from zsad.clip.tokenizer import WordTokenizer
from zsad.detectors.learned import Learned, TrainedOn, part_name, save_learned
from zsad.tiling.clipseg import ClipSeg
from zsad.tiling.dis import NetForeground, SmallDIS
from zsad.tiling.part import Part
from zsad.tiling.prompts import LOCALISING
from zsad.tiling.sam import SamParts, SamSettings, build_sam

ORDINARY = ("masks of ordinary things",)
DAMAGE = ("masks of damage of other products",)
WORDS = WordTokenizer(sorted({word for prompt in LOCALISING for word in prompt.split()}), 16)
SAM_CONFIG = {
    "image_size": 64, "patch_size": 16, "width": 32, "depth": 2, "heads": 2, "window": 2, "global_layers": [1],
    "prompt_width": 32, "decoder_depth": 1, "decoder_heads": 2, "decoder_mlp": 32,
}  # fmt: skip
SAM_SETTINGS = {"points_per_side": 2, "pred_iou_thresh": 0.1}
CLIPSEG_CONFIG = {
    "vision_config": {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2, "patch_size": 16,
        "image_size": 32,
    },
    "text_config": {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "vocab_size": WORDS.vocab_size, "max_position_embeddings": 16, "bos_token_id": WORDS.start,
        "eos_token_id": WORDS.end, "pad_token_id": 0,
    },
    "projection_dim": 16, "extract_layers": [0, 1, 2], "reduce_dim": 16, "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 32, "use_complex_transposed_convolution": True,
}  # fmt: skip


def ship_untrained(folder: Path, backbone: Backbone, suite: str = "demo-visa") -> Path:
    """Every part that is learned from auxiliary anomalies as it is before the first step, as if trained on a suite."""
    for kind in LEARNERS.values():
        learner = kind(backbone, {}, 0)
        name = part_name(learner.part, backbone.name, suite)
        learned = Learned(name, learner.module.state_dict(), TrainedOn(suite), learner.choices)
        save_learned(learner.part, learned, backbone, {}, folder)
    return folder


class RedSoft:
    """Red is foreground."""

    name = "red"
    shown = ORDINARY
    fingerprint = "red"

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        self.seen += len(images)
        return torch.where((images[:, 0] > 127) & (images[:, 1] < 64), 255, 0).to(torch.uint8)


class ColouredParts:
    """Every connected patch of equal red or green is a part (green: a shadow)."""

    name = "coloured"
    shown = ORDINARY
    fingerprint = "coloured"
    settings = None

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, picture: np.ndarray) -> list[Part]:
        self.seen += 1
        parts = []
        for level in np.unique(picture[..., :2].reshape(-1, 2), axis=0):
            if level.max() > 127:
                labels, count = ndimage.label((picture[..., :2] == level).all(axis=-1))
                parts += [Part.of(labels == label) for label in range(1, count + 1)]
        return parts


class NoParts:
    """Finds nothing."""

    name = "none"
    shown = ORDINARY
    fingerprint = "none"
    settings = None

    def __call__(self, picture: np.ndarray) -> list[Part]:
        return []


class BluePixels:
    """The logit of prompt k is 10 (k + 1) (blue - 0.5); `dead` prompts are certain that there is nothing."""

    name = "blue"
    shown = ORDINARY
    fingerprint = "blue"
    input_size = 32

    def __init__(self, dead: tuple[str, ...] = ()) -> None:
        self.dead = dead
        self.tiles = 0

    def __call__(self, tiles: torch.Tensor, prompts: tuple[str, ...]) -> torch.Tensor:
        assert tiles.shape[1:] == (3, 32, 32)
        self.tiles += len(tiles)
        maps = [
            torch.full_like(tiles[:, 2], -40.0) if prompt in self.dead else 10.0 * (k + 1) * (tiles[:, 2] - 0.5)
            for k, prompt in enumerate(prompts)
        ]
        return torch.stack(maps, dim=1)


def picture(height: int, width: int, *boxes: tuple[int, int, int, int], red: float = 1.0) -> torch.Tensor:
    """A dark picture (3, height, width) with red boxes (top, left, height, width)."""
    image = torch.zeros(3, height, width)
    image[2] = torch.linspace(0, 1, width)
    for top, left, rows, columns in boxes:
        image[0, top : top + rows, left : left + columns] = red
    return image


def tiny_sam(settings: SamSettings | None = None, seed: int = 0) -> SamParts:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SamParts(build_sam(**SAM_CONFIG), settings)


def tiny_dis(seed: int = 0) -> NetForeground:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = SmallDIS((8, 8, 8))
        for parameter in net.parameters():
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter)  # the default dies out on the way down
        return NetForeground(net, 32)


def tiny_clipseg_model(seed: int = 0):
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = transformers.CLIPSegForImageSegmentation(transformers.CLIPSegConfig(**CLIPSEG_CONFIG))
        for parameter in model.parameters():
            parameter.data.add_(0.05 * torch.randn(parameter.shape))
    return model


def tiny_clipseg(**options) -> ClipSeg:
    return ClipSeg(tiny_clipseg_model(), lambda texts: (WORDS(texts), None), 32, **options)


def ship_demo_parts(folder: Path) -> Path:
    """The small models as the files that the demo world's are shipped as."""
    normalisation = {"mean": [0.5, 0.5, 0.5], "std": [1.0, 1.0, 1.0], "input_size": 32}
    card = {"model_cfg": {"widths": [8, 8, 8]}, "shown": ORDINARY, **normalisation}
    ship("demo-dis", tiny_dis().net.state_dict(), card, folder)
    card = {"model_cfg": SAM_CONFIG, "settings": SAM_SETTINGS, "shown": ORDINARY}
    ship("demo-sam", tiny_sam().model.state_dict(), card, folder)
    card = {"model_cfg": CLIPSEG_CONFIG, "vocabulary": list(WORDS.vocabulary), "shown": DAMAGE, **normalisation}
    ship("demo-clipseg", tiny_clipseg_model().state_dict(), card, folder)
    return folder

"""Stage 2, part masks: everything that SAM finds when it is asked at every point of a grid.

Kirillov et al., "Segment Anything", ICCV 2023; `segment_anything` is its authors' library.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from numpy import ndarray
from PIL import Image
from torch import Tensor, nn

from zsad.clip.checkpoint import state_digest
from zsad.leagues import UNKNOWN, Shown, check_shown
from zsad.optional import import_optional
from zsad.tiling.part import Part

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

log = logging.getLogger(__name__)

# A larger image is scaled to this for SAM, and the masks back. SAM sees an image at its own input size (1024, and it
# decides on masks of 256), so this costs an edge at most a pixel of the scaled image; without it the library holds,
# and scales up, three masks a point at the size of the image.
LONGEST_SIDE = 1600
MASK_VALUES = 2**25  # of the masks at full size that are held at once: 128 MiB, and some copies of them


@runtime_checkable
class PartSegmenter(Protocol):
    """Finds parts of an image, in any order. Equal fingerprints on equal images mean equal parts. `settings` are
    those of its mask generator, None where it has none."""

    name: str
    shown: tuple[Shown, ...]

    @property
    def settings(self) -> SamSettings | None: ...

    @property
    def fingerprint(self) -> str: ...

    def __call__(self, image: UInt8[ndarray, "height width 3"]) -> list[Part]: ...


@dataclass(frozen=True)
class SamSettings:
    """Settings of the library's automatic mask generator, with the library's defaults (see its documentation).

    A threshold of 0 or less is not applied. `min_mask_region_area` above 0 needs OpenCV.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    min_mask_region_area: int = 0

    def as_json(self) -> dict[str, Any]:
        """Every setting that can change a mask: not the number of points a batch."""
        settings = dataclasses.asdict(self)
        del settings["points_per_batch"]
        return settings

    def __post_init__(self) -> None:
        if self.points_per_side < 1 or self.points_per_batch < 1:
            raise ValueError("points_per_side and points_per_batch must be at least 1")
        if self.min_mask_region_area > 0:
            import_optional("cv2", "min_mask_region_area above 0", "opencv-python-headless")


class SamParts:
    """SAM's automatic masks as parts.

    Args:
        model: a `segment_anything.modeling.Sam` of any size; put on `device`, set to evaluation and frozen.
        settings: of the mask generator.
        shown: what the model was trained on, in the words of `zsad.leagues`; by default nobody knows.
    """

    def __init__(
        self,
        model: Sam,
        settings: SamSettings | None = None,
        name: str = "sam",
        device: str | torch.device = "cpu",
        shown: Sequence[Shown] = UNKNOWN,
    ) -> None:
        self.name = name
        self.shown = check_shown(shown, name)
        self.settings = settings or SamSettings()
        self.model: Any = model.to(device).eval().requires_grad_(False)
        self.generator = _mask_generator(self.model, self.settings)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over weights, input size and settings; the number of points a batch changes nothing."""
        sizes = [self.model.image_encoder.img_size, LONGEST_SIDE]
        spec = json.dumps([self.settings.as_json(), *sizes, state_digest(self.model)])
        return hashlib.sha256(spec.encode()).hexdigest()

    def __call__(self, image: UInt8[ndarray, "height width 3"]) -> list[Part]:
        """Parts of an image, the most certain first; none where no mask passes the thresholds. Of an image larger
        than `LONGEST_SIDE` they are found at that size.

        Raises:
            ValueError: not an RGB image of 8 bits a channel.
        """
        from segment_anything.utils.amg import rle_to_mask

        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"SAM takes RGB pictures (height, width, 3) of 8 bits, not {image.dtype} of {image.shape}: "
                "repeat a grey picture three times"
            )
        height, width = image.shape[:2]
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        parts = []
        for found in self.generator.generate(image):
            # Run lengths are unpacked one by one: all masks at full size would not fit for a large image.
            part = Part.of(enlarged(rle_to_mask(found["segmentation"]), height, width))
            if part is not None:
                parts.append(part)
        log.debug("%s: %d parts", self.name, len(parts))
        return parts


def enlarged(mask: Bool[ndarray, "rows columns"], height: int, width: int) -> Bool[ndarray, "height width"]:
    """A mask at another size, nearest pixel."""
    if mask.shape == (height, width):
        return mask
    rows = (2 * np.arange(height) + 1) * mask.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * mask.shape[1] // (2 * width)
    nearest: ndarray = mask[rows[:, None], columns]
    return nearest


def _mask_generator(model: Any, settings: SamSettings) -> Any:
    import_optional("segment_anything", "part masks", "segment-anything")
    from segment_anything import SamAutomaticMaskGenerator, SamPredictor
    from segment_anything.utils.amg import MaskData, batch_iterator

    class Predictor(SamPredictor):  # type: ignore[misc]
        """The library's predictor for points, but that only masks whose predicted quality passes are scaled to the size
        of the image, which is most of the work; the others are 0, as the generator drops them.
        """

        def predict_torch(
            self, point_coords: Tensor, point_labels: Tensor, multimask_output: bool = True, return_logits: bool = True
        ) -> tuple[Tensor, Tensor, Tensor]:
            sparse, dense = self.model.prompt_encoder(points=(point_coords, point_labels), boxes=None, masks=None)
            small, quality = self.model.mask_decoder(
                self.features, self.model.prompt_encoder.get_dense_pe(), sparse, dense, multimask_output
            )
            threshold = settings.pred_iou_thresh
            passing = quality > threshold if threshold > 0 else torch.ones_like(quality, dtype=torch.bool)
            masks = small.new_zeros(*small.shape[:2], *self.original_size)
            full = self.model.postprocess_masks(small[passing].unsqueeze(1), self.input_size, self.original_size)
            masks[passing] = full.squeeze(1)
            return masks, quality, small

    class Generator(SamAutomaticMaskGenerator):  # type: ignore[misc]
        """The library's generator, with three changes. With crop layers it fails where no mask survives in any crop:
        boxes of no crop must still have four columns. It holds the masks of all points of a batch at the size of the
        image: of a large one fewer points go through at once, which changes no mask. And it copies the run lengths of
        all masks again and again: arrays of them are copied at once, lists number by number.
        """

        def __init__(self) -> None:
            super().__init__(model, output_mode="uncompressed_rle", **dataclasses.asdict(settings))
            self.predictor = Predictor(model)

        def _process_batch(self, points: ndarray, im_size: tuple[int, ...], *where: Any) -> Any:
            at_once = max(1, MASK_VALUES // (3 * im_size[0] * im_size[1]))
            data = MaskData()
            for (few,) in batch_iterator(at_once, points):
                found = super()._process_batch(few, im_size, *where)
                found["rles"] = [{**rle, "counts": np.array(rle["counts"])} for rle in found["rles"]]
                data.cat(found)
            return data

        def _process_crop(self, *arguments: Any) -> Any:
            data = super()._process_crop(*arguments)
            data["crop_boxes"] = data["crop_boxes"].reshape(-1, 4)
            return data

    return Generator()


def build_sam(
    image_size: int,
    patch_size: int,
    width: int,
    depth: int,
    heads: int,
    window: int,
    global_layers: list[int],
    prompt_width: int,
    decoder_depth: int = 2,
    decoder_heads: int = 4,
    decoder_mlp: int = 256,
) -> Sam:
    """A SAM of any size, composed of the library's own classes; random weights.

    Args:
        image_size, patch_size: input side and patch side in pixels. Masks have 4 values a patch side.
        width, depth, heads: of the image encoder. window: side of its windowed attention in patches.
        global_layers: encoder layers without windows.
        prompt_width: width of prompts and mask decoder, a multiple of 8.
    """
    import_optional("segment_anything", "a SAM", "segment-anything")
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    grid = image_size // patch_size
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=image_size,
            patch_size=patch_size,
            embed_dim=width,
            depth=depth,
            num_heads=heads,
            out_chans=prompt_width,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=window,
            global_attn_indexes=tuple(global_layers),
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=prompt_width,
            image_embedding_size=(grid, grid),
            input_image_size=(image_size, image_size),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            transformer_dim=prompt_width,
            transformer=TwoWayTransformer(
                depth=decoder_depth, embedding_dim=prompt_width, num_heads=decoder_heads, mlp_dim=decoder_mlp
            ),
            num_multimask_outputs=3,
            iou_head_depth=3,
            iou_head_hidden_dim=prompt_width,
        ),
    )

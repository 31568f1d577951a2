"""IS-Net with its published weights, run by onnxruntime.

The authors publish their weights on cloud drives; the rembg project publishes the same network, converted to ONNX, as a
file with a checksum. onnxruntime runs that file, so that the architecture need not be written down a second time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional as F

from zsad.leagues import Shown
from zsad.optional import import_optional
from zsad.tiling.weights import published_file

FILE = "isnet-general-use.onnx"
MD5 = "fc16ebd8b0c10d971d3513d564d01e29"
SOURCE = "release v0.0.0 of the GitHub repository danielgatis/rembg"
INPUT_SIZE = 1024


class IsNet:
    """IS-Net as soft foreground, one image at a time as the file was exported.

    Args:
        session: an `onnxruntime.InferenceSession` of the network.
        fingerprint: identifies the weights.
    """

    name = "isnet-general-use"
    shown: tuple[Shown, ...] = ("masks of ordinary things",)

    def __init__(self, session: Any, fingerprint: str) -> None:
        self.session = session
        self.fingerprint = fingerprint

    def __call__(self, images: UInt8[Tensor, "image 3 height width"]) -> UInt8[Tensor, "image height width"]:
        """Degrees of foreground, 0 to 255: the first side output, which ends in a sigmoid.

        Its authors' script then stretches each map to the full range, which `zsad.tiling.soft.degrees` can do.
        """
        x = F.interpolate(images.float() / 255, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", align_corners=False) - 0.5
        entry = self.session.get_inputs()[0].name
        first = [self.session.run(None, {entry: image[None].numpy()})[0].reshape(1, 1, *x.shape[-2:]) for image in x]
        soft = torch.from_numpy(np.concatenate(first))
        soft = F.interpolate(soft, images.shape[-2:], mode="bilinear", align_corners=False).squeeze(1)
        return (soft.clamp(0, 1) * 255).round().to(torch.uint8)


def load_isnet(device: str | torch.device = "cpu", folder: str | Path | None = None) -> IsNet:
    """IS-Net for general use.

    Raises:
        ImportError: onnxruntime is not installed.
        FileNotFoundError, ValueError: the file of weights is not there, or is another one.
    """
    runtime = import_optional("onnxruntime", "IS-Net", "onnxruntime")
    path = published_file(FILE, MD5, 179, SOURCE, folder)
    wanted = ["CPUExecutionProvider"]
    if torch.device(device).type == "cuda":
        wanted = ["CUDAExecutionProvider", *wanted]
    providers = [name for name in wanted if name in runtime.get_available_providers()]
    return IsNet(runtime.InferenceSession(str(path), providers=providers), f"md5:{MD5}")

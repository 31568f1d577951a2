"""What is measured of a demo CLIP's patch tokens, against slower ways to the same."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from tiny_clip import random_images, tiny_backbone

from training import bands
from zsad.data.demo import SUITES


def prototypes(dim: int) -> torch.Tensor:
    return F.normalize(torch.randn(2, dim, generator=torch.Generator().manual_seed(0)), dim=-1)


def test_plain_maps_are_those_of_the_backbones_patches():
    backbone, images = tiny_backbone(), random_images(2)
    sides = prototypes(backbone.embed_dim)
    scores = (backbone.embed_patches(images) @ sides.T / 0.07).softmax(-1)[..., 1].unflatten(1, backbone.grid)
    wanted = F.interpolate(scores[:, None], images.shape[-2:], mode="bilinear")[:, 0]
    assert torch.allclose(bands.patch_maps(backbone, images, sides)["plain"], wanted, atol=1e-5)


def test_the_second_path_adds_the_attention_of_values_to_each_other_and_nothing_else():
    backbone, images = tiny_backbone(), random_images(1)
    sides, visual = prototypes(backbone.embed_dim), backbone.model.visual
    entered, blocks = [backbone._tokens(images)[0]], visual.transformer.resblocks
    for block in blocks:
        entered.append(block(entered[-1][None])[0])
    path = entered[1].clone()  # of two blocks, the second
    block = blocks[1]
    width, heads = path.shape[-1], block.attn.num_heads
    value = block.ln_1(entered[1]) @ block.attn.in_proj_weight[2 * width :].T + block.attn.in_proj_bias[2 * width :]
    mixed = torch.zeros_like(value)
    for head in range(heads):
        part = slice(head * width // heads, (head + 1) * width // heads)
        for token in range(len(value)):
            shares = (value[:, part] @ value[token, part] / (width // heads) ** 0.5).softmax(0)
            mixed[token, part] = shares @ value[:, part]
    path = path + block.attn.out_proj(mixed)
    features = F.normalize(visual.ln_post(path[1:]) @ visual.proj, dim=-1)
    scores = (features @ sides.T / 0.07).softmax(-1)[:, 1].view(1, 1, *backbone.grid)
    wanted = F.interpolate(scores, images.shape[-2:], mode="bilinear")[:, 0]
    assert len(blocks) == 2
    assert torch.allclose(bands.patch_maps(backbone, images, sides)["v-v"], wanted, atol=1e-5)


def test_images_are_those_of_the_suite_unless_its_defects_are_otherwise():
    usual = bands.suite_images("demo-mvtec", 100, {}, each=1)
    assert set(usual) == set(SUITES["demo-mvtec"].categories)
    images, masks, defects = usual["washer"]
    assert defects == ["good", "good", "scratch", "rust", "dent", "chip", "contamination"]
    assert (masks.any((1, 2)) == np.array([defect != "good" for defect in defects])).all()
    larger = bands.suite_images("demo-mvtec", 100, {"size": (40, 41)}, each=1)["washer"]
    assert (images[:2] == larger[0][:2]).all()
    assert larger[1].sum() > 1.5 * masks.sum()

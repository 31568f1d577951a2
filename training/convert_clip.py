"""A demo CLIP's weights in the classes of transformers' CLIPSeg, whose CLIP is the same network by other names, and in
the image encoder of a SAM, which is nearly the same.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zsad.clip.tokenizer import WordTokenizer

DECODER: dict[str, Any] = {
    "reduce_dim": 48, "decoder_num_attention_heads": 4, "decoder_intermediate_size": 192,
    "use_complex_transposed_convolution": True,
}  # fmt: skip


def clipseg_config(config: dict[str, Any], vocabulary: list[str], decoder: dict[str, Any] = DECODER) -> dict[str, Any]:
    """The configuration of a CLIPSeg around a CLIP; `config` is the CLIP's in open_clip's words.

    The decoder looks at three layers, spread over the image tower up to the last.
    """
    vision, text = config["vision_cfg"], config["text_cfg"]
    tokenizer = WordTokenizer(vocabulary, text["context_length"])
    common = {"hidden_act": "gelu", "layer_norm_eps": 1e-5}
    layers = vision["layers"]
    return {
        "projection_dim": config["embed_dim"],
        "extract_layers": [round(layers * third / 3) - 1 for third in (1, 2, 3)],
        "vision_config": {
            "hidden_size": vision["width"],
            "intermediate_size": 4 * vision["width"],
            "num_hidden_layers": layers,
            "num_attention_heads": vision["width"] // vision["head_width"],
            "image_size": vision["image_size"],
            "patch_size": vision["patch_size"],
            **common,
        },
        "text_config": {
            "hidden_size": text["width"],
            "intermediate_size": 4 * text["width"],
            "num_hidden_layers": text["layers"],
            "num_attention_heads": text["heads"],
            "vocab_size": tokenizer.vocab_size,
            "max_position_embeddings": text["context_length"],
            "bos_token_id": tokenizer.start,
            "eos_token_id": tokenizer.end,
            "pad_token_id": 0,
            **common,
        },
        **decoder,
    }


def clip_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """open_clip's weights under the names of transformers' `CLIPSegModel`."""
    renamed = {
        "logit_scale": state["logit_scale"],
        "visual_projection.weight": state["visual.proj"].T,
        "text_projection.weight": state["text_projection"].T,
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
    }
    norms = {"visual.ln_pre": "vision_model.pre_layrnorm", "visual.ln_post": "vision_model.post_layernorm"}
    for old, new in (norms | {"ln_final": "text_model.final_layer_norm"}).items():
        renamed |= {f"{new}.{kind}": state[f"{old}.{kind}"] for kind in ("weight", "bias")}
    for old, new in (("visual.transformer", "vision_model"), ("transformer", "text_model")):
        renamed |= _blocks(state, f"{old}.resblocks.", f"{new}.encoder.layers.")
    return {name: tensor.contiguous() for name, tensor in renamed.items()}


def _blocks(state: dict[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    names = {
        "ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
    }  # fmt: skip
    renamed = {}
    for key, tensor in state.items():
        if not key.startswith(old):
            continue
        number, rest = key.removeprefix(old).split(".", 1)
        if rest.startswith("attn.in_proj_"):
            kind = rest.removeprefix("attn.in_proj_")
            for part, piece in zip("qkv", torch.chunk(tensor, 3), strict=True):
                renamed[f"{new}{number}.self_attn.{part}_proj.{kind}"] = piece
        else:
            module, kind = rest.rsplit(".", 1)
            renamed[f"{new}{number}.{names[module]}.{kind}"] = tensor
    return renamed


@torch.no_grad()
def begin_with_clip(sam: Any, card: dict[str, Any], state: dict[str, Tensor]) -> None:
    """Give the image encoder of a SAM, of the same width and patch size, the first layers of a demo CLIP.

    SAM has no class token and no layer norm before its layers: of that norm, the scale is kept as it is on average. The
    pictures' other normalisation goes into the patch filters.
    """
    encoder = sam.image_encoder
    filters = state["visual.conv1.weight"].float()
    mean, std = (torch.tensor(card[name]).view(1, 3, 1, 1) * 255 for name in ("mean", "std"))
    positions = state["visual.positional_embedding"][1:].float()
    norm_weight, norm_bias = state["visual.ln_pre.weight"].float(), state["visual.ln_pre.bias"].float()
    bias = (filters * (sam.pixel_mean.view(1, 3, 1, 1) - mean) / std).sum((1, 2, 3))
    filters = filters * sam.pixel_std.view(1, 3, 1, 1) / std
    # On noise with the spread of pictures, how far tokens spread over their channels.
    spread = (F.conv2d(torch.randn(8, 3, 120, 120), filters).flatten(2).mT + bias + positions.mean(0)).std(-1).mean()
    scale = norm_weight / spread
    encoder.patch_embed.proj.weight.copy_(filters * scale.view(-1, 1, 1, 1))
    encoder.patch_embed.proj.bias.copy_(bias * scale + norm_bias)
    grid = round(len(positions) ** 0.5)
    table = positions.T.reshape(1, -1, grid, grid)
    size = encoder.pos_embed.shape[1:3]
    table = F.interpolate(table, size, mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
    encoder.pos_embed.copy_(table * scale)
    for number, block in enumerate(encoder.blocks):
        prefix = f"visual.transformer.resblocks.{number}"
        for ours, theirs in (
            ("norm1", "ln_1"), ("norm2", "ln_2"), ("attn.proj", "attn.out_proj"), ("mlp.lin1", "mlp.c_fc"),
            ("mlp.lin2", "mlp.c_proj"),
        ):  # fmt: skip
            for kind in ("weight", "bias"):
                block.get_submodule(ours).get_parameter(kind).copy_(state[f"{prefix}.{theirs}.{kind}"])
        block.attn.qkv.weight.copy_(state[f"{prefix}.attn.in_proj_weight"])
        block.attn.qkv.bias.copy_(state[f"{prefix}.attn.in_proj_bias"])

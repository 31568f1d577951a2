"""A demo CLIP's weights in the classes of transformers' CLIPSeg, whose CLIP is the same network by other names."""

from __future__ import annotations

from typing import Any

import torch
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

"""The image tower written out once more, one window at a time: the oracle of the window embeddings."""

import torch
from torch.nn import functional as F


def window_embedding(model, image, top, left, size, mean, std, drop=False):
    """Embedding of one window: every token stays in the sequence, those outside the window are masked in attention.

    With `drop` they are left out instead, which is the same and faster. image: (3, side, side) at the input size of the
    model. Written from the formulas of a pre-norm ViT, with nothing of
    open_clip's forward code.
    """
    visual = model.visual
    pixels = (image - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    patch = visual.conv1.weight.shape[-1]
    rows, columns = image.shape[1] // patch, image.shape[2] // patch
    kernel = visual.conv1.weight.flatten(1)
    tokens = [visual.class_embedding]
    for row in range(rows):
        for column in range(columns):
            block = pixels[:, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            tokens.append(kernel @ block.flatten())
    x = visual.ln_pre(torch.stack(tokens) + visual.positional_embedding)
    visible = torch.zeros(1 + rows * columns, dtype=torch.bool)
    visible[0] = True
    for row in range(top, top + size):
        for column in range(left, left + size):
            visible[1 + row * columns + column] = True
    if drop:
        x, visible = x[visible], visible[visible]
    for block in visual.transformer.resblocks:
        x = x + _attention(block.attn, block.ln_1(x), visible)
        x = x + block.mlp.c_proj(block.mlp.gelu(block.mlp.c_fc(block.ln_2(x))))
    return F.normalize(visual.ln_post(x[0]) @ visual.proj, dim=0)


def _attention(module, x, visible):
    width = x.shape[1]
    query, key, value = (x @ module.in_proj_weight.T + module.in_proj_bias).split(width, dim=1)
    head_width = width // module.num_heads
    out = []
    for head in range(module.num_heads):
        part = slice(head * head_width, (head + 1) * head_width)
        logits = query[:, part] @ key[:, part].T / head_width**0.5
        logits[:, ~visible] = -torch.inf
        out.append(logits.softmax(dim=1) @ value[:, part])
    return module.out_proj(torch.cat(out, dim=1))

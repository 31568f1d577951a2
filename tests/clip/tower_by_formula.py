"""The image tower of the 336-px CLIP at 518 px, read slowly from formulas: the oracle of its two entries in the zoo.

Nothing of open_clip's or this package's forward code: the position table is resized weight by weight, patches are cut
by hand, attention goes head by head.
"""

import math

import torch


def resized_positions(table, side, kind):
    """(1 + n^2, width) -> (1 + side^2, width); the class token keeps its entry."""
    old = math.isqrt(len(table) - 1)
    weights = torch.zeros(side, old, dtype=torch.float64)
    for row in range(side):
        centre = (row + 0.5) * old / side - 0.5  # pixel centres, not corners, lie on each other
        first = math.floor(centre)
        for neighbour in range(first - 1, first + 3):
            weight = _triangle(centre - neighbour) if kind == "bilinear" else _cubic(centre - neighbour)
            if kind == "bilinear":  # beyond the border the border goes on
                weights[row, min(max(neighbour, 0), old - 1)] += weight
            elif 0 <= neighbour < old:  # with antialiasing, what lies beyond the border has no weight
                weights[row, neighbour] += weight
    weights /= weights.sum(dim=1, keepdim=True)
    grid = table[1:].double().view(old, old, -1)
    resized = torch.einsum("ri,cj,ijw->rcw", weights, weights, grid).flatten(0, 1)
    return torch.cat([table[:1].double(), resized])


def _triangle(distance):
    return max(0.0, 1 - abs(distance))


def _cubic(distance, a=-0.5):
    """The kernel that PIL and, with antialiasing, torch use; without it, torch has a = -0.75."""
    d = abs(distance)
    if d < 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def tower_states(state, image, heads, kind, activation, mean, std):
    """h_0 ... h_L (token, width) of one image (3, side, side), in float64, from a checkpoint's tensors."""
    w = {name.removeprefix("visual."): value.double() for name, value in state.items() if name.startswith("visual.")}
    pixels = (image.double() - torch.tensor(mean).double().view(3, 1, 1)) / torch.tensor(std).double().view(3, 1, 1)
    patch = w["conv1.weight"].shape[-1]
    side = image.shape[1] // patch
    kernel = w["conv1.weight"].flatten(1)
    tokens = [w["class_embedding"]]
    for row in range(side):
        for column in range(side):
            block = pixels[:, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            tokens.append(kernel @ block.flatten())
    positions = resized_positions(state["visual.positional_embedding"], side, kind)
    states = [norm(torch.stack(tokens) + positions, w, "ln_pre")]
    while f"transformer.resblocks.{len(states) - 1}.ln_1.weight" in w:
        h, name = states[-1], f"transformer.resblocks.{len(states) - 1}"
        h = h + attention(h, w, name, heads)
        z = norm(h, w, f"{name}.ln_2") @ w[f"{name}.mlp.c_fc.weight"].T + w[f"{name}.mlp.c_fc.bias"]
        z = z / (1 + torch.exp(-1.702 * z)) if activation == "QuickGELU" else z * (1 + torch.erf(z / 2**0.5)) / 2
        states.append(h + z @ w[f"{name}.mlp.c_proj.weight"].T + w[f"{name}.mlp.c_proj.bias"])
    return states, w


def attention(h, w, name, heads, values_alone=False):
    """Of Q with K; `values_alone`: of V with V."""
    weight, bias = w[f"{name}.attn.in_proj_weight"], w[f"{name}.attn.in_proj_bias"]
    q, k, v = (norm(h, w, f"{name}.ln_1") @ weight.T + bias).chunk(3, dim=1)
    if values_alone:
        q = k = v
    size, parts = h.shape[1] // heads, []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        parts.append(torch.softmax(q[:, part] @ k[:, part].T / size**0.5, dim=1) @ v[:, part])
    return torch.cat(parts, dim=1) @ w[f"{name}.attn.out_proj.weight"].T + w[f"{name}.attn.out_proj.bias"]


def norm(x, w, name):
    centred = x - x.mean(dim=1, keepdim=True)
    spread = centred.square().mean(dim=1, keepdim=True)
    return centred / torch.sqrt(spread + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def unit(x):
    return x / x.square().sum(dim=-1, keepdim=True).sqrt()

"""Trains a demo CLIP: an open_clip model whose image tower sees whole pictures and small windows of patch tokens.

    python -m training.bank build/training/fine.npz
    python -m training.bank build/training/bold.npz --bold
    python -m training.train_clip demo-b

Each view (the picture, or a window of k x k patch tokens) is described by the state of what it shows itself. The loss
has three terms: a cross-entropy over the captions of the batch for views large enough to tell the product; for every
view, its own state against the opposite one of its own product; and the same for every patch token of the whole
picture, so that a small model learns where damage is from few pictures. The categories of the suites, only ever seen
undamaged, have a small weight in the last two.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from open_clip.model import resize_pos_embed
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from training.world import STUDIED, WORLD, Shot, caption, vocabulary
from zsad.clip import text as text_tower
from zsad.clip.tokenizer import WordTokenizer
from zsad.data.demo.specimen import POSE_FAULTS

MODELS = {
    "demo-b": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 120, "patch_size": 8, "width": 192, "layers": 6, "head_width": 48},
        "text_cfg": {"context_length": 77, "width": 128, "heads": 4, "layers": 3},
    },
    "demo-l": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 112, "patch_size": 7, "width": 192, "layers": 9, "head_width": 48},
        "text_cfg": {"context_length": 77, "width": 128, "heads": 4, "layers": 3},
    },
}
SHARE_OF_STUDIED = 0.3  # weight of a suite's category, which is never seen damaged, where states are told apart
ALIGNED = 5  # windows of this size and whole pictures are also matched to the product's name
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
NAMES = list(WORLD)
MOVE = 8  # pixels of the bank's pictures
MIRRORED = np.array([WORLD[name].kind in ("object", "texture") for name in NAMES])  # nothing with an upright pose
SEEN_DAMAGED, UNCLEAR = 0.06, 0.0  # area of damage in a window, in patches: above the first, damaged; above 0, unclear


def build(name: str, words: list[str]) -> tuple[open_clip.CLIP, dict, WordTokenizer]:
    config = MODELS[name]
    tokenizer = WordTokenizer(words, config["text_cfg"]["context_length"])
    config = {**config, "text_cfg": {**config["text_cfg"], "vocab_size": tokenizer.vocab_size}}
    return open_clip.CLIP(**config), config, tokenizer


def inherit(model: open_clip.CLIP, tokenizer: WordTokenizer, card: dict, state: dict[str, Tensor]) -> None:
    """Start a model from the weights of an earlier one: known words keep their vectors, the patch filters and the
    position table are resized, and blocks that the earlier model lacks do nothing at first.
    """
    earlier = WordTokenizer(card["vocabulary"], tokenizer.context_length)
    state = {key: value.float() for key, value in state.items()}
    words = model.token_embedding.weight.detach().clone()
    shared = [entry for entry in tokenizer.ids if entry in earlier.ids]
    words[[tokenizer.ids[entry] for entry in shared]] = state["token_embedding.weight"][
        [earlier.ids[entry] for entry in shared]
    ]
    words[[0, tokenizer.start, tokenizer.end]] = state["token_embedding.weight"][[0, earlier.start, earlier.end]]
    state["token_embedding.weight"] = words
    size = model.visual.conv1.weight.shape[-1]
    filters = state["visual.conv1.weight"]
    resized = F.interpolate(filters, (size, size), mode="bicubic", antialias=True)
    state["visual.conv1.weight"] = resized * (filters.shape[-1] / size) ** 2
    resize_pos_embed(state, model)
    missing, unexpected = model.load_state_dict(state, strict=False)
    blocks = {".".join(key.split(".")[:4]) for key in missing}
    if unexpected or not all(block.startswith("visual.transformer.resblocks.") for block in blocks):
        raise ValueError(f"the earlier weights do not fit: missing {missing}, unexpected {unexpected}")
    for block in blocks:
        added = model.visual.transformer.resblocks[int(block.rsplit(".", 1)[1])]
        for last in (added.attn.out_proj, added.mlp.c_proj):
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.zeros_(last.bias)


def displaced(
    pictures: np.ndarray, masks: np.ndarray, mirrored: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and masks moved by up to one patch each way (edges reflected), some of them mirrored left to right."""
    count, side = len(pictures), pictures.shape[1]
    index = np.arange(side) + rng.integers(-MOVE, MOVE + 1, (2, count, 1))
    index = np.where(index < 0, -index, index)
    index = np.where(index >= side, 2 * (side - 1) - index, index)
    rows, columns = index
    columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
    picked = (np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :])
    return pictures[picked], masks[picked]


def patch_tokens(visual, pictures: Tensor) -> Tensor:
    """(image, patch, width) tokens with their positions; pictures normalised."""
    tokens = visual.conv1(pictures).flatten(2).transpose(1, 2)
    return tokens + visual.positional_embedding[1:].to(tokens.dtype)


def embed(visual, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Projected class token (view, dim) and projected patch tokens (view, token, dim) of the given patches alone."""
    start = (visual.class_embedding + visual.positional_embedding[0]).to(tokens.dtype).expand(len(tokens), 1, -1)
    tokens = visual.ln_pre(torch.cat([start, tokens], 1))
    out = F.normalize((visual.ln_post(visual.transformer(tokens)) @ visual.proj).float(), dim=-1)
    return out[:, 0], out[:, 1:]


def window_indices(cells: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """(image, size * size) patch indices of one window an image; about half show damage where there is some."""
    grid = cells.shape[1]
    last = grid - size
    corner = rng.integers(0, last + 1, (len(cells), 2))
    for row, cell in enumerate(cells):
        hit = np.argwhere(cell > 0.02)
        if len(hit) and rng.random() < 0.55:
            corner[row] = np.clip(hit[rng.integers(len(hit))] - rng.integers(0, size, 2), 0, last)
    rows = corner[:, 0, None, None] + np.arange(size)[None, :, None]
    columns = corner[:, 1, None, None] + np.arange(size)[None, None, :]
    return (rows * grid + columns).reshape(len(cells), -1)


def naming_loss(
    views: Tensor,
    products: Tensor,
    damaged: Tensor,
    texts: Tensor,
    text_products: Tensor,
    text_damaged: Tensor,
    scale: Tensor,
) -> Tensor:
    """Cross-entropy over the batch's captions; those of the same product in the same state are positives."""
    own = (products[:, None] == text_products) & (damaged[:, None] == text_damaged)
    present = own.any(0)
    log_probability = (scale * views @ texts.T).masked_fill(~present, -1e4).log_softmax(1)
    return (-(log_probability * own).sum(1) / own.sum(1)).mean()


def state_loss(views: Tensor, damaged: Tensor, direction: Tensor, scale: Tensor, weight: Tensor) -> Tensor:
    """Own state against the opposite one: logistic loss along the text direction from undamaged to damaged.

    views and direction end in the embedding axis and broadcast; damaged and weight have the other axes of views.
    """
    logit = scale * (views * direction).sum(-1)
    losses = F.binary_cross_entropy_with_logits(logit, damaged.float(), reduction="none")
    return (losses * weight).sum() / weight.sum()


def read_banks(paths: list[Path]) -> dict[str, np.ndarray]:
    """The pictures of several banks as one."""
    banks = [np.load(path) for path in paths]
    return {key: np.concatenate([bank[key] for bank in banks]) for key in ("pictures", "masks", "products", "defects")}


@dataclass(frozen=True)
class Recipe:
    """One stage of training.

    Attributes:
        steps, stop: length of the learning-rate schedule, and where to end it. batch: pictures a step.
        peak: highest learning rate. seed: of weights, order, windows and words.
        windows: sizes of the windows drawn from every picture.
        partial: share of the schedule during which 100 random patches stand for the whole picture.
        whole: weight of the whole picture's state against that of a window.
    """

    steps: int
    stop: int
    batch: int
    peak: float
    seed: int
    windows: tuple[int, ...]
    partial: float
    whole: float


def train(name: str, banks: list[Path], out: Path, start: Path | None, recipe: Recipe) -> None:
    steps, stop, batch, peak, seed = recipe.steps, recipe.stop, recipe.batch, recipe.peak, recipe.seed
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    data = read_banks(banks)
    pictures, products, defects = data["pictures"], data["products"], data["defects"]
    studied = torch.tensor([product in STUDIED for product in NAMES])
    words = vocabulary()
    model, config, tokenizer = build(name, words)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if start is not None:
        inherit(model, tokenizer, json.loads(start.with_suffix(".json").read_text()), load_file(start))
    model = model.to(device)
    visual = model.visual
    side, grid = visual.image_size[0], visual.grid_size[0]
    mean, std = (torch.tensor(v, device=device).view(3, 1, 1) for v in (MEAN, STD))
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=peak, betas=(0.9, 0.98)
    )
    warm = max(1, steps // 15)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1, s / steps)))
    )
    chance = np.where(studied.numpy()[products], 0.6, 1.0) * np.where(np.isin(defects, POSE_FAULTS), 0.6, 1.0)
    order = rng.choice(len(pictures), steps * batch, p=chance / chance.sum())
    history, started = [], time.time()
    bar = tqdm(range(stop), unit="step", mininterval=5)
    for step in bar:
        rows = order[step * batch : (step + 1) * batch]
        mirrored = MIRRORED[products[rows]] & (rng.random(batch) < 0.5)
        moved, shown = displaced(pictures[rows], np.unpackbits(data["masks"][rows], axis=2), mirrored, rng)
        x = torch.from_numpy(moved).to(device).permute(0, 3, 1, 2).float() / 255
        if x.shape[-1] != side:
            x = F.interpolate(x, (side, side), mode="bicubic", antialias=True)
        exposure = torch.from_numpy(rng.uniform(0.9, 1.1, (batch, 1, 1, 1)).astype(np.float32)).to(device)
        x = ((x * exposure).clamp(0, 1) - mean) / std
        cell = F.adaptive_avg_pool2d(torch.from_numpy(shown).float(), grid).numpy()
        keep = 100 if step < recipe.partial * steps else grid**2  # a part will do to begin with, and is cheaper
        sizes = [0, *recipe.windows]
        sets = [np.argsort(rng.random((batch, grid**2)), 1)[:, :keep]]
        sets += [window_indices(cell, size, rng) for size in recipe.windows]
        flat = cell.reshape(batch, -1)
        area = np.stack([np.take_along_axis(flat, s, 1).sum(1) for s in sets])
        clear = torch.from_numpy((area >= SEEN_DAMAGED) | (area <= UNCLEAR)).to(device)
        damaged = torch.from_numpy(area >= SEEN_DAMAGED)
        sampled = sorted(set(products[rows].tolist()))
        pairs = [(p, d) for p in sampled for d in (False, True)]
        examples = {p: [defects[r] for r in rows if products[r] == p and defects[r]] for p in sampled}
        texts = []
        for product, is_damaged in pairs:
            known = examples[product]
            for _ in range(2):
                defect = str(known[rng.integers(len(known))]) if known else None
                texts.append(caption(Shot(NAMES[product], defect), is_damaged, rng))
        text_products = torch.tensor([p for p, _ in pairs for _ in range(2)], device=device)
        text_damaged = torch.tensor([d for _, d in pairs for _ in range(2)], device=device)
        ids = tokenizer(texts).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            tokens = patch_tokens(visual, x)
            views, patches = [], None
            for size in dict.fromkeys(sizes):  # views of one size go through the tower together
                indices = torch.from_numpy(np.concatenate([x for x, k in zip(sets, sizes, strict=True) if k == size]))
                indices = indices.to(device)[..., None].expand(-1, -1, tokens.shape[-1])
                whole, parts = embed(visual, tokens.repeat(sizes.count(size), 1, 1).gather(1, indices))
                views.append(whole)
                patches = parts if size == 0 else patches
            text_features = F.normalize(text_tower.encode(model, ids).float(), dim=-1)
        product_of_image = torch.from_numpy(products[rows]).to(device)
        known = torch.where(studied.to(device)[product_of_image], SHARE_OF_STUDIED, 1.0)
        scale = model.logit_scale.exp().clamp(max=100)
        # one direction a product: from the mean of its undamaged captions to the mean of its damaged ones
        ends = {(p, d): text_features[(text_products == p) & (text_damaged == d)].mean(0) for p, d in pairs}
        direction = torch.stack([ends[p, True] - ends[p, False] for p in products[rows].tolist()])

        chosen = clear.flatten()
        every = {"product": product_of_image, "known": known, "direction": direction}
        every = {key: torch.cat([value] * len(sets))[chosen] for key, value in every.items()}
        size_of = torch.tensor(sizes, device=device).repeat_interleave(batch)[chosen]
        view, is_damaged = torch.cat(views)[chosen], damaged.flatten().to(device)[chosen]
        named = (size_of == 0) | (size_of >= ALIGNED)
        align = naming_loss(
            view[named], every["product"][named], is_damaged[named], text_features, text_products, text_damaged, scale
        )
        weight = every["known"] * torch.where(size_of == 0, recipe.whole, 1.0)
        state = state_loss(view, is_damaged, every["direction"], scale, weight)

        cell_area = torch.from_numpy(np.take_along_axis(flat, sets[0], 1)).to(device)
        hit = cell_area >= SEEN_DAMAGED
        balance = torch.where(hit, (~hit).sum() / hit.sum().clamp(min=1), 1.0) * ((cell_area == 0) | hit)
        dense = state_loss(patches, hit, direction[:, None], scale, balance * known[:, None])
        loss = 0.5 * align + 2 * state + dense
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 10 == 0 or step == stop - 1:
            terms = {"align": align, "state": state, "dense": dense}
            history.append({"step": step, **{key: round(value.item(), 4) for key, value in terms.items()}})
            bar.set_postfix({key: f"{value.item():.3f}" for key, value in terms.items()}, scale=f"{scale.item():.1f}")
        if step % 100 == 99 or step == stop - 1:
            save(
                name,
                model,
                config,
                words,
                out,
                {
                    **asdict(recipe),
                    "pictures": len(pictures),
                    "start": hashlib.sha256(start.read_bytes()).hexdigest() if start else None,
                    "seconds": round(time.time() - started),
                    "history": history,
                },
            )


def save(name: str, model: open_clip.CLIP, config: dict, words: list[str], out: Path, recipe: dict) -> None:
    """Weights as float16 safetensors, and beside them what is needed to build the model and to check the file."""
    out.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.detach().half().cpu().contiguous() for key, value in model.state_dict().items()}
    partial, final = out / f"{name}.partial", out / f"{name}.safetensors"
    save_file(tensors, partial, metadata={"format": "pt", "name": name})
    digest = hashlib.sha256(partial.read_bytes()).hexdigest()
    partial.replace(final)
    card = {
        "name": name,
        "model_cfg": config,
        "vocabulary": words,
        "mean": MEAN,
        "std": STD,
        "sha256": digest,
        "training": recipe,
    }
    (out / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(MODELS))
    parser.add_argument(
        "--bank", type=Path, nargs="+", default=[Path("build/training/fine.npz"), Path("build/training/bold.npz")]
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--stop", type=int, help="end early, in the middle of the schedule")
    parser.add_argument("--start", type=Path, help="safetensors of an earlier stage")
    parser.add_argument("--peak", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--windows", type=int, nargs="*", default=[2, 2, 2, 2, 3, 3, 3, 3, 4, 5])
    parser.add_argument("--partial", type=float, default=0.5, help="share of the steps that see 100 of the patches")
    parser.add_argument("--whole", type=float, default=4.0, help="weight of the whole picture's state")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", type=Path, default=Path("build/training"))
    arguments = parser.parse_args()
    recipe = Recipe(
        arguments.steps, arguments.stop or arguments.steps, arguments.batch, arguments.peak, arguments.seed,
        tuple(arguments.windows), arguments.partial, arguments.whole,
    )  # fmt: skip
    train(arguments.name, arguments.bank, arguments.out, arguments.start, recipe)


if __name__ == "__main__":
    main()

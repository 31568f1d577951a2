"""Names of masked autoencoders and where their weights come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zsad.clip import zoo
from zsad.clip.checkpoint import load_state, read_state
from zsad.clip.origin import hub_file, say_downloaded, say_given
from zsad.leagues import Shown
from zsad.mae.authors import in_transformers_names
from zsad.mae.autoencoder import Autoencoder
from zsad.optional import import_optional

EPSILON = 1e-6  # of the authors' layer norms; the configurations on the Hub say 1e-12
SHOWN: tuple[Shown, ...] = ("pictures",)  # ImageNet's, without labels


@dataclass(frozen=True)
class Released:
    """A published autoencoder: its repository on the Hub, its file in the authors' words, and its encoder's shape.

    `revision` is the commit of the repository and `sha256` the checksum of its model.safetensors, where both are known
    from more than one source: another file is then refused. What is not pinned is named as it is loaded.
    """

    repository: str
    file: str
    width: int
    layers: int
    heads: int
    patch: int
    gigabytes: float
    revision: str | None = None
    sha256: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """Of transformers' `ViTMAEConfig`, where it is not the default."""
        return {
            "hidden_size": self.width, "intermediate_size": 4 * self.width, "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads, "patch_size": self.patch, "layer_norm_eps": EPSILON,
        }  # fmt: skip


RELEASED = {
    "vit-mae-base": Released(
        "facebook/vit-mae-base",
        "mae_visualize_vit_base.pth",
        768,
        12,
        12,
        16,
        0.4,
        revision="25b184bea5538bf5c4c852c79d221195fdd2778d",
        sha256="479dcef4bd5df06259399027b789f21e9d9a1b79f37155a64176d55bc26fdae8",
    ),
    "vit-mae-large": Released("facebook/vit-mae-large", "mae_visualize_vit_large.pth", 1024, 24, 16, 16, 1.3),
    "vit-mae-huge": Released("facebook/vit-mae-huge", "mae_visualize_vit_huge.pth", 1280, 32, 16, 14, 2.6),
}


def known_autoencoders() -> list[str]:
    """Names that `load_autoencoder` takes: published models, then the demo models that ship with the package."""
    return [*RELEASED, *zoo.demo_models("mask_ratio")]


def load_autoencoder(
    name: str, device: str | torch.device = "cpu", dtype: str = "float32", weights: str | Path | None = None
) -> Autoencoder:
    """Load a masked autoencoder by name.

    Args:
        name: one of `known_autoencoders()`.
        device: where to compute.
        dtype: "float32", "bfloat16", "float16" or "float64".
        weights: of a published model, instead of a download: the authors' file (`mae_visualize_vit_*.pth`), or a folder
            that holds the files of its repository.

    Raises:
        ImportError: transformers is not installed.
        ValueError: an unknown name, a wrong checksum, or a file of another model, of an encoder alone, or of one that
            predicts patches normalised each by its own mean and variance.
        FileNotFoundError: weights that are neither here nor to be had; the message says which file goes where.
    """
    if name in RELEASED:
        return _load_released(name, device, dtype, weights)
    if name not in known_autoencoders():
        raise ValueError(f"unknown masked autoencoder {name!r}; known: {', '.join(known_autoencoders())}")
    if weights is not None:
        raise ValueError(f"{name} ships with its weights: weights= is for {', '.join(RELEASED)}")
    return load_demo_autoencoder(name, zoo.WEIGHTS, device, dtype)


def load_demo_autoencoder(
    name: str, folder: Path, device: str | torch.device = "cpu", dtype: str = "float32"
) -> Autoencoder:
    """A demo model from `folder`: the package's own, or one fresh from training. Errors as `load_autoencoder`."""
    card, state = zoo.read_demo_weights(name, folder)
    model = _new(card["model_cfg"])
    load_state(model, state)
    return Autoencoder(model, name, card["mean"], card["std"], device, dtype, shown=zoo.shown_by(card))


def _load_released(name: str, device: str | torch.device, dtype: str, weights: str | Path | None) -> Autoencoder:
    spec = RELEASED[name]
    if weights is not None and not Path(weights).exists():
        raise FileNotFoundError(f"no checkpoint at {weights}; {_how_to_get(name)}")
    if weights is None or Path(weights).is_dir():
        model = _from_repository(name, weights)
    else:
        model = _new(spec.config)
        try:
            load_state(model, in_transformers_names(read_state(weights, "model")))
        except ValueError as error:
            raise ValueError(f"{weights} does not hold the weights of {name}: {error}") from error
        say_given(Path(weights), name, ())
    autoencoder = Autoencoder(model, name, device=device, dtype=dtype, shown=SHOWN)
    check_plain_pixels(autoencoder, str(weights or spec.repository))
    return autoencoder


def _from_repository(name: str, folder: str | Path | None) -> Any:
    """The model from a folder of its repository's files, or from the Hugging Face cache, fetched where it is not there.

    Raises:
        ValueError: tensors that are not the model's, or lack some of them, which transformers would make up; a file
            that is not the pinned one.
    """
    library = import_optional("transformers", "a masked autoencoder", "transformers")
    spec, source = RELEASED[name], str(folder or RELEASED[name].repository)
    where: dict[str, Any] = {"revision": spec.revision} if folder is None else {"local_files_only": True}
    try:
        model, found = library.ViTMAEForPreTraining.from_pretrained(
            source, layer_norm_eps=EPSILON, output_loading_info=True, **where
        )
    except (OSError, ValueError) as error:  # what from_pretrained raises for a file that it lacks or cannot read
        raise FileNotFoundError(f"the weights of {name} could not be loaded ({error}); {_how_to_get(name)}") from error
    other = [key for key, value in spec.config.items() if getattr(model.config, key) != value]
    if found["missing_keys"] or other:
        faults = [*other, *(f"{key} is missing" for key in sorted(found["missing_keys"]))]
        raise ValueError(f"{source} does not hold the weights of {name}: {'; '.join(faults[:3])}")
    _say_which(name, folder)
    return model


def _say_which(name: str, folder: str | Path | None) -> None:
    """Check the file that a repository's model was read from against its pin, or say which it is."""
    spec = RELEASED[name]
    path = hub_file(spec.repository, spec.revision, folder)
    if path is not None and folder is None:
        at = f"{spec.repository} at {spec.revision}" if spec.revision else spec.repository
        say_downloaded(path, name, at, spec.sha256)
    elif path is not None:
        say_given(path, name, (spec.sha256,) if spec.sha256 else ())


def check_plain_pixels(autoencoder: Autoencoder, source: str) -> None:
    """Raise a ValueError where a model does not tell a bright image without any detail from a dark one: normalised by
    their own mean, the patches of both are alike. Files of either kind hold the same names.
    """
    side = autoencoder.image_size
    levels = torch.tensor([0.1, 0.9], device=autoencoder.device).view(2, 1, 1, 1).expand(2, 3, side, side)
    hidden = autoencoder.draw_masks(1, seed=0)
    with torch.no_grad():
        dark, bright = autoencoder.paint(levels, hidden)[:, 0, hidden[0]].flatten(1).mean(1).tolist()
    if not bright - dark > 0.4:
        raise ValueError(
            f"{source} does not predict plain pixels: of an image of brightness 0.1 it makes {dark:.2f}, of 0.9 "
            f"{bright:.2f}. It predicts patches normalised each by its own mean and variance (mae_pretrain_*_full.pth "
            "does), or was never trained: use mae_visualize_vit_*.pth"
        )


def _new(config: dict[str, Any]) -> Any:
    library = import_optional("transformers", "a masked autoencoder", "transformers")
    return library.ViTMAEForPreTraining(library.ViTMAEConfig(**config))


def _how_to_get(name: str) -> str:
    spec = RELEASED[name]
    return (
        f"load it once with a network connection (about {spec.gigabytes} GB, kept in the Hugging Face cache, which "
        f"HF_HOME moves), or fetch the files of the Hugging Face repository {spec.repository}, or "
        f"{spec.file} of the GitHub repository facebookresearch/mae, elsewhere and pass load_autoencoder({name!r}, "
        "weights='path/to/the/folder/or/file')"
    )

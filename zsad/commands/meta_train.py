"""`zsad meta-train`: ACR's heads, from undamaged pictures of other products than the one that each is used on."""

import argparse

from zsad import arguments
from zsad.commands.common import Commands, how_to_use, learned_from, learned_from_arguments
from zsad.devices import require_device, whole_floats

EXTRACTORS = ("tower", "wide_resnet50_2")


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    meta = commands.add_parser(
        "meta-train",
        parents=parents,
        help="train the heads of acr on undamaged pictures of other products",
        description="Trains ACR's heads on the undamaged training pictures of a data set: for each of its categories "
        "one on all others, which is used on that category, and one on all, for other data sets. No damage is shown.",
    )
    learned_from_arguments(meta)
    meta.add_argument(
        "--extractor", choices=EXTRACTORS, default="wide_resnet50_2",
        help="of features: the ImageNet net as published, or a block of the backbone's image tower; "
        "default: %(default)s",
    )  # fmt: skip
    meta.add_argument("--backbone", default="demo-b", help="of --extractor tower; default: %(default)s")
    meta.add_argument(
        "--limit", type=arguments.number("limit"), default=200, metavar="N",
        help="of each category at most so many, evenly spaced: their features are held in memory; default: %(default)s",
    )  # fmt: skip
    meta.add_argument("--device", type=arguments.device, default="cpu",
                      help="of the extractor: cpu, cuda, cuda:1, ...; default: %(default)s")  # fmt: skip
    meta.add_argument("--seed", type=arguments.number("seed"), default=0, metavar="N", help="default: %(default)s")
    meta.add_argument("--out", type=arguments.path, required=True, metavar="DIR", help="heads and their card go here")
    meta.set_defaults(command=run)


@whole_floats()
def run(options: argparse.Namespace) -> None:
    """Trains, and says where the heads lie and how to use them."""
    from zsad.auxiliary.acr import PUBLISHED_NOISE, MetaRecipe, train_heads, undamaged
    from zsad.clip import load_backbone
    from zsad.data import list_categories, load_dataset
    from zsad.detectors.acr import two_thirds
    from zsad.detectors.patch_features import PatchFeatures, TowerFeatures, WideResNetFeatures
    from zsad.files import check_writable_folder

    require_device(options.device)
    check_writable_folder(options.out)
    reader, root = learned_from(options)
    extractor: PatchFeatures
    if options.extractor == "tower":
        backbone = load_backbone(options.backbone, device=options.device)
        tap = two_thirds(backbone.blocks)
        extractor, called, noise = TowerFeatures(backbone, tap), f"{backbone.name}, block {tap}", None
        name, used, through = f"acr-{backbone.name}-{options.auxiliary}", {}, options.backbone
    else:
        extractor, called, noise = WideResNetFeatures(options.device), "wide_resnet50_2, layer3", PUBLISHED_NOISE
        name, used, through = f"acr-wide_resnet50_2-{options.auxiliary}", {"extractor": "wide_resnet50_2"}, None
    categories = options.category or list_categories(reader, root)
    data = {category: load_dataset(reader, root, category=category, split="train") for category in categories}
    classes = {category: undamaged(dataset, extractor, options.limit) for category, dataset in data.items()}
    path = train_heads(name, classes, extractor, called, MetaRecipe(seed=options.seed), options.out, noise)
    shown = sum(len(images) for images in classes.values())
    print(f"acr, {len(classes) + 1} heads, trained on {shown} undamaged images of {options.auxiliary}: {path}")
    print(f"use them with {how_to_use('acr', {**used, 'head': str(path)}, through)}")

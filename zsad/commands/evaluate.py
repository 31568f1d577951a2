"""`zsad evaluate`: metrics of one category."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from zsad import arguments
from zsad.commands.common import Commands, detector_options, loaded_backbone, named_backbone, real_backbone
from zsad.devices import whole_floats
from zsad.study.config import usual_resolution

if TYPE_CHECKING:
    from zsad.data import Dataset


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    evaluate = commands.add_parser("evaluate", parents=parents, help="metrics of one category")
    evaluate.add_argument("--reader", required=True, help="mvtec_ad, visa, aebad or folder")
    evaluate.add_argument("--root", required=True, type=arguments.path, metavar="DIR", help="the data set's folder")
    evaluate.add_argument("--category", required=True, metavar="NAME")
    evaluate.add_argument("--domain", metavar="NAME", help="only the pictures of this domain (aebad)")
    evaluate.add_argument("--limit", type=arguments.number("limit"), metavar="N", help="at most N pictures")
    evaluate.add_argument(
        "--resolution",
        type=arguments.pixels_or("native"),
        metavar="PIXELS",
        help="short side that images are resized to, or native; default: 240, and native for tiling",
    )
    evaluate.add_argument("--aspect", choices=["own", "squashed"], default="own", help="default: %(default)s")
    evaluate.add_argument(
        "--metric-size",
        type=arguments.pixels_or("mask"),
        default="mask",
        metavar="PIXELS",
        help="short side at which maps and masks are compared, or mask, the mask's own size; default: %(default)s",
    )
    evaluate.add_argument(
        "--batch-size", type=arguments.number("batch_size"), default=16, metavar="N", help="default: %(default)s"
    )
    evaluate.add_argument("--csv", type=arguments.path, metavar="FILE", help="also write the table here")
    evaluate.set_defaults(command=run)


@whole_floats()
def run(options: argparse.Namespace) -> None:
    """Prints the metrics of one category."""
    from zsad.data import load_dataset
    from zsad.data.labels import check_labels
    from zsad.detectors import load_detector
    from zsad.detectors.batch import BatchDetector
    from zsad.detectors.learned import check_unseen
    from zsad.files import check_writable, write_atomically
    from zsad.image_files import demo_note
    from zsad.leagues import in_words, leagues_of_outputs
    from zsad.robustness import uniform_sweep
    from zsad.study.references import with_drawn_references
    from zsad.study.tested import names_of

    chosen = detector_options(options)
    backbone = named_backbone(options)
    if options.csv:
        check_writable(options.csv)
    dataset = load_dataset(options.reader, options.root, category=options.category, domain=options.domain)
    check_labels(dataset.subset(options.limit))
    detector = load_detector(options.detector, backbone=loaded_backbone(options), device=options.device, **chosen)
    sizes = {
        "resolution": options.resolution or usual_resolution(options.detector),
        "aspect": options.aspect,
        "metric_size": options.metric_size,
    }
    detector = with_drawn_references(detector, partial(_good_training, options), dataset, sizes)
    check_unseen(detector, names_of(dataset), dataset.image_digests)
    records = uniform_sweep(
        detector,
        dataset,
        "none",
        [0.0],
        **sizes,
        batch_size=options.batch_size,
        limit=options.limit,
        device=options.device,
    )
    if note := demo_note(backbone, [entry.image for entry in dataset.entries], real_backbone(options.detector)):
        print(f"zsad: note: {note}", file=sys.stderr)
    first, league = records.iloc[0], in_words(leagues_of_outputs(detector))
    print(f"{options.detector} on {backbone}, {options.category}: "
          f"{first.n_images} images, {first.n_anomalous} anomalous; league: {league}")  # fmt: skip
    if isinstance(detector, BatchDetector):
        print(f"the {first.n_images} images were compared with each other; intervals hold for this batch alone")
    print(f"{'metric':<18} {'value':>7}   95 % interval, in percent")
    for row in records.itertuples():
        print(f"{row.metric:<18} {row.estimate:7.1%}   {row.low:.1%} to {row.high:.1%}")
    if options.csv:
        write_atomically(options.csv, lambda temporary: records.to_csv(temporary, index=False))
        print(f"written to {options.csv}")


def _good_training(options: argparse.Namespace) -> "Dataset":
    """The good training images of the category, of which references are drawn."""
    from zsad.data import load_dataset
    from zsad.study.references import check_training_split

    check_training_split(options.reader, options.detector)
    return load_dataset(options.reader, options.root, category=options.category, split="train").normal()

"""`zsad predict`: scores of images, and heat maps."""

import argparse
import sys
from pathlib import Path

from zsad import arguments
from zsad.commands.common import INCOMPLETE, Commands, detector_options, loaded_backbone, named_backbone, real_backbone
from zsad.devices import whole_floats
from zsad.progress import progress_bar


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    predict = commands.add_parser("predict", parents=parents, help="score pictures and draw heat maps")
    predict.add_argument(
        "image", type=arguments.path, nargs="+", metavar="IMAGE", help="files, folders, patterns such as '*.png'"
    )
    predict.add_argument("--category", required=True, metavar="NAME", help='what the picture shows, e.g. "metal nut"')
    predict.add_argument(
        "--out", type=arguments.path, default=Path("."), metavar="DIR", help="heat maps go here; default: ."
    )
    predict.add_argument("--format", choices=["jpg", "png"], default="jpg", help="of heat maps; default: %(default)s")
    limit = predict.add_mutually_exclusive_group()
    limit.add_argument(
        "--threshold",
        type=arguments.number("score", "threshold"),
        metavar="VALUE",
        help="what scores higher is anomalous",
    )
    limit.add_argument(
        "--calibrate",
        type=arguments.path,
        metavar="GOOD_DIR",
        help="threshold: the highest score of these good images",
    )
    predict.add_argument(
        "--reference",
        type=arguments.path,
        metavar="GOOD_DIR",
        help="compare with the good images here too (few-shot WinCLIP)",
    )
    predict.add_argument(
        "--scale",
        type=arguments.number("score", "scale"),
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="values of a map that have the first and the last colour, for all heat maps; default: 0 1, and of a "
        "detector that compares the images with each other the ends of all its maps",
    )
    predict.set_defaults(command=run)


@whole_floats()
def run(options: argparse.Namespace) -> int:
    """Scores images and draws their heat maps; returns the exit code."""
    from zsad.detectors import load_detector, with_references
    from zsad.detectors.batch import BatchDetector
    from zsad.files import check_writable_folder
    from zsad.image_files import HEATMAP, demo_note, find_images, output_paths
    from zsad.leagues import in_words, leagues_of_outputs
    from zsad.predict import (
        SCORES,
        Report,
        Threshold,
        check_category,
        check_company,
        check_references,
        check_scale,
        predict_images,
        read_references,
        score_image,
        threshold_from,
    )

    check_category(options.category)
    scale = None if options.scale is None else (options.scale[0], options.scale[1])
    check_scale(scale)
    images = find_images(options.image, options.out)
    output_paths(images, options.out, f"{HEATMAP}.{options.format}")
    if options.reference and options.detector == "winclip":
        options.detector = "winclip_plus"  # what WinCLIP with references is called
    chosen = detector_options(options)
    if options.reference and "references" in chosen:
        raise ValueError("all images of --reference are compared with: leave out --option references")
    backbone = named_backbone(options)
    good = find_images([options.calibrate]) if options.calibrate else []
    shown = find_images([options.reference], options.out) if options.reference else []
    check_writable_folder(options.out)
    detector = load_detector(options.detector, backbone=loaded_backbone(options), device=options.device, **chosen)
    if not options.reference:
        check_references(detector)
    check_company(detector, len(images), options.category, calibrated=bool(options.calibrate))
    if note := demo_note(backbone, [*images, *good, *shown], real_backbone(options.detector)):
        print(f"zsad: note: {note}", file=sys.stderr)
    sizes: tuple[tuple[int, int], ...] = ()
    if options.reference:
        with progress_bar(len(shown), 0, "image", "references") as bar:
            found = read_references(shown, [*images, *good], lambda _: bar.update())
        detector, sizes = with_references(detector, found.references), found.sizes
        league = in_words(leagues_of_outputs(detector))
        print(f"{detector.name} compares with {len(shown)} good images of {options.reference}; league: {league}")
    threshold = None if options.threshold is None else Threshold(options.threshold, "given")
    if options.calibrate:
        with progress_bar(len(good), 0, "image", "calibrating") as bar:

            def score(path: Path) -> float:
                bar.update()
                return score_image(detector, path, options.category, options.device, sizes)

            threshold = threshold_from(options.calibrate, score)
    if threshold:
        print(f"threshold {threshold.value:.4f}: {threshold.origin}")
    report = Report()
    if isinstance(detector, BatchDetector):
        print(f"{detector.name} compares the images with each other: each score holds in this company alone")
    with progress_bar(len(images), 0, "image", "predict") as bar:
        for scored in predict_images(
            detector, images, options.category, options.out, device=options.device, threshold=threshold,
            image_format=options.format, report=report, framed_like=sizes,
            scale=scale,
        ):  # fmt: skip
            decision = f"\t{scored.decision}" if scored.decision else ""
            print(f"{scored.image}\tscore {scored.score:.4f}{decision}\t{scored.heatmap}", flush=True)
            bar.update()
    parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in report.seconds.items())
    table = options.out / SCORES
    kept = f"{table} is of an earlier run" if table.exists() else f"{table} is not written"
    colours = "; heat maps' colours from {:.4g} to {:.4g}".format(*report.scale)
    written = f"{table}{colours}" if report.scored else kept
    print(f"{report.scored} of {len(images)} images scored ({parts}): {written}")
    if remark := report.colours_remark():
        print(f"zsad: note: {remark}; --scale LOW HIGH sets the ends, for all heat maps alike", file=sys.stderr)
    for path, cause in report.bad.items():
        print(f"zsad: not scored: {path}: {cause.removeprefix(f'{path}: ')}", file=sys.stderr)
    return INCOMPLETE if report.bad else 0

"""The command line: `zsad demo-data`, `corrupt`, `predict`, `evaluate`, `run`. Thin: each calls the library once."""

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsad import __version__, arguments
from zsad.progress import progress_bar
from zsad.study.config import load_study, usual_resolution
from zsad.study.shifts import SHIFTS
from zsad.wording import describe

if TYPE_CHECKING:
    from PIL.Image import Image

FAILED, INCOMPLETE, INTERRUPTED = 2, 3, 130


def main(given: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 after an error, 3 for a study some of which cannot be computed, 130
    after Ctrl-C.
    """
    options = _parser().parse_args(given)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        code: int | None = options.command(options)
    except KeyboardInterrupt:
        print("zsad: interrupted; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if options.debug:
            raise
        message = describe(error)
        expected = isinstance(error, ValueError | OSError | ImportError)
        hint = "" if expected else f" ({type(error).__name__}; --debug shows where)"
        print(f"zsad: error: {message}{hint}", file=sys.stderr)
        return FAILED
    return code or 0


def _demo_data(options: argparse.Namespace) -> None:
    from zsad.data.demo import write_suites

    written = write_suites(options.folder, seed=options.seed, progress=True)
    print(f"{', '.join(path.name for path in written)}: in {options.folder}")


def _corrupt(options: argparse.Namespace) -> None:
    from PIL import Image

    from zsad.data import read_image
    from zsad.perturb import corrupt, picture_generator
    from zsad.predict import output_paths

    outputs = output_paths(options.image, options.out, ".png")
    for path, output in zip(options.image, outputs, strict=True):
        image = read_image(path)
        try:
            corrupted = corrupt(image, options.kind, options.severity, picture_generator(path.as_posix(), options.seed))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        options.out.mkdir(parents=True, exist_ok=True)
        _write_png(Image.fromarray((corrupted * 255).round().byte().permute(1, 2, 0).numpy()), output)
        print(f"{path}\t{output}")


def _predict(options: argparse.Namespace) -> int:
    from zsad.detectors import load_detector
    from zsad.files import check_writable_folder
    from zsad.predict import (
        SCORES,
        Report,
        Threshold,
        demo_note,
        find_images,
        output_paths,
        predict_images,
        score_image,
        threshold_from,
    )

    images = find_images(options.image, options.out)
    output_paths(images, options.out, f"_heatmap.{options.format}")
    chosen = _detector_options(options)
    good = find_images([options.calibrate]) if options.calibrate else []
    check_writable_folder(options.out)
    detector = load_detector(
        options.detector, backbone=options.backbone, device=options.device, dtype=options.dtype, **chosen
    )
    if note := demo_note(options.backbone, [*images, *good]):
        print(f"zsad: note: {note}", file=sys.stderr)
    threshold = None if options.threshold is None else Threshold(options.threshold, "given")
    if options.calibrate:
        with progress_bar(len(good), 0, "image", "calibrating") as bar:

            def score(path: Path) -> float:
                bar.update()
                return score_image(detector, path, options.category, options.device)

            threshold = threshold_from(options.calibrate, score)
    if threshold:
        print(f"threshold {threshold.value:.4f}: {threshold.origin}")
    report = Report()
    with progress_bar(len(images), 0, "image", "predict") as bar:
        for scored in predict_images(
            detector, images, options.category, options.out, device=options.device, threshold=threshold,
            image_format=options.format, report=report,
        ):  # fmt: skip
            decision = f"\t{scored.decision}" if scored.decision else ""
            print(f"{scored.image}\tscore {scored.score:.4f}{decision}\t{scored.heatmap}", flush=True)
            bar.update()
    parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in report.seconds.items())
    print(f"{report.scored} of {len(images)} images scored ({parts}): {options.out / SCORES}")
    for path, cause in report.bad.items():
        print(f"zsad: not scored: {path}: {cause.removeprefix(f'{path}: ')}", file=sys.stderr)
    return INCOMPLETE if report.bad else 0


def _write_png(picture: "Image", path: Path) -> None:
    from zsad.files import write_atomically

    content = io.BytesIO()
    picture.save(content, "PNG")
    write_atomically(path, lambda temporary: temporary.write_bytes(content.getvalue()))


def _evaluate(options: argparse.Namespace) -> None:
    from zsad.data import load_dataset
    from zsad.data.labels import check_labels
    from zsad.detectors import load_detector
    from zsad.files import check_writable, write_atomically
    from zsad.predict import demo_note
    from zsad.robustness import uniform_sweep

    chosen = _detector_options(options)
    if options.csv:
        check_writable(options.csv)
    dataset = load_dataset(options.reader, options.root, category=options.category, domain=options.domain)
    check_labels(dataset.subset(options.limit))
    detector = load_detector(
        options.detector, backbone=options.backbone, device=options.device, dtype=options.dtype, **chosen
    )
    records = uniform_sweep(
        detector,
        dataset,
        "none",
        [0.0],
        resolution=options.resolution or usual_resolution(options.detector),
        aspect=options.aspect,
        metric_size=options.metric_size,
        batch_size=options.batch_size,
        limit=options.limit,
        device=options.device,
    )
    if note := demo_note(options.backbone, [entry.image for entry in dataset.entries]):
        print(f"zsad: note: {note}", file=sys.stderr)
    first = records.iloc[0]
    print(f"{options.detector} on {options.backbone}, {options.category}: "
          f"{first.n_images} images, {first.n_anomalous} anomalous")  # fmt: skip
    print(f"{'metric':<18} {'value':>7}   95 % interval, in percent")
    for row in records.itertuples():
        print(f"{row.metric:<18} {row.estimate:7.1%}   {row.low:.1%} to {row.high:.1%}")
    if options.csv:
        write_atomically(options.csv, lambda temporary: records.to_csv(temporary, index=False))
        print(f"written to {options.csv}")


def _detector_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `--option` gave, checked; its folders for results can be written."""
    from zsad.detectors import check_options
    from zsad.files import check_writable_folder
    from zsad.paths import CACHES

    chosen = dict(options.option)
    checked = check_options(options.detector, chosen)
    for folder in [getattr(checked, name) for name in CACHES if chosen.get(name) is not None]:
        check_writable_folder(folder)
    return chosen


def _run(options: argparse.Namespace) -> int:
    from zsad.files import check_writable_folder
    from zsad.study.incomplete import IncompleteError
    from zsad.study.kept import export
    from zsad.study.records import check_manifests, write_manifest
    from zsad.study.run import compute

    study = load_study(options.study)
    if options.limit not in (None, study.limit):  # its results are others: they have a name and lists of their own
        study = study.with_overrides(limit=options.limit, name=f"{study.name}-limit-{options.limit}")
    study = study.with_overrides(device=options.device, data_root=options.data_root)
    check_manifests(study.name)
    if options.export:
        check_writable_folder(options.export)
    missing: IncompleteError | None = None
    try:
        records = compute(
            study,
            options.shift,
            suites=options.suite,
            categories=options.category,
            detectors=options.detector,
            backbones=options.backbone,
        )
    except IncompleteError as error:
        records, missing = error.records, error
    some = options.shift is not None or options.detector is not None
    write_manifest(records, study.name, missing.subjects if missing else (), keep=some)
    print(f"study {study.name}: {records['key'].nunique()} cells, {len(records)} records in {study.records_root}")
    if missing is None and options.export:
        export(records, study, options.export)
        print(f"exported to {options.export}")
    if missing is None:
        return 0
    for reason in missing.reasons:
        print(f"zsad: not computed: {' '.join(reason.split())}", file=sys.stderr)
    if options.export:
        print(f"zsad: not exported to {options.export}, since results are missing", file=sys.stderr)
    return INCOMPLETE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zsad", description="Zero-shot anomaly detection when the picture changes.")
    parser.add_argument("--version", action="version", version=f"zsad {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    common.add_argument("--verbose", action="store_true", help="say what is being done")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--detector", default="winclip", help="default: %(default)s")
    model.add_argument("--backbone", default="demo-b", help="default: %(default)s")
    model.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ...; default: %(default)s")
    model.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"], help="default: %(default)s")
    model.add_argument(
        "--option", type=arguments.option, action="append", default=[], metavar="NAME=VALUE",
        help="an option of the detector, such as temperature=0.01 (may be repeated; the value is read as YAML)",
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = commands.add_parser("demo-data", parents=[common], help="write the demo suites")
    data.add_argument("folder", type=arguments.path, metavar="DIR")
    data.add_argument("--seed", type=arguments.number("seed"), default=0, help="default: %(default)s")
    data.set_defaults(command=_demo_data)

    corrupt = commands.add_parser(
        "corrupt",
        parents=[common],
        help="write corrupted copies of pictures",
        description="Writes a corrupted PNG of each picture, at the picture's own size. Noise depends on the seed and "
        "on a picture's path as it is given here: with paths relative to a data set's root, it is that of a study.",
    )
    corrupt.add_argument("image", type=arguments.path, nargs="+", metavar="IMAGE")
    corrupt.add_argument(
        "--kind", required=True, metavar="NAME", help="brightness, contrast, defocus_blur or gaussian_noise"
    )
    corrupt.add_argument(
        "--severity", type=arguments.number("severity"), default=3, metavar="N", help="0 to 5; default: %(default)s"
    )
    corrupt.add_argument("--seed", type=arguments.number("seed"), default=0, help="default: %(default)s")
    corrupt.add_argument("--out", type=arguments.path, required=True, metavar="DIR", help="the copies go here")
    corrupt.set_defaults(command=_corrupt)

    predict = commands.add_parser("predict", parents=[common, model], help="score pictures and draw heat maps")
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
        type=arguments.number("threshold"),
        metavar="VALUE",
        help="what scores higher is anomalous",
    )
    limit.add_argument(
        "--calibrate",
        type=arguments.path,
        metavar="GOOD_DIR",
        help="threshold: the highest score of these good images",
    )
    predict.set_defaults(command=_predict)

    evaluate = commands.add_parser("evaluate", parents=[common, model], help="metrics of one category")
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
    evaluate.set_defaults(command=_evaluate)

    run = commands.add_parser("run", parents=[common], help="compute what a study has no record of yet")
    run.add_argument("study", metavar="STUDY", help="quick, demo, stangl, paper, or a YAML file")
    run.add_argument("--suite", action="append", metavar="NAME", help="only this suite (may be repeated)")
    run.add_argument("--category", action="append", metavar="NAME", help="only this category (may be repeated)")
    run.add_argument("--detector", action="append", metavar="LABEL", help="only this detector (may be repeated)")
    run.add_argument("--backbone", action="append", metavar="NAME", help="only this backbone (may be repeated)")
    run.add_argument("--shift", choices=SHIFTS, help="only these results of the study")
    run.add_argument("--device", metavar="NAME", help="where to compute, in place of the study's device")
    run.add_argument("--data-root", type=arguments.path, metavar="DIR", help="folder that holds the suites")
    run.add_argument("--limit", type=arguments.number("limit"), metavar="N", help="at most N pictures a category")
    run.add_argument("--export", type=arguments.path, metavar="DIR", help="also gather the records in this folder")
    run.set_defaults(command=_run)
    return parser


if __name__ == "__main__":
    sys.exit(main())

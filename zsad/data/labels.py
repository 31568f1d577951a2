"""What labels and names of files alone can tell: said before an image is read or a model is loaded."""

from zsad.data.sample import Dataset


def check_labels(dataset: Dataset) -> None:
    """Raise a ValueError for a data set whose images are not labelled, or are all of one kind."""
    labels, name = set(dataset.labels), dataset.category
    if set(dataset.defects) == {"unlabelled"}:
        raise ValueError(
            f"category {name!r}: nothing says which images in {dataset.root} are anomalous. Put them into good/ and "
            "one folder a kind of defect, or add masks; `zsad predict` needs no labels"
        )
    if len(labels) < 2:
        only = "anomalous" if True in labels else "normal"
        raise ValueError(f"category {name!r} in {dataset.root} has only {only} images: metrics need both kinds")


def check_masks(dataset: Dataset) -> None:
    """Raise a ValueError for a data set without the masks that a search for worst cases needs."""
    if not dataset.has_masks:
        raise ValueError(
            f"category {dataset.category!r} in {dataset.root} has anomalous images without masks: worst cases are "
            "searched with masks of all. Add them, or leave the category out of `over`"
        )

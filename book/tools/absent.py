"""What a page says where its study, or what is kept of the demo study, lacks something; and how to have it."""

import shlex

from book.tools.page import Page


def say_absent(page: Page, what: str) -> str:
    """Say that the page's study lacks something, and how to have it; returns the sentence."""
    sentence = (
        f"Not in this study: {what}. Add it to `{page.study_file}`, or use the whole demo study "
        '(`study/demo.yaml`, parameter `study = "demo"`).'
    )
    page.say(sentence)
    return sentence


def say_not_kept(page: Page, what: str, study: str | None = None) -> str:
    """Say that `results/<study>`, by default of the page's study, lacks something, and how to have it; returns the
    sentence."""
    name = study or page.study.name
    run = study or page.asked or name
    sentence = f"The records kept in `results/{name}` hold no {what} yet; `zsad run {shlex.quote(run)}` computes them."
    page.say(sentence)
    return sentence


def say_left_out(page: Page, cells: int) -> None:
    """Say how many shifted cells are not shown, for want of what they are measured against; nothing of none, nor where
    the page says what is not kept."""
    if cells and not page.shows_kept:
        run = shlex.quote(page.asked or page.study.name)
        page.say(
            f"Left out: {cells:,} shifted {'cell' if cells == 1 else 'cells'} whose images are not there as they are, "
            f"without a shift, to be measured against; `zsad run {run}` computes them."
        )

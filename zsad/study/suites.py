"""Suites that a study may name: where each lies, which categories are evaluated, and those known by name."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from zsad.paths import expanded
from zsad.study.shifts import Strict, check_differ

DEMO_SUITES = ("demo-mvtec", "demo-visa", "demo-aebad")


def check_known(kind: str, name: str, choices: list[str]) -> None:
    if name not in choices:
        raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(choices)}")


def check_name(kind: str, name: str) -> None:
    """Raise ValueError for a name that is no name of a folder, as names that become parts of paths must be."""
    if not name.strip() or name in (".", "..") or set(name) & {"/", "\\"} or not name.isprintable():
        raise ValueError(
            f"{kind} {name!r} cannot be the name of a folder: no slashes, dots alone or signs that cannot be printed"
        )


def demo_categories(root: Path | str) -> list[str] | None:
    """Category names of the demo suite that lies in a folder of this name, None for any other folder."""
    if str(root) not in DEMO_SUITES:
        return None
    from zsad.data.demo import SUITES  # rendering code: of no use to a study of real data

    return list(SUITES[str(root)].categories)


class SuiteConfig(Strict):
    """Where a suite lies, and which categories are evaluated: "all", the name of one of `groups`, or a list; of a suite
    that tells domains apart, all images or those of one `domain`.

    Every category gets its unshifted cell; what else is done to it, the study's blocks say.
    """

    reader: Literal["mvtec_ad", "visa", "aebad", "folder"]
    root: Annotated[Path, AfterValidator(expanded)]
    domain: str | None = None
    categories: list[str] | str = "all"
    groups: dict[str, list[str]] = Field(default={})

    @model_validator(mode="after")
    def _some_category(self) -> "SuiteConfig":
        if self.categories == []:
            raise ValueError("categories: none is listed; list one, or leave the field out for all, or the whole suite")
        return self

    @model_validator(mode="after")
    def _check_groups(self) -> "SuiteConfig":
        for name, members in self.groups.items():
            check_differ(f"groups.{name}", members)
        return self

    def members(self, choice: list[str] | str, everything: list[str]) -> list[str]:
        """The categories that "all", a group's name or a list stands for."""
        if isinstance(choice, list):
            return choice
        if choice == "all":
            return everything
        check_known("group of categories", choice, ["all", *self.groups])
        return self.groups[choice]

    @property
    def listed(self) -> list[str] | None:
        """The categories that are evaluated, where they can be known without the suite's folder."""
        if self.categories == "all":
            return demo_categories(self.root)
        return self.members(self.categories, [])


# Suites that may be named without a reader and a root of their own.
KNOWN_SUITES: dict[str, dict[str, str]] = {
    "demo-mvtec": {"reader": "mvtec_ad", "root": "demo-mvtec"},
    "demo-visa": {"reader": "visa", "root": "demo-visa"},
    "demo-aebad": {"reader": "aebad", "root": "demo-aebad"},
    "mvtec_ad": {"reader": "mvtec_ad", "root": "mvtec_ad"},
    "visa": {"reader": "visa", "root": "visa"},
    "aebad": {"reader": "aebad", "root": "aebad"},
}
# AeBAD is evaluated domain by domain.
DOMAINS = ("same", "background", "illumination", "view")
KNOWN_SUITES |= {
    f"{suite}-{domain}": {**KNOWN_SUITES[suite], "domain": domain}
    for suite in ("demo-aebad", "aebad")
    for domain in DOMAINS
}


def with_known_suites(suites: Any) -> Any:
    """Fill in reader and root of the suites that are known by name."""
    if not isinstance(suites, dict):
        return suites
    filled: dict[str, Any] = {}
    for name, suite in suites.items():
        if isinstance(suite, SuiteConfig):
            filled[name] = suite
            continue
        given = {} if suite is None else suite
        if not isinstance(given, dict):
            raise ValueError(
                f"{name}: a suite is a mapping of fields, such as {{categories: [grid, bottle]}}, or nothing where all "
                f"of a known one is meant, not {given!r}"
            )
        if name not in KNOWN_SUITES and not {"reader", "root"} <= set(given):
            raise ValueError(
                f"unknown suite {name!r}; known: {', '.join(KNOWN_SUITES)} (a suite of your own states reader and root)"
            )
        filled[name] = {**KNOWN_SUITES.get(name, {}), **given}
    return filled

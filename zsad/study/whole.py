"""Which test images the suites that studies know by name hold in full, and what some records of one lack of that."""

from collections.abc import Mapping
from functools import cache

from zsad.data.counts import TEST_COUNTS
from zsad.study.suites import DOMAINS


@cache
def whole_counts(suite: str) -> Mapping[str, int]:
    """Category -> how many test images a suite has; empty for one that is not known, and for one domain of several."""
    if suite in TEST_COUNTS:
        return {category: sum(counts) for category, counts in TEST_COUNTS[suite].items()}
    from zsad.data.demo import SUITES  # rendering code: of no use to a study of real data

    if suite not in SUITES or SUITES[suite].domains:
        return {}
    of = SUITES[suite]
    return {name: of.good + len(spec.defects) * of.each_defect for name, spec in of.categories.items()}


def lacking(suite: str, images: Mapping[str, int]) -> str:
    """What results of a suite lack of its whole test split, in words: empty where they lack nothing, and of a suite
    that is not known.

    Args:
        images: category -> of how many test images there are results.
    """
    expected = whole_counts(suite)
    if not expected:
        return ""
    if missing := [category for category in expected if category not in images]:
        return f"{len(expected) - len(missing)} of {len(expected)} categories"
    fewer = [category for category in expected if images[category] != expected[category]]
    if not fewer:
        return ""
    first = f"{fewer[0]}: {images[fewer[0]]} of {expected[fewer[0]]} images"
    return first if len(fewer) == 1 else f"{len(fewer)} categories with other images than all ({first})"


def lacking_domains(suite: str, images: Mapping[str, int]) -> str:
    """As `lacking`, of AeBAD ("aebad") or of demo-aebad, whose domains are suites of their own.

    Args:
        images: domain -> of how many test images there are results.
    """
    if len(there := [domain for domain in DOMAINS if domain in images]) < len(DOMAINS):
        return f"{len(there)} of {len(DOMAINS)} domains"
    expected, found = _images_of_domains(suite), sum(images.values())
    return f"{found:,} of {expected:,} images" if found != expected else ""


@cache
def _images_of_domains(suite: str) -> int:
    if suite in TEST_COUNTS:
        return sum(sum(counts) for counts in TEST_COUNTS[suite].values())
    from zsad.data.demo import SUITES

    of = SUITES[suite]
    each = sum(of.good + len(spec.defects) * of.each_defect for spec in of.categories.values())
    return each * len(of.domains)

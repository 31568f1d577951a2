"""What pages that are not converted yet take from here."""

from zsad.analysis.words import percent, points

__all__ = ["percent", "points"]

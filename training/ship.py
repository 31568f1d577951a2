"""Where trainings take the writing of a demo model's files from."""

from zsad.clip.ship import ship

__all__ = ["ship"]

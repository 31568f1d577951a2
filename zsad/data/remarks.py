"""Says what was noticed while decoding: of each kind one remark, not one an image."""

import logging
from pathlib import Path

ENOUGH_MASKS = 8

logger = logging.getLogger(__name__)


class Remarks:
    """Warns of each kind of oddity once, at the first file that shows it."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._shares: dict[Path, float] = {}

    def say(self, kind: str, path: Path, text: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            logger.warning("%s: %s", path, text)

    def saw_mask(self, path: Path, share: float, masks: int) -> None:
        """Warns when masks mark most of every image, once some of them, or all, have been seen.

        Args:
            path: the mask.
            share: the share of its pixels that it marks, 0 to 1.
            masks: how many masks there are.
        """
        self._shares[path] = share
        seen = len(self._shares)
        if seen >= min(masks, ENOUGH_MASKS) and all(share > 0.5 for share in self._shares.values()):
            text = (
                f"marks {share:.0%} of its picture, and all {seen} masks read so far mark most of theirs. Are they "
                "inverted? White, or a class number, stands for the defect, black for everything else."
            )
            self.say("inverted", path, text)

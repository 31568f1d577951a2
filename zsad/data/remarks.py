"""Says what was noticed while decoding: of each kind one remark, not one a picture."""

import logging
from pathlib import Path

logger = logging.getLogger(__name__)


class Remarks:
    """Warns of each kind of oddity once, at the first file that shows it."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, kind: str, path: Path, text: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            logger.warning("%s: %s", path, text)

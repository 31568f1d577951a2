"""Writes plain TIFFs of kinds that Pillow reads but does not write."""

import struct
from pathlib import Path

import numpy as np


def write_tiff(path: Path, strip: bytes, size: tuple[int, int], bits: tuple[int, ...], photometric: int,
               extra: int | None = None, sample_format: int = 1) -> Path:  # fmt: skip
    """One uncompressed strip; `size` is (height, width), `bits` those of each sample, `extra` what the last one is."""
    height, width = size
    tags = [(256, [width]), (257, [height]), (258, list(bits)), (259, [1]), (262, [photometric]), (273, [8]),
            (277, [len(bits)]), (278, [height]), (279, [len(strip)]), (339, [sample_format] * len(bits))]  # fmt: skip
    if extra is not None:
        tags.append((338, [extra]))
    directory_at = 8 + len(strip) + len(strip) % 2
    values_at = directory_at + 2 + 12 * len(tags) + 4
    directory, values = struct.pack("<H", len(tags)), b""
    for tag, numbers in sorted(tags):
        kind, code = (4, "I") if tag in (273, 279) else (3, "H")
        packed = struct.pack(f"<{len(numbers)}{code}", *numbers)
        if len(packed) > 4:
            place, values = struct.pack("<I", values_at + len(values)), values + packed
        else:
            place = packed.ljust(4, b"\0")
        directory += struct.pack("<HHI", tag, kind, len(numbers)) + place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"II*\0" + struct.pack("<I", directory_at) + strip.ljust(directory_at - 8, b"\0")
                     + directory + struct.pack("<I", 0) + values)  # fmt: skip
    return path


def packed_12_bit(values: np.ndarray) -> bytes:
    """Rows of an even number of values below 4096, two in three bytes."""
    pairs = values.reshape(-1, 2).astype(np.uint16)
    return b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in pairs.tolist())

"""The shapes of the demo CLIPs, narrower and shallower: they train in bfloat16, which many a processor only imitates.

Pictures, patches, words and every kind of weight are those of the real ones.
"""

from training.model import MODELS, TEXT

NARROW = {
    name: {
        "embed_dim": 32,
        "vision_cfg": {**config["vision_cfg"], "width": 48, "layers": 2, "head_width": 24},
        "text_cfg": {**TEXT, "width": 32, "heads": 2, "layers": 1},
    }
    for name, config in MODELS.items()
}

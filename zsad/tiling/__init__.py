"""The stages of the tiling pipeline: foreground, tiles, prompts, tile scores, pixel maps, aggregation.

Baugh, Batten, Müller, Kainz, "Zero-Shot Anomaly Detection with Pre-trained Segmentation Models", arXiv 2306.09269 (the
"report" in this package). No author code is public: where the report is silent, each module says what it does, and the
choice is an option of `zsad.detectors.tiling.TilingOptions`.
"""

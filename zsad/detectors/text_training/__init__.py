"""Detectors trained on text alone: what they learn from, what they learn, and how it is kept."""

"""How far can CLIP-based zero-shot anomaly detection be trusted when the picture changes?"""

__version__ = "0.1.0"

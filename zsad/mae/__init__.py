"""Masked autoencoders: what a model paints where it sees nothing, and where the weights come from."""

from zsad.mae.autoencoder import Autoencoder
from zsad.mae.zoo import known_autoencoders, load_autoencoder

__all__ = ["Autoencoder", "known_autoencoders", "load_autoencoder"]

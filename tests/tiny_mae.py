"""A masked autoencoder with random weights, and one that paints the mean of what it sees: right about plain images."""

import torch
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from zsad.mae import Autoencoder

TINY = {
    "image_size": 32, "patch_size": 8, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 48, "decoder_hidden_size": 16, "decoder_num_hidden_layers": 1,
    "decoder_num_attention_heads": 2, "decoder_intermediate_size": 24, "mask_ratio": 0.75, "norm_pix_loss": False,
    "layer_norm_eps": 1e-6,
}  # fmt: skip


def tiny_mae(seed: int = 0, **config) -> ViTMAEForPreTraining:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ViTMAEForPreTraining(ViTMAEConfig(**{**TINY, **config}))
        for parameter in model.parameters():
            parameter.data.add_(0.1 * torch.randn(parameter.shape))  # as if trained: biases and the mask token too
    return model.eval()


def tiny_autoencoder(seed: int = 0, shown=("pictures",), **options) -> Autoencoder:
    return Autoencoder(tiny_mae(seed), "tiny-mae", shown=shown, **options)


class MeanPainter(Autoencoder):
    """Paints every patch in the mean colour of those that it sees."""

    def paint(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        patches = self.in_patches(images)
        seen = (~hidden).to(patches)
        means = torch.einsum("mp,ipxc->imc", seen, patches) / (seen.sum(1)[:, None] * patches.shape[2])
        return means[:, :, None, None].expand(-1, -1, *patches.shape[1:])


def mean_painter(**config) -> MeanPainter:
    return MeanPainter(tiny_mae(**config), "mean-painter", shown=("pictures",))

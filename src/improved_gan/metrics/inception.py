"""The Inception network of the inception score and FID (inception-2015-12-05): torch-fidelity's, made faster."""

import io
from contextlib import nullcontext

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval
from torch_fidelity.feature_extractor_inceptionv3 import BasicConv2d, FeatureExtractorInceptionV3

from improved_gan.exact_arithmetic import exact_fp32

WIDTH = 2048  # of the pooled features


class UnloadedInception(FeatureExtractorInceptionV3):
    """torch-fidelity's network without memory for its weights, which `load_state_dict(..., assign=True)` brings."""

    def __init__(self) -> None:
        nothing = io.BytesIO()
        torch.save({}, nothing)
        nothing.seek(0)
        with torch.device("meta"):  # no time spent on random weights
            super().__init__(
                "inception-v3-compat", [str(WIDTH), "logits_unbiased"], feature_extractor_weights_path=nothing
            )

    def load_state_dict(self, state_dict, strict=True, assign=False):  # type: ignore[no-untyped-def]
        """As `nn.Module`'s; the empty state that the constructor insists on loading passes by."""
        if state_dict:
            return super().load_state_dict(state_dict, strict=strict, assign=assign)


class Inception:
    """A `FeatureExtractor`: pooled features and logits without bias of images of any size, gray or colour.

    Its numbers are torch-fidelity's to rounding: batch norms are folded into the convolutions before them, and memory
    is laid out channels last. `precision` "bf16" halves the time on processors that know it and moves the features by
    about 1%; it is part of the name, so that such scores are never taken for the others.
    """

    def __init__(
        self,
        weights: dict[str, Tensor],
        checksum: str,
        *,
        device: torch.device,
        batch_size: int,
        precision: str = "fp32",
    ) -> None:
        network = UnloadedInception()
        network.load_state_dict(weights, assign=True)
        _fold_batch_norms(network)
        self.network = network.to(device, memory_format=torch.channels_last).requires_grad_(False).eval()
        self.name = f"inception-2015-12-05-{checksum[:8]}" + ("" if precision == "fp32" else f"-{precision}")
        self.device, self.batch_size, self.precision = device, batch_size, precision

    @torch.inference_mode()
    def __call__(
        self, images: UInt8[Tensor, "n channel height width"]
    ) -> tuple[Float[Tensor, "n 2048"], Float[Tensor, "n 1008"]]:
        colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        autocast = torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()
        with exact_fp32(), autocast:
            features, logits = self.network(colour.contiguous(memory_format=torch.channels_last))
        return features.float(), logits.float()


def _fold_batch_norms(network: nn.Module) -> None:
    for block in network.modules():
        if isinstance(block, BasicConv2d):
            block.conv, block.bn = fuse_conv_bn_eval(block.conv, block.bn), nn.Identity()

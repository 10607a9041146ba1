"""FID once more, by pytorch-fid's own network and formula (`metrics.cross_check=true`)."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from tqdm import tqdm

PYTORCH_FID_FILE = "pt_inception-2015-12-05-6726825d.pth"


def pytorch_fid(
    samples: UInt8[np.ndarray, "n channel height width"],
    reference: UInt8[np.ndarray, "m channel height width"],
    weights: Path,
    *,
    device: torch.device,
    batch_size: int,
) -> float:
    """FID as `python -m pytorch_fid` gives it for the same images and weights; `weights` must have been checked.

    It resizes with half-pixel centres where the original graph has none, so small images get a value a little off ours.
    """
    from pytorch_fid.fid_score import calculate_frechet_distance
    from pytorch_fid.inception import InceptionV3

    before = torch.hub.get_dir()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "checkpoints").mkdir()
        (Path(folder) / "checkpoints" / PYTORCH_FID_FILE).symlink_to(weights.absolute())
        torch.hub.set_dir(folder)  # where pytorch-fid looks for its weights
        try:
            network = InceptionV3().to(device).eval()
        finally:
            torch.hub.set_dir(before)
    (mean, covariance), (real_mean, real_covariance) = (
        _statistics(network, images, device, batch_size) for images in (samples, reference)
    )
    return float(calculate_frechet_distance(mean, covariance, real_mean, real_covariance))


@torch.inference_mode()
def _statistics(
    network: torch.nn.Module, images: UInt8[np.ndarray, "n channel height width"], device: torch.device, batch_size: int
) -> tuple[Float64[np.ndarray, " feature"], Float64[np.ndarray, "feature feature"]]:
    found = []
    for start in tqdm(range(0, len(images), batch_size), desc="pytorch-fid", unit="batch", delay=1):
        batch = torch.from_numpy(np.array(images[start : start + batch_size])).to(device).float() / 255
        found.append(network(batch.expand(-1, 3, -1, -1))[0].flatten(1).cpu().double().numpy())
    features = np.concatenate(found)
    return features.mean(axis=0), np.cov(features, rowvar=False)

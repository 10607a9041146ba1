"""`job=prepare`: bring a data set into the prepared form, so that training starts at once."""

from pathlib import Path

from improved_gan import dataset
from improved_gan.checks import describe_shape
from improved_gan.composing import Request


def prepare(request: Request) -> Path:
    """Prepare the data set of `request`, print what it holds and return the folder of its prepared form."""
    config = request.config
    prepared = dataset.load(config.dataset, Path(config.data_root))
    print(f"{'data set':<12} {prepared.name}")
    print(f"{'examples':<12} {describe_shape(prepared.image_shape)}")
    print(f"{'training':<12} {len(prepared.train.images)}")
    print(f"{'test':<12} {len(prepared.test.images) if prepared.test else 0}")
    print(f"{'classes':<12} {prepared.classes or 'none'}")
    print(f"{'checksum':<12} {prepared.checksum}")
    return prepared.folder

"""What `improved-gan` can do: job=NAME is the function NAME in NAME.py, from a request to the folder of its result.

Each is imported only when it is asked for: training needs no pandas, a report no torch.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from improved_gan.composing import Request


def job_named(name: str) -> Callable[[Request], Path]:
    """The function that does `job=name`."""
    job: Callable[[Request], Path] = getattr(import_module(f"improved_gan.job.{name}"), name)
    return job

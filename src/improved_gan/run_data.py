"""The data of a stored run: found where it lies now, and compared with what the run was trained on."""

import dataclasses
from pathlib import Path

from improved_gan.composing import Request
from improved_gan.config import UsageError
from improved_gan.dataset import PreparedDataset, checksum_at_hand, load
from improved_gan.nodes import DatasetConfig
from improved_gan.run_folder import RunFolder, read_config

Place = tuple[DatasetConfig, Path]  # and the data root


def refuse_other_data(folder: Path, checksum: str | None) -> None:
    """Raise `UsageError` where the run in `folder` was trained on data of another checksum; None is not known."""
    trained_on = _checksum(folder)
    if trained_on is not None and checksum is not None and trained_on != checksum:
        raise UsageError(
            f"run={folder}: was trained on data with checksum {trained_on[:12]}, and the data found has "
            f"{checksum[:12]}; set dataset.path= or data_root= to its own data, or train again with "
            "another output_root="
        )


def refuse_changed_data(folder: Path, request: Request) -> None:
    """Raise `UsageError` where the data of the run in `folder` is there and another; missing data does no harm."""
    found = [checksum for _, checksum in _at_hand(folder, request) if checksum is not None]
    if found and _checksum(folder) not in found:
        refuse_other_data(folder, found[0])


def stored_data(folder: Path, request: Request) -> PreparedDataset:
    """The data of the run in `folder`, from where the command line says that it lies, else from where it lay.

    Raises `UsageError` where it is not there, or is not what the run was trained on.
    """
    places, trained_on = _at_hand(folder, request), _checksum(folder)
    likely = [place for place, checksum in places if checksum is not None]
    right = [place for place, checksum in places if checksum is not None and checksum == trained_on]
    data, root = [*right, *likely, places[-1][0]][0]
    try:
        prepared = load(data, root)
    except UsageError as error:
        remedy = "data_root=" if data.path is None else "dataset.path="
        raise UsageError(f"{error}; if the data of {folder} was moved, set {remedy}") from None
    refuse_other_data(folder, prepared.checksum)
    return prepared


def _checksum(folder: Path) -> str | None:
    """Of the data that the run was trained on; None in a run that has not begun to train."""
    checksum: str | None = (RunFolder(folder).summary().get("dataset") or {}).get("checksum")
    return checksum


def _at_hand(folder: Path, request: Request) -> list[tuple[Place, str | None]]:
    """Where the data may lie, with the checksum of what lies there."""
    stored, given = read_config(folder), {text.partition("=")[0] for text in request.overrides}
    asked, root = request.config, Path(request.config.data_root)
    if stored.dataset.path is not None:
        path = asked.dataset.path if "dataset.path" in given else stored.dataset.path
        places = [(dataclasses.replace(stored.dataset, path=path), root)]
    else:
        roots = [root] if "data_root" in given else [Path(stored.data_root), root]
        places = [(stored.dataset, each) for each in roots]
    return [((data, each), checksum_at_hand(data, each)) for data, each in places]

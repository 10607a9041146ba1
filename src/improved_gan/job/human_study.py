"""`job=human_study`: a page on which people tell a study's generated images from real ones."""

import dataclasses
import ipaddress
import math
from pathlib import Path

import numpy as np

from improved_gan import dataset
from improved_gan.composing import Request
from improved_gan.config import HumanStudyConfig, UsageError
from improved_gan.dataset import PreparedDataset
from improved_gan.evaluation.sample_files import read_images
from improved_gan.human_study.design import ATTENTION, REAL, choose_images
from improved_gan.human_study.storage import Study, create
from improved_gan.run_data import stored_data

MOST = 50_000  # images read from a folder or an .npz


def human_study(request: Request) -> Path:
    """Fix the study's images unless they are, serve its page until interrupted and return the study's folder."""
    config, wanted = request.config, request.config.human_study
    assert wanted is not None
    _check_host(wanted)
    try:
        import uvicorn

        from improved_gan.human_study.server import application
    except ImportError:
        raise UsageError("job=human_study: requires the extra: pip install 'improved-gan[human]'") from None
    folder = Path(config.output_root).absolute() / "human_study" / wanted.name
    path = folder / "study.sqlite"
    design = {k: v for k, v in dataclasses.asdict(wanted).items() if k not in ("host", "port", "token")}
    if not path.exists():
        data, generated = images_of(request, wanted)
        assert data.test is not None
        sources = {name_of(text): str(Path(text).absolute()) for text in wanted.compare}
        images = choose_images(wanted, np.asarray(data.test.images), generated)
        create(path, design | {"sources": sources, "data": data.name, "checksum": data.checksum}, images)
    study = Study(path)
    changed = [key for key in design if study.design.get(key) != design[key]]
    if changed:
        raise UsageError(
            f"human_study.{changed[0]}={design[changed[0]]}: {wanted.name} was begun with "
            f"{study.design.get(changed[0])}; give human_study.name=ANOTHER"
        )
    print(f"http://{wanted.host}:{wanted.port}/" + (f"?token={wanted.token}" if wanted.token else ""), flush=True)
    server = application(study, wanted.token, wanted.host)
    uvicorn.run(server, host=wanted.host, port=wanted.port, log_level="warning", server_header=False)
    study.close()
    return folder


def images_of(request: Request, wanted: HumanStudyConfig) -> tuple[PreparedDataset, dict[str, np.ndarray]]:
    """The data set whose test split has the real images, and each generator's images by its name.

    Raises `UsageError` where runs were trained on other data than is found, or than one another.
    """
    config = request.config
    if not wanted.compare:
        raise UsageError("human_study.compare=[]: must name at least one; give runs, folders of images or .npz files")
    generated: dict[str, np.ndarray] = {}
    sets: list[PreparedDataset] = []
    for text in wanted.compare:
        path, name = Path(text), name_of(text)
        if name in (*generated, REAL, ATTENTION):
            raise UsageError(f"human_study.compare: {name} names two of them, or is a word of ours; rename one")
        if (path / "config.yaml").is_file():
            from improved_gan.training.loading import load_run  # torch takes seconds

            run = load_run(path, "newest", config.device)
            if not run.pair.objective.trains_generator:
                raise UsageError(f"human_study.compare: objective={run.config.objective.name} trains no generator")
            pool = math.ceil(wanted.images * 100 / wanted.top_percent)
            generated[name] = run.sampler.sample(pool, wanted.seed).numpy()
            sets.append(stored_data(path, request))
        else:
            generated[name] = read_images(path, skip_unreadable=False, count=MOST, seed=wanted.seed)[0].images
    if len({data.checksum for data in sets}) > 1:
        raise UsageError("human_study.compare: the runs were trained on different data sets; a study has one")
    prepared = sets[0] if sets else dataset.load(config.dataset, Path(config.data_root))
    if prepared.modes is not None:
        raise UsageError(f"dataset={prepared.name}: not supported with points; a study shows images")
    if prepared.test is None:
        raise UsageError(f"dataset={prepared.name}: has no test split, which a study takes its real images from")
    if wanted.top_percent < 100:
        from improved_gan.human_study.selection import best_images

        generated = best_images(generated, wanted.top_percent, wanted.top_by, prepared, config.metrics, config.device)
    return prepared, generated


def name_of(text: str) -> str:
    """What a generator is called in the study: the name of its folder, or of its file without the suffix."""
    path = Path(text)
    return path.resolve().name if path.is_dir() else path.stem


def _check_host(wanted: HumanStudyConfig) -> None:
    try:
        loopback = wanted.host == "localhost" or ipaddress.ip_address(wanted.host).is_loopback
    except ValueError:
        raise UsageError(f"human_study.host={wanted.host}: must be an address, such as 127.0.0.1") from None
    if not loopback and not wanted.token:
        raise UsageError(f"human_study.host={wanted.host}: others can reach it; set human_study.token=SECRET too")

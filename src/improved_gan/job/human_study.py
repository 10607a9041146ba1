"""`job=human_study`: a page on which people tell a study's generated images from real ones."""

import dataclasses
import ipaddress
from pathlib import Path

import numpy as np

from improved_gan import dataset
from improved_gan.composing import Request
from improved_gan.config import Config, DatasetConfig, HumanStudyConfig, UsageError
from improved_gan.human_study.design import ATTENTION, REAL, choose_images
from improved_gan.human_study.storage import Study, create
from improved_gan.metrics.sample_files import read_images


def human_study(request: Request) -> Path:
    """Fix the study's images unless they are, serve its page until interrupted and return the study's folder."""
    config, wanted = request.config, request.config.human_study
    assert wanted is not None
    _check_host(wanted)
    try:
        import uvicorn

        from improved_gan.human_study.server import application
    except ImportError:
        raise UsageError("job=human_study: needs the extra: pip install 'improved-gan[human]'") from None
    folder = Path(config.output_root).absolute() / "human_study" / wanted.name
    path = folder / "study.sqlite"
    design = {k: v for k, v in dataclasses.asdict(wanted).items() if k not in ("host", "port", "token")}
    if not path.exists():
        reals, generated = images_of(config, wanted)
        create(path, design, choose_images(wanted, reals, generated))
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


def images_of(config: Config, wanted: HumanStudyConfig) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Real images of the test split, and each generator's by its name."""
    if not wanted.compare:
        raise UsageError("human_study.compare=[]: nothing to judge; give runs, folders of images or .npz files")
    generated: dict[str, np.ndarray] = {}
    sets: list[DatasetConfig] = []
    for text in wanted.compare:
        path = Path(text)
        name = path.resolve().name if path.is_dir() else path.stem
        if name in (*generated, REAL, ATTENTION):
            raise UsageError(f"human_study.compare: {name} names two of them, or is a word of ours; rename one")
        if (path / "config.yaml").is_file():
            from improved_gan.training.loading import load_run  # torch takes seconds

            run = load_run(path, "newest", config.device)
            if not run.pair.objective.trains_generator:
                raise UsageError(f"human_study.compare: objective={run.config.objective.name} trains no generator")
            generated[name] = run.sampler.sample(wanted.images, wanted.seed).numpy()
            sets.append(run.config.dataset)
        else:
            generated[name] = read_images(path, skip_unreadable=False, count=10_000, seed=wanted.seed)[0].images
    if len({data.name for data in sets}) > 1:
        raise UsageError("human_study.compare: the runs were trained on different data sets; a study has one")
    data = sets[0] if sets else config.dataset
    if data.holds_points:
        raise UsageError(f"dataset={data.name}: points are no images; people judge images")
    reals = dataset.load(data, Path(config.data_root)).test
    if reals is None:
        raise UsageError(f"dataset={data.name}: has no test split, which a study takes its real images from")
    return np.asarray(reals.images), generated


def _check_host(wanted: HumanStudyConfig) -> None:
    try:
        loopback = wanted.host == "localhost" or ipaddress.ip_address(wanted.host).is_loopback
    except ValueError:
        raise UsageError(f"human_study.host={wanted.host}: must be an address, such as 127.0.0.1") from None
    if not loopback and not wanted.token:
        raise UsageError(f"human_study.host={wanted.host}: others can reach it; set human_study.token=SECRET too")

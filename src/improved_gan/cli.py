"""The command `improved-gan`: compose, check, dispatch. Nothing heavy is imported before the request is checked."""

import logging
import os
import signal
import sys
from pathlib import Path

from improved_gan.composing import Request, compose_jobs, conf_folder, groups, register_schema
from improved_gan.config import RequestError
from improved_gan.job import job_named
from improved_gan.training.ending import Stopped, TrainingFailed

log = logging.getLogger("improved_gan")

HELP = """\
improved-gan trains GANs with the techniques of arXiv 1606.03498, as toggles.

usage: improved-gan [job=JOB] [group=choice ...] [key=value ...]
       improved-gan -m ...           all combinations of comma-separated values
       improved-gan --cfg job ...    print the composed config and stop

groups and their choices:
{groups}

every key and its default: improved-gan --cfg job

examples:
  improved-gan
  improved-gan dataset=mnist architecture=mnist_mlp technique.feature_matching.enabled=true
  improved-gan -m technique.virtual_batch_norm.enabled=true,false seed=1,2,3
"""

HYDRA_FLAGS = ("--cfg", "-c", "--info", "-i", "--shell-completion", "-sc", "--hydra-help", "--version", "--resolve")


def main() -> None:
    """Run the command line and exit with its status (see `../shared` contracts in docs: 0, 1, 2 or 128+n)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Do what `arguments` ask; returns the exit status."""
    try:
        if "--help" in arguments or "-h" in arguments:
            print(help_text())
            return 0
        if any(argument.split("=")[0] in HYDRA_FLAGS for argument in arguments):
            return _hydra(arguments)
        requests = compose_jobs(arguments)
        multirun = "-m" in arguments or "--multirun" in arguments
        return _run_all(requests) if multirun else _run_one(requests[0])
    except RequestError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def help_text() -> str:
    """Groups, choices and examples."""
    lines = [f"  {group:<14} {', '.join(choices)}" for group, choices in groups().items()]
    return HELP.format(groups="\n".join(lines))


def _hydra(arguments: list[str]) -> int:
    """Hydra's own flags: printing the config, shell completion, versions."""
    import hydra
    from hydra.errors import HydraException

    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise, so that the complaint is one line here as everywhere
    register_schema()
    sys.argv[1:] = arguments
    wanted = [a for a in arguments if not a.startswith("-") and "=" in a]
    if not any(a.split("=")[0] in ("--shell-completion", "-sc") for a in arguments):
        compose_jobs(wanted)
    try:
        hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(lambda _: None)()
    except HydraException as error:
        raise RequestError(str(error).splitlines()[0]) from None
    return 0


def _run_one(request: Request) -> int:
    """Do one request; its folder is the last line on stdout."""
    status, folder = _dispatch(request)
    if folder is not None:
        print(folder)
    return status


def _run_all(requests: list[Request]) -> int:
    """Do all requests of a multirun in turn; a failure does not stop the others, and is listed at the end."""
    failures = []
    for number, request in enumerate(requests, start=1):
        _log_to_stderr()
        log.info("job %d of %d: %s", number, len(requests), " ".join(request.overrides) or "defaults")
        status, _ = _dispatch(request)
        if status >= 128:
            return status
        if status:
            failures.append(f"job {number} ({' '.join(request.overrides)}) failed with status {status}")
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    print(Path(requests[0].config.output_root).absolute() / requests[0].experiment)
    return 1 if failures else 0


def _dispatch(request: Request) -> tuple[int, Path | None]:
    """Exit status and folder of one job, with every way that it can end turned into a sentence."""
    _log_to_stderr()
    try:
        return 0, job_named(request.config.job.name)(request)
    except RequestError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2, None
    except Stopped as stop:
        print(f"{stop}; the same command goes on from the checkpoint", file=sys.stderr)
        return 128 + stop.signum, None
    except TrainingFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1, None
    except Exception as error:
        log.exception("the run failed")
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return 1, None


def _log_to_stderr() -> None:
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)

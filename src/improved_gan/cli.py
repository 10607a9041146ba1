"""The command `improved-gan`: compose, check, dispatch. Nothing heavy is imported before the request is checked."""

import contextlib
import importlib.metadata
import io
import os
import signal
import sys

from improved_gan.streams import guard_streams
from improved_gan.training.termination import ending_at_once

with ending_at_once():
    from improved_gan.composing import Request, compose_jobs, conf_folder, groups, load_asked_for, register_schema
    from improved_gan.config import UsageError
    from improved_gan.dispatching import dispatch, resource_that_ran_out
    from improved_gan.metrics.registry import METRICS
    from improved_gan.plugins import search_path
    from improved_gan.processes import place
    from improved_gan.sweep import run_sweep

HELP = """\
improved-gan trains GANs with the techniques of arXiv 1606.03498, as toggles.

usage: improved-gan [job=JOB] [group=choice ...] [key=value ...]
       improved-gan -m ...           all combinations of comma-separated values
       improved-gan --cfg job ...    print the composed config and stop

groups and their choices:
{groups}

metrics (metrics.names=[...]), what each sees and what it misses:
{metrics}

every key and its default: improved-gan --cfg job
completion in bash: eval "$(improved-gan -sc install=bash)"; zsh, fish: improved-gan --hydra-help

examples:
  improved-gan
  improved-gan dataset=mnist technique.feature_matching.enabled=true
  improved-gan -m technique.virtual_batch_norm.enabled=true,false seed=1,2,3
  improved-gan job=evaluate images=outputs/default/RUN metrics.samples=5000
"""

HYDRA_FLAGS = ("--cfg", "-c", "--info", "-i", "--shell-completion", "-sc", "--hydra-help", "--resolve")


FOREIGN_FLAGS = ("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp")


def main() -> None:
    """Exit with the status of the command line: 0 success, 1 run failed, 2 usage error, 128+n stopped by signal n."""
    guard_streams()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Do what `arguments` ask; returns the exit status."""
    try:
        if "--help" in arguments or "-h" in arguments:
            load_asked_for(arguments)
            print(help_text())
            return 0
        if "--version" in arguments:
            print(f"improved-gan {importlib.metadata.version('improved-gan')}")
            return 0
        _check_working_folder()
        if foreign := [argument for argument in arguments if argument.split("=")[0] in FOREIGN_FLAGS]:
            raise UsageError(
                f"{foreign[0]}: configs are read from {conf_folder()} alone; settings from outside are given as "
                "key=value, those of a file with improved-gan $(cat FILE)"
            )
        if any(argument.split("=")[0] in HYDRA_FLAGS for argument in arguments):
            return _hydra(arguments)
        requests = compose_jobs(arguments)
        overrides = [argument for argument in arguments if argument not in ("-m", "--multirun")]
        if len(overrides) < len(arguments) and place().count > 1:
            raise UsageError("--multirun: takes one process; start it without torchrun")
        if len(overrides) < len(arguments) or requests[0].config.sweep.dry_run:
            return run_sweep(requests, overrides)
        return _run_one(requests[0])
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (OSError, RuntimeError, MemoryError) as error:  # while data is prepared that a run is known by
        if not (reason := resource_that_ran_out(error)):
            raise
        print(f"error: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _check_working_folder() -> None:
    try:
        os.getcwd()
    except OSError:
        raise UsageError("the working folder has been deleted; cd to one that is there") from None


def help_text() -> str:
    """Return groups, choices, metrics and examples."""
    lines = [f"  {group:<14} {', '.join(choices)}" for group, choices in groups().items()]
    metrics = [f"  {name}: sees {m.sees}; misses {m.misses}" for name, m in METRICS.items()]
    return HELP.format(groups="\n".join(lines), metrics="\n".join(metrics))


def _hydra(arguments: list[str]) -> int:
    """Hydra's own flags: printing the config, shell completion, versions."""
    import hydra
    from hydra.errors import HydraException

    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise, so that the complaint is one line here as everywhere
    register_schema()
    wanted = [a for a in arguments if not a.startswith("-") and "=" in a]
    if not any(a.split("=")[0] in ("--shell-completion", "-sc") for a in arguments):
        compose_jobs(wanted)
    sys.argv[1:] = [*arguments, *search_path()]
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(lambda _: None)()
    except (HydraException, ValueError) as error:
        raise UsageError(str(error).splitlines()[0]) from None
    except SystemExit as end:
        if end.code:  # argparse has said why, under a page on usage
            raise UsageError(complaint.getvalue().strip().splitlines()[-1].rpartition("error: ")[2]) from None
    return 0


def _run_one(request: Request) -> int:
    """Do one request; its folder is the last line on stdout."""
    outcome = dispatch(request)
    if outcome.folder is not None and place().rank == 0:
        print(outcome.folder)
    return outcome.status

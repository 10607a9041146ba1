"""The way from a clone, or from a wheel, to a program that runs."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


def make(*arguments: str, tree: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "-C", str(tree), *arguments], env=inherited | environment, capture_output=True, text=True
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the making of .venv reads, in a folder without one."""
    (tmp_path / "scripts").mkdir()
    for name in ("Makefile", "pyproject.toml", "scripts/make_venv.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def python_that(does: str, folder: Path) -> str:
    """A python3 that first executes the given line, then what it was asked to."""
    program = folder / "python3"
    source = f"import runpy, sys; sys.argv.pop(0); {does}; runpy.run_path(sys.argv[0], run_name='__main__')"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{source}" "$@"\n')
    program.chmod(0o755)
    return f"PYTHON={program}"


def test_help_lists_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    shown = re.findall(r"^make ([a-z0-9-]+) +\S", make("help").stdout, re.MULTILINE)
    assert sorted(shown) == sorted(targets[1].split())


@pytest.mark.parametrize("target", ["run", "test"])
@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        ("sys.version_info = (3, 8, 19)", "needs Python 3.11 or newer"),
        ("sys.modules['ensurepip'] = None", "has no venv module"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(clone: Path, target: str, does: str, sentence: str) -> None:
    result = make(target, python_that(does, clone), tree=clone)
    assert result.returncode != 0
    assert result.stderr.startswith("error: ") and sentence in result.stderr.splitlines()[0]
    assert "Traceback" not in result.stderr
    assert not (clone / ".venv").exists()


def test_no_python_at_all(clone: Path) -> None:
    result = make("run", "PYTHON=no-such-python", tree=clone)
    assert result.returncode != 0
    assert result.stderr.startswith("error: no no-such-python here")


@pytest.mark.integration
def test_a_failed_installation_is_not_taken_for_a_whole_one(clone: Path) -> None:
    nothing_to_install_from = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(clone)}
    left_behind = clone / ".venv/bin/improved-gan"  # by an earlier installation that was interrupted
    left_behind.parent.mkdir(parents=True)
    left_behind.symlink_to(shutil.which("true") or "true")
    result = make("run", f"PYTHON={sys.executable}", tree=clone, **nothing_to_install_from)
    assert result.returncode != 0
    assert "error: .venv is not complete" in result.stderr
    assert not left_behind.exists()
    assert not (clone / ".venv/.complete").exists()


def test_no_registry_is_named_and_pip_keeps_its_settings() -> None:
    for name in ("Makefile", "pyproject.toml", "scripts/make_venv.py", ".ci/run"):
        assert not re.search(r"index-url|find-links|https?://|--isolated", (ROOT / name).read_text()), name


def test_the_workflow_runs_the_pythons_that_the_classifiers_name_and_nothing_but_ci() -> None:
    workflow = ROOT / ".github/workflows/ci.yml"
    if not workflow.exists():
        pytest.skip("a source distribution has no workflow")
    (job,) = yaml.safe_load(workflow.read_text())["jobs"].values()
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons = [name.split(" :: ")[-1] for name in classifiers if re.search(r"Python :: \d\.\d+$", name)]
    assert job["strategy"]["matrix"]["python"] == pythons
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder], check=True, cwd=ROOT)
    return folder


@pytest.mark.slow
def test_twine_would_upload_what_is_built(distributions: Path) -> None:
    pytest.importorskip("twine")
    files = [str(path) for path in distributions.iterdir()]
    assert len(files) == 2
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_source_distribution_tests_itself(distributions: Path, tmp_path: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    line = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "not integration and not slow",
        "tests/test_python_interface.py",
    ]
    line += ["tests/composing", "tests/game"]
    done = subprocess.run(line, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree / "src")}, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout.decode()
    assert subprocess.run([sys.executable, "scripts/check_docs.py"], cwd=tree).returncode == 0


@pytest.fixture(scope="module")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of an environment that has the wheel, built from the source distribution, and borrows the rest."""
    folder = tmp_path_factory.mktemp("wheel")

    def run(*command: str) -> None:
        subprocess.run([sys.executable, "-m", *command], check=True, cwd=ROOT)

    run("venv", "--without-pip", str(folder / "venv"))
    python = folder / "venv/bin/python"
    wheel = next(distributions.glob("*.whl"))
    run("pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    # A folder that a .pth file names has its own .pth files ignored: the editable installation stays out.
    packages = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    (Path(packages) / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "venv/bin/improved-gan"


@pytest.mark.slow
def test_a_wheel_carries_its_configuration(installed: Path, tmp_path: Path) -> None:
    def run(*command: str | Path) -> str:
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, env=alone).stdout

    where = run(installed.with_name("python"), "-c", "import improved_gan; print(improved_gan.__file__)")
    assert where.startswith(str(installed.parent.parent))
    assert "digits" in run(installed, "--help")
    assert "learning_rate" in run(installed, "--cfg", "job")
    assert not list(tmp_path.iterdir())
    code = "import improved_gan; print(improved_gan.load('pretrained/mnist').sample(3).shape)"
    assert "[3, 1, 28, 28]" in run(installed.with_name("python"), "-c", code)
    trained = run(installed, "budget=smoke", "tracking.mode=disabled", "device=cpu").splitlines()[-1]
    assert Path(trained).parent == tmp_path / "outputs" / "default"
    assert (Path(trained) / "samples" / "step_000000.png").is_file()

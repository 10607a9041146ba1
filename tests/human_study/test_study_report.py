"""A study's report: every answer accounted for, pictures of what fooled people, and their order beside the scores'."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from improved_gan import cli
from improved_gan.human_study.design import ATTENTION, REAL, StudyImage, encoded
from improved_gan.human_study.judged_images import judged_images, most_mistaken
from improved_gan.human_study.storage import Answer, Study, create

pytestmark = pytest.mark.integration  # draws plots
FOOLING = {"poor": 0.1, "fair": 0.3, "good": 0.5, "best": 0.7}  # how often each is called real


def make_study(root: Path, people: int = 6) -> Path:
    """A study of four generators, judged by people whom they fool as `FOOLING` says; scores lie with job=evaluate."""
    source = np.random.default_rng(0)
    folder = root / "human_study" / "first"
    images = [
        StudyImage(f"{source.integers(2**62):032x}", name, encoded(source.integers(0, 256, (1, 8, 8), dtype=np.uint8)))
        for name in [REAL] * 8 + [g for g in FOOLING for _ in range(4)] + [ATTENTION]
    ]
    sources = {name: str(root / f"{name}.npz") for name in FOOLING}
    design = {"name": "first", "repeats": 3, "feedback": "random", "images": 24, "layout": "single", "sources": sources}
    create(folder / "study.sqlite", design, images)
    place = {image.name: number for number, image in enumerate(images)}
    study = Study(folder / "study.sqlite")
    for number in range(people):
        person = study.add_participant()
        while (now := study.progress(person, showing=True)) and now.images:
            of = place[now.images[0]]
            chance = ({REAL: 0.8, ATTENTION: 0.0} | FOOLING)[images[of].source]
            says_real = (of + 4 * number) * 7 % 24 < 24 * chance  # a share of `chance`, whatever the order
            study.answer(person, now.position, set() if says_real else {0})
    study.close()
    for value, name in enumerate(FOOLING, 1):
        evaluated = root / "evaluate" / name
        evaluated.mkdir(parents=True)
        metrics = {
            "classifier_score": {"value": value + 0.5, "samples": 100},
            "frechet_inception_distance": {"value": 50 - value, "samples": 100},
        }
        (evaluated / "summary.json").write_text(json.dumps({"images": sources[name], "metrics": metrics}))
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_study(tmp_path_factory.mktemp("outputs"))
    assert cli.run(["job=report", f"run={folder}", "report.resamples=200"]) == 0
    return folder / "report"


def test_every_answer_and_image_is_accounted_for(report: Path) -> None:
    answers = list(csv.DictReader((report / "answers.csv").open()))
    images = list(csv.DictReader((report / "images.csv").open()))
    assert len(answers) == 6 * (24 + 3 + 1) and len(images) == 24
    assert sum(int(row["called_real"]) + int(row["called_generated"]) for row in images) == 6 * 24
    assert sum(row["repeat"] == "1" for row in answers) == 6 * 3
    assert not (report / "answers.csv").read_text().count("127.0.0.1")


def test_the_table_stands_beside_the_paper(report: Path) -> None:
    table = (report / "table.md").read_text()
    for words in ("| accuracy |", "| accuracy, best |", "| d' |", "quarter", "repeats answered alike", "response time"):
        assert words in table
    assert "| the paper: accuracy, CIFAR-10 | 78.7% |" in table and "MNIST | 52.4%" in table


def test_people_are_ranked_against_each_score_with_its_sign(report: Path) -> None:
    lines = [line.split("|") for line in (report / "table.md").read_text().splitlines() if "rank correlation" in line]
    assert [line[1].strip().removeprefix("rank correlation with ") for line in lines] == [
        "Fréchet inception distance",
        "classifier score",
    ]
    for line in lines:
        assert float(line[2]) >= 0.8 and " to " in line[3]


def test_the_page_needs_nothing_beside_it(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert "The most convincing fakes" in page and "The most doubted reals" in page
    assert page.count("data:image/png;base64,") >= 12 and page.count("data:image/svg+xml;base64,") == 3
    assert 'src="http' not in page and 'href="http' not in page


def test_the_most_mistaken_images_are_told_apart_by_what_they_are() -> None:
    said = {"r1": (REAL, 1, 9), "r2": (REAL, 10, 0), "g1": ("gan", 9, 1), "g2": ("gan", 2, 8), "g3": ("gan", 1, 0)}
    rows = [
        Answer(f"p{k}", 0, 0, name, source, REAL if k < real else "generated", 1.0, name)
        for name, (source, real, fake) in said.items()
        for k in range(real + fake)
    ]
    images = judged_images(rows)
    assert [image.image for image in most_mistaken(images, real=True, count=5)] == ["r1"]
    assert [image.image for image in most_mistaken(images, real=False, count=5)] == ["g1", "g3", "g2"]


def test_a_study_without_answers_has_a_report(tmp_path: Path) -> None:
    folder = make_study(tmp_path, people=0)
    assert cli.run(["job=report", f"run={folder}"]) == 0
    assert "Nobody has answered yet" in (folder / "report" / "report.html").read_text()


def test_fewer_than_four_generators_are_not_ranked(report: Path, tmp_path: Path) -> None:
    outputs = Path(shutil.copytree(report.parents[2], tmp_path / "outputs"))
    folder = outputs / "human_study" / "first"
    for name in ("poor", "fair"):
        (outputs / "evaluate" / name / "summary.json").unlink()
    assert cli.run(["job=report", f"run={folder}", "report.resamples=100"]) == 0
    assert "no score is known of 4 generators" in (folder / "report" / "report.html").read_text()

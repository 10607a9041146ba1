"""A study over HTTP: nothing betrays an image, no answer is lost, changed or counted twice, bad requests get 4xx."""

import re
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from scipy import stats

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from improved_gan.config import HumanStudyConfig, UsageError
from improved_gan.human_study.design import ATTENTION, REAL, choose_images
from improved_gan.human_study.server import application
from improved_gan.human_study.statistics import attentive, estimates
from improved_gan.human_study.storage import Study, create


def design(**changes: object) -> HumanStudyConfig:
    values = {
        "name": "s",
        "compare": ["a", "b"],
        "images": 8,
        "real_share": 0.5,
        "repeats": 2,
        "attention_checks": 1,
        "layout": "single",
    }
    values |= {"feedback": "always", "seed": 1, "host": "127.0.0.1", "port": 0, "token": None}
    return HumanStudyConfig(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path / "study.sqlite")


def made(path: Path, layout: str = "single") -> Path:
    source = np.random.default_rng(0)
    reals = source.integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    generated = {"a": np.zeros((9, 1, 8, 8), np.uint8), "b": np.full((9, 1, 8, 8), 255, np.uint8)}
    images = choose_images(design(), reals, generated)
    assert [image.source for image in images] == [REAL] * 4 + ["a"] * 2 + ["b"] * 2 + [ATTENTION]
    create(path, {"images": 8, "repeats": 2, "feedback": "always", "layout": layout}, images)
    return path


def client_of(study: Study, token: str | None = None) -> TestClient:
    return TestClient(application(study, token), base_url="http://127.0.0.1", raise_server_exceptions=False)


def post(client: TestClient, position: object, answer: str = "real") -> httpx.Response:
    return client.post("/answer", data={"position": str(position), "answer": answer}, follow_redirects=False)


def test_a_person_goes_through_and_nothing_betrays_an_image(path: Path) -> None:
    study = Study(path)
    client = client_of(study)
    assert client.get("/").status_code == 200
    client.post("/start", data={"consent": "yes"})
    seen = set()
    for position in range(8 + 2 + 1):
        page = client.get("/trial").text
        (name,) = re.findall(r"/image/([0-9a-f]{32})", page)
        image = client.get(f"/image/{name}")
        neutral = re.sub(r'nonce="[^"]*"|Your last answer was \w+.|\d+', "", page.replace(name, ""))
        seen.add((len(image.content), frozenset(image.headers.items()), len(neutral)))
        assert post(client, position).status_code == 303
    assert len({length for length, _, _ in seen}) == 1 == len({headers for _, headers, _ in seen})
    end = client.get("/trial").text
    assert "Thank you" in end and "nobody to compare with" in end
    assert len(study.answers()) == 11


def test_an_answer_counts_once_and_cannot_be_changed(path: Path) -> None:
    study = Study(path)
    client = client_of(study)
    client.post("/start", data={"consent": "yes"})
    client.post("/start", data={"consent": "yes"})  # the back button
    assert post(client, 1).status_code == 409  # not shown yet
    client.get("/trial")
    assert [post(client, 0).status_code for _ in range(3)] == [303, 303, 303]
    assert post(client, 0, "generated").status_code == 409
    study.close()
    again = Study(path)  # the server was restarted
    moved = client_of(again)
    moved.cookies = client.cookies
    assert "Image 2 of 11" in moved.get("/trial").text
    assert [(row[2], row[5]) for row in again.answers()] == [(0, "real")]


def test_on_a_grid_the_generated_ones_are_marked(tmp_path: Path) -> None:
    study = Study(made(tmp_path / "grid.sqlite", "grid"))
    client = client_of(study)
    client.post("/start", data={"consent": "yes"}, follow_redirects=False)

    def mark(position: int, *marks: int) -> int:
        data = {"position": str(position)} | {f"g{k}": "1" for k in marks}
        return client.post("/answer", data=data, follow_redirects=False).status_code

    assert mark(0) == 409  # not shown yet
    names = re.findall(r"/image/([0-9a-f]{32})", client.get("/trial").text)
    assert len(names) == 9 and {len(client.get(f"/image/{name}").content) for name in names} == {54 + 8 * 8 * 3}
    assert (mark(1), mark(9), post(client, 0).status_code) == (409, 409, 400)
    assert [mark(0, 2, 5), mark(0, 2, 5), mark(0, 2)] == [303, 303, 409]
    page = client.get("/trial").text
    assert "Images 10 to 11 of 11" in page and "of the last 9" in page
    assert [mark(9, 2), mark(9, 0)] == [409, 303]
    assert "Thank you" in client.get("/trial").text
    assert [row[2] for row in study.answers() if row[5] == "generated"] == [2, 5, 9]


def test_bad_requests_get_a_4xx(path: Path) -> None:
    client = client_of(Study(path))
    assert client.get("/trial").status_code == 403
    assert client.post("/start", data={"consent": "no"}).status_code == 400
    client.cookies.set("participant", "0" * 32 + "." + "0" * 64)
    assert post(client, 0).status_code == 403
    client.cookies.clear()
    started = client.post("/start", data={"consent": "yes"}, follow_redirects=False)
    assert "samesite=strict" in started.headers["set-cookie"].lower() and "HttpOnly" in started.headers["set-cookie"]
    for position in ("", "-1", "x", "1e3", "９", "9" * 50):
        assert post(client, position).status_code == 400
    assert post(client, 0, "perhaps").status_code == 400
    assert client.post("/answer", content=b"x" * 3000).status_code == 413
    assert client.post("/answer", content=b"\xff\x00").status_code == 400
    for path_ in ("/image/..%2f..%2fetc%2fpasswd", "/image/" + "0" * 32, "/study.sqlite"):
        assert client.get(path_).status_code == 404
    assert client.get("/answer").status_code == 405


def test_with_a_token_only_its_link_starts(path: Path) -> None:
    client = client_of(Study(path), token="sesame")
    assert client.get("/").status_code == 403 == client.post("/start", data={"consent": "yes"}).status_code
    assert "sesame" in client.get("/?token=sesame").text
    assert client.post("/start", data={"consent": "yes", "token": "sesame"}).status_code == 200


def test_a_site_whose_name_resolves_to_this_machine_is_refused(path: Path) -> None:
    client = client_of(Study(path))
    assert client.get("/", headers={"Host": "evil.example:8000"}).status_code == 400
    for name in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000"):
        assert client.get("/", headers={"Host": name}).status_code == 200
    shared = client_of(Study(path), token="sesame")
    assert shared.get("/?token=sesame", headers={"Host": "lab.example"}).status_code == 200


def test_too_few_images_are_refused() -> None:
    reals = np.zeros((2, 1, 8, 8), np.uint8)
    with pytest.raises(UsageError, match="holds 2 images of 4"):
        choose_images(design(), reals, {"a": reals})


def test_the_last_page_counts_as_the_report_counts(path: Path) -> None:
    study, source = Study(path), np.random.default_rng(0)
    of_image = dict(study._database.execute("SELECT name, source FROM image"))
    people, ends = [study.add_participant() for _ in range(4)], []
    for number, person in enumerate(people):
        while (now := study.progress(person, showing=True)) and now.images:
            is_check = of_image[now.images[0]] == ATTENTION  # which the first takes for real
            study.answer(person, now.position, {0} if (number > 0 if is_check else source.random() < 0.5) else set())
        ends.append(study.accuracy(person))
    kept, failed = attentive(study.answers())
    of_all = next(each for each in estimates(kept, 0.95, 10) if each.name == "accuracy")
    assert failed == 1 and ends[0][1:] == (None, 0) == (ends[1][1], ends[1][2] - 1)
    assert ends[-1][1:] == (pytest.approx(of_all.value), of_all.participants)
    for person, (own, _, _) in zip(people[1:], ends[1:], strict=True):
        alone = estimates([row for row in kept if row.participant == person], 0.95, 10)[0]
        assert own == pytest.approx(alone.value)


@pytest.mark.integration
def test_how_long_an_image_takes_does_not_tell_what_it_is(tmp_path: Path) -> None:
    source, path = np.random.default_rng(0), tmp_path / "study.sqlite"
    reals = source.integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
    images = choose_images(design(images=54, attention_checks=0), reals, {"flat": np.zeros_like(reals)})
    create(path, {"images": 54, "repeats": 0, "feedback": "never", "layout": "grid"}, images)
    client, real = client_of(Study(path)), {image.name: image.source == REAL for image in images}
    client.post("/start", data={"consent": "yes"}, follow_redirects=False)
    excess: dict[str, float] = {}  # of each image's median time over that of the page, in seconds
    for position in range(0, 54, 9):
        seconds: dict[str, list[float]] = {
            n: [] for n in re.findall(r"/image/([0-9a-f]{32})", client.get("/trial").text)
        }
        for name in source.permutation(list(seconds) * 25):
            began = time.perf_counter()
            client.get(f"/image/{name}")
            seconds[name].append(time.perf_counter() - began)
        medians = {name: float(np.median(each)) for name, each in seconds.items()}
        excess |= {name: each - float(np.median(list(medians.values()))) for name, each in medians.items()}
        client.post("/answer", data={"position": str(position)}, follow_redirects=False)
    assert excess.keys() == real.keys()

    def chance(delay: float) -> float:
        """Of such a difference between reals and generated ones, had the reals taken `delay` seconds more."""
        times = {kind: [t + delay * kind for name, t in excess.items() if real[name] == kind] for kind in (True, False)}
        return float(stats.mannwhitneyu(times[True], times[False]).pvalue)

    spread = float(np.std(list(excess.values())))
    assert chance(0) > 1e-3
    assert chance(3 * spread) < 1e-3  # this cheat sees a delay that is there

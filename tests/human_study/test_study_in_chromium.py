"""The study in a real browser, taken as a person would: with a mouse, with a thumb, and by keyboard only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from served import Served

from improved_gan.human_study.storage import Study

pytest.importorskip("uvicorn")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"),
]
DESIGN = ["human_study.images=6", "human_study.repeats=1", "human_study.attention_checks=1"]
TRIALS = 8
FITS = "document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight"
SHARP = 'getComputedStyle(document.querySelector("img")).imageRendering == "pixelated"'
LARGE = '[...document.querySelectorAll("button")].every(b => b.offsetHeight >= 44 && b.offsetWidth >= 44)'
GRID_DESIGN = ["human_study.images=10", "human_study.repeats=0", "human_study.attention_checks=1"]
LOADED = "[...document.images].every(i => i.complete && i.naturalWidth == 8)"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(tmp_path_factory.mktemp("study"), *DESIGN, "human_study.feedback=always")
    yield server
    server.kill()


def at(position: int) -> str:
    return f'document.querySelector("[name=position]")?.value == "{position}"'


def answers_of(served: Served) -> list[str]:
    study = Study(served.study / "study.sqlite")
    rows = study.answers()
    study.close()
    return [row[5] for row in rows if row[0] == rows[-1][0]]


@pytest.mark.parametrize(("width", "height", "phone"), [(1280, 800, False), (390, 700, True), (360, 560, True)])
def test_a_person_takes_the_study(served: Served, tmp_path: Path, width: int, height: int, phone: bool) -> None:
    browser = Browser(tmp_path / "profile", width, height, phone=phone)
    browser.open(served.address + "/")
    assert browser.js("document.documentElement.scrollWidth <= innerWidth") and browser.js(LARGE)
    browser.screenshot(tmp_path / "welcome.png")
    browser.js('document.querySelector("form button").scrollIntoView()')
    browser.point("form button", touch=phone)
    for position in range(TRIALS):
        browser.wait(at(position))
        assert all(browser.js(each) for each in (FITS, SHARP, LARGE, LOADED)), position
        browser.screenshot(tmp_path / f"trial_{position}.png")
        if position == 3:
            browser.js("history.back()")  # the page before is not shown again
            browser.wait(at(position))
            browser.call("Page.reload")
            browser.wait(at(position))
        browser.point(f"button[value={'generated' if position % 3 else 'real'}]", touch=phone)
    browser.wait('document.querySelector("h1").textContent == "Thank you"')
    browser.screenshot(tmp_path / "end.png")
    browser.close()
    assert answers_of(served) == ["generated" if position % 3 else "real" for position in range(TRIALS)]
    assert all(url.startswith((served.address, "data:", "about:")) for url in browser.requests)


@pytest.mark.parametrize("by", ["letters", "tab"])
def test_the_keyboard_suffices(served: Served, tmp_path: Path, by: str) -> None:
    browser = Browser(tmp_path / "profile", 1280, 800)
    browser.open(served.address + "/")
    browser.press("Tab")
    assert browser.js('document.activeElement.matches("form button:focus-visible")')
    browser.press("Enter")
    for position in range(TRIALS):
        browser.wait(at(position))
        if by == "letters":
            browser.press("g" if position % 3 else "r")
        else:
            for _ in range(2 if position % 3 else 1):
                browser.press("Tab")
            browser.press(" ")
    browser.wait('document.querySelector("h1").textContent == "Thank you"')
    browser.close()
    assert answers_of(served) == ["generated" if position % 3 else "real" for position in range(TRIALS)]


def test_a_screen_reader_is_told_what_is_there(served: Served, tmp_path: Path) -> None:
    browser = Browser(tmp_path / "profile", 1280, 800)
    browser.open(served.address + "/")
    browser.point("form button")
    browser.wait(at(0))
    browser.press("r")
    browser.wait(at(1))
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    said = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]}
    assert {("button", "Real"), ("button", "Generated"), ("image", "Image 2 of 8, to be judged")} <= said
    assert any(role == "heading" for role, _ in said) and ("progressbar", "Image 2 of 8") in said
    assert any(role == "StaticText" and name.startswith("Your last answer was") for role, name in said)
    browser.close()


@pytest.mark.parametrize(("width", "height", "phone"), [(1280, 800, False), (390, 700, True)])
def test_the_generated_ones_of_nine_are_marked(tmp_path: Path, width: int, height: int, phone: bool) -> None:
    served = Served(tmp_path, *GRID_DESIGN, "human_study.layout=grid", "human_study.feedback=always")
    browser = Browser(tmp_path / "profile", width, height, phone=phone)
    browser.open(served.address + "/")
    browser.point("form button", touch=phone)
    browser.wait(at(0))
    assert all(browser.js(each) for each in (FITS, SHARP, LARGE, LOADED)) and browser.js("document.images.length") == 9
    if phone:
        for number in (2, 5, 7, 7):  # the second tap takes the mark off
            browser.point(f".grid label:nth-child({number})", touch=True)
    else:
        browser.press("2")
        for _ in range(5):  # by Tab from the first image
            browser.press("Tab")
        browser.press(" ")
    browser.wait('[...document.querySelectorAll("input:checked")].map(e => e.name).join() == "g1,g4"')
    browser.screenshot(tmp_path / "grid.png")
    browser.point("button", touch=True) if phone else browser.press("Enter")
    browser.wait(at(9))
    browser.screenshot(tmp_path / "rest.png")
    browser.point("button", touch=phone)
    browser.wait('document.querySelector("h1").textContent == "Thank you"')
    browser.close()
    assert answers_of(served) == ["generated" if position in (1, 4) else "real" for position in range(11)]
    served.kill()

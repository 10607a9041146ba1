"""The page in a real browser, with no network: its tables are there, its pictures load, nothing runs over the edge."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_runs import Maker
from PIL import Image
from test_report import table3

from improved_gan.config import ReportConfig
from improved_gan.report import make_report

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
PROBE = """<script>addEventListener("load", () => { document.body.dataset.seen = JSON.stringify({
  headings: [...document.querySelectorAll("h2, h3")].map(e => e.textContent.trim()),
  rows: document.querySelectorAll("table.results tbody tr").length,
  cells: [...document.querySelectorAll("table.results tbody tr:first-child td")].map(e => e.textContent.trim()),
  loaded: [...document.images].filter(i => i.complete && i.naturalWidth > 50).length,
  images: document.images.length,
  fetched: performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:")),
  overflow: document.documentElement.scrollWidth - innerWidth }) })</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"),
]


def chromium(page: Path, profile: Path, *flags: str) -> str:
    """What Chromium prints for a page."""
    assert CHROMIUM is not None
    line = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize("width", [1180, 700])
def test_the_page_opens_offline(maker: Maker, settings: ReportConfig, tmp_path: Path, width: int) -> None:
    table3(maker)
    page = make_report(maker.root, settings) / "report.html"
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page.read_text())
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text() + PROBE)
    dom = chromium(
        probed, tmp_path / "profile", f"--window-size={width},1200", "--virtual-time-budget=10000", "--dump-dom"
    )
    found = re.search(r'data-seen="([^"]*)"', dom)
    assert found is not None
    seen = json.loads(found.group(1).replace("&quot;", '"'))
    assert {"digits", "The paper's order", "Every seed", "Learning curves", "Samples"} <= set(seen["headings"])
    assert seen["rows"] == 6 and seen["cells"][0] == "Our methods" and "7.00 ± 0.20" in seen["cells"]
    assert seen["loaded"] == seen["images"] == 3 + 6
    assert seen["fetched"] == [] and seen["overflow"] <= 0


def test_the_page_looks_like_something(maker: Maker, settings: ReportConfig, tmp_path: Path) -> None:
    table3(maker)
    page = make_report(maker.root, settings) / "report.html"
    picture = tmp_path / "page.png"
    chromium(page, tmp_path / "profile", "--window-size=1180,3200", f"--screenshot={picture}")
    with Image.open(picture) as image:
        assert image.size == (1180, 3200)
        colours = image.convert("RGB").getcolors(2**20)
    assert colours is not None and len(colours) > 100  # plots and samples, not a blank page

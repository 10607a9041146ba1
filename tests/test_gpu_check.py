"""What waits for a GPU runs through on a CPU, so that only the card is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_check_of_a_gpu_runs_through_on_a_cpu_and_does_nothing_twice(tmp_path: Path) -> None:
    settings = {
        "DEVICE": "cpu",
        "TINY": "1",
        "SECONDS_A_PIECE": "0",
        "MINUTES": "5",  # the rows of this size end by themselves before
        "PYTHON": sys.executable,
        "FOLDER": str(tmp_path),
    }
    line = ["bash", str(ROOT / "scripts" / "gpu_check.sh")]
    done = subprocess.run(line, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = (tmp_path / "table.md").read_text()
    assert done.stdout == table
    rows = [row for row in table.splitlines() if row.startswith(("| mnist", "| cifar10"))]
    assert len(rows) == len(list(tmp_path.glob("*.json"))) == 18
    assert all(row.count("|") == 9 for row in rows)
    assert sum("| fp32 | no |" in row for row in rows) == 16 and sum("| bf16 | no |" in row for row in rows) == 2
    table3 = [row for row in table.splitlines() if row.startswith("| Table 3")]
    assert len(table3) == 6 and all(float(row.split("|")[-2]) >= 1 for row in table3)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    again = subprocess.run(line, env=os.environ | settings, capture_output=True, text=True)
    assert again.stdout == table and written == {path: path.stat().st_mtime_ns for path in written}

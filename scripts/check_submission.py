"""Holds the numbers of a hand-in against the bands: python scripts/check_submission.py submission.html

A band is what 10 seeds gave (course_bands.json), widened at each end by half of its width: an eleventh seed falls
outside the bare range one time in five or so. One line a value; status 1 where one is missing or outside.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

BANDS = Path(__file__).with_name("course_bands.json")
STORED = re.compile(r'<script type="application/json" id="submission">(.*?)</script>', re.DOTALL)
LEAST = 1e-6  # half-width: numbers are rounded to six places


def read(path: Path) -> dict[str, Any]:
    """The numbers in a page that course.py wrote; raises `ValueError` where it is none."""
    found = STORED.search(path.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise ValueError("is no page of `make course`: it holds no numbers")
    stored = json.loads(found[1])
    if not isinstance(stored, dict) or not isinstance(stored.get("exercises"), dict):
        raise ValueError("holds no exercises")
    return stored


def band(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max((high - low) / 2, LEAST)
    return low - room, high + room


def compared(submission: Mapping[str, Any], bands: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Whether each value of each exercise that has bands is in its band, and the line that says so."""
    for key, of_seeds in bands["exercises"].items():
        done = submission["exercises"].get(key) or {}
        for name, values in of_seeds["values"].items():
            low, high = band(values)
            value = (done.get("values") or {}).get(name)
            if not isinstance(value, (int, float)):
                yield False, f"{key}: {name}: missing"
                continue
            inside = low <= value <= high
            yield inside, f"{key}: {name}: {value:g} {'in' if inside else 'OUTSIDE'} {low:g} to {high:g}"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print((__doc__ or "").partition("\n")[0], file=sys.stderr)
        return 2
    try:
        submission = read(Path(arguments[0]))
    except (OSError, ValueError) as error:
        print(f"error: {arguments[0]}: {error}", file=sys.stderr)
        return 2
    results = list(compared(submission, json.loads(BANDS.read_text())))
    print(*(line for _, line in results), sep="\n")
    unbanded = sorted(set(submission["exercises"]) - set(json.loads(BANDS.read_text())["exercises"]))
    if unbanded:
        print(f"no bands yet: {', '.join(unbanded)}")
    print(f"{sum(inside for inside, _ in results)} of {len(results)} values in their bands")
    return 0 if all(inside for inside, _ in results) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""A study's images and answers in one SQLite file (WAL); an answer is on the disk before it is acknowledged."""

import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from improved_gan.human_study.design import ATTENTION, REAL, StudyImage, positions

GRID = 9  # images of a page with `layout: grid`
SCHEMA = """
CREATE TABLE study (design TEXT NOT NULL, secret BLOB NOT NULL);
CREATE TABLE image (name TEXT PRIMARY KEY, source TEXT NOT NULL, sha256 TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE participant (id TEXT PRIMARY KEY, feedback INTEGER NOT NULL, started REAL NOT NULL);
CREATE TABLE trial (participant TEXT NOT NULL REFERENCES participant, position INTEGER NOT NULL,
  image TEXT NOT NULL REFERENCES image, shown REAL, answer TEXT, seconds REAL, PRIMARY KEY (participant, position));
"""
IS_REPEAT = "row_number() OVER (PARTITION BY participant, image ORDER BY position) > 1"


class Refused(Exception):
    """An answer that cannot be taken: out of order, or another one than was given before."""


@dataclass(frozen=True)
class Progress:
    """Where a participant stands."""

    position: int
    total: int
    images: tuple[str, ...]  # of the page; empty: finished
    feedback: bool
    judged: int  # images of the page before; 0: there was none
    right: int  # of those


class Answer(NamedTuple):
    """One image judged once."""

    participant: str
    feedback: int
    position: int
    image_sha256: str
    source: str
    answer: str
    seconds: float
    image: str = ""  # its random name
    repeat: int = 0  # 1: the participant had seen it before

    @property
    def right(self) -> bool:
        return (self.answer == REAL) == (self.source == REAL)


class Study:
    """An open study."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("PRAGMA foreign_keys=ON")
        design, self.secret = self._database.execute("SELECT design, secret FROM study").fetchone()
        self.design = json.loads(design)
        self.page_size = GRID if self.design.get("layout") == "grid" else 1

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add_participant(self) -> str:
        """Add one with an order and a feedback of their own, and return the id, which is random."""
        participant = secrets.token_hex(16)
        feedback = {"always": 1, "never": 0, "random": secrets.randbelow(2)}[self.design["feedback"]]
        rows = self._database.execute("SELECT name, source FROM image").fetchall()
        checks = [name for name, source in rows if source == ATTENTION]
        order = positions([name for name, s in rows if s != ATTENTION], checks, self.design["repeats"])
        self._database.execute("BEGIN IMMEDIATE")
        with self._database:
            self._database.execute("INSERT INTO participant VALUES (?, ?, ?)", (participant, feedback, time.time()))
            self._database.executemany(
                "INSERT INTO trial (participant, position, image) VALUES (?, ?, ?)",
                [(participant, position, image) for position, image in enumerate(order)],
            )
        return participant

    def progress(self, participant: str, *, showing: bool = False) -> Progress | None:
        """Where `participant` stands, None if there is no such; `showing` starts the clock of the image."""
        known = self._database.execute("SELECT feedback FROM participant WHERE id = ?", (participant,)).fetchone()
        if known is None:
            return None
        total, answered = self._database.execute(
            "SELECT count(*), count(answer) FROM trial WHERE participant = ?", (participant,)
        ).fetchone()
        find = "SELECT image, answer = (CASE source WHEN ? THEN ? ELSE 'generated' END) FROM trial JOIN image ON "
        find += "image.name = image WHERE participant = ? AND position >= ? AND position < ? ORDER BY position"
        before = max(0, (answered - 1) // self.page_size * self.page_size)
        last = self._database.execute(find, (REAL, REAL, participant, before, answered)).fetchall()
        until = answered + self.page_size
        now = self._database.execute(find, (REAL, REAL, participant, answered, until)).fetchall()
        if showing and now:
            self._database.execute(
                "UPDATE trial SET shown = ? WHERE participant = ? AND position >= ? AND position < ? AND shown IS NULL",
                (time.time(), participant, answered, until),
            )
        right = sum(bool(each) for _, each in last)
        return Progress(answered, total, tuple(name for name, _ in now), bool(known[0]), len(last), right)

    def answer(self, participant: str, position: int, marked: Collection[int]) -> None:
        """Keep the answers to the page that begins at `position`, of which the images at `marked` are called generated.

        The same answers again change nothing; seconds are those of the page, divided among its images. Raises
        `Refused` for any others.
        """
        self._database.execute("BEGIN IMMEDIATE")
        with self._database:
            given = self._database.execute(
                "SELECT answer, shown FROM trial WHERE participant = ? AND position >= ? AND position < ? "
                "ORDER BY position",
                (participant, position, position + self.page_size),
            ).fetchall()
            if position % self.page_size or not given or any(shown is None for _, shown in given):
                raise Refused("that image has not been shown yet")
            if any(offset >= len(given) for offset in marked):
                raise Refused("there are fewer images on that page")
            answers = ["generated" if offset in marked else REAL for offset in range(len(given))]
            if any(old not in (None, new) for (old, _), new in zip(given, answers, strict=True)):
                raise Refused("that image has been answered already")
            now = time.time()
            self._database.executemany(
                "UPDATE trial SET answer = ?, seconds = (? - shown) / ? WHERE participant = ? AND position = ? "
                "AND answer IS NULL",
                [(answer, now, len(given), participant, position + k) for k, answer in enumerate(answers)],
            )

    def content(self, name: str) -> bytes | None:
        """An image's bytes."""
        row = self._database.execute("SELECT content FROM image WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def accuracy(self, participant: str) -> tuple[float, float | None, int]:
        """Share right of one, of all who finished, and how many those are, each counted as the report counts it.

        Repeats and attention checks aside; who failed most of the checks counts for the group no more. None: no group
        beside the one.
        """
        rows = self._database.execute(
            "SELECT participant, avg(is_right) FILTER (WHERE source != :check AND NOT is_repeat), "
            "coalesce(avg(is_right) FILTER (WHERE source = :check), 1) >= 0.5 FROM (SELECT participant, source, "
            f"answer = (CASE source WHEN :real THEN :real ELSE 'generated' END) AS is_right, {IS_REPEAT} AS is_repeat "
            "FROM trial JOIN image ON image.name = image) GROUP BY participant HAVING count(is_right) = count(*)",
            {"check": ATTENTION, "real": REAL},
        ).fetchall()
        own = next(share for person, share, _ in rows if person == participant)
        counted = {person: share for person, share, is_attentive in rows if is_attentive}
        group = sum(counted.values()) / len(counted) if counted.keys() - {participant} else None
        return own, group, len(counted)

    def answers(self) -> list[Answer]:
        """Every answer, by participant in the order of beginning, then by position."""
        rows = self._database.execute(
            "SELECT participant, feedback, position, sha256, source, answer, seconds, image, "
            f"{IS_REPEAT} FROM trial JOIN image ON image.name = image "
            "JOIN participant ON participant.id = participant WHERE answer IS NOT NULL "
            "ORDER BY started, participant, position"
        )
        return [Answer(*row) for row in rows]


def create(path: Path, design: dict[str, object], images: Sequence[StudyImage]) -> None:
    """Write a new study with all of its images at `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    database = sqlite3.connect(partial)
    with database:
        database.executescript(SCHEMA)
        database.execute("INSERT INTO study VALUES (?, ?)", (json.dumps(design), secrets.token_bytes(32)))
        database.executemany(
            "INSERT INTO image VALUES (?, ?, ?, ?)",
            sorted((i.name, i.source, hashlib.sha256(i.content).hexdigest(), i.content) for i in images),
        )
    database.close()
    partial.rename(path)

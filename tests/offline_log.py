"""Reads what W&B's client wrote offline: a `.wandb` file is a LevelDB log of protocol-buffer records.

A 7-byte header (`:W&B`, 0xBEE1, version 0), then blocks of 32 KiB holding chunks: checksum (4 bytes), length (2),
kind (1), body. A record is one "full" chunk, or a "first", "middle"s and a "last".
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class OfflineArtifact:
    name: str
    aliases: list[str]
    files: dict[str, Path]  # name in the artifact -> the copy that waits for its upload


@dataclass
class OfflineRun:
    run_id: str = ""
    name: str = ""
    project: str = ""
    entity: str = ""
    group: str = ""
    job_type: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)  # a row a step, with `_step`
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: list[OfflineArtifact] = field(default_factory=list)
    exit_code: int | None = None  # None: the run was not finished

    def rows(self, name: str) -> dict[int, Any]:
        """The values logged under a name, by step."""
        return {row["_step"]: row[name] for row in self.history if name in row}


def offline_logs(folder: Path) -> list[Path]:
    """The `.wandb` files under a run's folder, oldest first."""
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime_ns)


def read_offline_log(path: Path) -> OfflineRun:
    """What the file holds; a record that was being written when the service was killed is left out."""
    from wandb.proto.wandb_internal_pb2 import Record

    run = OfflineRun()
    for body in _records(path.read_bytes()):
        record = Record()
        record.ParseFromString(body)
        match record.WhichOneof("record_type"):
            case "run":
                run.run_id, run.name = record.run.run_id, record.run.display_name
                run.project, run.entity = record.run.project, record.run.entity
                run.group, run.job_type = record.run.run_group, record.run.job_type
                run.tags = list(record.run.tags)
                _update(run.config, record.run.config.update)
            case "config":
                _update(run.config, record.config.update)
            case "history":
                row: dict[str, Any] = {}
                _update(row, record.history.item)
                run.history.append(row)
            case "summary":
                _update(run.summary, record.summary.update)
            case "exit":
                run.exit_code = record.exit.exit_code
            case "request":
                if record.request.WhichOneof("request_type") == "log_artifact":
                    run.artifacts.append(_artifact(record.request.log_artifact.artifact))
            case "artifact":
                run.artifacts.append(_artifact(record.artifact))
    return run


def _artifact(artifact: Any) -> OfflineArtifact:
    files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
    return OfflineArtifact(artifact.name, list(artifact.aliases), files)


def _update(target: dict[str, Any], items: Iterable[Any]) -> None:
    for item in items:
        inner = target
        *parents, last = list(item.nested_key) or [item.key]
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = json.loads(item.value_json)


def _records(data: bytes) -> Iterator[bytes]:
    magic, number, version = struct.unpack_from("<4sHB", data)
    if (magic, number, version) != (b":W&B", 0xBEE1, 0):
        raise ValueError("not a .wandb file")
    position, parts = 7, []
    while position + 7 <= len(data):
        if BLOCK - position % BLOCK < 7:  # a chunk header never straddles two blocks
            position += BLOCK - position % BLOCK
            continue
        checksum, length, kind = struct.unpack_from("<IHB", data, position)
        body = data[position + 7 : position + 7 + length]
        if kind == 0 or len(body) < length:
            return
        if zlib.crc32(bytes([kind]) + body) != checksum:
            raise ValueError(f"wrong checksum at byte {position}")
        position += 7 + length
        parts = [body] if kind in (FULL, FIRST) else [*parts, body]
        if kind in (FULL, LAST):
            yield b"".join(parts)

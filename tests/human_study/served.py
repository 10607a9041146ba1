"""The real command, serving a study of handwritten digits in a process of its own."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np


class Served:
    """A server that can be killed and started again on the same study."""

    def __init__(self, folder: Path, *changes: str) -> None:
        from sklearn.datasets import load_digits

        digits = (load_digits().images * 15.9).astype(np.uint8)
        noise = np.random.default_rng(0).normal(0, 40, digits.shape)
        self.folder, self.changes = folder, changes
        for name, images in (("noisy", digits + noise), ("mirrored", digits[:, :, ::-1])):
            np.savez(folder / f"{name}.npz", images=np.clip(images, 0, 255).astype(np.uint8))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.study = folder / "outputs" / "human_study" / "default"
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        line = [sys.executable, "-m", "improved_gan", "job=human_study", "dataset=digits", *self.changes]
        line += [f"human_study.compare=[{self.folder}/noisy.npz,{self.folder}/mirrored.npz]"]
        line += [f"human_study.port={self.port}", f"output_root={self.folder}/outputs", f"data_root={self.folder}/data"]
        self.log = self.folder / "server.log"
        with open(self.log, "a") as log:
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            self.process = subprocess.Popen(line, stdout=log, stderr=log, cwd=self.folder, env=environment)
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            try:
                httpx.get(self.address + "/")
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        """As `kill -9` does, with no chance to write anything."""
        self.process.kill()
        self.process.wait()

"""A Slurm cluster of one node on loopback, with every file of it in one folder; stopped when done with."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NEEDED = ("slurmctld", "slurmd", "munged", "sbatch", "runuser")

# Two queues over the same node: a job in `urgent` takes the node from one in `main`, which is told so by its own
# signal (SIGUSR2, as submitit asks for), has GraceTime seconds, and is put back into the queue.
CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=3600
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SchedulerParameters=sched_interval=2,bf_interval=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60 PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""


def missing() -> str:
    """Why a node cannot be started here; empty if it can."""
    absent = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if absent:
        return f"needs {', '.join(absent)} (Debian: apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "needs to be root, to start slurmd"


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@contextlib.contextmanager
def slurm_node(folder: Path, cores: int) -> Iterator[dict[str, str]]:
    """Start munged, slurmctld and slurmd on free ports; yields the environment in which `sbatch` finds them."""
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    controller, daemon = _free_port(), _free_port()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**21  # half of what there is, in MB
    text = CONFIGURATION.format(
        host=host, folder=folder, controller=controller, daemon=daemon, cores=cores, memory=memory
    )
    (folder / "slurm.conf").write_text(text)
    environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _path()}
    begun: list[subprocess.Popen[bytes]] = []

    def begin(*command: str) -> None:
        with open(folder / f"{Path(command[0]).name}.out", "wb") as log:
            begun.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder))

    try:
        _begin_munge(folder / "munge", begin)
        _wait(lambda: (folder / "munge" / "socket").exists(), "munged does not start")
        begin("slurmctld", "-D")
        begin("slurmd", "-D", "-N", host)
        _wait(lambda: "idle" in _answer(environment, "sinfo", "--noheader", "--format=%t"), "the node does not come up")
        yield environment
    finally:
        subprocess.run(["scancel", "--user=root"], env=environment, capture_output=True)
        time.sleep(1)
        for process in reversed(begun):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=15)
            if process.poll() is None:
                process.kill()


def _begin_munge(folder: Path, begin: Callable[..., None]) -> None:
    """munged refuses to run in folders that others can write in, and as root."""
    folder.mkdir()
    user = pwd.getpwnam("munge")
    (folder / "key").write_bytes(os.urandom(128))
    os.chmod(folder / "key", 0o400)
    for path in (folder, folder / "key"):
        os.chown(path, user.pw_uid, user.pw_gid)
    options = [f"--{name}={folder / file}" for name, file in (("socket", "socket"), ("key-file", "key"))]
    options += [f"--{name}={folder / file}" for name, file in (("pid-file", "pid"), ("log-file", "log"))]
    options += [f"--seed-file={folder / 'seed'}"]
    begin("runuser", "-u", "munge", "--", "munged", "--foreground", "--force", *options)


def _answer(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def _wait(holds: Callable[[], bool], otherwise: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

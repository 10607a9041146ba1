"""Makes the project's virtual environment whole or not at all: python3 scripts/make_venv.py .venv

`.complete` in it says for which folder and which pyproject.toml it was installed. It is written last and removed
first: an interrupted installation, or one that was moved with its folder, is never taken for a finished one.
Written so that an old Python, too, can read it and say so.
"""

import fcntl
import os
import subprocess
import sys

NEEDED = (3, 11)


def main(folder):
    if sys.version_info < NEEDED:
        return "error: improved-gan needs Python %d.%d or newer, but %s is %d.%d: name another with make PYTHON=..." % (
            NEEDED + (sys.executable,) + tuple(sys.version_info[:2])
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:  # Debian ships them apart from Python
        return "error: %s has no venv module: install it (on Debian: apt-get install python3-venv)" % sys.executable

    stamp = os.path.join(folder, ".complete")
    here = os.getcwdb() + b"\n"
    wanted = here + contents("pyproject.toml")
    if contents(stamp) == wanted:
        return None
    with open("pyproject.toml", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another make may be at it: then wait, and use what it made
        installed = contents(stamp)
        if installed == wanted:
            return None
        sys.stderr.write("Installing improved-gan and all it needs into %s ...\n" % folder)
        install = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "-e", ".[all]"]
        try:
            if installed.startswith(here):  # only pyproject.toml has changed
                os.remove(stamp)
                install.append("--quiet")
            else:
                subprocess.check_call([sys.executable, "-m", "venv", "--clear", folder])
            subprocess.check_call(install)
        except subprocess.CalledProcessError as failure:
            return "error: %s is not complete, the next make starts it afresh; what failed: %s" % (
                folder,
                " ".join(failure.cmd),
            )
        except KeyboardInterrupt:
            return "error: interrupted: %s is not complete, the next make starts it afresh" % folder
        with open(stamp, "wb") as file:
            file.write(wanted)
    return None


def contents(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

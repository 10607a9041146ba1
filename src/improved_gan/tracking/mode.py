"""Online or offline: decided here, before wandb is imported, so that its client never prompts and never waits."""

import configparser
import logging
import netrc
import os
import socket
import threading
import urllib.request
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from improved_gan.schema import UsageError

logger = logging.getLogger("improved_gan")

Mode = Literal["online", "offline", "disabled"]

REACH_SECONDS = 3.0  # how long the server may take to accept a connection


def tracking_mode(requested: str) -> Mode:
    """How to track for the requested mode ("auto", "online", "offline" or "disabled").

    "auto" is what W&B's own settings say (`WANDB_MODE`, `WANDB_DISABLED`, `wandb offline`), else online; but offline
    without a key or where the server does not answer within `REACH_SECONDS`. Raises `UsageError` for "online"
    without either.
    """
    if requested == "disabled":
        return "disabled"
    if requested == "offline":
        return "offline"
    if requested == "online":
        if not has_credentials():
            raise UsageError(
                "tracking.mode=online: no W&B key found: run `wandb login`, set WANDB_API_KEY or use tracking.mode=auto"
            )
        if not server_reachable():
            raise UsageError(
                f"tracking.mode=online: no answer from {_server_address()}: set tracking.mode=auto to continue offline"
            )
        return "online"
    configured = _client_setting("mode")
    if configured == "disabled" or os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1", "yes", "y", "on", "t"):
        return "disabled"
    if configured in ("offline", "dryrun") or not has_credentials():
        return "offline"
    if not server_reachable():
        logger.warning(
            "W&B: no answer from %s; this run is tracked offline (`wandb sync` uploads it later)", _server_address()
        )
        return "offline"
    return "online"


def has_credentials() -> bool:
    """Whether W&B's client would find a key (environment, its settings files, netrc) without asking for one."""
    if _client_setting("api_key") or _client_setting("identity_token_file"):
        return True
    try:
        login = netrc.netrc(_netrc_file()).authenticators(urlsplit(_server_address()).netloc)
    except (OSError, netrc.NetrcParseError):
        return False
    return login is not None and bool(login[2])


def server_reachable() -> bool:
    """Whether W&B's server (or the proxy in front of it) accepts a connection within `REACH_SECONDS`."""
    server = urlsplit(_server_address())
    proxy = urllib.request.getproxies().get(server.scheme)
    if proxy and server.hostname and not urllib.request.proxy_bypass(server.hostname):
        server = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    try:
        address = (server.hostname, server.port or (443 if server.scheme == "https" else 80))
    except ValueError:  # a port that is not a number
        return False
    reached = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection(address, timeout=REACH_SECONDS).close()
        except OSError:
            return
        reached.set()

    # A name look-up obeys no timeout, so it gets a thread that nobody has to wait for.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return reached.is_set()


def _server_address() -> str:
    """The address of W&B's server, a private one if W&B's settings name it."""
    return _client_setting("base_url") or "https://api.wandb.ai"


def _client_setting(name: str) -> str | None:
    """One of W&B's own settings, found where and in the order in which its client looks."""
    if value := os.environ.get(f"WANDB_{name.upper()}"):
        return value
    here = Path(os.environ.get("WANDB_DIR") or ".")
    workspace = here / (".wandb" if (here / ".wandb").exists() else "wandb") / "settings"
    user = Path(os.path.expanduser(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb")) / "settings"
    for path in (workspace, user):
        settings = configparser.ConfigParser(interpolation=None)
        try:
            settings.read(path, encoding="utf-8")
        except (OSError, ValueError, configparser.Error):  # the client ignores a file that it cannot read, too
            continue
        if value := settings.get("default", name, fallback=None):
            return value
    return None


def _netrc_file() -> Path:
    """The netrc file that W&B's client reads; it need not exist."""
    if named := os.environ.get("NETRC"):
        return Path(os.path.expanduser(named))
    home = Path(os.path.expanduser("~"))  # it stays "~" where nobody says what it is
    return next((path for path in (home / ".netrc", home / "_netrc") if path.exists()), Path("~/.netrc"))

"""Which mode a run is tracked in; the network is never asked."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from improved_gan.config import UsageError
from improved_gan.tracking import mode, tracking_mode

KEY = "0123456789" * 4


@pytest.fixture(autouse=True)
def server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode, "server_reachable", lambda: True)


def test_auto_without_a_key_is_offline_and_asks_nothing(monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("prompted"))
    monkeypatch.setattr(mode, "server_reachable", lambda: pytest.fail("the network was used"))
    assert tracking_mode("auto") == "offline"


def test_auto_with_a_key_in_the_environment_is_online(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert tracking_mode("auto") == "online"


@pytest.mark.parametrize("file", [".netrc", "_netrc", "elsewhere"])
def test_auto_with_a_key_in_netrc_is_online(monkeypatch, file):
    path = Path.home() / file
    path.write_text(f"machine api.wandb.ai login user password {KEY}\n")
    path.chmod(0o600)
    if file == "elsewhere":
        monkeypatch.setenv("NETRC", str(path))
    assert tracking_mode("auto") == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")  # the key is for another server
    assert tracking_mode("auto") == "offline"


@pytest.mark.parametrize(
    "text", ["machine", "machine api.wandb.ai login user password\n", "machine x login y password z"]
)
def test_auto_with_a_netrc_that_does_not_help_is_offline(text):
    (Path.home() / ".netrc").write_text(text)
    assert tracking_mode("auto") == "offline"


def test_auto_with_a_key_in_the_settings_file_is_online():
    folder = Path.home() / ".config" / "wandb"
    folder.mkdir(parents=True)
    (folder / "settings").write_text(f"[default]\napi_key = {KEY}\n")
    assert tracking_mode("auto") == "online"


@pytest.mark.parametrize(
    ("configured", "expected"),
    [("offline", "offline"), ("dryrun", "offline"), ("disabled", "disabled"), ("online", "online")],
)
def test_auto_follows_the_environment(monkeypatch, configured, expected):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", configured)
    assert tracking_mode("auto") == expected


def test_auto_follows_the_command_wandb_offline(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    Path("wandb").mkdir()
    Path("wandb/settings").write_text("[default]\nmode = offline\n")
    assert tracking_mode("auto") == "offline"


def test_auto_without_an_answer_goes_offline_and_says_so(monkeypatch, caplog):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(mode, "server_reachable", lambda: False)
    assert tracking_mode("auto") == "offline"
    assert "api.wandb.ai" in caplog.text


def test_what_was_asked_for_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert [tracking_mode(requested) for requested in ("online", "offline")] == ["online", "offline"]
    assert tracking_mode("disabled") == "disabled"


def test_online_needs_a_key_and_a_server(monkeypatch):
    with pytest.raises(UsageError, match=r"tracking\.mode=online: no W&B key.*wandb login"):
        tracking_mode("online")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(mode, "server_reachable", lambda: False)
    with pytest.raises(UsageError, match=r"tracking\.mode=online: no answer"):
        tracking_mode("online")


def test_reachable_means_that_a_connection_is_accepted(monkeypatch):
    monkeypatch.undo()  # the real function
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert mode.server_reachable()
    assert not mode.server_reachable()
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:port")
    assert not mode.server_reachable()


def test_a_name_lookup_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(mode, "REACH_SECONDS", 0.1)
    ended = threading.Event()

    def hang(*_: object, **__: object) -> None:
        ended.wait(10)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", hang)
    begin = time.monotonic()
    assert not mode.server_reachable()
    assert time.monotonic() - begin < 2.0
    ended.set()


def test_importing_the_package_imports_neither_wandb_nor_torch():
    check = "import sys, improved_gan.tracking; sys.exit(any(name in sys.modules for name in ('wandb', 'torch')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_wandb_disabled_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DISABLED", "true")
    assert tracking_mode("auto") == "disabled"
    monkeypatch.setenv("WANDB_DISABLED", "false")
    assert tracking_mode("auto") != "disabled"

"""Checks what README.md and docs/ tell a reader to do and to look at, without running any of it.

In ```bash and ```console blocks each `improved-gan ...` must compose, each `make TARGET` and `scripts/...` exist;
```python blocks must compile, and those with a title are files that commands can name; relative links and pictures
must exist. One line for each failure, and status 1.
"""

import contextlib
import doctest
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

import numpy as np

from improved_gan.composing import compose_jobs
from improved_gan.config import UsageError

ROOT = Path(__file__).resolve().parent.parent
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)|^\[[^\]]+\]: +(\S+)|(?:src|href)=\"([^\"]+)\"", re.MULTILINE)
SHELL_WORDS = {"do", "then", "else", "time", "exec", "!"}
PLUGINS = tempfile.TemporaryDirectory()  # the files that a page has its reader write
READ_PATHS = ("run", "images", "dataset.path")  # keys whose files the reader has, not we


def failures(document: Path) -> Iterator[str]:
    text = document.read_text()
    place = document.relative_to(ROOT)
    for name, content in re.findall(r'^```python title="(.*?)"\n(.*?)^```', text, re.MULTILINE | re.DOTALL):
        (Path(PLUGINS.name) / name).write_text(content)
    for block in FENCE.finditer(text):
        language, body = block[2], block[3]
        line = text.count("\n", 0, block.start()) + 1
        if language in ("bash", "sh", "console"):
            found = shell_failures(prompted(body) if language == "console" else body)
        elif language == "python":
            found = python_failures(body)
        else:
            continue
        yield from (f"{place}:{line}: {failure}" for failure in found)

    prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    for link in LINK.finditer(prose):
        target = next(filter(None, link.groups())).partition("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (document.parent / target).exists():
            yield f"{place}:{prose.count(chr(10), 0, link.start()) + 1}: {target} does not exist"


def python_failures(body: str) -> Iterator[str]:
    source = doctest.script_from_examples(body) if ">>>" in body else body
    try:
        compile(source, "block", "exec")
    except SyntaxError as error:
        yield f"this python does not compile: {error.msg}: {(error.text or '').strip()}"


def prompted(body: str) -> str:
    """What a reader types in a console block: the lines after `$ `, with their continuations."""
    return "\n".join(re.findall(r"^ *\$ ((?:.*\\\n)*.*)", body, re.MULTILINE))


def shell_failures(body: str) -> Iterator[str]:
    try:
        commands = list(simple_commands(body))
    except ValueError as error:
        yield f"this cannot be read as shell commands: {error}"
        return
    for words in commands:
        program, arguments, command = Path(words[0]).name, words[1:], shlex.join(words)
        scripts = [word for word in words if word.startswith("scripts/")]
        yield from (f"{script} does not exist" for script in scripts if not (ROOT / script).exists())
        if program == "make":
            targets = [word for word in arguments if "=" not in word and not word.startswith("-")]
            yield from (f"`{command}`: no such target" for target in targets if target not in TARGETS)
            given = [word.removeprefix("ARGS=") for word in arguments if word.startswith("ARGS=")]
            if "run" not in targets or not given:
                continue
            program, arguments = "improved-gan", shlex.split(given[-1])
        if program == "improved-gan":
            try:
                compose(arguments)
            except UsageError as error:
                yield f"`{command}`: {error}".replace("\n", "; ")


def simple_commands(body: str) -> Iterator[list[str]]:
    """The commands of a script, one list of words each, with the variables that the script itself sets filled in."""
    body = re.sub(r"(^|\s)#.*", r"\1", body.replace("\\\n", " "))
    body = re.sub(r"(?<!\S)[\d&]?[<>]+&?\s*\S+", "", body)  # redirections
    lexer = shlex.shlex(body, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    variables: dict[str, str] = {}
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if word.strip(";&|()\n"):
            words.append(Template(word).safe_substitute(variables))
            continue
        if words[:1] == ["for"]:
            variables[words[1]] = words[3]
            words = []
        while words and (words[0] in SHELL_WORDS or re.match(r"\w+=", words[0])):
            name, _, value = words.pop(0).partition("=")
            if not words:
                variables[name] = value
        if words:
            yield words
        words = []


def compose(arguments: list[str]) -> None:
    """Composes and checks, as the command itself would, in an empty folder that has whatever the command reads."""
    if {"--help", "--hydra-help", "--shell-completion", "-sc"} & set(arguments):
        return
    if "--cfg" in arguments:
        flag = arguments.index("--cfg")
        arguments = arguments[:flag] + arguments[flag + 2 :]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        compose_jobs([stand_in(argument, Path(folder)) for argument in arguments if argument != "--resolve"])


def stand_in(override: str, folder: Path) -> str:
    """`override`, reading a file or a run that `folder` has where it names one that only the reader has."""
    key, _, value = override.partition("=")
    if key == "plugin":
        return re.sub(r"\w+\.py", lambda name: f"{PLUGINS.name}/{name[0]}", override)
    if key not in READ_PATHS or value in ("", "null"):
        return override
    path = folder / f"{key}{Path(value).suffix}"
    if key == "dataset.path" and path.suffix == ".npz":  # its content is part of a run's hash
        np.savez(path, images=np.zeros((200, 28, 28), np.uint8))
    elif path.suffix:
        path.touch()
    else:
        (path / "checkpoints").mkdir(parents=True, exist_ok=True)
        (path / "config.yaml").touch()
        (path / "checkpoints/step_000001.pt").touch()
    return f"{key}={path}"


if __name__ == "__main__":
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = [failure for document in documents for failure in failures(document)]
    print(*found, f"{len(documents)} documents checked, {len(found)} failures", sep="\n")
    sys.exit(bool(found))

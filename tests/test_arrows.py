"""The house's arrows go one way: a room imports from rooms below it, and the groups not from each other."""

import ast
from pathlib import Path

import improved_gan

PACKAGE = Path(improved_gan.__file__).parent
STOREYS = (  # from the ground up; the rooms of one storey do not import each other
    {"schema", "tensors", "file_lock", "remarks", "processes"},
    {"distributed"},
    {"files", "exact_arithmetic", "devices", "streams", "nodes"},
    {"kernels"},
    {"layers"},
    {"metrics", "technique", "objective", "architecture", "dataset", "tracking", "game"},
    {"registry"},
    {"config", "plugins"},
    {"compatibility"},
    {"checks"},
    {"composing"},
    {"run_folder"},
    {"run_data"},
    {"training"},
    {"evaluation"},
    {"report"},
    {"human_study", "phenomenon", "search"},
    {"job"},
    {"dispatching"},
    {"sweep"},
    {"cli"},
    {"__init__", "__main__"},
)
EXCEPTIONS = {
    ("search/seeds.py", "dispatching"): "a trial is whole runs, whose ends are read as those of any job",
    ("search/trial_value.py", "job"): "and measured by job=evaluate",
}


def imports(path: Path) -> set[str]:
    """The rooms of the package that the file imports from anywhere in it."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "improved_gan":
            rooms |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("improved_gan."):
            rooms.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("improved_gan.")}
    return rooms


def test_every_room_has_its_storey() -> None:
    rooms = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir()}
    assert rooms - {"__pycache__", "pretrained"} == set().union(*STOREYS)


def test_no_import_runs_up_or_across() -> None:
    height = {room: number for number, storey in enumerate(STOREYS) for room in storey}
    wrong, met = [], set()
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE)
        room = file.parts[0].removesuffix(".py")
        for other in sorted(imports(path) - {room}):
            if height[other] < height[room]:
                continue
            named = {key for key in EXCEPTIONS if file.match(key[0]) and key[1] == other}
            met |= named
            if not named:
                wrong.append(f"{file} imports from {other}")
    assert not wrong
    assert met == set(EXCEPTIONS), "an exception that nothing needs any more"

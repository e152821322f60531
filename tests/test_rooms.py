"""Dependencies point one way: between rooms, between the folders in them, and through faces.

A room is a top-level package, a folder is a package in it. Whoever imports from a folder that he is
not in imports from its `__init__`, its face. `afcost` has no faces, so that a command imports no
more than it needs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.rows import check_each

ROOT = Path(__file__).parent.parent
ROOMS = {
    "experiment": set(),
    "pricing": set(),
    "providers": {"experiment", "pricing"},
    "estimator": {"experiment", "pricing", "providers"},
    "runner": {"experiment", "pricing", "providers", "estimator"},
    "afcost": {"experiment", "pricing", "providers", "estimator", "runner"},
}
# Folder, or module beside the folders -> what of its own room it may import. What is not listed may
# be imported by all of its room, and imports none of it: errors, money, caches.
FOLDERS = {
    "experiment/definition/judges": set(),
    "experiment/definition/queries": set(),
    "experiment/definition": {"experiment/definition/judges", "experiment/definition/queries"},
    "experiment/scoring": {"experiment/definition"},
    "experiment/analysis": {"experiment/definition", "experiment/scoring"},
    "experiment/analysis/validation": {
        "experiment/definition",
        "experiment/scoring",
        "experiment/analysis",
    },
    "experiment/analysis/sequential": {"experiment/definition", "experiment/analysis"},
    "experiment/prompts/rendering": {"experiment/definition"},
    "experiment/prompts": {
        "experiment/definition",
        "experiment/scoring",
        "experiment/prompts/rendering",
    },
    "experiment/editing": set(),
    "pricing/rates": set(),
    "pricing/sources": {"pricing/rates"},
    "pricing/catalog": {"pricing/rates", "pricing/sources"},
    "pricing/refresh": {"pricing/rates", "pricing/sources"},
    "pricing/price_book": {"pricing/rates", "pricing/sources", "pricing/catalog"},
    "providers/provider": set(),
    "providers/capabilities": {"providers/provider"},
    "providers/failures": {"providers/provider"},
    "providers/apis": {"providers/provider", "providers/capabilities"},
    "providers/batches": {"providers/provider"},
    "providers/batches/apis": {"providers/provider", "providers/apis", "providers/batches"},
    "providers/registry": {"providers/provider", "providers/capabilities"},
    "providers/addresses": {"providers/provider", "providers/registry"},
    "providers/proxies": {"providers/addresses"},
    "providers/clients/bodies": set(),
    "providers/clients/streams": {"providers/clients/bodies"},
    "providers/clients": {
        "providers/provider",
        "providers/registry",
        "providers/clients/bodies",
        "providers/clients/streams",
    },
    "providers/key_rule": {"providers/provider", "providers/registry", "providers/addresses"},
    "estimator/counting/vocabularies": set(),
    "estimator/counting/chat_formats": {"estimator/counting/vocabularies"},
    "estimator/counting/provider_endpoint": set(),
    "estimator/counting": {
        "estimator/counting/vocabularies",
        "estimator/counting/chat_formats",
        "estimator/counting/provider_endpoint",
    },
    "estimator/workload": {"estimator/counting", "estimator/counting/provider_endpoint"},
    "estimator/survey": {"estimator/counting", "estimator/workload"},
    "estimator/forecast/pooling": set(),
    "estimator/forecast": {"estimator/workload", "estimator/forecast/pooling"},
    "estimator/wall_time": {"estimator/workload", "estimator/forecast"},
    "estimator/caching": {"estimator/workload", "estimator/forecast", "estimator/wall_time"},
    "estimator/plan": {
        "estimator/caching",
        "estimator/counting",
        "estimator/workload",
        "estimator/survey",
        "estimator/forecast",
        "estimator/wall_time",
    },
    "estimator/processing": {
        "estimator/workload",
        "estimator/forecast",
        "estimator/wall_time",
        "estimator/plan",
    },
    "estimator/comparison": {
        "estimator/caching",
        "estimator/workload",
        "estimator/forecast",
        "estimator/plan",
    },
    "estimator/recorded/stages": set(),
    "estimator/recorded": {
        "estimator/caching",
        "estimator/recorded/stages",
        "estimator/counting",
        "estimator/workload",
        "estimator/forecast",
        "estimator/plan",
        "estimator/comparison",
    },
    "estimator/design": {
        "estimator/workload",
        "estimator/forecast",
        "estimator/wall_time",
        "estimator/plan",
        "estimator/processing",
    },
    "runner/state": set(),
    "runner/approval": {"runner/state"},
    "runner/ledger": {"runner/state", "runner/approval"},
    "runner/versions": set(),
    "runner/run_folder": {"runner/ledger", "runner/versions"},
    "runner/reproduction": {"runner/ledger", "runner/run_folder", "runner/versions"},
    "runner/billing": set(),
    "runner/transport": set(),
    "runner/transport/batches": {"runner/transport"},
    "runner/execution/queues": {"runner/ledger"},
    "runner/execution/warming": {"runner/transport"},
    "runner/execution": {
        "runner/execution/warming",
        "runner/state",
        "runner/billing",
        "runner/transport",
        "runner/ledger",
        "runner/execution/queues",
    },
    "runner/batches/notes": {"runner/ledger"},
    "runner/batches": {
        "runner/batches/notes",
        "runner/billing",
        "runner/transport",
        "runner/transport/batches",
        "runner/ledger",
        "runner/execution",
    },
    "runner/batch_desk": {
        "runner/approval",
        "runner/ledger",
        "runner/run_folder",
        "runner/transport",
        "runner/transport/batches",
    },
    "runner/coverage": {
        "runner/state",
        "runner/ledger",
        "runner/run_folder",
        "runner/results",
    },
    "runner/sequential": {"runner/ledger", "runner/execution"},
    "runner/results/figures": {"runner/ledger"},
    "runner/results/tally": {
        "runner/state",
        "runner/results/figures",
        "runner/ledger",
        "runner/run_folder",
        "runner/reproduction",
    },
    "runner/results": {
        "runner/results/figures",
        "runner/results/tally",
        "runner/ledger",
        "runner/run_folder",
        "runner/billing",
        "runner/reproduction",
        "runner/sequential",
    },
    "runner/labelling": {"runner/ledger", "runner/run_folder", "runner/results"},
    "runner/results/reading": {
        "runner/ledger",
        "runner/run_folder",
        "runner/results",
        "runner/results/figures",
        "runner/results/tally",
    },
    "runner/imports": {"runner/ledger", "runner/run_folder"},
    "runner/rejudge": {
        "runner/ledger",
        "runner/run_folder",
        "runner/billing",
        "runner/execution",
    },
    "runner/timing": {"runner/ledger", "runner/run_folder"},
    "runner/forecasting": {
        "runner/control",
        "runner/timing",
        "runner/ledger",
        "runner/run_folder",
        "runner/billing",
        "runner/results",
        "runner/sequential",
    },
    "runner/control": {"runner/ledger"},
    "runner/launch": {
        "runner/batches",
        "runner/transport/batches",
        "runner/state",
        "runner/approval",
        "runner/ledger",
        "runner/run_folder",
        "runner/billing",
        "runner/transport",
        "runner/execution",
        "runner/sequential",
        "runner/results",
        "runner/coverage",
        "runner/forecasting",
        "runner/control",
    },
    "runner/gateway/door": set(),
    "runner/gateway/program": set(),
    "runner/gateway/spending": {
        "runner/billing",
        "runner/execution",
        "runner/ledger",
        "runner/transport",
    },
    "runner/gateway/intercept": {"runner/gateway/door"},
    "runner/gateway/sums": {"runner/ledger"},
    "runner/gateway": {
        "runner/state",
        "runner/approval",
        "runner/ledger",
        "runner/run_folder",
        "runner/billing",
        "runner/transport",
        "runner/execution",
        "runner/gateway/door",
        "runner/gateway/program",
        "runner/gateway/spending",
        "runner/gateway/intercept",
        "runner/gateway/sums",
    },
    "runner/rehearsal/instances": set(),
    "runner/rehearsal/placeholders": {"runner/rehearsal/instances"},
    "runner/rehearsal/answers": {"runner/rehearsal/placeholders"},
    "runner/rehearsal": {
        "runner/gateway",
        "runner/gateway/door",
        "runner/gateway/program",
        "runner/rehearsal/placeholders",
        "runner/rehearsal/answers",
    },
    "runner/inspect_logs": set(),
    "runner/inspected": {
        "runner/run_folder",
        "runner/gateway",
        "runner/inspect_logs",
        "runner/rehearsal",
    },
    "runner/watching": {
        "runner/ledger",
        "runner/run_folder",
        "runner/results",
        "runner/results/reading",
        "runner/coverage",
        "runner/forecasting",
        "runner/control",
        "runner/timing",
        "runner/launch",
    },
    "runner/cluster": {
        "runner/approval",
        "runner/ledger",
        "runner/run_folder",
        "runner/execution",
        "runner/control",
        "runner/versions",
        "runner/launch",
    },
    "runner/pilot": {
        "runner/ledger",
        "runner/run_folder",
        "runner/billing",
        "runner/execution",
        "runner/forecasting",
        "runner/launch",
    },
    "runner/deadline": {"runner/state", "runner/timing", "runner/launch"},
    "afcost/rendering": set(),
    "afcost/rendering/approval": {"afcost/rendering"},
    "afcost/rendering/design": {"afcost/rendering"},
    "afcost/rendering/estimate": {"afcost/rendering"},
    "afcost/rendering/report": {"afcost/rendering"},
    "afcost/rendering/prices": {"afcost/rendering"},
    "afcost/rendering/running": {"afcost/rendering"},
    "afcost/rendering/pilot": {"afcost/rendering", "afcost/rendering/running"},
    "afcost/rendering/answers": {"afcost/rendering"},
    "afcost/page/charts": {"afcost/rendering"},
    "afcost/page/shell": {"afcost/rendering", "afcost/page/charts"},
    "afcost/page/report/parts": {"afcost/page/shell", "afcost/page/transcripts"},
    "afcost/page/report/findings": {
        "afcost/rendering",
        "afcost/rendering/report",
        "afcost/page/charts",
        "afcost/page/shell",
        "afcost/page/transcripts",
        "afcost/page/report/parts",
    },
    "afcost/page/report/money": {
        "afcost/rendering",
        "afcost/page/charts",
        "afcost/page/shell",
        "afcost/page/report/parts",
    },
    "afcost/page/report": {
        "afcost/page/report/money",
        "afcost/rendering",
        "afcost/rendering/report",
        "afcost/page/charts",
        "afcost/page/shell",
        "afcost/page/transcripts",
        "afcost/page/report/parts",
        "afcost/page/report/findings",
    },
    "afcost/page/transcripts": {"afcost/rendering", "afcost/page/shell"},
    "afcost/page/plans": {
        "afcost/rendering",
        "afcost/page/charts",
        "afcost/page/shell",
    },
    "afcost/page/live": {
        "afcost/rendering",
        "afcost/rendering/running",
        "afcost/page/charts",
        "afcost/page/shell",
        "afcost/page/report",
        "afcost/page/report/findings",
        "afcost/page/transcripts",
    },
    "afcost/consent": {"afcost/rendering"},
    "afcost/guard_plan": {"afcost/rendering"},
    "afcost/commands/planning": {
        "afcost/rendering",
        "afcost/rendering/approval",
        "afcost/rendering/design",
        "afcost/rendering/estimate",
        "afcost/page/plans",
        "afcost/consent",
    },
    "afcost/commands/running": {
        "afcost/rendering",
        "afcost/rendering/running",
        "afcost/rendering/pilot",
        "afcost/rendering/approval",
        "afcost/page/live",
        "afcost/consent",
        "afcost/guard_plan",
    },
    "afcost/commands/running/inspect": {
        "afcost/rendering",
        "afcost/rendering/running",
        "afcost/rendering/estimate",
        "afcost/commands/planning",
        "afcost/consent",
        "afcost/guard_plan",
    },
    "afcost/commands/results": {
        "afcost/rendering",
        "afcost/rendering/running",
        "afcost/rendering/approval",
        "afcost/rendering/report",
        "afcost/rendering/answers",
        "afcost/page/charts",
        "afcost/page/report",
        "afcost/page/transcripts",
        "afcost/consent",
    },
    "afcost/commands/data": {"afcost/rendering"},
    "afcost/commands/data/prices": {"afcost/rendering", "afcost/rendering/prices"},
}
MODULES = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@cache
def imports(module: Path) -> tuple[Path, ...]:
    """Return the modules and packages that a module imports anywhere in its text."""
    return tuple(_find_imports(module))


def _find_imports(module: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Path(*alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            package = Path(*node.module.split("."))
            for alias in node.names:
                inner = package / alias.name
                is_module = (ROOT / inner).is_dir() or (ROOT / f"{inner}.py").exists()
                yield inner if is_module else package


def place(module: Path) -> str | None:
    """Return the entry of FOLDERS that a module belongs to, the innermost one."""
    inside = [module.with_suffix(""), *module.parents]
    return next((str(each) for each in inside if str(each) in FOLDERS), None)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room):
    modules = [module for module in MODULES if module.parts[0] == room]
    assert modules
    for module in modules:
        others = {imported.parts[0] for imported in imports(module)} & ROOMS.keys() - {room}
        assert others <= ROOMS[room], f"{module} imports {others}"


def check_folders(module):
    own = place(module)
    for imported in imports(module):
        other = place(imported)
        if imported.parts[0] != module.parts[0] or other in {own, None}:
            continue
        assert own is not None, f"{module} stands beside the folders and imports {imported}"
        assert other in FOLDERS[own], f"{module} imports {imported}"


def test_within_a_room_folders_import_one_way():
    check_each(zip(MODULES), check_folders)


def test_every_entry_is_a_folder_or_a_module():
    for each in FOLDERS:
        assert (ROOT / each).is_dir() or (ROOT / f"{each}.py").exists(), each


def test_no_chain_of_folders_leads_back():
    def below(folder: str, above: tuple[str, ...]) -> None:
        assert folder not in above, f"a circle: {' -> '.join((*above, folder))}"
        for other in FOLDERS[folder]:
            below(other, (*above, folder))

    for folder in FOLDERS:
        below(folder, ())


def check_faces(module):
    for imported in imports(module):
        if imported.parts[0] in ROOMS and imported.parts[0] != "afcost":
            folder = imported.parent if (ROOT / f"{imported}.py").exists() else imported
            is_face = folder == imported or len(folder.parts) == 1
            assert is_face or folder in module.parents, f"{module} imports {imported}"


def test_nobody_reaches_past_the_face_of_a_folder():
    check_each(zip(MODULES), check_faces)


def test_no_command_imports_another():
    commands = [
        module
        for module in MODULES
        if module.is_relative_to("afcost/commands")
        and "@click.command(" in (ROOT / module).read_text(encoding="utf-8")
    ]
    assert commands
    for module in commands:
        others = set(imports(module)) & {each.with_suffix("") for each in commands}
        assert not others, f"{module} imports {others}; what both show belongs in afcost/rendering"


def test_folders_are_small_and_each_says_what_it_is_for():
    folders = {module.parent for module in MODULES}
    for folder in folders:
        modules = [each for each in MODULES if each.parent == folder and each.stem != "__init__"]
        assert len(modules) <= 14, f"{folder} has {len(modules)} modules"
        face = ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(face), f"{folder} does not say what it is for"

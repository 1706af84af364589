# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Imports go one way, as docs/architecture.md says; the planner makes no system calls."""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COLLECTION = "ansible_collections.podnet.fabric."
UTILS = "plugins.module_utils"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "plugins").rglob("*.py")
}
#: The tables: room, what it holds, what it imports.
ROWS = re.findall(
    r"^\| `(\w+)/` \| (.+) \| (.+) \|$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE
)
ROOMS = [room for room, _holds, _imports in ROWS]
DOMAINS = {room for room, holds, _imports in ROWS if holds.startswith("a domain: ")}


@cache
def imports(name: str, *, types: bool) -> frozenset[str]:
    """Return what a file of ours imports, ours and others'.

    :param types: with what is imported for the type checker alone.
    """
    package = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    todo: list[ast.AST] = [ast.parse(FILES[name].read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            base = base.removeprefix(COLLECTION)
            of_files = {f"{base}.{alias.name}" for alias in node.names} & set(FILES)
            found |= of_files or {base}
        todo += ast.iter_child_nodes(node)
    return frozenset(found)


def room_of(name: str) -> str | None:
    """Return the room of a file, None for ``names`` and for what is not ours."""
    parts = name.removeprefix(UTILS + ".").removeprefix("plugins.").split(".")
    return parts[0] if name.startswith("plugins.") and len(parts) > 1 else None


def test_every_file_stands_in_a_room_of_the_tables():
    assert len(set(ROOMS)) == len(ROOMS) > len(DOMAINS) > 5
    assert {room_of(name) for name in FILES} - {None} == set(ROOMS)
    loose = {path.name for path in (ROOT / "plugins/module_utils").glob("*.py")}
    assert loose == {"__init__.py", "names.py"}


@pytest.mark.parametrize(("room", "named"), [(room, named) for room, _holds, named in ROWS])
def test_a_room_imports_what_it_names_and_that_stands_below_it(room, named):
    allowed = set(re.findall(r"`(\w+)/`", named)) | (DOMAINS if "the domains" in named else set())
    used = {
        room_of(imported)
        for name in FILES
        if room_of(name) == room
        for imported in imports(name, types=True)
    } - {None, room}
    assert used == allowed & used, f"{room} imports {used - allowed}"
    assert {other for other in allowed if ROOMS.index(other) < ROOMS.index(room)} == set()
    assert allowed - DOMAINS <= used, f"{room} does not import {allowed - DOMAINS - used}"


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_short_enough_for_one_job(name):
    """A module's options and examples are as many as it has: its documentation does not count."""
    code = re.sub(
        r'^(DOCUMENTATION|EXAMPLES|RETURN) = r""".*?"""',
        "",
        FILES[name].read_text(),
        flags=re.M | re.S,
    )
    assert len(code.splitlines()) <= 400


def reached(name: str) -> set[str]:
    """Return all that a file has to have imported, ours and others'."""
    found, todo = set(), [name]
    while todo:
        one = todo.pop()
        for imported in imports(one, types=False) - found if one in FILES else ():
            found.add(imported)
            todo.append(imported)
    return found


SYSTEM_CALLS = {"ctypes", "socketserver", "subprocess", "fcntl", "pyroute2", "bcc", "resource"}


@pytest.mark.parametrize(
    "name", sorted(name for name in FILES if name.startswith(f"{UTILS}.plan."))
)
def test_the_planner_makes_no_system_calls(name):
    found = reached(name)
    assert {one for one in found if one.startswith(f"{UTILS}.engine.bpf")} == set()
    assert {one for one in found if one.split(".")[0] in SYSTEM_CALLS} == set()

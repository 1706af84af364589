# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the node's command is made of: found by the text of modules, it is what Python finds."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.command import archive

ROOT = Path(__file__).parent.parent.parent
PACKAGE = "ansible_collections.podnet.fabric."
MODULES = sorted((ROOT / "plugins/module_utils").rglob("*.py"))


def parsed(package, tree):
    """Return what a module imports of ours, but for its types, as Python reads it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        yield from parsed(package, node)


def test_imports_are_found_as_python_finds_them():
    assert len(MODULES) > 100
    for path in MODULES:
        package = PACKAGE + ".".join(path.parent.relative_to(ROOT).parts)
        source = path.read_text()
        wanted = sorted(set(parsed(package, ast.parse(source))))
        found = {name for name in archive.imports(package, source) if name.startswith(PACKAGE)}
        assert sorted(found) == wanted, path


@pytest.mark.parametrize(
    "line",
    [
        "from .a import b\n",
        "    from .a import b as c\n",
        "from .a import (\n    b,  # what is (there), and more\n)\n",
        "from .a import (\n    b as c,\n)\nfrom d import e\n",
        "if TYPE_CHECKING:\n    from .x import y\n\n    from .z import z\nfrom .a import b\n",
    ],
)
def test_imports_in_each_way_of_writing(line):
    assert list(archive.imports("p.q", line)) == ["p.q.a", "p.q.a.b"]

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command as one file: an archive of the modules that it is made of, which Python runs.

It is put together on the node from what Ansible brought there for a module: the same code, sent
once. The same code makes the same bytes.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import sys
import zipfile
from typing import TYPE_CHECKING

from .. import names
from ..engine.failure import Failure
from . import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

#: The package's name in the archive.
PACKAGE = "podnet"
_BASE = str(__package__).rpartition(".")[0]

_MAIN = f"""import sys

from {PACKAGE}.command.main import main

sys.exit(main(sys.argv[1:]))
"""
#: An archive has a time for each file; the first that it can have.
_TIME = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """Return the file: first the Python that runs it, the one that this process runs under."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.comment = names.MARK.encode()
        for path, text in {"__main__.py": _MAIN, **_files()}.items():
            packed.writestr(zipfile.ZipInfo(path, _TIME), text)
    return f"#!{sys.executable} -I\n".encode() + archive.getvalue()


def _files() -> dict[str, str]:
    """Return the files of the package, by their paths in the archive."""
    sources = _sources()
    packages = sorted({_BASE, *(name.rpartition(".")[0] for name in sources)})
    return {
        **{f"{_path(name)}/__init__.py": "" for name in packages},
        **{f"{_path(name)}.py": source for name, source in sorted(sources.items())},
    }


def _path(name: str) -> str:
    return (PACKAGE + name[len(_BASE) :]).replace(".", "/")


def _sources() -> dict[str, str]:
    """Return the modules that the command imports, at once or later, with their sources."""
    found: dict[str, str] = {}
    todo = [main.__name__]
    while todo:
        name = todo.pop()
        spec = None if name in found else _spec(name)
        if spec is None or spec.submodule_search_locations is not None:  # no module, or a package
            continue
        source = getattr(spec.loader, "get_source", lambda _name: None)(name)
        if source is None:
            raise Failure(f"The source of {name} is not there to make the command podnet of.")
        found[name] = source
        todo += _imports(name.rpartition(".")[0], ast.parse(source))
    return found


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # it is something in a module
        return None


def _imports(package: str, tree: ast.AST) -> Iterator[str]:
    """Return what a module imports of ours: names of modules, and some that are none."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        yield from _imports(package, node)

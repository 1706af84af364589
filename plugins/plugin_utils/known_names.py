# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The names of the collection's variables, from the roles themselves and the connections."""

from __future__ import annotations

import re
from pathlib import Path

from .service_files import documents

_ROOT = Path(__file__).parent.parent.parent
_OF_CONNECTIONS = re.compile(r"- name: (podnet_\w+)")
_WORD = re.compile(r"(?<![\w.])podnet_\w+")


def options() -> set[str]:
    """Return the variables that people may set: options of all roles, and of the connections."""
    connections = (_ROOT / "plugins/connection").glob("*.py")
    names = {name for path in connections for name in _OF_CONNECTIONS.findall(path.read_text())}
    for path in _ROOT.glob("roles/*/meta/argument_specs.yml"):
        (specs,) = documents(path.read_text(), str(path))
        for entry in specs["argument_specs"].values():
            names.update(entry["options"])
    return names


def made() -> set[str]:
    """Return the names that tasks of roles and playbooks use: also what they register."""
    paths = [*_ROOT.glob("roles/*/[tv]*/*.yml"), *_ROOT.glob("playbooks/*.yml")]
    return {name for path in paths for name in _WORD.findall(path.read_text())}

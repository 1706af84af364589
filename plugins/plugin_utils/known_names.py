# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The names of the collection's variables, from the roles themselves and the connections."""

from __future__ import annotations

import re

from .role_options import COLLECTION, documented

_OF_CONNECTIONS = re.compile(r"- name: (podnet_\w+)")
_WORD = re.compile(r"(?<![\w.])podnet_\w+")


def options() -> set[str]:
    """Return the variables that people may set: options of all roles, and of the connections."""
    connections = COLLECTION.glob("plugins/connection/*.py")
    names = {name for path in connections for name in _OF_CONNECTIONS.findall(path.read_text())}
    return {*names, *documented()}


def made() -> set[str]:
    """Return the names that tasks of roles and playbooks use: also what they register."""
    paths = [*COLLECTION.glob("roles/*/[tv]*/*.yml"), *COLLECTION.glob("playbooks/*.yml")]
    return {name for path in paths for name in _WORD.findall(path.read_text())}

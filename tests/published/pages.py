# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What pages show, as files to write and commands to run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The first line of a file says what it is called: ``# play.yml`` or ``/* count.c */``.
NAME = re.compile(r"(?:# |/\* )([\w./-]+\.\w+)(?: \*/)?")


def section(page: Path, heading: str) -> str:
    """Return what stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S)
    assert found, f"{page} has no heading {heading!r}"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code of a language; ``""`` are those that name none."""
    return [code for named, code in BLOCK.findall(text) if named == language]


def commands(text: str) -> list[str]:
    """Return the commands of all blocks that name no language, each without its comment."""
    lines = [line for block in blocks(text, "") for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


def write_files(text: str, folder: Path) -> list[str]:
    """Write each block whose first line names a file below a folder; return their names."""
    names = []
    for _language, code in BLOCK.findall(text):
        if named := NAME.fullmatch(code.splitlines()[0]):
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
            names.append(named[1])
    return names

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands that README and docs show: blocks without a language, whose lines are commands, or
``$ command`` and what it prints. What is no command stands in blocks of ``text``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Commands that are not run on the demo, by how they begin, and what shows instead that they work.
ELSEWHERE = {
    "git clone": "tests/published/test_installed.py installs what is published in its place",
    "ansible-galaxy collection install": "tests/published/test_installed.py does so",
    "cd ~/.ansible": "tests/published/test_installed.py goes there",
    "molecule test": "tests/published/test_reuse.py runs that scenario",
    "ansible-playbook -i lab.yml": "tests/published/test_reuse.py has the files of that page",
    "./lab demo": "tests/published/test_installed.py makes one of another name",
    "./lab up": "tests/integration/test_lab.py builds a lab of another name",
    "./lab down": "tests/integration/test_lab.py takes it away",
    "./lab reboot": "tests/integration/test_lab.py reboots a host",
    "ansible-playbook podnet.fabric.why": "tests/policy/test_why.py asks where such policies are",
    "ansible-playbook podnet.fabric.status -i INVENTORY -e podnet_report_page": (
        "tests/cluster/test_page.py writes the page elsewhere than into the checkout"
    ),
    "ip route show dev pn_vxlan": "tests/cells/listings.py has the lines of an overlay",
    "ip neigh show dev pn_vxlan": "tests/cells/listings.py has the lines of an overlay",
    "bridge fdb show dev pn_vxlan": "tests/cells/listings.py has the lines of an overlay",
    "./lab exec node-39206/nginx-app-3 curl -s 10.10": "tests/services ask a service from a pod",
    "./lab exec internet curl -s 10.111.0.8:30080": "tests/services ask a node port from outside",
}


@dataclass(frozen=True)
class Command:
    """One command, and the lines that the page says it prints."""

    page: str
    text: str
    prints: list[str] = field(default_factory=list, compare=False)

    @property
    def words(self) -> list[str]:
        """Its words, less what stands behind ``#``."""
        return shlex.split(self.text, comments=True)

    @property
    def is_synopsis(self) -> bool:
        """Whether it has places for what its reader fills in."""
        return "…" in self.text


def commands() -> list[Command]:
    """Return all of them."""
    return [
        command
        for page in PAGES
        for language, text in BLOCK.findall(page.read_text())
        if not language
        for command in _of_block(page.name, text)
    ]


def texts() -> Iterator[tuple[str, str]]:
    """Return the page and the text of each block that says it holds no command."""
    for page in PAGES:
        yield from (
            (page.name, text) for name, text in BLOCK.findall(page.read_text()) if name == "text"
        )


def _of_block(page: str, text: str) -> list[Command]:
    mixed = text.startswith("$ ")
    found: list[Command] = []
    lines = iter(text.splitlines())
    for line in lines:
        if mixed and not line.startswith("$ "):
            found[-1].prints.append(line)
        elif line.strip():
            found.append(Command(page, _whole(line.removeprefix("$ "), lines)))
    return found


def _whole(line: str, lines: Iterator[str]) -> str:
    """Return a command with the lines that it goes on in."""
    while True:
        try:
            if not line.endswith("\\"):
                shlex.split(line, comments=True)
                return line
        except ValueError:  # a quote is open
            pass
        line = f"{line.removesuffix(chr(92))}\n{next(lines)}"

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan that shuts its controller out: pods are given the addresses from which it comes.

The nodes then send what is for the controller to a pod CIDR, those connections that stand included.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from tests.waiting import wait_for

from .hosts import come_back, everybody_is_reached, ways
from .machines import TWO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .machines import Machines

#: From where the controller comes, behind the VPC's router; and the CIDR that pods are given.
OFFICE, RANGE, CIDR = "10.111.200.5", "10.111.200.0/24", "10.111.200.0/25"
COMMAND = "/usr/local/sbin/podnet"
#: Seconds: enough for a part of a run.
TIMEOUT = 60


@contextlib.contextmanager
def shut_out(machines: Machines) -> Iterator[None]:
    """Have such a plan, and such a controller, for a ``with`` block."""
    roads = (
        ("controller", f"address % {OFFICE}/32 dev lo"),
        ("gateway", f"route % {OFFICE}/32 via 10.111.0.5"),
    )
    for place, words in roads:
        machines.exec(place, "ip", *words.replace("%", "add").split())
    before = dict(machines.variables)
    ranges = before["podnet_secondary_ranges"]
    # Beside the tests' own connections, which come from the subnet and stay.
    options = f"-o BindAddress={OFFICE} -o ControlPath={machines.folder}/office-%C"
    machines.variables.update(
        ansible_ssh_args=f"{before['ansible_ssh_args']} {options}",
        podnet_secondary_ranges=[*ranges, {"name": "office", "cidr": RANGE}],
        podnet_confirm_timeout=TIMEOUT,
    )
    machines.nodes[TWO]["podnet_pod_cidr"] = CIDR
    try:
        yield
    finally:
        del machines.nodes[TWO]["podnet_pod_cidr"]
        machines.variables.clear()
        machines.variables.update(before)
        for place, words in roads:
            machines.exec(place, "ip", *words.replace("%", "del").split())


class Whole:
    """How a cluster was, to hold it against what it is later."""

    def __init__(self, machines: Machines) -> None:
        self.machines, self.pods = machines, machines.pods()
        self.ways = {node: ways(machines, node) for node in machines.nodes}
        self.disks = {node: self._disk(node) for node in machines.nodes}

    def _disk(self, node: str) -> str:
        script = f"cd /var/lib/podnet && sha256sum *.json objects/* {COMMAND}"
        lines = self.machines.exec(node, "sh", "-c", script).splitlines()
        # Which boot it is, and nothing else, differs by how often it was written.
        return "\n".join(sorted(line for line in lines if "entries.json" not in line))

    def _is_undone(self, node: str) -> bool:
        asked = self.machines.try_exec(node, "test", "-e", "/var/lib/podnet/pending")
        return asked.returncode == 1

    def is_back(self) -> None:
        """Wait until it is again, by itself; fail with what is not."""
        for node in self.machines.nodes:
            wait_for(f"{node} has undone it", partial(self._is_undone, node), 120)
            asked = ("journalctl", "--output", "cat", "--unit", "podnet-undo")
            said = self.machines.exec(node, *asked).splitlines()
            assert "undone" in said, said
            come_back(self.machines, node, self.ways[node])
            assert self._disk(node) == self.disks[node]
            assert "Undone:" in self.machines.exec(node, COMMAND, "status")
            units = self.machines.exec(node, "systemctl", "list-units", "--all", "podnet-undo*")
            assert "podnet-undo" not in units
        assert self.machines.pods() == self.pods
        everybody_is_reached(self.machines)

"""What a run of ``site`` costs by the number of nodes: seconds, processor time, memory.

Nodes of a lab are on this machine: their processor time is part of what is measured, beside the
controller's own, and so they wait for each other as machines of their own would not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIZES = (3, 10, 30, 100)
FIRST, RERUN = "first run", "rerun"
#: Seconds that a run of three nodes aims at, and processor seconds a node that any rerun does.
AIMS = {FIRST: 9.0, RERUN: 6.0}
CPU_AIM = 2.0

_FIRST_NODE = IPv4Address("10.111.0.11")
_PODS = 7  # a node, as in the demo


@dataclass(frozen=True)
class Cost:
    """What one command took.

    :param seconds: from its start to its end.
    :param cpu: processor seconds of all of its processes.
    :param memory: MB of the largest of them, which is the controller's.
    """

    seconds: float
    cpu: float
    memory: float


def inventory(nodes: int, lab: str) -> dict[str, Any]:
    """Return a cluster of one subnet on a lab of its own."""
    hosts = {
        f"node-{number}": {
            "ansible_host": str(_FIRST_NODE + number),
            "lab_links": [{"segment": "subnet", "address": f"{_FIRST_NODE + number}/24"}],
        }
        for number in range(nodes)
    }
    variables = {
        "podnet_lab": lab,
        "ansible_connection": "podnet.fabric.netns",
        "ansible_python_interpreter": "/usr/bin/python3",
        "podnet_vpc_cidr": "10.111.0.0/16",
        "podnet_subnets": [{"cidr": "10.111.0.0/24"}],
        "podnet_secondary_ranges": [{"cidr": "10.111.128.0/17"}],
        "podnet_deployments": [{"name": "app", "replicas": nodes * _PODS}],
    }
    return {"all": {"vars": variables, "children": {"podnet_nodes": {"hosts": hosts}}}}


def measure(
    sizes: Sequence[int], repeat: int, *, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Return a row for each size and run: ``nodes``, ``run``, and the median of each cost."""
    rows = []
    for nodes in sizes:
        progress(f"runs over {nodes} nodes")
        for run, costs in _costs(nodes, repeat).items():
            middle = sorted(costs, key=lambda cost: cost.cpu)[len(costs) // 2]
            rows.append(
                {
                    "nodes": nodes,
                    "run": run,
                    "seconds": round(middle.seconds, 2),
                    "cpu_a_node": round(middle.cpu / nodes, 2),
                    "memory": round(middle.memory),
                    "aim": AIMS[run] if nodes == min(SIZES) else None,
                }
            )
    return rows


def _costs(nodes: int, repeat: int) -> dict[str, list[Cost]]:
    lab = f"bench-runs-{os.getpid()}-{nodes}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inventory.json"
        file.write_text(json.dumps(inventory(nodes, lab)))
        try:
            cost("./lab", "up", "-i", str(file))
            runs = dict(_run(file, repeat))
        finally:
            cost("./lab", "down", lab)
    return runs


def _run(file: Path, repeat: int) -> Iterator[tuple[str, list[Cost]]]:
    def play(name: str) -> Cost:
        return cost("ansible-playbook", "-i", str(file), f"podnet.fabric.{name}")

    firsts = []
    for turn in range(repeat):
        if turn:
            play("teardown")
        firsts.append(play("site"))
    yield FIRST, firsts
    yield RERUN, [play("site") for _turn in range(repeat)]


def cost(*argv: str) -> Cost:
    """Run a command in the checkout, which has to succeed; return what it took."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    collections = CHECKOUT / ".build/collections"
    settings = {"ANSIBLE_PIPELINING": "True", "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    with tempfile.TemporaryFile("w+") as output:
        start = time.monotonic()
        process = subprocess.Popen(
            argv,
            cwd=CHECKOUT,
            env={**os.environ, "PATH": path, **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _pid, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(argv)} failed:\n{output.read()[-2000:]}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)

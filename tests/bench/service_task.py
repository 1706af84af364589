"""This project's way of services to the kernel: its maps, its module, and the task of a user."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.plan.services import given
from ansible_collections.podnet.fabric.plugins.module_utils.services import wire

from . import CHECKOUT, isolation, service_list, service_maps, topology
from .podnet_datapath import run_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .service_list import Service
    from .topology import Node

_ENVIRONMENT = (
    f"ANSIBLE_COLLECTIONS_PATH={CHECKOUT / '.build' / 'collections'}",
    "ANSIBLE_PIPELINING=True",
)
_PLAYBOOK = [
    {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [
            {
                "name": "Services of a node",
                "podnet.fabric.services": {"src": ["{{ services_file }}"], "purge": True},
            }
        ],
    }
]


def bare_node() -> Node:
    """Make a node with the maps that every node has, and nothing else."""
    node = topology.build(topology.ONE_NODE, "bare", lambda _node: None).nodes[0]
    with node.entered():
        run_module("bpf_map", maps=[table.task() for table in layout.MAPS])
    return node


def by_maps(node: Node, services: Sequence[Service], then: Sequence[Service]) -> list[float]:
    """Write services straight into the maps, then another first service some times.

    :returns: seconds of each, of the writing alone.
    """
    took = [service_maps.fill(node, services)]
    free = len(services) * service_list.BACKENDS
    for turn, service in enumerate(then):
        took.append(service_maps.put(node, 0, service, free + turn * service_list.BACKENDS))
    return took


def packed(services: Sequence[Service]) -> str:
    """Return services as the action plugin sends them to the module."""
    document = {"source": "the benchmark", "documents": [service_list.variables(services)]}
    return wire.pack(given.settled([document]).services)


def by_module(node: Node, services: str) -> float:
    """Give the module what :func:`packed` made; return the seconds from its start to its end."""
    with node.entered():
        return run_module("services", _services=services, purge=True)


def by_task(node: Node, services: Sequence[Service]) -> float:
    """Run a playbook with one task that reads a file of services; return the command's seconds."""
    with tempfile.TemporaryDirectory() as folder:
        file, playbook = Path(folder) / "services.yml", Path(folder) / "playbook.yml"
        file.write_text(yaml.dump(service_list.variables(services), Dumper=yaml.CSafeDumper))
        playbook.write_text(yaml.dump(_PLAYBOOK))
        argv = ("env", *_ENVIRONMENT, str(Path(sys.executable).parent / "ansible-playbook"))
        with node.entered():
            start = time.monotonic()
            isolation.run(*argv, "-i", "localhost,", "-e", f"services_file={file}", str(playbook))
            return time.monotonic() - start

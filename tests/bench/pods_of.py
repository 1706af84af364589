"""Give pods their network, many in one call of the module: ``python -m tests.bench.pods_of PODS``.

Prints the seconds of the call, without what had to be there before it, as its last line.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces

from . import isolation, topology
from .podnet_datapath import cell, run_module

if TYPE_CHECKING:
    from .topology import Node


def endpoints(node: Node, pods: int) -> dict[str, Any]:
    """Arguments of the module for pods that it has to make namespaces for."""
    # Outside of the node's own small CIDR: nothing is sent here.
    addresses = [(10, 112, number // 250, 1 + number % 250) for number in range(pods)]
    return {
        "endpoints": [
            {
                "name": f"pod-{number}",
                "ip": ".".join(map(str, address)),
                "mac": "0a:58:" + ":".join(f"{byte:02x}" for byte in address),
            }
            for number, address in enumerate(addresses)
        ],
        "gateway_ip": str(node.gateway),
        "gateway_mac": topology.mac("0e:58", node.gateway),
        "mtu": topology.MTU,
    }


def main() -> int:
    """Return 0 where every pod has its namespace."""
    pods = int(sys.argv[1])
    join = cell("ebpf", "native_routing")
    node = topology.build("one node", "podnet", join).nodes[0]
    with node.entered():
        isolation.private_folder("/run")
        given = endpoints(node, pods)
        start = time.monotonic()
        run_module("endpoints", **given)
        took = time.monotonic() - start
        made = len(namespaces.names())
    print(f"{made} pods")
    print(f"{took:.3f}")
    return 0 if made == pods else 1


if __name__ == "__main__":
    sys.exit(main())

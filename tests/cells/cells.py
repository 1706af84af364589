# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The six cells of the table, and a small VPC in which each way between nodes occurs."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

from tests.cluster.cluster import host, inventory, node
from tests.masquerade.vpc import MIRROR

DATAPATHS = ("ebpf", "bridge", "routed")
NETWORK_TYPES = ("native_routing", "overlay")

VNI, PORT = 7, 8472

#: Of the nodes, in the order of the inventory.
NODE_IPS = {"node-1": "10.111.0.11", "node-2": "10.111.0.12", "node-3": "10.111.1.11"}
CIDRS = {
    "node-1": "10.111.160.0/25",
    "node-2": "10.111.160.128/25",
    "node-3": "10.111.161.0/25",
}
VTEP_MACS = {
    "node-1": "0a:58:0a:6f:a0:00",
    "node-2": "0a:58:0a:6f:a0:80",
    "node-3": "0a:58:0a:6f:a1:00",
}
HEALTH = ["10.111.160.125", "10.111.160.253", "10.111.161.125"]

#: The service of one pod, app-1 on node-1, and that of a process of node-2.
WEB, WEB_NODE_PORT = "10.10.0.80", 30080
HOST, HOST_NODE_PORT = "10.10.0.81", 30081
IPERF_NODE_PORT, DATAGRAM_NODE_PORT = 30521, 30082

#: Variables of a cluster with services.
SERVICES: dict[str, Any] = {
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_services": [
        {
            "name": "web",
            "type": "NodePort",
            "cluster_ip": WEB,
            "ports": [
                {"name": "http", "port": 80, "node_port": WEB_NODE_PORT},
                {"name": "iperf", "port": 5201, "node_port": IPERF_NODE_PORT},
                {
                    "name": "datagrams",
                    "port": MIRROR,
                    "protocol": "UDP",
                    "node_port": DATAGRAM_NODE_PORT,
                },
            ],
            "backends": [{"ip": "10.111.160.121"}],
        },
        {
            "name": "host",
            "type": "NodePort",
            "cluster_ip": HOST,
            "ports": [{"port": 80, "node_port": HOST_NODE_PORT}],
            "backends": [{"ip": NODE_IPS["node-2"]}],
        },
    ],
}


class Cell(NamedTuple):
    """One cell of the table."""

    datapath: str
    network_type: str

    def __str__(self) -> str:
        """Return it as ``DATAPATH+TYPE``."""
        return f"{self.datapath}+{self.network_type.partition('_')[0]}"

    @property
    def overlay(self) -> bool:
        """Whether pods of other nodes are reached through a tunnel."""
        return self.network_type == "overlay"

    @property
    def external(self) -> bool:
        """Whether a program says with each packet where its tunnel ends."""
        return self.overlay and self.datapath == "ebpf"

    @property
    def mtu(self) -> int:
        """Of the pods, where the network has 1500."""
        return 1450 if self.overlay else 1500

    @property
    def variables(self) -> dict[str, str]:
        """What makes a cluster one of this cell."""
        return {"podnet_datapath": self.datapath, "podnet_network_type": self.network_type}


CELLS = [Cell(*both) for both in product(DATAPATHS, NETWORK_TYPES)]


def small_vpc(cell: Cell, **variables: Any) -> dict[str, Any]:
    """Return an inventory: two nodes on one subnet, a third behind the gateway, hosts outside."""
    nodes = {
        "node-1": node(11),
        "node-2": node(12),
        "node-3": host(
            ("more", f"{NODE_IPS['node-3']}/24"),
            via="10.111.1.1",
            ansible_host=NODE_IPS["node-3"],
        ),
    }
    hosts = inventory(
        nodes,
        pods=4,
        outside=True,
        podnet_subnets=[
            {"name": "first", "cidr": "10.111.0.0/24"},
            {"name": "second", "cidr": "10.111.1.0/24"},
        ],
        podnet_vxlan_vni=VNI,
        **cell.variables,
        **variables,
    )
    links = hosts["all"]["hosts"]["gateway"]["lab_links"]
    links.append({"segment": "more", "address": "10.111.1.1/24"})
    return hosts

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The write-up's two nodes with pods, and around them every kind of address that pods may talk to.

``internet`` is on no list: its visitors are masqueraded. The other hosts are on the list that holds
by default, in the VPC, link-local, or behind a second device of one of the nodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cluster.cluster import NGINX, host
from tests.services.write_up import CLUSTER

THERE = Path(__file__).parent / "there"

NODES = {"k8s-s": "192.168.10.10", "k8s-w1": "192.168.10.101"}
CIDRS = {"k8s-s": "172.16.0.0/24", "k8s-w1": "172.16.1.0/24"}

#: A device more of k8s-s, by which its routes lead to one host alone.
SECOND_DEVICE, SECOND_IP = "eth1", "192.168.20.10"

#: Pods by ``NODE/POD``. The first ones are on one node, and share its address.
NETPOD, OTHERPOD, THIRDPOD, FOURTHPOD = (
    *("k8s-s/netpod", "k8s-s/otherpod"),
    *("k8s-s/thirdpod", "k8s-s/fourthpod"),
)
WEBPOD = "k8s-w1/webpod"
IPS = {
    NETPOD: "172.16.0.79",
    OTHERPOD: "172.16.0.80",
    THIRDPOD: "172.16.0.81",
    FOURTHPOD: "172.16.0.82",
    WEBPOD: "172.16.1.235",
}
CROWD = (NETPOD, OTHERPOD, THIRDPOD, FOURTHPOD)

#: Hosts that are no nodes, by name.
INTERNET = "8.8.8.8"
LISTED = "203.0.113.10"
METADATA = "169.254.169.123"
SERVER = "192.168.10.200"
ELSEWHERE = "9.9.9.9"
OUTSIDE = {
    "internet": INTERNET,
    "listed": LISTED,
    "metadata": METADATA,
    "server": SERVER,
    "elsewhere": ELSEWHERE,
}

#: Where each host outside tells its visitors who they are (``there/mirror.py``).
MIRROR = 4711

WEB_NODE_PORT, AWAY_NODE_PORT = 30080, 30081
AWAY = "10.10.0.81"

#: A packet that goes no further is answered, however many there were before it.
TELLS = {"net.ipv4.icmp_ratelimit": 0}

#: The list that holds where nobody says anything else, and one that holds much less.
DEFAULT_LIST = [
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    "240.0.0.0/4",
]

SERVICES = [
    {
        "name": "web",
        "type": "NodePort",
        "ports": [{"port": 80, "node_port": WEB_NODE_PORT}],
        "selector": {"app": "webpod"},
    },
    {
        "name": "away",  # whose backend is nobody of the cluster
        "type": "NodePort",
        "cluster_ip": AWAY,
        "ports": [
            {"name": "tcp", "port": MIRROR, "node_port": AWAY_NODE_PORT},
            {"name": "udp", "port": MIRROR, "node_port": AWAY_NODE_PORT, "protocol": "UDP"},
        ],
        "backends": [{"ip": INTERNET}],
    },
]


def pod(place: str, *containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a pod with its address."""
    name = place.partition("/")[2]
    return {"name": name, "ip": IPS[place], "containers": list(containers), **more}


def inventory(**variables: Any) -> dict[str, Any]:
    """Return the inventory; the Cluster adds the lab's name. ``variables`` go over its own."""
    nginx = {"name": "http", "command": NGINX, "ports": [{"name": "http", "port": 80}]}
    nodes = {
        "k8s-s": host(
            ("subnet", f"{NODES['k8s-s']}/24"),
            ("uplink", f"{SECOND_IP}/24"),
            via="192.168.10.1",
            podnet_pods=[pod(place) for place in CROWD],
            podnet_masquerade_devices=["eth0", SECOND_DEVICE],
        ),
        "k8s-w1": host(
            ("subnet", f"{NODES['k8s-w1']}/24"),
            via="192.168.10.1",
            podnet_pods=[pod(WEBPOD, nginx, labels={"app": "webpod"})],
        ),
    }
    nodes["k8s-s"]["lab_routes"].append({"dst": "9.9.9.0/24", "via": "192.168.20.1"})
    for name, own in nodes.items():
        own.update(ansible_host=NODES[name], podnet_pod_cidr=CIDRS[name], lab_sysctls=TELLS)
    forwards = {
        **TELLS,
        "net.ipv4.ip_forward": 1,
        "net.ipv4.conf.all.send_redirects": 0,
        "net.ipv4.conf.default.send_redirects": 0,
    }
    hosts = {
        "gateway": host(
            ("subnet", "192.168.10.1/24"),
            ("uplink", "192.168.20.1/24"),
            *((name, _first(OUTSIDE[name])) for name in ("internet", "listed", "metadata")),
            ("elsewhere", _first(ELSEWHERE)),
            lab_sysctls=forwards,
        ),
        "server": host(("subnet", f"{SERVER}/24"), via="192.168.10.1"),
    }
    for name in ("internet", "listed", "metadata", "elsewhere"):
        router = _first(OUTSIDE[name]).partition("/")[0]
        hosts[name] = host((name, f"{OUTSIDE[name]}/24"), via=router, lab_sysctls=TELLS)
    settings = {
        **CLUSTER,
        "podnet_services": SERVICES,
        "podnet_masquerade": True,
        **variables,
    }
    children = {"podnet_nodes": {"hosts": nodes}, "lab_gateways": {"hosts": {"gateway": {}}}}
    return {"all": {"vars": settings, "hosts": hosts, "children": children}}


def _first(address: str) -> str:
    """Return the router's address in an address' network, with its prefix."""
    return f"{address.rpartition('.')[0]}.1/24"

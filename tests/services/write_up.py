# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The write-up's cluster: three nodes, a client pod, two web pods; and more services around them.

Addresses of nodes, pods and services are the write-up's wherever it shows one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cluster.cluster import NGINX, host
from tests.cluster.probes import PYTHON

HERE = Path(__file__).parent
THERE = HERE / "there"

NODES = {"k8s-m": "192.168.10.10", "k8s-w1": "192.168.10.101", "k8s-w2": "192.168.10.102"}
CIDRS = {"k8s-m": "172.16.0.0/24", "k8s-w1": "172.16.1.0/24", "k8s-w2": "172.16.2.0/24"}

#: Pods of the tests by ``NODE/POD``.
NETPOD, PROXY = "k8s-m/netpod", "k8s-m/proxy"
WEBPOD1, WEBPOD2, LONER = "k8s-w1/webpod1", "k8s-w2/webpod2", "k8s-w1/loner"
IPS = {
    NETPOD: "172.16.0.79",
    PROXY: "172.16.0.40",
    WEBPOD1: "172.16.1.235",
    LONER: "172.16.1.54",
    "k8s-w1/dns-1": "172.16.1.122",
    WEBPOD2: "172.16.2.253",
    "k8s-w2/dns-2": "172.16.2.77",
}
WEBPODS = [IPS[WEBPOD1], IPS[WEBPOD2]]

#: Hosts outside: one that services with source ranges know, and one that they do not.
INTERNET, STRANGER = "203.0.113.10", "198.51.100.10"

#: Ports of the containers in web pods.
WEB, NAMES, IPERF = 80, 4711, 5201

SVC = "10.10.252.131"
DNS, DNS_NODE_PORT = "10.10.0.10", 30053
NODE_PORT = 32283
LOCAL, LOCAL_NODE_PORT = "10.10.15.144", 32284
EMPTY, EMPTY_NODE_PORT = "10.10.0.99", 32285
STICKY, STICKY_NODE_PORT = "10.10.152.163", 32286
KUBERNETES, KUBERNETES_NODE_PORT = "10.10.0.1", 30443
NAMES_SERVICE, NAMES_NODE_PORT = "10.10.0.20", 30711
HAIRPIN, LOCAL_INSIDE = "10.10.0.21", "10.10.0.22"
LOAD_BALANCER, GUARDED, MAGLEV = "192.0.2.10", "192.0.2.11", "192.0.2.12"
#: Routed to a node; the second is another host's own, which a service only claims.
EXTERNAL, CLAIMED = "192.0.2.80", INTERNET
HOST_PORT = 8080


#: Variables of the write-up's cluster, whatever stands around it.
CLUSTER: dict[str, Any] = {
    "ansible_connection": "podnet.fabric.netns",
    "ansible_python_interpreter": "/usr/bin/python3",
    "podnet_cluster": "kans",
    "podnet_network_type": "native_routing",
    "podnet_datapath": "ebpf",
    "podnet_vpc_cidr": "192.168.0.0/16",
    "podnet_subnets": [{"name": "default", "cidr": "192.168.10.0/24"}],
    "podnet_secondary_ranges": [{"name": "default", "cidr": "172.16.0.0/16"}],
    "podnet_native_routing_cidr": "172.16.0.0/16",
    "podnet_node_cidr_mask_size": 24,
    "podnet_service_cidr": "10.10.0.0/16",
}


def container(name: str, port: int, *command: str, **more: Any) -> dict[str, Any]:
    """Return a container that listens on one port, which has the container's name."""
    return {"name": name, "command": list(command), "ports": [{"name": name, "port": port, **more}]}


def web(**more: Any) -> list[dict[str, Any]]:
    """Return a web pod's containers; ``more`` of the port of its web server."""
    return [
        container("http", WEB, *NGINX, **more),
        container("iperf", IPERF, "iperf3", "-s", "--forceflush"),
        container("names", NAMES, *PYTHON, str(THERE / "names.py"), str(NAMES)),
    ]


def pod(place: str, *containers: dict[str, Any], app: str | None = None) -> dict[str, Any]:
    """Return a pod with its address."""
    labels = {"app": app} if app else {}
    name = place.partition("/")[2]
    return {"name": name, "ip": IPS[place], "labels": labels, "containers": list(containers)}


def dnsmasq(name: str) -> dict[str, Any]:
    """Return a container with a DNS server, which knows one name and says which server it is."""
    words = ("dnsmasq", "--keep-in-foreground", "--user=root", "--no-resolv", "--no-hosts")
    answers = (f"--txt-record=who.test,{name}", "--host-record=www.test,192.0.2.53")
    return container("dns", 53, *words, "--pid-file=/run/dnsmasq.pid", *answers)


def port(number: int, target: int | str, name: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a port of a service."""
    own = {"port": number, "target_port": target, **more}
    return {"name": name, **own} if name else own


def services() -> list[dict[str, Any]]:
    """Return the services that are not svc."""
    webpods = {"selector": {"app": "webpod"}}

    def service(name: str, cluster_ip: str | None, *ports: Any, **more: Any) -> dict[str, Any]:
        address = {"cluster_ip": cluster_ip} if cluster_ip else {}
        return {"name": name, "ports": list(ports), **address, **more}

    balanced = {"type": "LoadBalancer", **webpods}
    return [
        service(
            "dns",
            DNS,
            port(53, 53, "dns", protocol="UDP", node_port=DNS_NODE_PORT),
            port(53, 53, "dns-tcp", node_port=DNS_NODE_PORT),
            type="NodePort",
            selector={"app": "dns"},
        ),
        service("web", None, port(80, "http", node_port=NODE_PORT), type="NodePort", **webpods),
        service(
            "local",
            LOCAL,
            port(80, 80, node_port=LOCAL_NODE_PORT),
            type="NodePort",
            external_traffic_policy="Local",
            **webpods,
        ),
        service(
            "local-inside", LOCAL_INSIDE, port(80, 80), internal_traffic_policy="Local", **webpods
        ),
        service(
            "empty",
            EMPTY,
            port(80, 80, node_port=EMPTY_NODE_PORT),
            type="NodePort",
            selector={"app": "nobody"},
        ),
        service(
            "sticky",
            STICKY,
            port(80, 80, "http", node_port=STICKY_NODE_PORT),
            port(IPERF, IPERF, "iperf"),
            type="NodePort",
            session_affinity="ClientIP",
            backends=[{"ip": ip} for ip in WEBPODS],
        ),
        service(
            "kubernetes",
            KUBERNETES,
            port(443, 80, "https", node_port=KUBERNETES_NODE_PORT),
            type="NodePort",
            backends=[{"ip": NODES["k8s-m"]}],
        ),
        service(
            "names",
            NAMES_SERVICE,
            port(NAMES, NAMES, node_port=NAMES_NODE_PORT),
            type="NodePort",
            backends=[{"ip": ip} for ip in WEBPODS],
        ),
        service("hairpin", HAIRPIN, port(80, 80), selector={"app": "loner"}),
        service("balanced", None, port(80, 80), load_balancer_ip=LOAD_BALANCER, **balanced),
        service(
            "guarded",
            None,
            port(80, 80),
            load_balancer_ip=GUARDED,
            load_balancer_source_ranges=["203.0.113.0/24"],
            **balanced,
        ),
        service(
            "maglev", None, port(80, 80), load_balancer_ip=MAGLEV, algorithm="maglev", **balanced
        ),
        service("external", None, port(80, 80), external_ips=[EXTERNAL, CLAIMED], **webpods),
    ]


def inventory(**variables: Any) -> dict[str, Any]:
    """Return the inventory; the Cluster adds the lab's name. ``variables`` go over its own."""
    pods = {
        "k8s-m": [
            pod(NETPOD),
            pod(PROXY, container("proxy", 8000, *NGINX[:-1], str(HERE / "proxy.conf"))),
        ],
        "k8s-w1": [
            pod(WEBPOD1, *web(host_port=HOST_PORT), app="webpod"),
            pod(LONER, container("http", WEB, *NGINX), app="loner"),
            pod("k8s-w1/dns-1", dnsmasq("dns-1"), app="dns"),
        ],
        "k8s-w2": [
            pod(WEBPOD2, *web(), app="webpod"),
            pod("k8s-w2/dns-2", dnsmasq("dns-2"), app="dns"),
        ],
    }
    nodes = {
        name: host(
            ("subnet", f"{address}/24"),
            via="192.168.10.1",
            ansible_host=address,
            podnet_pod_cidr=CIDRS[name],
            podnet_pods=pods[name],
        )
        for name, address in NODES.items()
    }
    hosts = {
        "gateway": host(
            ("subnet", "192.168.10.1/24"),
            ("outside", "203.0.113.1/24"),
            ("elsewhere", "198.51.100.1/24"),
            lab_sysctls={
                "net.ipv4.ip_forward": 1,
                "net.ipv4.conf.all.send_redirects": 0,
                "net.ipv4.conf.default.send_redirects": 0,
            },
        ),
        "internet": host(("outside", f"{INTERNET}/24"), via="203.0.113.1"),
        "stranger": host(("elsewhere", f"{STRANGER}/24"), via="198.51.100.1"),
    }
    # What somebody leads to a node; cluster addresses are nobody's business out there, and yet.
    hosts["gateway"]["lab_routes"] = [
        {"dst": "192.0.2.0/26", "via": NODES["k8s-w1"]},
        {"dst": "192.0.2.64/26", "via": NODES["k8s-m"]},
        {"dst": "10.10.0.0/16", "via": NODES["k8s-w1"]},
    ]
    settings = {
        **CLUSTER,
        "podnet_load_balancer_cidrs": ["192.0.2.0/26"],
        "podnet_service_manifests": [str(HERE / "svc.yml")],
        "podnet_services": services(),
        **variables,
    }
    children = {"podnet_nodes": {"hosts": nodes}, "lab_gateways": {"hosts": {"gateway": {}}}}
    return {"all": {"vars": settings, "hosts": hosts, "children": children}}

"""Services that are refused, with the sentence that the user reads."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import fresh
from service_planning import NODES, WEB, nodes, planned, refused, text

HTTP = {"name": "http", "port": 80}
LABEL = (
    "valid is a DNS-1123 label: lower-case letters, digits and '-', letters or digits at both "
    "ends, at most 63 characters."
)
ADDRESS = "valid is an IPv4 address such as 10.111.0.8."
CIDR = "valid is an IPv4 CIDR without host bits such as 10.111.160.0/20."
SHARES = "valid is a CIDR that shares no address with subnets, secondary ranges and nodes."
WEB_HAS = "podnet_services default/web has the"
ROUTED = "valid is a CIDR that is routed to the nodes and that pods and cluster IPs do not have."
TAKEN = "valid is an address that pods and cluster IPs do not have."


def web(**changed: Any) -> dict[str, Any]:
    return {"name": "web", "ports": [HTTP], **changed}


def other(**changed: Any) -> dict[str, Any]:
    return {"name": "other", "ports": [HTTP], **changed}


def port(**changed: Any) -> dict[str, Any]:
    return web(ports=[{**HTTP, **changed}])


def backends(*given: Any) -> dict[str, Any]:
    return web(backends=list(given))


#: Services -> the sentence.
SERVICES: dict[str, tuple[list[dict[str, Any]], str]] = {
    # What a value cannot be
    "no name": (
        [{"ports": [HTTP]}],
        "podnet_services[0].name is not set; valid is a DNS-1123 label such as web.",
    ),
    "a name that DNS refuses": (
        [web(name="Web_1")],
        f"podnet_services default/Web_1.name is 'Web_1'; {LABEL}",
    ),
    "a namespace that DNS refuses": (
        [web(namespace="a.b")],
        f"podnet_services a.b/web.namespace is 'a.b'; {LABEL}",
    ),
    "a text for a service": (
        ["web"],  # type: ignore[list-item]
        "podnet_services[0] is 'web'; valid is a mapping of name, namespace, type, cluster_ip, "
        "ports, selector, backends, external_ips, load_balancer_ip, load_balancer_source_ranges, "
        "session_affinity, session_affinity_timeout, internal_traffic_policy, "
        "external_traffic_policy, allocate_node_ports, algorithm.",
    ),
    "an unknown key": (
        [port(targetPort=8080)],
        "podnet_services default/web.ports[0] has a key that is 'targetPort'; valid is name, port, "
        "target_port, protocol or node_port as its keys.",
    ),
    "an unknown type": (
        [web(type="ExternalName")],
        "podnet_services default/web.type is 'ExternalName'; valid is ClusterIP, NodePort or "
        "LoadBalancer.",
    ),
    "an unknown policy": (
        [web(internal_traffic_policy="local")],
        "podnet_services default/web.internal_traffic_policy is 'local'; valid is Cluster or "
        "Local.",
    ),
    "an unknown algorithm": (
        [web(algorithm="least")],
        "podnet_services default/web.algorithm is 'least'; valid is random or maglev.",
    ),
    "an unknown affinity": (
        [web(session_affinity="Cookie")],
        "podnet_services default/web.session_affinity is 'Cookie'; valid is None or ClientIP.",
    ),
    "an affinity of more than a day": (
        [web(session_affinity="ClientIP", session_affinity_timeout=86401)],
        "podnet_services default/web.session_affinity_timeout is 86401; valid is a whole number "
        "from 1 to 86400.",
    ),
    "an IPv6 address": (
        [web(cluster_ip="fd00::1")],
        f"podnet_services default/web.cluster_ip is 'fd00::1'; {ADDRESS}",
    ),
    "a malformed external IP": (
        [web(external_ips=["198.51.100"])],
        f"podnet_services default/web.external_ips[0] is '198.51.100'; {ADDRESS}",
    ),
    "a source range with host bits": (
        [web(type="LoadBalancer", load_balancer_source_ranges=["198.51.100.1/24"])],
        "podnet_services default/web.load_balancer_source_ranges[0] is '198.51.100.1/24'; " + CIDR,
    ),
    "a selector and backends": (
        [web(selector=WEB, backends=[{"ip": "172.16.1.235"}])],
        "podnet_services default/web.selector is {'app': 'webpod'}; valid is either selector or "
        "backends, not both.",
    ),
    # Ports
    "no ports": (
        [web(ports=[])],
        "podnet_services default/web.ports is not set; valid is a list such as [{port: 80}].",
    ),
    "a port too large": (
        [port(port=65536)],
        "podnet_services default/web.ports[0].port is 65536; valid is a whole number from 1 to "
        "65535.",
    ),
    "port 0": (
        [port(port=0)],
        "podnet_services default/web.ports[0].port is 0; valid is a whole number from 1 to 65535.",
    ),
    "no port": (
        [web(ports=[{"name": "http"}])],
        "podnet_services default/web.ports[0].port is not set; valid is the service's port such as "
        "80.",
    ),
    "a target port too large": (
        [port(target_port="70000")],
        "podnet_services default/web.ports[0].target_port is '70000'; valid is a whole number from "
        "1 to 65535.",
    ),
    "a target port by a name that is none": (
        [port(target_port="my_port")],
        "podnet_services default/web.ports[0].target_port is 'my_port'; valid is a name such as "
        "http: lower-case letters, digits and '-' between them, a letter among them, at most 15 "
        "characters.",
    ),
    "an unknown protocol": (
        [port(protocol="ICMP")],
        "podnet_services default/web.ports[0].protocol is 'ICMP'; valid is TCP or UDP.",
    ),
    "SCTP": (
        [port(protocol="SCTP")],
        "podnet_services default/web.ports[0].protocol is 'SCTP'; valid is TCP or UDP; SCTP is not "
        "supported.",
    ),
    "a port twice": (
        [web(ports=[HTTP, {"name": "alt", "port": 80}])],
        f"{WEB_HAS} port 80/TCP twice; each port is valid once for each protocol.",
    ),
    "a port's name twice": (
        [web(ports=[HTTP, {"name": "http", "port": 80, "protocol": "UDP"}])],
        f"{WEB_HAS} port name http twice; each is valid once.",
    ),
    "a port's name that is another one's number": (
        [web(ports=[{"name": "81", "port": 80}, {"port": 81}])],
        f"{WEB_HAS} port name 81 twice; each is valid once.",
    ),
    # Node ports
    "a node port below its range": (
        [port(node_port=29999) | {"type": "NodePort"}],
        f"{WEB_HAS} node port 29999; valid is a port from 30000 to 32767.",
    ),
    "a node port above its range": (
        [port(node_port=32768) | {"type": "NodePort"}],
        f"{WEB_HAS} node port 32768; valid is a port from 30000 to 32767.",
    ),
    "a node port of another type": (
        [port(node_port=30000)],
        f"{WEB_HAS} node port 30000 and type ClusterIP; valid is NodePort or LoadBalancer.",
    ),
    "a node port of two services": (
        [
            port(node_port=30000) | {"type": "NodePort"},
            other(type="NodePort", ports=[{"port": 81, "node_port": 30000}]),
        ],
        "podnet_services default/other has the node port 30000/TCP, which podnet_services "
        "default/web has too; each is valid once.",
    ),
    "a node port twice in one service": (
        [
            web(
                type="NodePort",
                ports=[{**HTTP, "node_port": 30000}, {"port": 81, "node_port": 30000}],
            )
        ],
        f"{WEB_HAS} node port 30000/TCP, which it has too; each is valid once.",
    ),
    "a node port at an external IP that is a node's": (
        [
            port(node_port=30000) | {"type": "NodePort"},
            other(ports=[{"port": 30000}], external_ips=["192.168.10.101"]),
        ],
        "podnet_services default/other has the external IP 192.168.10.101 with port 30000/TCP, "
        "which is the node port of podnet_services default/web on k8s-w1; valid is another port or "
        "address.",
    ),
    # Cluster IPs
    "a cluster IP outside the CIDR": (
        [web(cluster_ip="10.11.0.1")],
        f"{WEB_HAS} cluster IP 10.11.0.1, which lies outside podnet_service_cidr 10.10.0.0/16; "
        "valid is an address of it, or none, and one is chosen.",
    ),
    "the first address": (
        [web(cluster_ip="10.10.0.0")],
        f"{WEB_HAS} cluster IP 10.10.0.0, which is reserved; valid is an address of 10.10.0.0/16 "
        "other than the first and the last.",
    ),
    "the last address": (
        [web(cluster_ip="10.10.255.255")],
        f"{WEB_HAS} cluster IP 10.10.255.255, which is reserved; valid is an address of "
        "10.10.0.0/16 other than the first and the last.",
    ),
    "a cluster IP twice": (
        [web(cluster_ip="10.10.0.7"), other(cluster_ip="10.10.0.7")],
        "podnet_services default/other has the cluster IP 10.10.0.7, which podnet_services "
        "default/web has too; each address is valid once.",
    ),
    "a headless service with node ports": (
        [web(cluster_ip="None", type="NodePort")],
        "podnet_services default/web has no cluster IP and type NodePort; valid is ClusterIP.",
    ),
    "a service twice": (
        [web(), web(ports=[{"port": 81}])],
        "podnet_services default/web is given twice, as podnet_services default/web before; each "
        "service is valid once.",
    ),
    # Addresses for clients outside
    "a load balancer IP outside": (
        [web(type="LoadBalancer", load_balancer_ip="203.0.113.16")],
        f"{WEB_HAS} load balancer IP 203.0.113.16, which lies outside podnet_load_balancer_cidrs; "
        "that is 203.0.113.0/28, and valid is an address of it.",
    ),
    "a load balancer IP of another type": (
        [web(type="NodePort", load_balancer_ip="203.0.113.9")],
        f"{WEB_HAS} load balancer IP 203.0.113.9 and type NodePort; valid is LoadBalancer.",
    ),
    "source ranges of another type": (
        [web(load_balancer_source_ranges=["198.51.100.0/24"])],
        f"{WEB_HAS} source range 198.51.100.0/24 and type ClusterIP; valid is LoadBalancer.",
    ),
    "a load balancer IP that is a node's": (
        [web(type="LoadBalancer", load_balancer_ip="192.168.10.10")],
        f"{WEB_HAS} load balancer IP 192.168.10.10, which is the address of k8s-s; valid is "
        "another address.",
    ),
    "an external IP that is the gateway's": (
        [web(external_ips=["192.168.10.1"])],
        f"{WEB_HAS} external IP 192.168.10.1, which is a gateway of the VPC; valid is another "
        "address.",
    ),
    "an external IP among the pods": (
        [web(external_ips=["172.16.1.5"])],
        f"{WEB_HAS} external IP 172.16.1.5, which lies within podnet_secondary_ranges default "
        f"172.16.0.0/16; {TAKEN}",
    ),
    "an external IP among the cluster IPs": (
        [web(external_ips=["10.10.0.9"])],
        f"{WEB_HAS} external IP 10.10.0.9, which lies within podnet_service_cidr 10.10.0.0/16; "
        f"{TAKEN}",
    ),
    "an external IP that is loopback": (
        [web(external_ips=["127.0.0.1"])],
        f"{WEB_HAS} external IP 127.0.0.1, which lies within loopback 127.0.0.0/8; {TAKEN}",
    ),
    "an external IP twice": (
        [web(external_ips=["198.51.100.9", "198.51.100.9"])],
        "podnet_services default/web has the addresses 198.51.100.9, 198.51.100.9; each is valid "
        "once.",
    ),
    "frontends that collide": (
        [web(external_ips=["198.51.100.9"]), other(external_ips=["198.51.100.9"])],
        "podnet_services default/other has the external IP 198.51.100.9 with port 80/TCP, which "
        "podnet_services default/web has too; each address, port and protocol is valid once.",
    ),
    "frontends of two kinds that collide": (
        [
            web(type="LoadBalancer", load_balancer_ip="203.0.113.9"),
            other(external_ips=["203.0.113.9"]),
        ],
        "podnet_services default/other has the external IP 203.0.113.9 with port 80/TCP, which "
        "podnet_services default/web has too; each address, port and protocol is valid once.",
    ),
    # Backends
    "a backend without an address": (
        [backends({"port": 80})],
        "podnet_services default/web.backends[0].ip is not set; valid is the backend's IPv4 "
        "address.",
    ),
    "a backend in an unknown state": (
        [backends({"ip": "172.16.1.5", "state": "down"})],
        "podnet_services default/web.backends[0].state is 'down'; valid is active, terminating, "
        "quarantined or maintenance.",
    ),
    "a backend on an unknown node": (
        [backends({"ip": "172.16.1.5", "node": "w9"})],
        f"{WEB_HAS} backend IP 172.16.1.5 on node w9, which is no node of the cluster; valid is "
        "the name of one, or none.",
    ),
    "a backend that is a service": (
        [backends({"ip": "10.10.0.7"})],
        f"{WEB_HAS} backend IP 10.10.0.7, which lies within podnet_service_cidr 10.10.0.0/16; "
        "valid is the address of a pod or a host.",
    ),
    "a backend that is loopback": (
        [backends({"ip": "127.0.0.1"})],
        f"{WEB_HAS} backend IP 127.0.0.1, which lies within loopback 127.0.0.0/8; valid is the "
        "address of a pod or a host.",
    ),
    "a backend without a port and a target port by name": (
        [port(target_port="http") | {"backends": [{"ip": "172.16.1.5"}]}],
        f"{WEB_HAS} backend IP 172.16.1.5 without a port, and port http/TCP has the target port "
        "'http', which only pods have by name; valid is a number.",
    ),
    "a target port that no pod has": (
        [port(target_port="http") | {"selector": WEB}],
        "podnet_services default/web has for http/TCP the target port 'http', which no container "
        "of webpod1, webpod2 has for TCP; valid is a number.",
    ),
}

#: Variables of the cluster -> the sentence.
VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "a mapping for services": (
        {"podnet_services": {"web": {}}},
        "podnet_services is {'web': {}}; valid is a list.",
    ),
    "a text for manifests": (
        {"podnet_service_manifests": "svc.yml"},
        "podnet_service_manifests is 'svc.yml'; valid is a list.",
    ),
    "a malformed service CIDR": (
        {"podnet_service_cidr": "10.10.0.0"},
        f"podnet_service_cidr is '10.10.0.0'; {CIDR}",
    ),
    "no service CIDR": (
        {"podnet_service_cidr": "", "podnet_services": [web()]},
        "podnet_service_cidr is not set, and podnet_services default/web needs an address; valid "
        "is a CIDR such as 10.96.0.0/16.",
    ),
    "no service CIDR for a given address": (
        {"podnet_service_cidr": "", "podnet_services": [web(cluster_ip="10.10.0.7")]},
        f"podnet_service_cidr is not set, and {WEB_HAS} cluster IP 10.10.0.7; valid is a CIDR that "
        "holds it.",
    ),
    "a service CIDR without a usable address": (
        {"podnet_service_cidr": "10.10.0.0/31"},
        "podnet_service_cidr is 10.10.0.0/31; valid is a CIDR of at least four addresses, such as "
        "10.96.0.0/16.",
    ),
    "a service CIDR over a subnet": (
        {"podnet_service_cidr": "192.168.10.128/25"},
        "podnet_service_cidr is 192.168.10.128/25, which overlaps podnet_subnets default "
        f"192.168.10.0/24; {SHARES}",
    ),
    "a service CIDR over the pods": (
        {"podnet_service_cidr": "172.16.0.0/12"},
        "podnet_service_cidr is 172.16.0.0/12, which overlaps podnet_secondary_ranges default "
        f"172.16.0.0/16; {SHARES}",
    ),
    "a service CIDR of multicast": (
        {"podnet_service_cidr": "239.0.0.0/16"},
        f"podnet_service_cidr is 239.0.0.0/16, which overlaps multicast 224.0.0.0/4; {SHARES}",
    ),
    "load balancer CIDRs that are no list": (
        {"podnet_load_balancer_cidrs": "203.0.113.0/24"},
        "podnet_load_balancer_cidrs is '203.0.113.0/24'; valid is a list.",
    ),
    "load balancer IPs among the pods": (
        {"podnet_load_balancer_cidrs": ["203.0.113.0/28", "172.16.9.0/24"]},
        "podnet_load_balancer_cidrs[1] is 172.16.9.0/24, which overlaps podnet_secondary_ranges "
        f"default 172.16.0.0/16; {ROUTED}",
    ),
    "load balancer IPs among the cluster IPs": (
        {"podnet_load_balancer_cidrs": ["10.10.9.0/24"]},
        "podnet_load_balancer_cidrs[0] is 10.10.9.0/24, which overlaps podnet_service_cidr "
        f"10.10.0.0/16; {ROUTED}",
    ),
    "an exhausted service CIDR": (
        {
            "podnet_service_cidr": "10.10.0.0/30",
            "podnet_services": [web(cluster_ip="10.10.0.1"), other(), other(name="third")],
        },
        "podnet_service_cidr is 10.10.0.0/30, which has room for 1 of the 2 services that need an "
        "address; valid is a larger one that holds it, such as 10.10.0.0/26.",
    ),
    "exhausted load balancer CIDRs": (
        {
            "podnet_load_balancer_cidrs": ["203.0.113.8/31"],
            "podnet_services": [
                web(type="LoadBalancer", load_balancer_ip="203.0.113.9"),
                other(type="LoadBalancer"),
                other(name="third", type="LoadBalancer"),
            ],
        },
        "podnet_load_balancer_cidrs is 203.0.113.8/31, which has room for 1 of the 2 services that "
        "need an address; valid is a list with another CIDR.",
    ),
    "exhausted node ports": (
        {
            "podnet_services": [
                web(type="NodePort", ports=[{"port": i} for i in range(1, 2770)], backends=[])
            ]
        },
        "2769 TCP ports of services need a node port, and of 30000 to 32767 there are 2768 left; "
        "valid is allocate_node_ports: false for services of type LoadBalancer, or fewer of them.",
    ),
}


@pytest.mark.parametrize(("services", "sentence"), SERVICES.values(), ids=SERVICES)
def test_of_services(services, sentence):
    assert refused(*services, podnet_load_balancer_cidrs=["203.0.113.0/28"]) == [sentence]


@pytest.mark.parametrize(("variables", "sentence"), VARIABLES.values(), ids=VARIABLES)
def test_of_the_cluster(variables, sentence):
    with pytest.raises(Failure) as failure:
        plan(nodes(**variables), fresh(NODES))
    assert failure.value.details["problems"] == [sentence]


def test_a_service_cidr_over_a_tunnel_endpoint():
    inventory = nodes(podnet_service_cidr="10.10.0.0/16")
    inventory["k8s-w1"]["podnet_vtep_ip"] = "10.10.3.4"
    with pytest.raises(Failure) as failure:
        plan(inventory, fresh(NODES))
    assert failure.value.details["problems"] == [
        f"podnet_service_cidr is 10.10.0.0/16, which holds 10.10.3.4 of k8s-w1; {SHARES}"
    ]


def two_clusters(**of_the_second: Any) -> list[str]:
    inventory = nodes(podnet_load_balancer_cidrs=["203.0.113.0/28"])
    inventory["k8s-w2"].update(
        podnet_cluster="second",
        podnet_pods=[],
        podnet_secondary_ranges=[{"cidr": "172.17.0.0/16"}],
        **{"podnet_load_balancer_cidrs": [], **of_the_second},
    )
    with pytest.raises(Failure) as failure:
        plan(inventory, fresh(NODES))
    problems = failure.value.details["problems"]
    assert isinstance(problems, list)
    return problems


def test_a_service_cidr_over_the_pods_of_another_cluster():
    assert two_clusters(podnet_service_cidr="172.16.8.0/24") == [
        "podnet_service_cidr is 172.16.8.0/24, which overlaps podnet_secondary_ranges default "
        f"172.16.0.0/16; {SHARES}"
    ]


def test_load_balancer_ips_of_two_clusters():
    assert two_clusters(podnet_load_balancer_cidrs=["203.0.113.0/24"]) == [
        "podnet_load_balancer_cidrs of cluster second has 203.0.113.0/24, which overlaps "
        "203.0.113.0/28 of cluster default; each cluster needs its own."
    ]


def test_a_load_balancer_ip_without_cidrs_for_it():
    item = web(type="LoadBalancer", load_balancer_ip="203.0.113.9")
    assert refused(item) == [
        f"{WEB_HAS} load balancer IP 203.0.113.9, which lies outside podnet_load_balancer_cidrs; "
        "that is not set, and valid is an address of it."
    ]


def test_all_that_is_wrong_comes_at_once():
    items = [web(cluster_ip="10.11.0.1"), other(external_ips=["127.0.0.1"])]
    assert len(refused(*items)) == 2
    items = [web(type="x"), other(type="y")]
    assert len(refused(*items, podnet_service_manifests=[text("kind: Service")])) == 3


@pytest.mark.parametrize(
    ("ports", "sentence"),
    [
        (
            [{"name": "http", "port": 0}],
            "podnet_pods[0].containers[0].ports[0].port of k8s-w1 is 0; valid is a whole number "
            "from 1 to 65535.",
        ),
        (
            [{"name": "HTTP", "port": 80}],
            "podnet_pods[0].containers[0].ports[0].name of k8s-w1 is 'HTTP'; valid is a name such "
            "as http: lower-case letters, digits and '-' between them, a letter among them, at "
            "most 15 characters.",
        ),
        (
            [{"name": "a", "port": 80}, {"name": "a", "port": 81}],
            "podnet_pods[0].containers has a port whose name of k8s-w1 is 'a'; valid is a name "
            "that no other port of the pod has.",
        ),
        (
            [{"port": 80, "protocol": "SCTP", "host_port": 8080}],
            "podnet_pods[0].containers[0].ports[0].protocol of k8s-w1 is 'SCTP'; valid is TCP or "
            "UDP for a port of the node.",
        ),
    ],
)
def test_ports_of_containers(ports, sentence):
    inventory = nodes()
    containers = [{"name": "web", "command": ["x"], "ports": ports}]
    inventory["k8s-w1"]["podnet_pods"] = [{"name": "web", "containers": containers}]
    with pytest.raises(Failure) as failure:
        plan(inventory, fresh(NODES))
    assert failure.value.details["problems"] == [sentence]


def test_a_target_port_that_no_pod_has_among_others_that_pods_have():
    ports = [{"name": "admin", "port": 1}, {"name": "web", "port": 2}, {"port": 3}]
    containers = [{"name": "c", "command": ["x"], "ports": ports}]
    pods = {"k8s-w1": [{"name": "api", "labels": {"app": "api"}, "containers": containers}]}
    item = port(target_port="http") | {"selector": {"app": "api"}}
    with pytest.raises(Failure) as failure:
        plan(nodes(pods, podnet_services=[item]), fresh(NODES))
    assert failure.value.details["problems"] == [
        "podnet_services default/web has for http/TCP the target port 'http', which no container "
        "of api has for TCP; valid is admin, web or a number."
    ]


def with_host_ports(*ports: dict[str, Any], **variables: Any) -> dict[str, Any]:
    pods = [
        {"name": f"p{i}", "containers": [{"name": "c", "command": ["x"], "ports": [each]}]}
        for i, each in enumerate(ports)
    ]
    return nodes({"k8s-w1": pods}, **variables)


@pytest.mark.parametrize(
    ("ports", "sentence"),
    [
        (
            [{"port": 1, "host_port": 80}, {"port": 2, "host_port": 80}],
            "host_port 80/TCP of pod p1 is that of pod p0 on k8s-w1, too; a port of a node is "
            "valid once.",
        ),
        (
            [
                {"port": 1, "host_port": 80, "host_ip": "192.168.10.101"},
                {"port": 2, "host_port": 80},
            ],
            "host_port 80/TCP of pod p1 is that of pod p0 on k8s-w1, too; a port of a node is "
            "valid once.",
        ),
        (
            [{"port": 1, "host_port": 80, "host_ip": "192.168.10.10"}],
            "host_port 80/TCP of pod p0 has the host_ip 192.168.10.10, which k8s-w1 does not have; "
            "valid is 192.168.10.101, 127.0.0.1 for the node's own processes, or none for all of "
            "its addresses.",
        ),
        (
            [{"port": 1, "host_port": 30080}],
            "host_port 30080/TCP of pod p0 is the node port of default/web, too; valid is another "
            "port.",
        ),
        (
            [{"port": 1, "host_port": 8080}],
            "host_port 8080/TCP of pod p0 is the port of default/other at 192.168.10.101 of "
            "k8s-w1, too; valid is another port.",
        ),
    ],
)
def test_host_ports(ports, sentence):
    items = [
        port(node_port=30080) | {"type": "NodePort"},
        other(ports=[{"port": 8080}], external_ips=["192.168.10.101"]),
    ]
    with pytest.raises(Failure) as failure:
        plan(with_host_ports(*ports, podnet_services=items), fresh(NODES))
    assert failure.value.details["problems"] == [sentence]


def test_two_protocols_share_a_host_port():
    both = [{"port": 53, "host_port": 53}, {"port": 53, "host_port": 53, "protocol": "UDP"}]
    plan(with_host_ports(*both), fresh(NODES))


# What the maps hold

FITS = "valid are fewer services, ports or backends."


def test_more_frontends_than_the_map_holds():
    """A cluster IP with 6 ports makes 6 frontends and the address alone."""
    ports = [{"port": number} for number in range(1, 7)]
    items = [{"name": f"s{i}", "ports": ports, "backends": []} for i in range(9363)]
    sentence = (
        "The services have 65541 frontends (an address or node port with a port each, and the "
        "addresses themselves), and the map services of a node holds 65536; "
    )
    assert refused(*items) == [sentence + FITS]
    assert len(planned(*items[:-1]).services["default"]) == 9362


def crowded(count: int, **policies: Any) -> list[dict[str, Any]]:
    """Services with 1,000 backends each, and no two with the same."""
    return [
        web(
            name=f"s{number}",
            backends=[
                {"ip": f"172.16.{i >> 8}.{i & 255}", "port": number + 1} for i in range(1000)
            ],
            **policies,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("policies", "most"),
    [({}, 131), ({"external_traffic_policy": "Local"}, 65)],
    ids=["one set", "a set of local backends, too"],
)
def test_more_backends_than_the_map_holds(policies, most):
    assert refused(*crowded(most + 1, **policies)) == [
        "The services have 132000 backends, in all of their different sets, and the map backends "
        f"of a node holds 131072; {FITS}"
    ]
    planned(*crowded(most, **policies))


def test_services_with_the_same_backends_share_their_slots():
    (one_of_many,) = crowded(1)
    planned(*({**one_of_many, "name": f"s{number}"} for number in range(200)))


def test_more_tables_of_maglev_than_the_map_holds():
    items = [
        {"name": f"s{i}", "ports": [HTTP], "backends": [], "algorithm": "maglev"}
        for i in range(4097)
    ]
    assert refused(*items) == [
        "The services have 4097 frontends with the algorithm maglev, and the map maglev of a node "
        f"holds 4096; {FITS}"
    ]
    planned(*items[:-1])


def test_an_observation_of_services_that_cannot_be_read():
    for broken in ({"cluster_ips": {"default/web": "10.10"}}, {"node_ports": [1]}):
        with pytest.raises(Failure, match="The services of a node were observed, and cannot be"):
            planned(web(), observed={"k8s-s": {**fresh(["x"])["x"], "services": broken}})

"""Services in the plan: what each node is told of them."""

from __future__ import annotations

import time

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.plan import files
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from ansible_collections.podnet.fabric.plugins.module_utils.reports import status
from ansible_collections.podnet.fabric.plugins.module_utils.services import wire
from planning import fresh
from service_planning import (
    MANIFEST,
    NODES,
    WEB,
    WEB_1,
    WEB_2,
    holding,
    nodes,
    one,
    planned,
    refused,
    services,
    text,
)

HTTP = {"name": "http", "port": 80}


def backend(ip, **changed):
    return {**WEB_1, "ip": ip, "node": None, **changed}


def ports(result):
    """Backends of each port of the service, by the port's number and protocol."""
    return {
        (port["port"], port["protocol"]): [(each["ip"], each["port"]) for each in port["backends"]]
        for port in result["ports"]
    }


def test_the_write_ups_service():
    result = planned(
        podnet_service_manifests=[
            text(MANIFEST.replace("spec:", "spec:\n  clusterIP: 10.10.252.131"))
        ]
    )
    assert result.services == {
        "default": [
            {
                "name": "default/svc",
                "type": "ClusterIP",
                "cluster_ip": "10.10.252.131",
                "cluster_ip_allocated": False,
                "external_ips": [],
                "load_balancer_ips": [],
                "load_balancer_ips_allocated": False,
                "source_ranges": [],
                "internal_traffic_policy": "Cluster",
                "external_traffic_policy": "Cluster",
                "session_affinity": 0,
                "algorithm": "random",
                "ports": [
                    {
                        "name": "svc-webport",
                        "protocol": "TCP",
                        "port": 80,
                        "node_port": None,
                        "node_port_allocated": False,
                        "backends": [WEB_1, WEB_2],
                    }
                ],
            }
        ]
    }
    assert "Services:               1 (service CIDR 10.10.0.0/16)" in status.render(result.cluster)
    assert result.cluster["warnings"] == []


def test_the_same_as_an_item():
    item = {"name": "svc", "selector": WEB, "ports": [{"name": "svc-webport", "port": 80}]}
    manifest = planned(podnet_service_manifests=[text(MANIFEST)])
    assert planned(item).services == manifest.services
    assert one(item)["cluster_ip_allocated"] is True


def test_everything_that_an_item_says():
    item = {
        "name": "web",
        "namespace": "shop",
        "type": "LoadBalancer",
        "cluster_ip": "10.10.0.7",
        "ports": [
            {"name": "http", "port": "80", "target_port": 8080, "node_port": 30080},
            {"name": "dns", "port": 53, "protocol": "UDP", "node_port": "30053"},
        ],
        "backends": [
            {"ip": "172.16.1.235"},
            {"ip": "203.0.113.77", "port": 99, "state": "terminating"},
        ],
        "external_ips": ["198.51.100.9", "192.168.10.10"],
        "load_balancer_ip": "203.0.113.9",
        "load_balancer_source_ranges": ["198.51.100.0/24"],
        "session_affinity": "ClientIP",
        "session_affinity_timeout": 60,
        "internal_traffic_policy": "Local",
        "external_traffic_policy": "Local",
        "algorithm": "maglev",
    }
    assert one(item, podnet_load_balancer_cidrs=["203.0.113.0/28"]) == {
        "name": "shop/web",
        "type": "LoadBalancer",
        "cluster_ip": "10.10.0.7",
        "cluster_ip_allocated": False,
        "external_ips": ["198.51.100.9", "192.168.10.10"],
        "load_balancer_ips": ["203.0.113.9"],
        "load_balancer_ips_allocated": False,
        "source_ranges": ["198.51.100.0/24"],
        "internal_traffic_policy": "Local",
        "external_traffic_policy": "Local",
        "session_affinity": 60,
        "algorithm": "maglev",
        "ports": [
            {
                "name": "http",
                "protocol": "TCP",
                "port": 80,
                "node_port": 30080,
                "node_port_allocated": False,
                "backends": [
                    backend("172.16.1.235", port=8080, node="k8s-w1"),
                    backend("203.0.113.77", port=99, state="terminating"),
                ],
            },
            {
                "name": "dns",
                "protocol": "UDP",
                "port": 53,
                "node_port": 30053,
                "node_port_allocated": False,
                "backends": [
                    backend("172.16.1.235", port=53, node="k8s-w1"),
                    backend("203.0.113.77", port=99, state="terminating"),
                ],
            },
        ],
    }


def test_affinity_lasts_three_hours_unless_told_otherwise():
    lasting = one({"name": "web", "ports": [HTTP], "session_affinity": "ClientIP"})
    assert lasting["session_affinity"] == 10800
    ignored = one({"name": "web", "ports": [HTTP], "session_affinity_timeout": 60})
    assert ignored["session_affinity"] == 0


def test_a_selector_needs_all_of_its_labels():
    pods = {
        "k8s-s": [
            {"name": "a", "ip": "172.16.0.5", "labels": {**WEB, "tier": "front"}},
            {"name": "b", "ip": "172.16.0.4", "labels": {**WEB, "tier": "front", "more": "1"}},
            {"name": "c", "ip": "172.16.0.3", "labels": {"tier": "front"}},
        ]
    }
    item = {"name": "web", "ports": [HTTP], "selector": {**WEB, "tier": "front"}}
    result = plan(nodes(pods, podnet_services=[item]), fresh(NODES))
    assert ports(services(result)["default/web"]) == {
        (80, "TCP"): [("172.16.0.4", 80), ("172.16.0.5", 80)]
    }


def test_a_selector_finds_the_pods_of_a_deployment():
    deployment = {"name": "api", "replicas": 5, "labels": {"app": "api"}}
    item = {"name": "api", "ports": [HTTP], "selector": {"app": "api"}}
    result = planned(item, podnet_deployments=[deployment])
    wanted = sorted(
        (each["ip"], name)
        for name in NODES
        for each in result.node(name)["endpoints"]
        if each["labels"] == {"app": "api"}
    )
    found = services(result)["default/api"]["ports"][0]["backends"]
    assert sorted((each["ip"], each["node"]) for each in found) == wanted
    assert len(wanted) == 5


def test_a_pod_that_has_no_place_is_no_backend():
    deployment = {"name": "api", "replicas": 5, "labels": {"app": "api"}}
    item = {"name": "api", "ports": [HTTP], "selector": {"app": "api"}}
    result = planned(item, podnet_deployments=[deployment], podnet_max_pods=2)
    assert len(result.cluster["pending"]) == 2
    assert len(services(result)["default/api"]["ports"][0]["backends"]) == 3


def serving(name, ip, *container_ports):
    containers = [{"name": name, "command": ["serve"], "ports": list(container_ports)}]
    return {"name": name, "ip": ip, "labels": {"app": "api"}, "containers": containers}


def test_a_target_port_by_name_is_each_pods_own():
    pods = {
        "k8s-w1": [serving("api-1", "172.16.1.5", {"name": "http", "port": 8080})],
        "k8s-w2": [
            serving(
                "api-2",
                "172.16.2.5",
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "http", "port": 9090},
            )
        ],
    }
    item = {
        "name": "api",
        "selector": {"app": "api"},
        "ports": [
            {"name": "http", "port": 80, "target_port": "http"},
            {"name": "dns", "port": 53, "protocol": "UDP", "target_port": "dns"},
        ],
    }
    result = plan(nodes(pods, podnet_services=[item]), fresh(NODES))
    assert ports(services(result)["default/api"]) == {
        (80, "TCP"): [("172.16.1.5", 8080), ("172.16.2.5", 9090)],
        (53, "UDP"): [("172.16.2.5", 53)],
    }
    assert result.cluster["warnings"] == [
        "podnet_services default/api has for dns/UDP the target port 'dns', which api-1 does not "
        "have; they are no backends of it."
    ]


def test_ports_of_containers_stay_out_of_the_slices():
    pods = {"k8s-w1": [serving("api-1", "172.16.1.5", {"name": "http", "port": 8080})]}
    node = plan(nodes(pods), fresh(NODES)).node("k8s-w1")
    containers = {each["name"]: each["containers"] for each in node["endpoints"]}
    assert containers["api-1"] == [{"name": "api-1", "command": ["serve"]}]


def test_a_selector_that_matches_nothing_is_a_warning_and_no_backends():
    result = planned({"name": "web", "ports": [HTTP], "selector": {"app": "nobody", "a": "b"}})
    assert ports(services(result)["default/web"]) == {(80, "TCP"): []}
    assert result.cluster["warnings"] == [
        "podnet_services default/web has no backends: its selector app=nobody,a=b matches no pod."
    ]


def test_neither_selector_nor_backends_is_a_warning():
    result = planned(
        {"name": "web", "ports": [HTTP]}, {"name": "b", "ports": [HTTP], "backends": []}
    )
    why = "has no backends: neither a selector nor backends were given."
    assert result.cluster["warnings"] == [
        f"podnet_services default/web {why}",
        f"podnet_services default/b {why}",
    ]


def test_many_services_without_backends_are_named_in_part():
    result = planned(*({"name": f"s{i}", "ports": [HTTP]} for i in range(9)))
    assert len(result.cluster["warnings"]) == 6
    assert result.cluster["warnings"][-1] == "4 more services have no active backends."


def test_a_headless_service_has_no_address_and_needs_none():
    result = planned(
        {"name": "web", "cluster_ip": "None", "selector": {"a": "b"}}, podnet_service_cidr=""
    )
    assert services(result)["default/web"]["cluster_ip"] is None
    assert services(result)["default/web"]["cluster_ip_allocated"] is False
    assert result.cluster["warnings"] == []
    assert result.cluster["service_cidr"] is None


def test_the_node_of_a_backend_follows_from_its_address():
    given = ["172.16.0.1", "192.168.10.102", "172.17.0.1", "172.16.3.1"]
    item = {"name": "web", "ports": [HTTP], "backends": [{"ip": ip} for ip in given]}
    backends = one(item)["ports"][0]["backends"]
    assert {each["ip"]: each["node"] for each in backends} == {
        "172.16.0.1": "k8s-s",
        "192.168.10.102": "k8s-w2",
        "172.17.0.1": None,
        "172.16.3.1": None,
    }


def test_the_node_of_a_backend_by_name():
    item = {"name": "web", "ports": [HTTP], "backends": [{"ip": "172.17.0.1", "node": "k8s-w1"}]}
    assert one(item)["ports"][0]["backends"] == [backend("172.17.0.1", node="k8s-w1")]


def test_a_backend_that_is_named_twice_is_one_and_its_better_state_counts():
    twice = [
        {"ip": "172.16.1.235", "state": "terminating"},
        {"ip": "172.16.1.235"},
        {"ip": "172.16.1.235", "state": "quarantined"},
        {"ip": "172.16.1.235", "port": 81},
    ]
    item = {"name": "web", "ports": [HTTP], "backends": twice}
    assert one(item)["ports"][0]["backends"] == [WEB_1, {**WEB_1, "port": 81}]


def test_host_ports_of_pods_are_services_of_their_node():
    web = serving(
        "api-1",
        "172.16.1.5",
        {"name": "http", "port": 8080, "host_port": 80},
        {"port": 53, "protocol": "UDP", "host_port": 53, "host_ip": "192.168.10.101"},
        {"port": 54, "protocol": "UDP", "host_port": 54, "host_ip": "0.0.0.0"},
        {"port": 9},
    )
    result = plan(nodes({"k8s-w1": [web]}), fresh(NODES))
    own = {"ip": "172.16.1.5", "node": "k8s-w1", "state": "active"}

    def port(number, protocol, target):
        backends = [{**own, "port": target}]
        return {"name": "", "protocol": protocol, "port": number, "backends": backends}

    common = {"type": "HostPort", "node": "k8s-w1"}
    everywhere = [port(80, "TCP", 8080), port(54, "UDP", 54)]
    assert result.services["default"] == [
        {**common, "name": "api-1", "host_ip": None, "ports": everywhere},
        {
            **common,
            "name": "api-1@192.168.10.101",
            "host_ip": "192.168.10.101",
            "ports": [port(53, "UDP", 53)],
        },
    ]
    assert result.node("k8s-s")["services"] == 2


def test_one_host_port_on_two_addresses_of_a_node_is_two_pods():
    def web(name, ip, host_ip):
        return serving(name, ip, {"port": 80, "host_port": 80, "host_ip": host_ip})

    pods = [web("a", "172.16.1.5", "192.168.10.101"), web("b", "172.16.1.6", "192.168.20.1")]
    inventory = nodes({"k8s-w1": pods})
    inventory["k8s-w1"]["podnet_vtep_ip"] = "192.168.20.1"
    assert [each["host_ip"] for each in plan(inventory, fresh(NODES)).services["default"]] == [
        "192.168.10.101",
        "192.168.20.1",
    ]


def test_one_port_number_for_two_protocols():
    both = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]
    item = {"name": "dns", "type": "NodePort", "ports": both, "backends": [{"ip": "172.16.1.235"}]}
    result = one(item)
    assert ports(result) == {
        (53, "UDP"): [("172.16.1.235", 53)],
        (53, "TCP"): [("172.16.1.235", 53)],
    }
    assert len({port["node_port"] for port in result["ports"]}) == 1


# Nodes that were not observed


def test_what_is_known_of_pods_outside_a_limited_run_is_kept():
    """Nobody knows the pods of the other nodes; their connections are not to be cut."""
    deployment = {"name": "api", "replicas": 3, "labels": {"app": "api"}}
    items = [
        {"name": "api", "ports": [HTTP], "selector": {"app": "api"}},
        {"name": "fixed", "ports": [HTTP], "backends": [{"ip": "172.16.1.235"}]},
    ]
    inventory = nodes(podnet_services=items, podnet_deployments=[deployment])
    held = plan(inventory, fresh(NODES)).node("k8s-s")
    seen = {
        "pod_cidr": held["pod_cidr"],
        "peers": {peer["pod_cidr"]: peer["node_ip"] for peer in held["peers"]},
        "endpoints": {each["name"]: each["ip"] for each in held["endpoints"]},
    }
    result = plan(inventory, {"k8s-s": seen, "k8s-w2": None})
    found = services(result)
    assert [each["node"] for each in found["default/api"]["ports"][0]["backends"]] == ["k8s-s"]
    assert found["default/api"]["keep"] == [
        {"cidr": "172.16.1.0/24", "state": "active"},
        {"cidr": "172.16.2.0/24", "state": "terminating"},
    ]
    assert "keep" not in found["default/fixed"]


def test_pods_with_a_fixed_address_are_known_wherever_they_are():
    inventory = nodes(podnet_services=[{"name": "web", "ports": [HTTP], "selector": WEB}])
    held = plan(inventory, fresh(NODES)).node("k8s-s")
    peers = {peer["pod_cidr"]: peer["node_ip"] for peer in held["peers"]}
    seen = {"pod_cidr": held["pod_cidr"], "peers": peers, "endpoints": {}}
    result = plan(inventory, {"k8s-s": seen})
    assert services(result)["default/web"]["ports"][0]["backends"] == [WEB_1, WEB_2]


def test_a_selector_that_may_match_an_unknown_pod_is_no_warning():
    item = {"name": "api", "ports": [HTTP], "selector": {"app": "api"}}
    result = planned(item, observed={"k8s-w2": None})
    assert not [each for each in result.cluster["warnings"] if "no backends" in each]


# Size


@pytest.fixture(scope="module")
def many():
    return [
        {
            "name": f"svc-{i}",
            "ports": [{"port": 80, "target_port": 8080}],
            "backends": [{"ip": f"172.16.{j}.{i % 250 + 2}"} for j in range(3)],
        }
        for i in range(10_000)
    ]


def test_ten_thousand_services_are_planned_in_a_moment(many, capsys):
    start = time.process_time()
    result = planned(*many)
    took = time.process_time() - start
    start = time.process_time()
    packed = wire.pack(result.services["default"])
    packing = time.process_time() - start
    with capsys.disabled():
        print(
            f" 10,000 services with 3 backends: {took:.2f} s, packed into {len(packed) >> 10} KiB "
            f"in {packing:.2f} s "
        )
    assert len({each["cluster_ip"] for each in result.services["default"]}) == 10_000
    assert took < 4
    assert len(packed) < 1_000_000


def test_ten_thousand_services_over_ten_thousand_pods_are_planned_in_a_moment(capsys):
    pods = {
        name: [
            {
                "name": f"{name}-{i}",
                "ip": f"10.64.{i >> 8 | at << 4}.{i & 255}",
                "labels": {"app": f"a{i}"},
            }
            for i in range(1, 3300)
        ]
        for at, name in enumerate(NODES)
    }
    selecting = [
        {"name": f"svc-{i}", "ports": [HTTP], "selector": {"app": f"a{i % 3299 + 1}"}}
        for i in range(10_000)
    ]
    inventory = nodes(
        podnet_services=selecting,
        podnet_secondary_ranges=[{"cidr": "10.64.0.0/16"}],
        podnet_native_routing_cidr="0.0.0.0/0",
        podnet_node_cidr_mask_size=20,
        podnet_max_pods=4000,
    )
    for name in inventory:
        inventory[name]["podnet_pods"] = pods[name]
    start = time.process_time()
    result = plan(inventory, fresh(NODES))
    took = time.process_time() - start
    with capsys.disabled():
        print(f" 10,000 services over 9,897 pods: {took:.2f} s ")
    assert all(len(e["ports"][0]["backends"]) == 3 for e in result.services["default"])
    assert took < 5


def test_a_slice_is_as_large_with_ten_thousand_services_as_with_one(many):
    one_service, all_services = planned(many[0]), planned(*many)
    for name in NODES:
        assert all_services.node(name) == {**one_service.node(name), "services": 10_000}


def test_services_are_written_once_for_all_nodes(tmp_path):
    item = {"name": "web", "ports": [HTTP], "selector": WEB}
    inventory = nodes(podnet_services=[item])
    inventory["k8s-w2"].update(podnet_cluster="other", podnet_services=[])
    inventory["k8s-w2"]["podnet_secondary_ranges"] = [{"cidr": "172.17.0.0/16"}]
    inventory["k8s-w2"]["podnet_pods"] = []
    result = plan(inventory, fresh(NODES))
    files.write(result, str(tmp_path))
    assert len(list(tmp_path.glob("services-*"))) == 2
    read = {name: wire.unpack(files.read_services(str(tmp_path), name)) for name in NODES}
    assert read["k8s-s"] == read["k8s-w1"] == result.services["default"]
    assert read["k8s-w2"] == []
    assert files.read(str(tmp_path), "k8s-w1")["services"] == 1


# The range of node ports


def test_node_ports_come_out_of_their_range():
    ports = [{"port": number} for number in range(1, 9)]
    item = {"name": "a", "type": "NodePort", "ports": ports}
    held = holding(node_ports={"default/a:1/TCP": 30999, "default/a:2/TCP": 31004})
    result = planned(item, observed=held, podnet_service_node_port_range=" 31000 - 31007 ")
    chosen = [port["node_port"] for port in services(result)["default/a"]["ports"]]
    assert sorted(chosen) == list(range(31000, 31008))
    assert chosen[1] == 31004  # what nodes hold stays, where the range has it
    assert services(planned(item, podnet_service_node_port_range=""))  # as it is without


def test_node_ports_beyond_their_range_are_refused():
    item = {"name": "a", "type": "NodePort", "ports": [{"port": 1, "node_port": 30999}]}
    assert refused(item, podnet_service_node_port_range="31000-31007") == [
        "podnet_services default/a has the node port 30999; valid is a port from 31000 to 31007."
    ]
    many = {"name": "a", "type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}
    assert refused(many, podnet_service_node_port_range="31000-31000") == [
        "2 TCP ports of services need a node port, and of 31000 to 31000 there are 1 left; valid "
        "is allocate_node_ports: false for services of type LoadBalancer, or fewer of them."
    ]


@pytest.mark.parametrize(
    "wrong", ["20000-32767", "30000-32768", "31001-31000", "30000", "30000-32767-", [30000], 30000]
)
def test_a_range_of_node_ports_that_is_none_is_refused(wrong):
    assert refused(podnet_service_node_port_range=wrong) == [
        f"podnet_service_node_port_range is {wrong!r}; valid is a range such as 30000-31999 that "
        "lies within 30000-32767."
    ]


def test_a_port_of_a_pod_at_loopback_of_its_node():
    port = {"port": 8080, "host_port": 80, "host_ip": "127.0.0.1"}
    pods = {"k8s-w1": [serving("web", "172.16.1.7", port)]}
    (found,) = plan(nodes(pods), fresh(NODES)).services["default"]
    assert (found["name"], found["host_ip"], found["node"]) == (
        "web@127.0.0.1",
        "127.0.0.1",
        "k8s-w1",
    )

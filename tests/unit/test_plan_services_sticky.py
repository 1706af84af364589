"""What was chosen for a service stays: addresses and node ports when others come and go."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from planning import fresh
from service_planning import NODES, holding, planned, refused, services

if TYPE_CHECKING:
    from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import Plan

HTTP = {"name": "http", "port": 80}


def web(name: str = "web", **changed: Any) -> dict[str, Any]:
    return {"name": name, "ports": [HTTP], "backends": [], **changed}


def balanced(name: str = "web", **changed: Any) -> dict[str, Any]:
    return web(name, type="LoadBalancer", **changed)


def allocations(result: Plan) -> dict[str, Any]:
    """What the nodes would be observed to hold of it: see the module node_info."""
    found: dict[str, dict[str, Any]] = {
        "cluster_ips": {},
        "load_balancer_ips": {},
        "node_ports": {},
    }
    for name, service in services(result).items():
        if service["cluster_ip_allocated"]:
            found["cluster_ips"][name] = service["cluster_ip"]
        if service["load_balancer_ips_allocated"]:
            found["load_balancer_ips"][name] = service["load_balancer_ips"]
        for port in service["ports"]:
            if port["node_port_allocated"]:
                label = f"{name}:{port['name'] or port['port']}/{port['protocol']}"
                found["node_ports"][label] = port["node_port"]
    return found


def crowd(names: Any) -> list[dict[str, Any]]:
    ports = [{"port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    return [balanced(f"s{i}", ports=ports) for i in names]


#: Small pools, so that names meet each other at their places.
SMALL: dict[str, Any] = {
    "podnet_service_cidr": "10.10.0.0/26",
    "podnet_load_balancer_cidrs": ["203.0.113.0/28", "203.0.113.64/27"],
}


def test_what_is_chosen_follows_from_the_name():
    first = allocations(planned(balanced(), podnet_load_balancer_cidrs=["203.0.113.0/24"]))
    again = allocations(
        planned(balanced("a"), balanced(), podnet_load_balancer_cidrs=["203.0.113.0/24"])
    )
    assert first["cluster_ips"]["default/web"] == again["cluster_ips"]["default/web"]
    assert first["load_balancer_ips"]["default/web"] == again["load_balancer_ips"]["default/web"]
    assert first["node_ports"].items() <= again["node_ports"].items()


def test_everything_has_its_own_and_lies_within():
    found = allocations(planned(*crowd(range(40)), **SMALL))
    addresses = list(found["cluster_ips"].values())
    assert len(set(addresses)) == 40
    assert not {"10.10.0.0", "10.10.0.63"} & set(addresses)
    load_balancers = [ip for ips in found["load_balancer_ips"].values() for ip in ips]
    assert len(set(load_balancers)) == 40
    last = [int(ip.rpartition(".")[2]) for ip in load_balancers]
    assert all(number < 16 or 64 <= number < 96 for number in last)
    for protocol in ("TCP", "UDP"):
        ports = [port for name, port in found["node_ports"].items() if name.endswith(protocol)]
        assert len(set(ports)) == 40
        assert all(30000 <= port <= 32767 for port in ports)


@pytest.mark.parametrize("seed", range(5))
def test_nobody_moves_when_others_come_and_go(seed):
    chance = random.Random(seed)
    names = list(range(60))
    standing = chance.sample(names, 40)
    held = allocations(planned(*crowd(standing), **SMALL))
    for _turn in range(5):
        after = chance.sample(names, 40)
        chance.shuffle(after)
        result = planned(*crowd(after), observed=holding(**held), **SMALL)
        found = allocations(result)
        for kind, values in found.items():
            stayed = {name: value for name, value in values.items() if name in held[kind]}
            assert stayed == {name: held[kind][name] for name in stayed}
        held = found


def test_what_is_held_counts_and_not_the_name():
    held = {
        "cluster_ips": {"default/web": "10.10.99.99"},
        "load_balancer_ips": {"default/web": ["203.0.113.9"]},
        "node_ports": {"default/web:http/TCP": 31234},
    }
    cidrs = ["203.0.113.0/28"]
    found = planned(balanced(), observed=holding(**held), podnet_load_balancer_cidrs=cidrs)
    assert allocations(found) == held


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("cluster_ips", {"default/web": "10.11.0.1"}),
        ("cluster_ips", {"default/web": "10.10.0.0"}),
        ("cluster_ips", {"default/web": "10.10.255.255"}),
        ("node_ports", {"default/web:http/TCP": 80}),
        ("load_balancer_ips", {"default/web": ["203.0.113.16"]}),
        ("load_balancer_ips", {"default/web": []}),
    ],
)
def test_what_is_held_and_is_no_longer_valid_is_chosen_anew(kind, value):
    cidrs = ["203.0.113.0/28"]
    anew = planned(balanced(), podnet_load_balancer_cidrs=cidrs)
    result = planned(
        balanced(), observed=holding(**{kind: value}), podnet_load_balancer_cidrs=cidrs
    )
    assert allocations(result) == allocations(anew)


def test_what_was_given_goes_before_what_is_held():
    held = {
        "cluster_ips": {"default/web": "10.10.0.7"},
        "node_ports": {"default/web:http/TCP": 31234},
        "load_balancer_ips": {"default/web": ["203.0.113.9"]},
    }
    newcomer = balanced(
        "new",
        cluster_ip="10.10.0.7",
        load_balancer_ip="203.0.113.9",
        ports=[{"port": 80, "node_port": 31234}],
    )
    found = services(
        planned(
            balanced(),
            newcomer,
            observed=holding(**held),
            podnet_load_balancer_cidrs=["203.0.113.0/28"],
        )
    )
    new, old = found["default/new"], found["default/web"]
    assert new["cluster_ip"] == "10.10.0.7" != old["cluster_ip"]
    assert new["cluster_ip_allocated"] is new["load_balancer_ips_allocated"] is False
    assert new["load_balancer_ips"] == ["203.0.113.9"] != old["load_balancer_ips"]
    assert new["ports"][0]["node_port"] == 31234 != old["ports"][0]["node_port"]
    assert new["ports"][0]["node_port_allocated"] is False


def test_a_service_that_goes_frees_what_it_had():
    cidr = "10.10.0.0/30"
    held = allocations(planned(web("a"), web("b"), podnet_service_cidr=cidr))
    result = planned(web("a"), web("c"), observed=holding(**held), podnet_service_cidr=cidr)
    found = allocations(result)["cluster_ips"]
    assert found["default/a"] == held["cluster_ips"]["default/a"]
    assert found["default/c"] == held["cluster_ips"]["default/b"]


def test_the_most_named_counts():
    """A node that was left out of a run holds what was true before."""
    seen = holding(cluster_ips={"default/web": "10.10.0.7"})
    seen["k8s-s"]["services"] = {"cluster_ips": {"default/web": "10.10.0.99"}}
    assert services(planned(web(), observed=seen))["default/web"]["cluster_ip"] == "10.10.0.7"
    seen["k8s-w2"]["services"] = {"cluster_ips": {"default/web": "10.10.0.99"}}
    assert services(planned(web(), observed=seen))["default/web"]["cluster_ip"] == "10.10.0.99"


def test_one_node_that_knows_is_enough():
    seen = {name: dict(each) for name, each in fresh(NODES).items()}
    seen["k8s-w2"]["services"] = {"cluster_ips": {"default/web": "10.10.0.7"}}
    assert services(planned(web(), observed=seen))["default/web"]["cluster_ip"] == "10.10.0.7"


def test_both_protocols_of_a_port_have_one_node_port_where_it_is_free():
    both = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]
    item = {"name": "dns", "type": "NodePort", "ports": both, "backends": []}
    udp, tcp = services(planned(item))["default/dns"]["ports"]
    assert udp["node_port"] == tcp["node_port"]
    taken = web("x", type="NodePort", ports=[{"port": 1, "node_port": tcp["node_port"]}])
    udp_now, tcp_now = services(planned(item, taken))["default/dns"]["ports"]
    assert udp_now["node_port"] == udp["node_port"] == tcp_now["node_port"] - 1


def test_a_node_port_is_no_pods_host_port_and_no_port_at_a_nodes_address():
    item = web(type="NodePort")
    free = services(planned(item))["default/web"]["ports"][0]["node_port"]
    at_a_node = web("x", ports=[{"port": free}], external_ips=["192.168.10.10"])
    found = services(planned(item, at_a_node))["default/web"]["ports"][0]["node_port"]
    assert found == free + 1
    container = {"name": "c", "command": ["x"], "ports": [{"port": 1, "host_port": free}]}
    deployment = {"name": "p", "containers": [container]}
    result = planned(item, podnet_deployments=[deployment])
    assert services(result)["default/web"]["ports"][0]["node_port"] == free + 1


def test_a_load_balancer_ip_is_no_nodes_and_no_external_one():
    cidrs = ["192.168.10.0/30", "192.168.10.8/29"]
    items = [balanced("a"), balanced("b")]
    taken = [web(f"x{i}", external_ips=[f"192.168.10.{i}"]) for i in (2, 3, 8, 9, 11, 12, 13)]
    found = services(planned(*taken, *items, podnet_load_balancer_cidrs=cidrs))
    chosen = {ip for name in ("default/a", "default/b") for ip in found[name]["load_balancer_ips"]}
    assert chosen == {"192.168.10.14", "192.168.10.15"}
    assert len(refused(*taken, *items, balanced("c"), podnet_load_balancer_cidrs=cidrs)) == 1


def test_a_load_balancer_without_addresses_is_a_warning():
    result = planned(balanced(backends=[{"ip": "172.16.1.235"}]))
    assert services(result)["default/web"]["load_balancer_ips"] == []
    assert result.cluster["warnings"] == [
        "podnet_services default/web has type LoadBalancer and no load balancer IP: none was "
        "given, and podnet_load_balancer_cidrs is not set."
    ]


def test_a_full_service_cidr_is_filled_to_the_last_address():
    result = planned(*(web(f"s{i}") for i in range(14)), podnet_service_cidr="10.10.0.0/28")
    assert len({each["cluster_ip"] for each in result.services["default"]}) == 14

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a host stands in the way, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.plan import hosts
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from ansible_collections.podnet.fabric.plugins.module_utils.preflight import iptables, nftables
from planning import NODES, fresh, inventory

NAME, OTHER = list(NODES)[:2]
ETH0 = {"name": "eth0", "ifindex": 2, "mtu": 1500, "ethernet": True}
SEEN: dict[str, Any] = {"device": ETH0, "underlay": ETH0, "kernel": "6.1.0-26-amd64", "tcx": False}


def said(seen: dict[str, Any], **variables: Any) -> list[str]:
    """Return the sentences about a node with these variables, of which this was seen, too."""
    node = plan(inventory(**variables), fresh(NODES)).node(NAME)
    return list(hosts.problems(node, {**SEEN, **seen}))


@pytest.mark.parametrize(
    ("release", "refused"),
    [("5.9.16", True), ("4.18.0-553.el8.x86_64", True), ("5.10.0", False), ("6.1.0-26", False)],
)
def test_a_kernel(release, refused):
    assert bool(said({"kernel": release})) is refused


def test_tcx_where_the_kernel_has_none():
    (sentence,) = said({}, podnet_attach_mode="tcx")
    assert "podnet_attach_mode of node-e6e4d is tcx" in sentence
    assert said({"tcx": True}, podnet_attach_mode="tcx") == []
    assert said({}, podnet_attach_mode="auto") == []


def test_libraries():
    lacks = {"missing": ["pyroute2"], "os": "alpine", "distribution": None}
    assert "(alpine)" in said(lacks)[0]
    assert said({**lacks, "packages": ["podnet_node_packages"]}) == []
    assert said({**lacks, "distribution": "debian"}) == []
    assert "without --check" in said({**lacks, "distribution": "debian", "check_mode": True})[0]
    assert said({"missing": [], "check_mode": True, "distribution": None}) == []
    (sentence,) = said({**lacks, "compiler": False, "compiles": True})
    assert "pyroute2, bcc" in sentence
    assert "podnet_node_packages and podnet_compiler_packages with" in sentence
    compiles = {**lacks, "missing": [], "compiler": False}
    assert said(compiles) == []
    assert said({**compiles, "compiles": True, "packages": ["podnet_compiler_packages"]}) == []
    assert "library bcc" in said({**compiles, "compiles": True})[0]


def test_an_ingress_qdisc():
    assert "or podnet_attach_mode" not in said({"ingress_qdiscs": ["eth0"]})[0]
    assert said({"ingress_qdiscs": ["eth0"], "tcx": True}) == []
    assert said({"ingress_qdiscs": ["docker0"]}) == []
    wanted = {"ingress_qdiscs": ["eth0"], "tcx": True}
    assert "or podnet_attach_mode auto" in said(wanted, podnet_attach_mode="clsact")[0]


def flannel(**more: Any) -> dict[str, Any]:
    found = {"name": "flannel.1", "port": 8472, "vni": 7, "external": False, **more}
    return {"foreign_vxlans": [found]}


@pytest.mark.parametrize(
    ("datapath", "more", "refused"),
    [
        ("ebpf", {}, True),
        ("ebpf", {"port": 4789}, False),
        ("bridge", {}, False),
        ("bridge", {"vni": 1}, True),
        ("routed", {"external": True}, True),
    ],
)
def test_a_foreign_vxlan_device(datapath, more, refused):
    overlay = {"podnet_network_type": "overlay", "podnet_datapath": datapath}
    assert bool(said(flannel(**more), **overlay)) is refused
    assert said(flannel(**more), podnet_datapath=datapath) == []


def test_the_kernels_own_socket_of_a_tunnel_is_nobodys_process():
    listener = {"protocol": "UDP", "address": "0.0.0.0", "port": 8472, "process": None, "pid": None}
    assert said({"listening": [listener]}, podnet_network_type="overlay") == []


#: What iptables-save says of FORWARD -> whether pods of the routed datapath pass.
RULES = {
    "nothing but a policy": ("DROP", [], False),
    "all accepted": ("DROP", ["-j ACCEPT"], True),
    "the pods' range": ("DROP", ["-s 10.111.160.0/20 -j ACCEPT"], True),
    "half of the pods' range": ("DROP", ["-s 10.111.160.0/25 -j ACCEPT"], False),
    "by device, both ways": ("DROP", ["-i pn_+ -j ACCEPT", "-o pn_+ -j ACCEPT"], True),
    "by device, one way": ("DROP", ["-i pn_+ -j ACCEPT"], False),
    "answers alone": ("DROP", ["-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"], False),
    "by what nobody knows": ("DROP", ["-m set --match-set pods src -j ACCEPT"], True),
    "with a word": ("DROP", ['-m comment --comment "let -i all" -j ACCEPT'], True),
    "dropped by device": ("ACCEPT", ["-i eth0 -j DROP"], False),
    "dropped, but not ours": ("ACCEPT", ["! -s 10.111.0.0/16 -j DROP", "-i eth1 -j DROP"], True),
    "rejected at the end": ("ACCEPT", ["-p icmp -j ACCEPT", "-j REJECT"], False),
    "dropped by state": ("ACCEPT", ["-m conntrack --ctstate INVALID -j DROP"], True),
    "a port of it": ("ACCEPT", ["-p tcp -m tcp --dport 22 -j DROP"], True),
    "logged and gone on": ("DROP", ["-j LOG --log-prefix drop", "-j ACCEPT"], True),
    "another chain returns": ("DROP", ["-j MORE"], False),
}


@pytest.mark.parametrize("case", RULES)
def test_rules_of_iptables(case):
    policy, rules, passes = RULES[case]
    lines = [f":FORWARD {policy} [0:0]", ":MORE - [0:0]", "-A MORE -p udp -j ACCEPT"]
    lines += [f"-A FORWARD {rule}" for rule in rules]
    chains = iptables.chains("\n".join(["*filter", *lines, "COMMIT"]))
    assert (said({"firewall": chains}, podnet_datapath="routed") == []) is passes
    assert said({"firewall": chains}, podnet_datapath="ebpf") == []


def _chain(policy: str, *expressions: list[Any], **others: list[Any]) -> list[dict[str, Any]]:
    base = {"table": "inet fw", "chain": "forward", "hook": "forward", "policy": policy}
    rules = [("forward", expression) for expression in expressions]
    rules += list(others.items())
    ruleset = [
        {"rule": {"family": "inet", "table": "fw", "chain": name, "expr": expression}}
        for name, expression in rules
    ]
    return [nftables.chain(base, ruleset)]


def _match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


IIF, STATE = {"meta": {"key": "iifname"}}, {"ct": {"key": "state"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
ACCEPT, DROP = {"accept": None}, {"drop": None}


@pytest.mark.parametrize(
    ("chains", "passes"),
    [
        pytest.param(_chain("drop"), False, id="a policy"),
        pytest.param(_chain("accept", [{"reject": {"type": "icmpx"}}]), False, id="reject"),
        pytest.param(
            _chain(
                "drop", [_match(SADDR, {"prefix": {"addr": "10.111.160.0", "len": 20}}), ACCEPT]
            ),
            True,
            id="a prefix",
        ),
        pytest.param(
            _chain("drop", [_match(SADDR, "@pods"), ACCEPT]), True, id="a named set, not known"
        ),
        pytest.param(
            _chain("drop", [_match(STATE, ["established", "related"], "in"), ACCEPT]),
            False,
            id="answers alone",
        ),
        pytest.param(
            _chain("drop", [{"vmap": {"key": STATE, "data": {"set": [["new", ACCEPT]]}}}]),
            True,
            id="a map of verdicts",
        ),
        pytest.param(
            _chain(
                "accept",
                [_match(IIF, {"set": ["eth0", "cbr0"]}), {"jump": {"target": "zone"}}],
                zone=[{"counter": {}}, DROP],
            ),
            False,
            id="a chain",
        ),
        pytest.param(
            _chain("accept", [_match(IIF, "docker0", "!="), {"goto": {"target": "zone"}}], zone=[]),
            True,
            id="a chain without rules",
        ),
        pytest.param(
            _chain(
                "accept",
                # As firewalld has it.
                [_match(STATE, {"set": ["established", "related"]}, "in"), ACCEPT],
                [_match({"ct": {"key": "status"}}, "dnat", "in"), ACCEPT],
                [_match(IIF, "lo"), ACCEPT],
                [_match({"meta": {"key": "nfproto"}}, "ipv6"), ACCEPT],
                [_match({"payload": {"protocol": "ip6", "field": "saddr"}}, "fe80::1"), ACCEPT],
                [_match({"payload": {"protocol": "icmp", "field": "type"}}, "echo-reply"), ACCEPT],
                [{"jump": {"target": "zones"}}],
                [{"log": {"prefix": "end"}}, {"reject": {"type": "icmpx"}}],
                zones=[_match(IIF, "eth1"), {"goto": {"target": "more"}}],
            ),
            False,
            id="what is for others, then reject",
        ),
        pytest.param(_chain("drop", [{"xt": None}, ACCEPT]), True, id="what nft does not know"),
    ],
)
def test_rules_of_nftables(chains, passes):
    assert (said({"firewall": chains}, podnet_datapath="bridge") == []) is passes


def test_a_chain_that_nobody_could_read_is_not_refused():
    base = {"table": "inet fw", "chain": "forward", "hook": "forward", "policy": "drop"}
    assert said({"firewall": [nftables.chain(base, None)]}, podnet_datapath="bridge") == []


def test_pods_of_one_bridge_pass_the_firewall_where_the_host_says_so():
    chains = _chain(
        "accept", [_match(IIF, "cbr0"), _match({"meta": {"key": "oifname"}}, "cbr0"), DROP]
    )
    assert said({"firewall": chains}, podnet_datapath="bridge") == []
    assert said({"firewall": chains, "bridge_nf": True}, podnet_datapath="bridge") != []


def listener(address: str, port: int, protocol: str = "TCP") -> dict[str, Any]:
    one = {"protocol": protocol, "address": address, "port": port}
    return {**one, "process": "sshd", "pid": 712}


def pod(port: int, **more: Any) -> dict[str, Any]:
    ports = [{"port": 80, "host_port": port, **more}]
    return {"name": "web", "containers": [{"name": "web", "command": ["x"], "ports": ports}]}


@pytest.mark.parametrize(
    ("address", "port", "more", "refused"),
    [
        ("0.0.0.0", 22, {}, True),
        ("::", 22, {}, True),
        ("127.0.0.1", 22, {}, True),
        ("10.111.0.8", 22, {}, True),
        ("172.17.0.1", 22, {}, False),
        ("0.0.0.0", 23, {}, False),
        ("0.0.0.0", 22, {"protocol": "UDP"}, False),
        ("127.0.0.1", 22, {"host_ip": "10.111.0.8"}, False),
        ("0.0.0.0", 22, {"host_ip": "10.111.0.8"}, True),
    ],
)
def test_a_host_port_at_which_a_process_listens(address, port, more, refused):
    nodes = inventory()
    nodes[NAME]["podnet_pods"] = [pod(22, **more)]
    observed = fresh(NODES)
    for name in NODES:
        observed[name] = {**observed[name], "listening": [listener(address, port)]}
    found = plan(nodes, observed)
    problems = list(hosts.problems(found.node(NAME), SEEN))
    assert problems == (
        [
            f"host_port of pod web is 22/TCP, at which sshd (process 712) of {NAME} listens on "
            f"{address}; valid is a port on which nothing of the node listens, or end that first."
        ]
        if refused
        else []
    )
    assert list(hosts.problems(found.node(OTHER), SEEN)) == []


def test_a_node_port_that_is_chosen_is_one_at_which_nothing_listens():
    service = {"name": "web", "type": "NodePort", "ports": [{"port": 80}], "backends": []}
    nodes = inventory(podnet_service_cidr="10.10.0.0/16", podnet_services=[service])

    def chosen(**more: Any) -> int:
        observed = {name: {**seen, **more} for name, seen in fresh(NODES).items()}
        found = plan(nodes, observed)
        (one,) = found.services[found.cluster["name"]]
        return one["ports"][0]["node_port"]

    first = chosen()
    assert chosen(listening=[listener("0.0.0.0", first)]) == first + 1
    assert chosen(listening=[listener("0.0.0.0", first, "UDP")]) == first

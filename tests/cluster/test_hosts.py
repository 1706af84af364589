# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has that stands in the way is said before anything is touched, on any node."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from .cluster import INTERNET, SERVER, inventory
from .probes import PYTHON, everybody_reaches_everybody, probe, silent
from .test_bad_input import refuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cluster import Cluster

NODE = "node-1"
OVERLAY = {"podnet_network_type": "overlay"}

#: Binds a port and waits: protocol, address, port; then accepts nobody.
LISTEN = """
import socket, sys
kind = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}[sys.argv[1]]
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
with socket.socket(family, kind) as listener:
    listener.bind((sys.argv[2], int(sys.argv[3])))
    if kind == socket.SOCK_STREAM:
        listener.listen()
    print("ready", flush=True)
    sys.stdin.read()
"""
#: ``python3`` as it would run on Linux 2.6.
OLD = '#!/bin/sh\nexec setarch --uname-2.6 /usr/bin/python3 "$@"\n'


#: Accepts one connection, listens no more, and says back what it hears, each line.
ACCEPT = """
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
connection = listener.accept()[0]
listener.close()
print("accepted", flush=True)
for line in connection.makefile("rb"):
    connection.sendall(line)
"""
#: The same for many, one after the other.
ECHO = """
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    with listener.accept()[0] as connection:
        connection.sendall(connection.recv(99))
"""
#: Connects, and has each line of its input said back.
TALK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as talk:
    answers = talk.makefile("rb")
    for line in sys.stdin:
        talk.sendall(line.encode())
        print(answers.readline().decode(), end="", flush=True)
"""


class Case(NamedTuple):
    """What node-1 has, and what is asked for.

    :param parts: what the sentence has to name.
    :param variables: of the cluster; ``node`` those of node-1.
    :param before: what to do on node-1, ``after``: how to undo it.
    :param listens: processes there: protocol, address and port of each.
    """

    what: str
    parts: tuple[str, ...]
    variables: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    node: dict[str, Any] = {}  # noqa: RUF012
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    listens: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


def host_port(port: int, protocol: str = "TCP", **more: str) -> dict[str, Any]:
    ports = [{"port": 80, "host_port": port, "protocol": protocol, **more}]
    container = {"name": "web", "command": ["sleep", "infinity"], "ports": ports}
    return {"podnet_pods": [{"name": "web", "containers": [container]}]}


def service(**words: Any) -> dict[str, Any]:
    port = {
        "port": 80,
        **{word: words.pop(word) for word in ("node_port", "port") if word in words},
    }
    one = {"name": "web", "cluster_ip": "10.10.0.80", "backends": [], "ports": [port], **words}
    return {"podnet_service_cidr": "10.10.0.0/16", "podnet_services": [one]}


def vxlan(vni: int) -> dict[str, tuple[str, ...]]:
    """flannel's, up; no address comes by itself a moment later."""
    made = f"ip link add flannel.1 type vxlan id {vni} dev eth0 dstport 8472 nolearning"
    still = "sysctl -qw net/ipv6/conf/flannel.1/disable_ipv6=1"
    return {
        "before": (made, still, "ip link set flannel.1 up"),
        "after": ("ip link del flannel.1",),
    }


def chain(hook: str, *rules: str, policy: str = "drop") -> dict[str, tuple[str, ...]]:
    """One chain of nftables, with rules."""
    words = f"'{{ type filter hook {hook} priority 0; policy {policy}; }}'"
    more = tuple(f"nft add rule inet host {hook} {rule}" for rule in rules)
    made = ("nft add table inet host", f"nft add chain inet host {hook} {words}", *more)
    return {"before": made, "after": ("nft delete table inet host",)}


#: Docker's, less its own network.
DOCKER = (
    "-N DOCKER-USER",
    "-A DOCKER-USER -m comment --comment docker -j RETURN",
    "-A FORWARD -j DOCKER-USER",
    "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
    "-P FORWARD DROP",
)


def docker(command: str) -> dict[str, tuple[str, ...]]:
    return {
        "before": tuple(f"{command} {rule}" for rule in DOCKER),
        "after": (
            *(f"{command} {words}" for words in ("-P FORWARD ACCEPT", "-F", "-X")),
            # The tables that iptables made stay until they are empty; the legacy ones for ever.
            *(("nft delete table ip filter",) if command == "iptables-nft" else ()),
        ),
    }


PACKAGES = "/usr/lib/python3/dist-packages"
WITHOUT_LIBRARIES = ("mkdir -p /run/nothing", f"mount --bind /run/nothing {PACKAGES}")
WITH_LIBRARIES = f"umount {PACKAGES}"

CASES = [
    Case(
        "a VXLAN device on the tunnel's port, where ours takes all identifiers",
        ("podnet_vxlan_port is 8472", NODE, "flannel.1", "VNI 7", "another port"),
        OVERLAY,
        **vxlan(7),
    ),
    Case(
        "a VXLAN device with the tunnel's port and identifier",
        ("podnet_vxlan_port is 8472", NODE, "flannel.1", "VNI 1", "another port"),
        {**OVERLAY, "podnet_datapath": "bridge"},
        **vxlan(1),
    ),
    Case(
        "a process at the tunnel's port",
        ("podnet_vxlan_port is 8472", NODE, "python3 (process ", "0.0.0.0", "another port"),
        OVERLAY,
        listens=("UDP 0.0.0.0 8472",),
    ),
    Case(
        "an ingress qdisc where clsact is wanted",
        ("eth0", NODE, "ingress qdisc", "clsact", "tc qdisc del dev eth0 ingress", "auto"),
        {"podnet_attach_mode": "clsact"},
        before=("tc qdisc add dev eth0 handle ffff: ingress",),
        after=("tc qdisc del dev eth0 ingress",),
    ),
    Case(
        "a firewall of nftables that forwards nothing",
        (
            NODE,
            "cbr0 to eth0",
            "chain forward of table inet host (nftables)",
            "policy drop",
            "ebpf",
        ),
        {"podnet_datapath": "bridge"},
        **chain("forward", "ct state established,related accept", "iifname lo accept"),
    ),
    Case(
        "Docker's chains by iptables-nft",
        (NODE, " to eth0", "chain FORWARD of table ip filter (iptables)", "iptables -I FORWARD"),
        {"podnet_datapath": "routed"},
        **docker("iptables-nft"),
    ),
    Case(
        "Docker's chains by iptables-legacy",
        (
            NODE,
            " to pn_vxlan",
            "chain FORWARD of table ip filter (iptables)",
            "iptables -I FORWARD",
        ),
        {"podnet_datapath": "routed", **OVERLAY},
        **docker("iptables-legacy"),
    ),
    Case(
        "a firewall that does not take the tunnel",
        (NODE, "from eth0", "chain input of table inet host", "UDP port 8472", "udp dport 8472"),
        OVERLAY,
        **chain("input", "tcp dport 22 accept", "meta l4proto udp drop", policy="accept"),
    ),
    Case(
        "a host port at which a process listens",
        ("host_port of pod web is 2222/TCP", "python3 (process ", NODE, "0.0.0.0"),
        node=host_port(2222),
        listens=("TCP 0.0.0.0 2222",),
    ),
    Case(
        "the same by IPv6",
        ("host_port of pod web is 2222/TCP", "python3 (process ", NODE, "on ::"),
        node=host_port(2222, host_ip="10.111.0.11"),
        listens=("TCP :: 2222",),
    ),
    Case(
        "a host port of UDP on the loopback",
        ("host_port of pod web is 53/UDP", "python3 (process ", NODE, "127.0.0.53"),
        node=host_port(53, "UDP"),
        listens=("UDP 127.0.0.53 53",),
    ),
    Case(
        "a node port at which a process listens",
        ("node_port of default/web is 30080/TCP", "python3 (process ", NODE, "10.111.0.11"),
        service(type="NodePort", node_port=30080),
        listens=("TCP 10.111.0.11 30080",),
    ),
    Case(
        "the node's own address as an external IP",
        ("external_ips of default/web has 10.111.0.11", "22/TCP", "python3 (process ", NODE),
        service(external_ips=["10.111.0.11"], port=22),
        listens=("TCP 0.0.0.0 22",),
    ),
    Case(
        "a route to pods that is somebody else's",
        (NODE, "10.111.160.128/25 via 10.111.0.1 dev eth0", "pods of node-2", "ip route del"),
        before=("ip route add 10.111.160.128/25 via 10.111.0.1",),
        after=("ip route del 10.111.160.128/25",),
    ),
    Case(
        "a kernel too old",
        (NODE, "Linux 2.6.", "5.10 or newer"),
        node={"ansible_python_interpreter": "/etc/old-python3"},
    ),
    Case(
        "a distribution that nobody knows",
        (NODE, "pyroute2", "(nobodys)", "Debian, Fedora, RHEL", "podnet_node_packages"),
        before=("rm /etc/os-release", "echo ID=nobodys > /etc/os-release", *WITHOUT_LIBRARIES),
        after=("ln -sf ../usr/lib/os-release /etc/os-release", WITH_LIBRARIES),
    ),
    Case(
        "a check without libraries",
        (NODE, "pyroute2", "a first run without --check"),
        before=WITHOUT_LIBRARIES,
        after=(WITH_LIBRARIES,),
        arguments=("--check",),
    ),
    Case(
        "a stranger's veth named pn_host",
        (NODE, "pn_host", "did not make", "rename or remove"),
        before=("ip link add pn_host type veth peer name stranger",),
        after=("ip link del pn_host",),
    ),
]


@contextlib.contextmanager
def prepared(cluster: Cluster, case: Case) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for words in case.listens:
            process = stack.enter_context(
                cluster.start(NODE, *PYTHON, "-c", LISTEN, *words.split(" "))
            )
            stack.callback(process.kill)
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        for command in case.before:
            cluster.exec(NODE, "sh", "-c", command)
        try:
            yield
        finally:
            for command in case.after:
                cluster.exec(NODE, "sh", "-c", command)


@pytest.fixture(scope="module")
def fresh(make_module_cluster):
    """Two nodes on which nothing was run yet."""
    pods = {"name": "app", "replicas": 4, "labels": {"app": "app"}}
    cluster = make_module_cluster(inventory(outside=True, podnet_deployments=[pods]))
    cluster.exec(NODE, "install", "/dev/stdin", "/etc/old-python3", stdin=OLD)
    return cluster


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_host_is_refused_for(fresh, case):
    with prepared(fresh, case):
        refuses(fresh, case.variables, {NODE: case.node}, case.parts, *case.arguments)


def test_who_only_looks_is_warned(fresh):
    case = next(
        case for case in CASES if case.what == "a firewall of nftables that forwards nothing"
    )
    fresh.variables.update(case.variables)
    with prepared(fresh, case):
        run = fresh.play("status").ok()
    del fresh.variables["podnet_datapath"]
    (warning,) = run.result(NODE, "Read the node's part of the plan")["warnings"]
    assert all(part in warning for part in case.parts), warning


def test_who_tests_a_network_before_a_first_run_is_told_that_there_is_none(fresh):
    run = fresh.play("health")
    assert len(run.errors) == len(fresh.nodes)
    none = "the pod network is not on this node; the playbook site brings it up"
    assert {*run.errors} == {none}
    shown = run.result(NODE, "Show the cluster")["msg"]
    assert shown[0] == f"Cluster health:         0/{len(fresh.nodes)} reachable"
    assert not any("places" in line or "Slowest" in line for line in shown)
    # And of a host outside, why it takes no part.
    outside = ("podnet_outside_host=internet", "podnet_outside_address=203.0.113.77")
    run = fresh.play("connectivity", *(word for one in outside for word in ("-e", one)))
    (error,) = run.errors
    for node in fresh.nodes:
        assert f"{node}: the pod network is not on this node; the playbook site brings" in error
    assert "outside: " in error
    assert "203.0.113.77" in error.partition("outside: ")[2]


def says(talk, line):
    """Have a line said back over a connection."""
    talk.stdin.write(line)
    talk.stdin.flush()
    assert talk.stdout.readline() == line, talk.stderr.read()


def test_the_ebpf_datapath_passes_the_firewall_by(fresh):
    """Nothing is forwarded, martians are logged, and all that an LVS cluster sets of ARP is set."""
    firewall = chain("forward")
    strict = {"rp_filter": 1, "arp_ignore": 1, "arp_announce": 2, "log_martians": 1}
    cidrs = {"10.111.160.0/25": "10.111.0.11", "10.111.160.128/25": "10.111.0.12"}
    fresh.variables.update(service(type="NodePort", node_port=30080, selector={"app": "app"}))
    del fresh.variables["podnet_services"][0]["backends"]
    try:
        for node in fresh.nodes:
            for command in firewall["before"]:
                fresh.exec(node, "sh", "-c", command)
            for place in ("all", "default", "eth0"):
                values = [f"net.ipv4.conf.{place}.{name}={value}" for name, value in strict.items()]
                fresh.exec(node, "sysctl", "-qw", *values)
        fresh.play("site").ok()
        for cidr, node in cidrs.items():
            fresh.exec("gateway", "ip", "route", "add", cidr, "via", node)
        everybody_reaches_everybody(fresh)
        pods = fresh.pods()
        assert silent(probe(fresh, pods, [INTERNET, SERVER])) == []
        assert silent(probe(fresh, ["internet", "vpc-server"], pods.values())) == []
        with contextlib.ExitStack() as stack:
            for pod in pods:
                server = stack.enter_context(fresh.start(pod, *PYTHON, "-c", ECHO, "80"))
                stack.callback(server.kill)
                assert server.stdout.readline() == "ready\n", server.stderr.read()
            for node in cidrs.values():
                for number in range(10):  # backends of this node and of the other
                    words = (*PYTHON, "-c", TALK, node, "30080")
                    said = fresh.try_exec("internet", *words, stdin=f"{number}\n")
                    assert said.stdout == f"{number}\n", said.stderr
    finally:
        for cidr in cidrs:
            fresh.try_exec("gateway", "ip", "route", "del", cidr)
        fresh.play("teardown").ok()
        for node in fresh.nodes:
            for command in firewall["after"]:
                fresh.exec(node, "sh", "-c", command)
        for name in ("podnet_services", "podnet_service_cidr"):
            del fresh.variables[name]


def test_an_open_connection_stays_with_its_process(fresh):
    """Its port becomes a host port: what is open goes on, what is new goes to the pod."""

    address = fresh.nodes[NODE]["ansible_host"]
    fresh.nodes[NODE].update(host_port(2222))
    with contextlib.ExitStack() as stack:

        def start(place, *words):
            process = stack.enter_context(fresh.start(place, *PYTHON, "-c", *words))
            stack.callback(process.kill)
            return process

        server = start(NODE, ACCEPT, "2222")
        assert server.stdout.readline() == "ready\n", server.stderr.read()
        talk = start("gateway", TALK, address, "2222")
        assert server.stdout.readline() == "accepted\n", server.stderr.read()
        says(talk, "before\n")
        try:
            fresh.play("site").ok()
            says(talk, "after\n")
            (pod,) = (place for place in fresh.pods(NODE) if place.endswith("/web"))
            within = start(pod, ACCEPT, "80")
            assert within.stdout.readline() == "ready\n", within.stderr.read()
            says(start("gateway", TALK, address, "2222"), "to the pod\n")
            says(talk, "still\n")
        finally:
            del fresh.nodes[NODE]["podnet_pods"]
            fresh.play("teardown").ok()
        says(talk, "torn down\n")

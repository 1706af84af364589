"""The reports, word for word: people read them, and scripts of theirs do."""

from __future__ import annotations

from typing import Any

from ansible_collections.podnet.fabric.plugins.filter.cluster_report import cluster_report
from ansible_collections.podnet.fabric.plugins.filter.cluster_summary import cluster_summary
from ansible_collections.podnet.fabric.plugins.filter.health_report import health_report
from ansible_collections.podnet.fabric.plugins.filter.health_summary import health_summary
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.cells import SOCKET_PROGRAMS
from ansible_collections.podnet.fabric.plugins.module_utils.node import health, status_report
from ansible_collections.podnet.fabric.plugins.module_utils.plan import planner
from ansible_collections.podnet.fabric.plugins.module_utils.text import tables
from samples import NODE

STATUS = {
    "node": {key: NODE[key] for key in ("name", "node_ip", "device", "mtu", "usable", "reason")},
    "kernel": "6.18.44",
    "network_type": "native_routing",
    "datapath": "ebpf",
    "native_routing_cidr": "10.111.0.0/16",
    "attach_mode": "tcx",
    "ipam": {
        "pod_cidr": "10.111.160.0/25",
        "used": 2,
        "total": 128,
        "usable_pods": 64,
        "gateway": "10.111.160.126",
        # By number and not by letters: .9 stands before .125.
        "addresses": {"10.111.160.125": "podnet-health", "10.111.160.9": "nginx-app-1"},
    },
    "endpoints": [
        {
            "name": "podnet-health",
            "kind": "health",
            "ip": "10.111.160.125",
            "mac": "0a:58:0a:6f:a0:7d",
            "device": "pn_0123456789ab",
            "state": "ready",
        },
        {
            "name": "nginx-app-1",
            "kind": "pod",
            "ip": "10.111.160.9",
            "mac": "0a:58:0a:6f:a0:09",
            "device": "pn_e742773abb9d",
            "state": "not ready",
        },
    ],
    "peers": [
        *NODE["peers"],
        {
            "name": "far",
            "node_ip": "10.112.0.9",
            "pod_cidr": "10.111.161.0/25",
            "health_ip": "10.111.161.125",
            "route": "gateway",
        },
    ],
    "vxlan": None,
    "tunnels": [],
    "addresses": [{"dev": "pn_host", "address": "10.111.0.8/32", "of": "eth0", "present": True}],
    "routes": [
        {"dst": "10.111.160.0/25", "dev": "pn_host", "src": "10.111.0.8", "present": True},
        {"dst": "10.111.160.128/25", "via": "10.111.0.9", "present": False},
    ],
    "neighbors": [],
    "rules": [
        {
            "family": "ipv4",
            "priority": 100,
            "from": "10.9.0.0/16",
            "to": "all",
            **dict.fromkeys(("iif", "oif")),
            "mark": 16,
            "table": 7,
        }
    ],
    "masquerade": {
        "devices": [],
        "nodes": False,
        "native_routing_cidr": None,
        "pod_ranges": [],
        "prefixes": 0,
        "missing": [],
        "unplanned": [],
        "nat": {"used": 0, "size": 131072, "over": 0, "notes": 0},
        "accounts": [],
        "exhausted": 0,
        "warnings": [],
    },
    "services": None,
    "policies": None,
    "programs": [
        {
            "name": "from_container",
            "id": 7,
            "tag": "f4c5a6b7c8d9e0f1",
            "attached": [{"device": device} for device in ("pn_1", "pn_2", "pn_3")],
        },
        {"name": "from_netdev", "id": 8, "tag": "0a1b2c3d4e5f6071", "attached": []},
        {"name": "from_host", "id": None, "tag": None, "attached": []},
    ],
    "maps": [
        {"name": "endpoints", "type": "hash", "used": 4, "size": 65535},
        {"name": "ipcache", "type": "lpm_trie", "used": None, "size": 512000},
    ],
    "forwarded": [
        {
            "hook": "from_container",
            "direction": "egress",
            "verdict": "to_endpoint",
            "packets": 12,
            "bytes": 1176,
        }
    ],
    "drops": [
        {
            "hook": "from_container",
            "direction": "egress",
            "verdict": "spoofed_source",
            "packets": 3,
            "bytes": 126,
        },
        {
            "hook": "from_netdev",
            "direction": "ingress",
            "verdict": "no_endpoint",
            "packets": 39,
            "bytes": 3822,
        },
    ],
    "recorder": {"used": 2, "size": 16384, "packets": 40, "unrecorded": 2, "overwritten": 0},
}

STATUS_SHOWN = """\
Node:                   node-e6e4d   10.111.0.8   [eth0, MTU 1500]
Usable:                 Yes
Kernel:                 6.18.44
Routing:                Network: Native   Host: BPF
Native-routing CIDR:    10.111.0.0/16
Attach Mode:            TCX
Device Mode:            veth
Masquerading:           Disabled
IPAM:                   IPv4: 2/128 allocated from 10.111.160.0/25
Allocated addresses:
  10.111.160.126 (router)
  10.111.160.9 (nginx-app-1)
  10.111.160.125 (podnet-health)
Endpoints:              1/2 ready
  Name           IPv4            MAC                Device           State
  podnet-health  10.111.160.125  0a:58:0a:6f:a0:7d  pn_0123456789ab  ready
  nginx-app-1    10.111.160.9    0a:58:0a:6f:a0:09  pn_e742773abb9d  not ready
Peers:                  2
  Node        Address     Pod CIDR           Route
  node-63344  10.111.0.9  10.111.160.128/25  direct
  far         10.112.0.9  10.111.161.0/25    gateway
Addresses:              1/1 present
  Device   Address        State
  pn_host  10.111.0.8/32  present
Routes:                 1/2 present
  Destination        Type  Via         Device   Source      State
  10.111.160.0/25    -     -           pn_host  10.111.0.8  present
  10.111.160.128/25  -     10.111.0.9  -        -           missing
Neighbors:              0/0 present
Rules:                  none of the network, 1 of the host's own
  Priority  From         To   Mark  In  Out  Table
  100       10.9.0.0/16  all  0x10  -   -    7
Services:               None
Policies:               None
Programs:
  Name            Id  Tag               Attached
  from_container  7   f4c5a6b7c8d9e0f1  3 devices
  from_netdev     8   0a1b2c3d4e5f6071  nowhere
  from_host       -   -                 nowhere
BPF Maps:
  Name       Type      Used  Size
  endpoints  hash      4     65535
  ipcache    lpm_trie  -     512000
Forwarded:              12
  Hook            Direction  Verdict      Packets  Bytes
  from_container  egress     to_endpoint  12       1176
Drops:                  42
  Hook            Direction  Reason          Packets  Bytes
  from_container  egress     spoofed_source  3        126
  from_netdev     ingress    no_endpoint     39       3822
Recorder:               40 packets in 2/16384 records, 2 not recorded"""

UNUSABLE_SHOWN = """\
Node:                   node-e6e4d   10.111.0.8   [eth0, MTU 1500]
Usable:                 No: the range is full
Kernel:                 6.18.44
Routing:                Network: Native   Host: BPF
Native-routing CIDR:    none
Attach Mode:            NOTHING ATTACHED
Device Mode:            veth
Masquerading:           Disabled
IPAM:                   IPv4: 0/0 allocated from no pod CIDR
Allocated addresses:
Endpoints:              0/0 ready
Peers:                  0
Addresses:              0/0 present
Routes:                 0/0 present
Neighbors:              0/0 present
Rules:                  none of the network, none of the host's own
Services:               None
Policies:               None
Programs:
BPF Maps:
Forwarded:              0
Drops:                  0
Recorder:               no recorder of drops"""

HEALTH_SHOWN = """\
Probe time:   2026-11-20T07:11:57Z
Nodes:
  node-e6e4d (localhost):
    Host connectivity to 10.111.0.8:
      ICMP to stack:   OK, RTT=50.000µs
      HTTP to agent:   OK, RTT=200.000µs
  node-63344:
    Host connectivity to 10.111.0.9:
      ICMP to stack:   OK, RTT=306.000µs
      HTTP to agent:   OK, RTT=1.500000ms
    Endpoint connectivity to 10.111.160.253:
      ICMP to stack:   Connection failed: no reply within 3 s
      HTTP to agent:   Connection failed: Connection refused"""

CLUSTER_SHOWN = """\
Cluster:                demo
Verdict:                3 problems
  node-63344: did not answer
  late: not usable: The secondary range default 10.111.160.0/24 has no /25 left; put the node into \
a node group with a fresh secondary range.
  6 pods pending
Warning:                node-63344 did not answer and no node knows it: it is taken as new, gets \
10.111.160.128/25 and no pods.
Warning:                6 pods pending (nginx-app-65, nginx-app-66, nginx-app-67 and 3 more): no \
node that answered has room for another pod; podnet_max_pods and podnet_node_cidr_mask_size limit \
them.
VPC:                    10.111.0.0/16
Routing:                Network: Native   Host: BPF
Native-routing CIDR:    10.111.0.0/16
Nodes:                  1/3 usable
  Name        Address      Pod CIDR           Pods  Usable pods  State
  node-e6e4d  10.111.0.8   10.111.160.0/25    64    64           usable
  node-63344  10.111.0.9   10.111.160.128/25  0     64           did not answer
  late        10.111.0.14  none               0     0            not usable
Pods:                   64 placed, 6 pending
Masquerading:           Disabled
Secondary range:        default   10.111.160.0/24   2/2 node CIDRs of /25 used"""


CAPACITY_SHOWN = (
    "  Node CIDR mask size  Addresses a node  Nodes  Addresses for pods  Usable pods",
    "  /24                  256               1      256                 128",
    "  /25                  128               2      128                 64",
    "  /26                  64                4      64                  32",
)


def test_a_status_shows_what_policies_do() -> None:
    sets = [
        {
            "direction": "ingress",
            "policies": ["default/db", "default/deny"],
            "pods": ["10.111.160.3", "10.111.160.4"],
            "entries": 2,
            "dropped": {"packets": 3, "bytes": 222},
            "would_drop": {"packets": 0, "bytes": 0},
        }
    ]
    found = {
        "names": ["default/db", "default/deny"],
        "planned": True,
        "sets": sets,
        "isolated": {"ingress": 2, "egress": 0},
        "audited": 0,
        "notes": 4,
    }
    lines = status_report.render({**STATUS, "policies": found}).splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("Policies:"))
    assert lines[at : at + 4] == [
        "Policies:               2 here   isolated pods: 2 ingress, 0 egress   0 audited   "
        "4 connections noted",
        "  Direction   Isolating policies         Pods   Entries   Dropped   Would drop",
        "  ingress     default/db, default/deny   2      2         3         0",
        "Programs:",
    ]
    lines = status_report.render({**STATUS, "policies": {**found, "planned": False}}).splitlines()
    assert lines[at].startswith(
        "Policies:               2 here, none in the plan   isolated pods: 2"
    )
    many = {**found, "sets": sets * 21}
    assert "  … and 1 more; policy_info lists them" in status_report.render(
        {**STATUS, "policies": many}
    )


def test_status():
    assert status_report.render(STATUS) == STATUS_SHOWN


def test_status_of_a_tunnel():
    """As `cilium bpf tunnel list`, and a route into a tunnel that ends nowhere."""
    peers = [{**STATUS["peers"][0], "route": "tunnel"}]
    tunnels = [
        {"prefix": "10.111.160.128/25", "endpoint": "10.111.0.9"},
        {"prefix": "10.111.161.0/25", "endpoint": None},
    ]
    vxlan = {"vni": 7, "port": 4789, "ip": "10.111.0.8", "device": "eth0"}
    shown = status_report.render(
        {**STATUS, "network_type": "overlay", "vxlan": vxlan, "tunnels": tunnels, "peers": peers}
    )
    lines = shown.splitlines()
    assert "Routing:                Network: VXLAN   Host: BPF" in lines
    at = lines.index("Tunnel:                 VXLAN   VNI 7   10.111.0.8:4789   [eth0]")
    assert lines[at + 1 : at + 4] == [
        "  Tunnel             Value",
        "  10.111.160.128/25  10.111.0.9:4789",
        "  10.111.161.0/25    -",
    ]
    assert "  node-63344  10.111.0.9  10.111.160.128/25  tunnel" in lines


def test_status_of_masquerading():
    """The line of `cilium status`, and below it no more than there is to mind."""
    masquerade = {
        **STATUS["masquerade"],
        "devices": [{"name": "eth0", "ip": "10.111.0.8"}, {"name": "eth1", "ip": "10.112.0.8"}],
        "native_routing_cidr": "10.111.0.0/16",
        "pod_ranges": ["10.111.160.0/20"],
        "prefixes": 14,
        "nat": {"used": 13107, "size": 131072, "over": 9},
    }

    def shown(**more):
        lines = status_report.render({**STATUS, "masquerade": {**masquerade, **more}}).splitlines()
        first = lines.index("Device Mode:            veth") + 1
        return lines[first : next(n for n, one in enumerate(lines) if one.startswith("IPAM"))]

    enabled = "[IPv4: Enabled, IPv6: Disabled]"
    details = ["  Non-masquerade CIDRs: 14", "  NAT Table:            13107/131072 (10%)"]
    assert shown() == [
        f"Masquerading:           BPF   [eth0, eth1]   10.111.0.0/16 {enabled}",
        *details,
    ]
    # A network with a tunnel has no native-routing CIDR: its pods' ranges are what is left alone.
    assert shown(native_routing_cidr=None)[0] == (
        f"Masquerading:           BPF   [eth0, eth1]   10.111.160.0/20 {enabled}"
    )
    minded = {
        "exhausted": 7,
        "missing": [f"prefix 10.{number}.0.0/16" for number in range(7)],
        "unplanned": ["device eth1 10.112.0.8"],
        "warnings": ["The table is full.", "So are the ports."],
        "accounts": [
            {"address": "10.111.160.1", "kind": "pod", "flows": 24576, "refused": 40000},
            {"address": "fd00::2", "kind": "inbound", "flows": 7, "refused": 0},
        ],
    }
    below = [
        "  Exhausted:            7 packets dropped",
        "  Not there:            prefix 10.0.0.0/16, prefix 10.1.0.0/16, prefix 10.2.0.0/16, "
        "prefix 10.3.0.0/16, prefix 10.4.0.0/16 and 2 more",
        "  Not planned:          device eth1 10.112.0.8",
        "  Warning:              The table is full.",
        "  Warning:              So are the ports.",
        "  Flows of      Kind     Flows  Refused",
        "  10.111.160.1  pod      24576  40000",
        "  fd00::2       inbound  7      0",
    ]
    assert shown(**minded)[1:] == [*details, *below]
    assert shown(devices=[], **minded) == ["Masquerading:           Disabled", *below]


def test_status_of_a_cluster_with_services():
    backends = [
        {"number": 1, "address": "172.16.1.235:80", "state": "active"},
        {"number": 2, "address": "172.16.2.253:80", "state": "terminating"},
    ]
    web = {"frontend": "10.10.252.131:80", "protocol": "TCP", "type": "ClusterIP", "id": 9}
    dns = {"frontend": "10.10.0.10:53", "protocol": "UDP", "type": "ClusterIP", "id": 10}
    frontends = [{**web, "backends": backends}, {**dns, "backends": []}]
    hooks = list(SOCKET_PROGRAMS)
    for found, coverage in ((hooks, "Full"), (hooks[:2], "connect4, connect6"), ([], "None")):
        services = {"socket_hooks": found, "frontends": frontends, "sockets": 7}
        lines = status_report.render({**STATUS, "services": services}).splitlines()
        at = lines.index("Services:               2 frontends   2 backends")
        assert lines[at + 1 : at + 9] == [
            "KubeProxyReplacement Details:",
            f"  Socket LB Coverage:   {coverage}   7 sockets",
            "  NodePort Range:       30000-32767",
            "  ClusterIP:            2",
            "  ID   Frontend            Service Type   Backend",
            "  9    10.10.252.131:80    ClusterIP      1 => 172.16.1.235:80 (active)",
            "                                          2 => 172.16.2.253:80 (terminating)",
            "  10   10.10.0.10:53/UDP   ClusterIP",
        ]


def test_status_shows_the_first_fifty_of_many_services():
    one = {"frontend": "10.10.0.1:80", "protocol": "TCP", "type": "ClusterIP", "id": 1}
    frontends = [{**one, "id": number, "backends": []} for number in range(1, 61)]
    services = {"socket_hooks": [], "frontends": frontends, "sockets": 0}
    shown = status_report.render({**STATUS, "services": services})
    assert shown.count("10.10.0.1:80") == 50
    assert "  … and 10 more; services_info lists them" in shown.splitlines()


def test_status_of_a_node_that_is_not_usable():
    unusable = {
        **STATUS,
        "node": {**STATUS["node"], "usable": False, "reason": "the range is full"},
        "native_routing_cidr": None,
        "attach_mode": None,
        "ipam": {"pod_cidr": None, "used": 0, "total": 0, "gateway": None, "addresses": {}},
        **dict.fromkeys(("endpoints", "peers", "programs", "maps", "forwarded", "drops"), ()),
        **dict.fromkeys(("addresses", "routes", "neighbors", "rules"), ()),
        "recorder": {**STATUS["recorder"], "used": None},
    }
    assert status_report.render(unusable) == UNUSABLE_SHOWN


def probe(rtt=None, error=None):
    return {"ok": error is None, "rtt": rtt, "error": error}


def test_health():
    nodes = [
        {
            "name": "node-63344",
            "local": False,
            "host": {"address": "10.111.0.9", "icmp": probe(0.000306), "http": probe(0.0015)},
            "endpoint": {
                "address": "10.111.160.253",
                "icmp": probe(error="no reply within 3 s"),
                "http": probe(error="Connection refused"),
            },
        },
        {
            "name": "node-e6e4d",
            "local": True,
            "host": {"address": "10.111.0.8", "icmp": probe(0.00005), "http": probe(0.0002)},
        },
    ]
    assert health.render(nodes, "2026-11-20T07:11:57Z") == HEALTH_SHOWN
    assert [node["name"] for node in nodes if not health.reachable(node)] == ["node-63344"]


def test_cluster():
    """Of a real plan: two of three nodes find room, and one of the two did not answer."""
    variables = {
        "podnet_cluster": "demo",
        "podnet_vpc_cidr": "10.111.0.0/16",
        "podnet_subnets": [{"name": "default", "cidr": "10.111.0.0/24", "gateway": "10.111.0.1"}],
        "podnet_secondary_ranges": [{"name": "default", "cidr": "10.111.160.0/24"}],
        "podnet_node_cidr_mask_size": 25,
        "podnet_deployments": [{"name": "nginx-app", "replicas": 70}],
    }
    addresses = {"node-e6e4d": "10.111.0.8", "node-63344": "10.111.0.9", "late": "10.111.0.14"}
    nodes = {name: {**variables, "podnet_node_ip": ip} for name, ip in addresses.items()}
    nothing = {"pod_cidr": None, "peers": {}, "endpoints": {}}
    observed = {"node-e6e4d": nothing, "node-63344": None, "late": nothing}
    cluster = planner.plan(nodes, observed).cluster
    assert cluster_report(cluster) == CLUSTER_SHOWN.splitlines()
    whole = cluster_report(cluster, verbose=True)
    assert whole == [*CLUSTER_SHOWN.splitlines(), *CAPACITY_SHOWN]
    # What nodes say themselves in this run counts.
    there = {**STATUS, "node": {"usable": True, "reason": ""}}
    hostvars = {
        "node-e6e4d": {"podnet_status": {"status": there}},
        "node-63344": {"podnet_node": {"refused": "There is no device."}},
        "late": {"podnet_status": {"failed": True, "msg": "This needs root."}},
    }
    lines = cluster_report(cluster, hostvars)
    assert lines[1:5] == [
        "Verdict:                3 problems",
        "  node-63344: not usable: There is no device.",
        "  late: not usable: The secondary range default 10.111.160.0/24 has no /25 left; put the "
        "node into a node group with a fresh secondary range.",
        "  6 pods pending",
    ]
    assert "Pods:                   0/70 ready, 6 pending" in lines
    assert lines[-4:] == [
        "Drops:                  42",
        "  Reason          Packets  Nodes",
        "  no_endpoint     39       1",
        "  spoofed_source  3        1",
    ]
    found = cluster_summary({"demo": cluster}, hostvars)
    assert (found["ok"], len(found["problems"])) == (False, 3)
    assert found["clusters"]["demo"]["nodes"]["node-e6e4d"] == "usable"
    assert found["clusters"]["demo"]["pods"] == {"planned": 64, "pending": 6, "ready": 0}


def a_cluster(count: int) -> dict[str, Any]:
    """Return the summary that the planner makes of some nodes with a pod each."""
    variables = {
        "podnet_vpc_cidr": "10.0.0.0/8",
        "podnet_subnets": [{"name": "default", "cidr": "10.1.0.0/16", "gateway": "10.1.0.1"}],
        "podnet_secondary_ranges": [{"name": "default", "cidr": "10.2.0.0/16"}],
        "podnet_deployments": [{"name": "app", "replicas": count}],
        "podnet_node_cidr_mask_size": 28,
    }
    nodes = {f"n{at}": {**variables, "podnet_node_ip": f"10.1.0.{at + 2}"} for at in range(count)}
    nothing = {"pod_cidr": None, "peers": {}, "endpoints": {}}
    return planner.plan(nodes, dict.fromkeys(nodes, nothing)).cluster


def test_what_many_nodes_say_stands_once_and_a_screen_holds_a_large_cluster():
    cluster = a_cluster(40)
    absent = {"usable": False, "reason": "the pod network is not on this node"}
    hostvars = {
        node["name"]: {"podnet_status": {"status": {**STATUS, "node": absent, "drops": []}}}
        for node in cluster["nodes"]
    }
    lines = cluster_report(cluster, hostvars)
    assert lines[1:3] == [
        "Verdict:                1 problem",
        "  all 40 nodes: not usable: the pod network is not on this node",
    ]
    assert "Nodes:                  0/40 usable" in lines
    assert "Pods:                   0/40 ready, 0 pending" in lines
    for name in list(hostvars)[1:]:
        hostvars[name]["podnet_status"]["status"]["node"] = {"usable": True, "reason": ""}
    del hostvars["n0"]["podnet_status"]  # not asked for by name, and read by nobody
    hostvars["n39"]["podnet_status"]["status"]["node"] = absent
    lines = cluster_report(cluster, hostvars)
    assert len(lines) < 40
    at = lines.index("Nodes:                  39/40 usable")
    assert lines[at + 2].startswith("  n39 ")  # what is wrong comes first
    assert lines[at + 22] == "  … and 20 more; podnet_verbose shows them"
    assert "  n38 " not in "\n".join(lines)
    assert "  n38 " in "\n".join(cluster_report(cluster, hostvars, verbose=True))


def test_what_is_wrong_with_masquerading_is_a_problem_of_the_cluster():
    minded = {**STATUS["masquerade"], "missing": ["prefix 10.0.0.0/8"], "exhausted": 3}
    usable = {**STATUS, "node": {"usable": True, "reason": ""}, "masquerade": minded}
    cluster = a_cluster(2)
    hostvars = {"n0": {"podnet_status": {"status": usable}}, "n1": {}}
    assert cluster_summary({"x": cluster}, hostvars)["problems"] == [
        "n0: masquerading lacks prefix 10.0.0.0/8",
        "n0: packets were dropped for want of a port: nat_exhausted in its drops",
    ]


def test_the_health_of_a_cluster():
    def probed(name: str, **errors: str | None) -> dict[str, Any]:
        here = {"address": "10.0.0.1", "icmp": probe(0.00005), "http": probe(0.0012)}
        there = {
            "address": "10.9.0.1",
            **{
                kind: probe(error=errors[kind]) if errors.get(kind) else probe(0.0002)
                for kind in ("icmp", "http")
            },
        }
        return {"name": name, "local": False, "host": here, "endpoint": there}

    lost = probed("b", icmp="no reply within 3 s", http="Connection refused")
    hostvars = {
        "a": {"podnet_health": {"nodes": [probed("a"), lost]}},
        "b": {"podnet_health": {"nodes": [probed("a"), probed("b")]}},
    }
    assert health_report(["a", "b"], hostvars) == [
        "Cluster health:         1/2 reachable",
        "Verdict:                1 problem",
        "  b: endpoint 10.9.0.1 is not reached from a: "
        "ICMP: no reply within 3 s; HTTP: Connection refused",
        "Slowest answers, RTT:",
        "  From  Reaches  ICMP to host  HTTP     ICMP to endpoint  HTTP",
        "  a     1/2      0.05 ms       1.20 ms  0.20 ms           0.20 ms",
        "  b     2/2      0.05 ms       1.20 ms  0.20 ms           0.20 ms",
    ]
    hostvars["c"] = {"podnet_node": {"refused": "There is no eth9."}}
    hostvars["d"] = {"health_started": {"failed": False, "msg": "The port is taken."}}
    hostvars["e"] = {}
    found = health_summary(list(hostvars), hostvars)
    assert found["unreached"] == {"a": ["b"]}
    assert found["problems"][:3] == [
        "c: There is no eth9.",
        "d: The port is taken.",
        "e: it did not answer",
    ]
    nobody = health_report(["c", "e"], hostvars)
    assert nobody[0] == "Cluster health:         0/2 reachable"
    assert nobody[-1] == "  e: it did not answer"
    good = health_summary(["b"], hostvars)
    assert good == {"ok": True, "problems": [], "reachable": 2, "total": 2, "unreached": {}}


def test_a_table_is_as_wide_as_its_cells():
    assert tables.table(("A", "Longer"), [("value", None), (1, "x")]) == [
        "  A      Longer",
        "  value  -",
        "  1      x",
    ]
    assert tables.table(("A", "B"), []) == []
    assert [tables.counted(number, "way") for number in (0, 1, 2)] == ["0 ways", "1 way", "2 ways"]
    assert tables.line("A", 1) == "A:" + " " * 22 + "1"

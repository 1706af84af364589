"""What a node has in each of the six cells, and what one more node costs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import reasons, tasks
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.cells import CELLS, Cell
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_map_wanted
from ansible_collections.podnet.fabric.plugins.module_utils.plan import devices, inventory
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import fresh
from planning import inventory as nodes_of

from tests.cells.scope import EACH_VALUE

ETH0 = {"name": "eth0", "ifindex": 2, "mtu": 1500, "ethernet": True}
ETH1 = {"name": "eth1", "ifindex": 3, "mtu": 9000}
SEEN = {"device": ETH0, "underlay": ETH1, "vtep_device": "eth1", "foreign": []}
EGRESS = [
    {**ETH0, "ip": "10.111.0.8", "ethernet": True},
    {**ETH1, "ip": "192.0.2.8", "ethernet": True},
]
IFINDEXES = {"pn_host": 7, "cbr0": 8, "pn_vxlan": 9}

#: Two peers: one on the same subnet, one on another.
NODES = {"a": "10.111.0.8", "b": "10.111.0.9", "c": "10.111.1.8"}
SUBNETS = [{"name": "one", "cidr": "10.111.0.0/24"}, {"name": "two", "cidr": "10.111.1.0/24"}]
RANGES = [
    {"name": "first", "cidr": "10.111.160.0/24"},
    {"name": "second", "cidr": "10.111.161.0/24"},
]

NATIVE = [cell for cell in CELLS if cell[1] == "native_routing"]
OVERLAY = [cell for cell in CELLS if cell[1] == "overlay"]
CLASSIC = [cell for cell in CELLS if cell[0] != "ebpf"]

OWN, NEAR, FAR = "10.111.160.0/25", "10.111.160.128/25", "10.111.161.0/25"
BY_NODE = {"dst": NEAR, "via": "10.111.0.9"}
BY_GATEWAY = {"dst": FAR, "via": "10.111.0.1"}


def by_tunnel(cidr: str) -> dict[str, Any]:
    return {"dst": cidr, "via": cidr.partition("/")[0], "dev": "pn_vxlan", "onlink": True}


def items(cell: tuple[str, str], isolation: bool = False, **variables: Any) -> dict[str, Any]:
    """Return what the first node holds in a cell."""
    shared = {
        "podnet_datapath": cell[0],
        "podnet_network_type": cell[1],
        "podnet_subnets": SUBNETS,
        "podnet_secondary_ranges": RANGES,
        "podnet_deployments": [],
    }
    nodes = nodes_of(NODES, **{**shared, **variables})
    for number, node in enumerate(nodes.values()):
        node["podnet_vtep_ip"] = f"192.0.2.{number + 8}"
    node = plan(nodes, fresh(nodes)).node("a")
    names = (node["masquerade"] or {}).get("devices") or ["eth0"]
    seen = {**SEEN, "egress_devices": [one for one in EGRESS if one["name"] in names]}
    settled = {**node, **devices.settle(node, seen), "isolation": isolation}
    return tasks.build(settled, IFINDEXES)


def attached(found: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return the hooks and devices of each program."""
    return {
        one["name"]: [(place["hook"], place["device"]) for place in one["attach"]]
        for one in found["programs"]
    }


def test_there_is_a_cell_for_every_choice():
    wanted = [(d, n) for d in inventory.DATAPATHS for n in inventory.NETWORK_TYPES]
    assert list(CELLS) == wanted


def test_every_program_of_a_cell_is_one_that_there_is():
    used = {
        name
        for cell in CELLS.values()
        for name in (*cell.all_programs, *cell.services, *cell.isolation.values())
    }
    assert used == {hook.name for hook in reasons.HOOKS if hook.attach.startswith("tc_")}


@pytest.mark.parametrize("network", inventory.NETWORK_TYPES)
def test_who_is_on_a_bridge_is_judged_as_who_is_routed(network):
    """So make test shows what becomes of policies in one of the two: tests/policy/scope.py."""
    bridge, routed = CELLS["bridge", network], CELLS["routed", network]
    assert (bridge.pods, bridge.isolation) == (routed.pods, routed.isolation)
    for column in ("programs", "services", "masquerade"):
        assert getattr(bridge, column) == getattr(routed, column), column


@pytest.mark.parametrize("cell", CELLS)
def test_the_gateway_address_is_held_by_the_bridge_or_by_the_pair(cell):
    found = items(cell)
    mtu = 8950 if cell in OVERLAY else 1500
    if cell[0] != "bridge":
        (pair,) = found["veths"]
        assert (pair["addresses"], pair["mtu"]) == (["10.111.160.126/32", "10.111.0.8/32"], mtu)
        assert pair["mac"] == "0e:58:0a:6f:a0:7e"
        assert found["bridges"] == []
        return
    assert found["veths"] == []
    assert found["bridges"] == [
        {
            "name": "cbr0",
            "mac": "0e:58:0a:6f:a0:7e",
            "mtu": mtu,
            "addresses": ["10.111.160.126/25"],
            "purge_addresses": True,
            "alias": "podnet:bridge:cbr0",
            "up": True,
            "stp_state": False,
            "forward_delay": 0,
        }
    ]


@pytest.mark.parametrize("cell", CELLS)
def test_the_tunnel(cell):
    if cell in NATIVE:
        assert items(cell)["vxlans"] == []
        return
    (vxlan,) = items(
        cell, podnet_vxlan_vni=7, podnet_vxlan_port=4789, podnet_vxlan_checksum_offload=False
    )["vxlans"]
    own = {"external": True, "addresses": []}
    if cell in CLASSIC:
        own = {"external": False, "id": 7, "addresses": ["10.111.160.0/32"]}
    assert vxlan == {
        "name": "pn_vxlan",
        "mac": "0a:58:0a:6f:a0:00",
        "mtu": 8950,
        "alias": "podnet:overlay:vxlan",
        "up": True,
        "dev": "eth1",
        "local": "192.0.2.8",
        "dstport": 4789,
        "learning": False,
        "checksum_offload": False,
        "purge_addresses": True,
        **own,
    }


#: Settings of IPv4, by device and name.
SETTINGS: dict[tuple[str, str], dict[str, int]] = {
    ("ebpf", "native_routing"): {"pn_host.forwarding": 1, "pn_host.rp_filter": 2},
    ("ebpf", "overlay"): {
        "pn_host.forwarding": 1,
        "pn_host.rp_filter": 2,
        "eth0.rp_filter": 2,
    },
    ("bridge", "native_routing"): {
        "cbr0.forwarding": 1,
        "cbr0.rp_filter": 2,
        "eth0.forwarding": 1,
    },
    ("bridge", "overlay"): {
        "cbr0.forwarding": 1,
        "cbr0.rp_filter": 2,
        "eth0.forwarding": 1,
        "pn_vxlan.forwarding": 1,
        "pn_vxlan.rp_filter": 2,
        "eth0.rp_filter": 2,
    },
    ("routed", "native_routing"): {
        "pn_host.forwarding": 1,
        "pn_host.rp_filter": 2,
        "eth0.forwarding": 1,
    },
    ("routed", "overlay"): {
        "pn_host.forwarding": 1,
        "pn_host.rp_filter": 2,
        "eth0.forwarding": 1,
        "pn_vxlan.forwarding": 1,
        "pn_vxlan.rp_filter": 2,
        "eth0.rp_filter": 2,
    },
}


@pytest.mark.parametrize("cell", CELLS)
def test_settings_and_those_that_are_given_back(cell):
    sysctls = items(cell)["sysctls"]
    v4 = {f"net.ipv4.conf.{name}": value for name, value in SETTINGS[cell].items()}
    own = [device for device in CELLS[cell].devices if f"{device}.forwarding" in SETTINGS[cell]]
    v4 |= {f"net.ipv4.conf.{device}.accept_redirects": 0 for device in own}
    v4[f"net.ipv4.conf.{CELLS[cell].gateway}.accept_local"] = 1
    v6 = {f"net.ipv6.conf.{device}.disable_ipv6": 1 for device in CELLS[cell].devices}
    assert sysctls["values"] == v4 | v6
    of_the_node = [f"net.ipv4.conf.eth0.{name}" for name in ("forwarding", "rp_filter")]
    assert sysctls["restore"] == [name for name in of_the_node if name not in v4]


@pytest.mark.parametrize(("mtu", "of_ipv6"), [(1279, []), (1280, ["cbr0"])])
def test_a_device_with_too_small_an_mtu_has_no_settings_of_ipv6(mtu, of_ipv6):
    nodes = nodes_of(podnet_datapath="bridge", podnet_mtu=mtu)
    node = plan(nodes, fresh(nodes)).node("node-e6e4d")
    values = tasks.build({**node, **devices.settle(node, SEEN)})["sysctls"]["values"]
    found = [name for name in values if "ipv6" in name]
    assert found == [f"net.ipv6.conf.{device}.disable_ipv6" for device in of_ipv6]


def test_a_device_with_a_dot_in_its_name():
    nodes = nodes_of(podnet_datapath="bridge")
    node = plan(nodes, fresh(nodes)).node("node-e6e4d")
    vlan = {**SEEN, "device": {**ETH0, "name": "eth0.7"}}
    sysctls = tasks.build({**node, **devices.settle(node, vlan)})["sysctls"]
    assert sysctls["values"]["net/ipv4/conf/eth0.7/forwarding"] == 1
    assert sysctls["restore"] == ["net/ipv4/conf/eth0.7/rp_filter"]


PROGRAMS: dict[tuple[str, str], dict[str, list[tuple[str, str]]]] = {
    ("ebpf", "native_routing"): {
        "from_container": [],
        "from_netdev": [("tc_ingress", "eth0")],
        "from_host": [("tc_egress", "pn_host")],
    },
    ("ebpf", "overlay"): {
        "from_container": [],
        "from_netdev": [("tc_ingress", "eth0")],
        "from_host": [("tc_egress", "pn_host")],
        "from_overlay": [("tc_ingress", "pn_vxlan")],
    },
    **{
        (datapath, network): {
            "guard": [],
            "nodeport": [("tc_ingress", device) for device in ("eth0", *tunnel)],
        }
        for datapath in ("bridge", "routed")
        for network, tunnel in (("native_routing", ()), ("overlay", ("eth1", "pn_vxlan")))
    },
}


@pytest.mark.parametrize("cell", CELLS)
def test_the_programs_and_what_is_kept(cell):
    found = items(cell)
    assert attached(found) == PROGRAMS[cell]
    assert sorted(found["keep"]["programs"]) == sorted(PROGRAMS[cell])
    made = [one["name"] for kind in ("veths", "bridges", "vxlans") for one in found[kind]]
    made += [one["peer"]["name"] for one in found["veths"]]
    assert sorted(found["keep"]["devices"]) == sorted(made)


def cell_pods(cell: tuple[str, str]) -> str:
    """Return the program at each pod's device."""
    return "from_container" if cell[0] == "ebpf" else "guard"


SERVICES = [{"name": "web", "cluster_ip": "None", "ports": [{"port": 80}], "backends": []}]
BOTH = ["eth0", "eth1"]


def expected(
    cell: tuple[str, str], egress: list[str], *, services: bool
) -> dict[str, list[tuple[str, str]]]:
    """Return what the programs of a cell are with these egress devices, none: without any."""
    classic_tunnel = cell in OVERLAY and cell in CLASSIC
    underlay = ["eth1"] if classic_tunnel else []
    own = ["eth0", *underlay] if services else []
    out = list(dict.fromkeys([*own, *egress]))
    inward = list(dict.fromkeys(["eth0", *underlay, *egress]))
    found = dict(PROGRAMS[cell])
    if out:
        found["to_netdev"] = [("tc_egress", device) for device in out]
    if cell[0] == "ebpf":
        found["from_netdev"] = [("tc_ingress", device) for device in inward]
    else:
        tunnel = ["pn_vxlan"] if classic_tunnel else []
        found["nodeport"] = [("tc_ingress", device) for device in [*inward, *tunnel]]
    return found


@pytest.mark.parametrize("services", [False, True])
@pytest.mark.parametrize("egress", [[], ["eth0"], ["eth1"], BOTH], ids=" ".join)
@pytest.mark.parametrize("cell", CELLS)
def test_masquerading_and_services_bring_programs_to_their_devices(cell, egress, services):
    found = items(
        cell,
        podnet_services=SERVICES if services else [],
        podnet_masquerade=bool(egress),
        podnet_masquerade_devices=egress,
    )
    places = {name: sorted(where) for name, where in attached(found).items()}
    wanted = expected(cell, egress, services=services)
    assert places == {name: sorted(where) for name, where in wanted.items()}
    assert sorted(found["keep"]["programs"]) == sorted(wanted)
    # Where another list of devices had it attached, it goes; the pods' program is theirs.
    kept = {name: sorted(devices) for name, devices in found["keep"]["attached"].items()}
    at = {name: [device for _hook, device in where] for name, where in places.items()}
    assert {**kept, cell_pods(cell): []} == at
    defines = {} if services else {"NO_SERVICES": ""}
    defines |= {} if egress else {"NO_MASQUERADE": ""}
    defines |= {"NO_POLICY": ""}
    assert [one["defines"] for one in found["programs"]] == [defines] * len(wanted)


@pytest.mark.parametrize("cell", CELLS)
def test_pods_leave_by_the_nodes_device_where_no_other_is_named(cell):
    default = items(cell, podnet_masquerade=True)
    assert default == items(cell, podnet_masquerade=True, podnet_masquerade_devices=["eth0"])
    (masquerade,) = (one for one in default["masquerade_maps"] if one["name"] == "masquerade")
    flags = int(cell in OVERLAY)
    assert masquerade["entries"] == [
        {"key": {"ifindex": 2, "family": 0}, "value": {"address": "10.111.0.8", "flags": flags}}
    ]


@pytest.mark.parametrize("cell", CELLS)
def test_the_stack_forwards_what_comes_in_by_another_egress_device(cell):
    """What pods reach there with their own addresses; in ebpf a program takes it first."""
    without, with_it = (
        items(cell, podnet_masquerade=True, podnet_masquerade_devices=devices)["sysctls"]
        for devices in (["eth0"], BOTH)
    )
    assert without == items(cell)["sysctls"]
    more = {"net.ipv4.conf.eth1.forwarding": 1} if cell in CLASSIC else {}
    assert with_it == {**without, "values": {**without["values"], **more}}


OWN_ROUTES: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("ebpf", "native_routing"): [{"dst": OWN, "dev": "pn_host", "src": "10.111.0.8"}],
    ("ebpf", "overlay"): [
        *({"dst": one["cidr"], "dev": "pn_host", "src": "10.111.160.126"} for one in RANGES),
        {"dst": OWN, "dev": "pn_host", "src": "10.111.0.8"},
    ],
    **{("bridge", network): [] for network in inventory.NETWORK_TYPES},
    **{
        ("routed", network): [{"dst": OWN, "type": "blackhole", "metric": 1}]
        for network in inventory.NETWORK_TYPES
    },
}


@pytest.mark.parametrize("cell", CELLS)
def test_routes_and_neighbors(cell):
    found = items(cell)
    to_peers = []
    if cell in NATIVE:
        to_peers = [BY_NODE, BY_GATEWAY]
    elif cell in CLASSIC:
        to_peers = [by_tunnel(NEAR), by_tunnel(FAR)]
    assert found["routes"] == OWN_ROUTES[cell] + to_peers
    tunnels = cell in OVERLAY and cell in CLASSIC
    macs = {"10.111.160.128": "0a:58:0a:6f:a0:80", "10.111.161.0": "0a:58:0a:6f:a1:00"}
    ends = dict(zip(macs.values(), ("192.0.2.9", "192.0.2.10")))
    assert found["neighbors"] == tunnels * [
        *({"dev": "pn_vxlan", "dst": dst, "lladdr": mac} for dst, mac in macs.items()),
        *(
            {"type": "fdb", "dev": "pn_vxlan", "lladdr": mac, "dst": dst}
            for mac, dst in ends.items()
        ),
    ]


@pytest.mark.parametrize("cell", OVERLAY)
def test_direct_routing_takes_no_tunnel_to_a_peer_on_the_same_subnet(cell):
    found = items(cell, podnet_direct_routing=True)
    tunnels = cell in CLASSIC
    assert found["routes"] == OWN_ROUTES[cell] + [BY_NODE] + tunnels * [by_tunnel(FAR)]
    assert [one["lladdr"] for one in found["neighbors"]] == 2 * tunnels * ["0a:58:0a:6f:a1:00"]


def entries(found: dict[str, Any], name: str) -> dict[str, str]:
    options = {"state": "present", "entries": [], "purge": False}
    options |= {"on_mismatch": "error", "old_key": [], "old_value": []}
    (item,) = (item for item in found["maps"] if item["name"] == name)
    wanted = bpf_map_wanted.wanted({**options, **item}).entries
    return {key.hex(): value.hex() for key, value in wanted.items()}


def mapped(last: str) -> str:
    return "00000000000000000000ffff" + last


@pytest.mark.parametrize("cell", CELLS)
def test_ipcache_tells_neighbors_and_tunnels_apart(cell):
    key = "79000000" + "00000000000000000000ffff"  # 96 + 25
    none = "00" * 24
    near, far = ("01000000" + none, "00000000" + none)
    if cell in OVERLAY:
        near = "02000000" + mapped("c0000209") + "0a580a6fa080" + "0000"
        far = "02000000" + mapped("c000020a") + "0a580a6fa100" + "0000"
    assert entries(items(cell), "ipcache") == {
        key + "0a6fa000": mapped("0a6f0008") + "00000000" + none,
        key + "0a6fa080": mapped("0a6f0009") + near,
        key + "0a6fa100": mapped("0a6f0108") + far,
    }


@pytest.mark.parametrize("cell", CELLS)
def test_the_configuration(cell):
    gateway = "08000000" if cell[0] == "bridge" else "07000000"
    overlay, port = "00" * 28, "0000"
    if cell in OVERLAY:
        overlay = mapped("c0000208") + "09000000" + "f6220000" + "01000000"
        port = f"{8472:04x}"
    assert entries(items(cell), "config") == {
        "00000000": mapped("0a6fa000")
        + mapped("ffffff80")
        + gateway
        + "0e580a6fa07e"
        + port
        + "02000000"
        + "dc050000"
        + overlay
        + mapped("0a6f0008")
        + mapped("0a6fa07e")
    }


@pytest.mark.parametrize("cell", CELLS)
def test_what_all_pods_share(cell):
    found = items(cell)
    assert found["endpoint_options"] == {
        "datapath": cell[0],
        "program": "/sys/fs/bpf/podnet/programs/"
        + ("from_container" if cell[0] == "ebpf" else "guard"),
        "delivery_program": None,
        "bridge": "cbr0",
        "prefix_length": 25 if cell[0] == "bridge" else 32,
        "route_src": "10.111.0.8",
        "non_masquerade_cidrs": None,
        "gateway_ip": "10.111.160.126",
        "gateway_mac": "0e:58:0a:6f:a0:7e",
        "host_addresses": ["10.111.160.126", "10.111.0.8"],
        "mtu": 8950 if cell in OVERLAY else 1500,
        "attach_mode": "auto",
    }
    assert [one["name"] for one in found["endpoints"]] == ["podnet-health"]


@pytest.mark.parametrize("cell", CELLS)
def test_where_pods_may_be_isolated_the_kernel_gives_them_nothing_past_a_program(cell):
    found = items(cell, isolation=True)
    with_door = cell[0] != "ebpf"
    pin = "/sys/fs/bpf/podnet/programs/to_container"
    assert found["endpoint_options"]["delivery_program"] == (pin if with_door else None)
    made = {one["pin"]: one["attach"] for one in found["programs"]}
    assert made.get(pin) == ([] if with_door else None)  # it is attached with each pod
    assert ("to_container" in found["keep"]["programs"]) == with_door


@pytest.mark.parametrize("cell", CELLS)
def test_a_node_that_is_not_usable_is_behind_no_tunnel_and_reaches_no_tunnel(cell):
    found = items(cell, podnet_node_groups=[{"name": "default", "secondary_ranges": []}])
    assert (found["vxlans"], found["routes"], found["neighbors"]) == ([], [], [])


@pytest.mark.parametrize("cell", CELLS)
def test_the_thousandth_node_costs_each_other_node_one_entry_a_table(cell):
    addresses = {f"n{i}": f"10.0.{i // 250}.{i % 250 + 2}" for i in range(1000)}
    variables: dict[str, Any] = {
        "podnet_datapath": cell[0],
        "podnet_network_type": cell[1],
        "podnet_vpc_cidr": "10.0.0.0/8",
        "podnet_subnets": [{"cidr": "10.0.0.0/16"}],
        "podnet_secondary_ranges": [{"cidr": "10.128.0.0/9"}],
        "podnet_node_cidr_mask_size": 24,
        "podnet_deployments": [],
    }
    held = []
    for size in (999, 1000):
        nodes = nodes_of(dict(list(addresses.items())[:size]), **variables)
        node = plan(nodes, fresh(nodes)).node("n7")
        found = tasks.build({**node, **devices.settle(node, SEEN)}, IFINDEXES)
        found["ipcache"] = list(entries(found, "ipcache").items())
        found["fdb"] = [one for one in found["neighbors"] if "type" in one]
        found["arp"] = [one for one in found["neighbors"] if "type" not in one]
        del found["maps"], found["first_maps"], found["neighbors"]
        held.append(found)
    before, after = held
    tunnels = cell in OVERLAY and cell in CLASSIC
    more = {
        "ipcache": 1,
        "routes": int(cell != ("ebpf", "overlay")),
        "arp": int(tunnels),
        "fdb": int(tunnels),
    }
    for word, value in after.items():
        if word not in more:
            assert before[word] == value
            continue
        assert all(one in value for one in before[word][:5])
        assert len(value) - len(before[word]) == more[word], word


def values(cell: tuple[str, str], column: str) -> set[Any]:
    """Return what a column says of a cell: of lists each item, with its key where it has one."""
    said = getattr(CELLS[cell], column)
    if isinstance(said, Mapping):
        listed = {key: each if isinstance(each, tuple) else (each,) for key, each in said.items()}
        return {(key, item) for key, items in listed.items() for item in items}
    return set(said) if isinstance(said, tuple) else {said}


@pytest.mark.parametrize("column", [field.name for field in fields(Cell)])
def test_the_cells_of_make_test_have_every_value_of_every_column(column: str) -> None:
    """So what differs by cell is in one of them: see tests/cells/scope.py."""
    shown = set().union(*(values(cell, column) for cell in EACH_VALUE))
    assert shown == set().union(*(values(cell, column) for cell in CELLS))

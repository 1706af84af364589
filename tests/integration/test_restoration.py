"""What events of the host's network take from the pod network: it survives, or it comes back."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import entries
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.tasks import build as items_of
from ansible_collections.podnet.fabric.plugins.module_utils.plan import devices, planner
from ansible_collections.podnet.fabric.plugins.module_utils.restoration import host, record
from bpf_support import compiled
from node_support import CLUSTER, NODE_IP, NODES, PEER_IP, bare_node, items, make_routes
from running import ROOT, do, fails, four_runs, ip_here, run, run_module, until

from tests.cells.scope import CHOSEN

if TYPE_CHECKING:
    from collections.abc import Iterator

PEER_CIDR, PEER_NET, PEER_MAC = "10.111.160.128/25", "10.111.160.128", "0a:58:0a:6f:a0:80"
IF_UP = "/etc/network/if-up.d/podnet"
ADDRESS = f"{NODE_IP}/24"

#: What a host does to its own device, as somebody who manages it does.
EVENTS = {
    "an address goes and comes": [f"addr del {ADDRESS} dev eth0", f"addr add {ADDRESS} dev eth0"],
    "the link flaps": ["link set eth0 down", "link set eth0 up"],
    "all is cleared": [
        "route flush proto 112",
        f"addr flush dev eth0 to {NODE_IP}",
        "link set eth0 down",
        f"addr add {ADDRESS} dev eth0",
        "link set eth0 up",
    ],
}


@contextlib.contextmanager
def a_host() -> Iterator[None]:
    """Be on a bare node, with ifupdown's folders and the others for hooks."""
    with bare_node():
        for hook in host.HOOKS:
            hook.parent.mkdir(parents=True, exist_ok=True)
        yield
        # What a hook has started listens for a while.
        until(lambda: len(Path("/sys/fs/cgroup/cgroup.procs").read_text().split()) == 1)


def node_of(datapath: str = "ebpf", network_type: str = "native_routing") -> dict[str, Any]:
    """Plan the node with two pods, as the roles do it."""
    cell = {"podnet_datapath": datapath, "podnet_network_type": network_type}
    nodes = {name: {**CLUSTER, **cell, "podnet_node_ip": ip} for name, ip in NODES.items()}
    nodes["node-e6e4d"]["podnet_pods"] = [{"name": "web-1"}, {"name": "web-2"}]
    seen = run_module("node_info", node_ip=NODE_IP)
    nothing = {"pod_cidr": None, "peers": {}, "endpoints": {}}
    node = planner.plan(nodes, {**dict.fromkeys(nodes, nothing), "node-e6e4d": seen})
    mine = node.node("node-e6e4d")
    return {**mine, **devices.settle(mine, seen)}


def given(node: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the module, as the roles give them."""
    return {**entries.build(node), "ifindex": node["device_ifindex"]}


def make(node: dict[str, Any]) -> None:
    """Make all of a node, as the roles do it."""
    made = items_of(node)
    for word in ("veth", "bridge", "vxlan"):
        if made[word + "s"]:
            run(word, **{word + "s": made[word + "s"]})
    run("sysctls", values=made["sysctls"]["values"], remember=True)
    numbers = {name: number for number, name in socket.if_nameindex()}
    run("bpf_map", maps=items_of(node, numbers)["maps"])
    programs = [{**one, "src": str(ROOT / "bpf" / one["src"])} for one in made["programs"]]
    run("bpf_program", programs=programs, _sources=compiled(programs))
    if made["neighbors"]:
        run("neighbors", neighbors=made["neighbors"])
    run("restoration", **given(node))
    make_routes(node)
    run("endpoints", endpoints=items(node), purge=True, **made["endpoint_options"])


def tables() -> dict[str, Any]:
    """Return what the kernel holds of the network in tables that others write to, too."""
    fdb = json.loads(do("bridge", "-j", "fdb"))
    found = {
        "routes": [one for one in ip_here("route") if one.get("protocol") == "112"],
        "addresses": [
            f"{one['ifname']} {address['local']}"
            for one in ip_here("addr")
            if one["ifname"].startswith(("pn_", "cbr0"))
            for address in one["addr_info"]
        ],
        "neighbors": [one for one in ip_here("neigh") if one["state"] == ["PERMANENT"]],
        "fdb": [one for one in fdb if one.get("dst")],
    }
    return {word: sorted(map(str, told)) for word, told in found.items()}


def status(node: dict[str, Any]) -> dict[str, Any]:
    found = run_module("status_info", node=node)
    assert not found.failed, found["msg"]
    return found


def reaches(place: list[str], address: str) -> None:
    do(*place, "ping", "-q", "-c", "1", "-W", "2", address)


@pytest.mark.parametrize("cell", CHOSEN, ids=str)
def test_what_a_host_does_takes_nothing_for_long(cell):
    """Pods of a node reach each other and the node all the time; all else comes back by a hook."""
    with a_host():
        node = node_of(*cell)
        make(node)
        before = tables()
        assert before["routes"]
        assert (before["fdb"] != []) is (cell[1] == "overlay" and cell[0] != "ebpf")
        ip_of = {one["name"]: one["ip"] for one in node["endpoints"]}
        pod = ["ip", "netns", "exec", "web-1"]
        assert not any(status(node)["status"]["missing"].values())
        for what, commands in EVENTS.items():
            for command in commands:
                do("ip", *command.split())
                if what != "all is cleared":
                    reaches(pod, ip_of["web-2"])
                    reaches([], ip_of["web-1"])
            do(IF_UP)
            until(lambda: tables() == before)
            reaches(pod, ip_of["web-2"])
            reaches([], ip_of["web-1"])
            reaches(pod, NODE_IP)
            (way,) = ip_here("route", "get", "10.111.160.129")
            device = {
                ("ebpf", "overlay"): "pn_host",
                ("bridge", "overlay"): "pn_vxlan",
                ("routed", "overlay"): "pn_vxlan",
            }.get(cell, "eth0")
            assert way["dev"] == device
        assert not any(status(node)["status"]["missing"].values())
        assert run_module("restoration", **given(node))["changed"] is False


def test_the_hosts_files_come_converge_and_go():
    with a_host():
        before = do("find", "/etc", "/usr/local/sbin", "-newer", "/mnt", "-type", "f")
        node = node_of()
        made = four_runs("restoration", **given(node))
        files = [str(host.COMMAND), str(record.PATH), *map(str, host.HOOKS)]
        assert made["changes"] == [f"create file {path}" for path in files]
        assert record.PATH.stat().st_mode & 0o7777 == 0o600
        assert record.PATH.parent.stat().st_mode & 0o7777 == 0o700
        for path in (host.COMMAND, *host.HOOKS):
            mode = 0o700 if path == host.COMMAND else 0o755
            assert (path.stat().st_mode & 0o7777, path.owner()) == (mode, "root")
        # What a run left that was killed, and somebody's hand.
        host.COMMAND.with_name(f".{host.COMMAND.name}.new").write_bytes(b"half")
        host.COMMAND.write_bytes(host.COMMAND.read_bytes()[:-1] + b"podnet.fabric?")
        host.HOOKS[0].chmod(0o644)
        again = four_runs("restoration", **given(node))
        assert again["changes"] == [f"change file {path}" for path in (files[0], files[2])]
        assert not list(host.COMMAND.parent.glob(".*"))
        gone = four_runs("teardown")
        assert gone["changes"][: len(files)] == [
            f"remove file {path}" for path in (*files[1:], files[0])
        ]
        assert do("find", "/etc", "/usr/local/sbin", "-newer", "/mnt", "-type", "f") == before


def test_what_earlier_versions_told_networkd_goes():
    with a_host():
        host.OLD.parent.mkdir(parents=True, exist_ok=True)
        host.OLD.write_text("# podnet.fabric: …\n[Network]\nManageForeignRoutes=no\n")
        own = host.OLD.with_name("10-own.conf")
        own.write_text("[Network]\n")
        assert f"remove file {host.OLD}" in run("restoration", **given(node_of()))["changes"]
        assert list(own.parent.iterdir()) == [own]


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        ({"routes": [{"dst": "10.9.9.1/24", "dev": "eth0"}]}, ("routes[0].dst", "10.9.9.0/24")),
        ({"routes": [{"dst": "10.9.9.0/24"}]}, ("routes[0]", "via, dev or nexthops")),
        ({"neighbors": [{"dev": "eth0", "ip": "10.9.9.9"}]}, ("neighbors[0]", "'ip'", "lladdr")),
        ({"addresses": [{"dev": "pn_host", "address": "10.9.9.9"}]}, ("addresses[0]", "10.9.9.9")),
    ],
)
def test_what_cannot_be_put_back_is_refused(more, parts):
    with a_host():
        fails("restoration", *parts, **{**given(node_of()), **more})
        assert not record.PATH.exists()


def test_a_command_of_somebody_else_is_left_alone():
    with a_host():
        host.COMMAND.write_text("#!/bin/sh\n")
        fails("restoration", str(host.COMMAND), "not ours", **given(node_of()))
        assert not record.PATH.exists()
        run("teardown")
        assert host.COMMAND.read_text() == "#!/bin/sh\n"


def restored() -> str:
    return do(str(host.COMMAND), "restore")


def test_restore_brings_what_is_ours_and_nothing_else():
    with a_host():
        node = node_of("routed")
        make(node)
        before = tables()
        # Somebody's route stands in the place of one, and one to a pod's device is left over.
        do("ip", "route", "replace", PEER_CIDR, "dev", "eth0", "proto", "static")
        do("ip", "route", "add", "10.9.9.0/24", "via", PEER_IP, "proto", "112")
        do("ip", "route", "del", "blackhole", "10.111.160.0/25")
        theirs = do("ip", "route", "show", "proto", "static")
        found = status(node)
        assert found["status"]["missing"]["routes"] == [
            "route 10.111.160.0/25 metric 1",
            f"route {PEER_CIDR}",
        ]
        limited(3)
        done = subprocess.run(
            [host.COMMAND, "restore"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stdout.splitlines() == [
            "put back: route 10.111.160.0/25 metric 1",
            f"missing: route {PEER_CIDR}",
        ]
        assert do("ip", "route", "show", "proto", "static") == theirs
        do("ip", "route", "del", PEER_CIDR)
        do("ip", "route", "del", "10.9.9.0/24")
        assert restored() == f"put back: route {PEER_CIDR}\n"
        assert tables() == before
        # Nothing is brought for another boot, or after a teardown.
        do("ip", "route", "flush", "proto", "112")
        written = json.loads(record.PATH.read_text())
        record.PATH.write_text(json.dumps({**written, "boot_id": "another"}))
        assert restored() == ""
        assert tables()["routes"] == []
        command = shutil.copy(host.COMMAND, "/run/podnet")
        run("teardown")
        assert do(command, "restore") == ""
        assert tables() == {"routes": [], "addresses": [], "neighbors": [], "fdb": []}


def limited(seconds: int) -> None:
    """Let the command wait no longer than this, by its own code: an archive of one changed line."""
    folder = Path("/run/command")
    shutil.unpack_archive(host.COMMAND, folder, "zip")
    part = folder / "podnet/restoration/restore.py"
    text = part.read_text()
    changed = text.replace("LIMIT_SECONDS = 60.0", f"LIMIT_SECONDS = {seconds}")
    assert changed != text
    part.write_text(changed)
    first, _newline, _rest = host.COMMAND.read_bytes().partition(b"\n")
    made = shutil.make_archive("/run/made", "zip", folder)
    host.COMMAND.write_bytes(first + b"\n" + Path(made).read_bytes())


def test_an_address_that_the_host_gave_up_is_not_kept():
    """Else the node would answer for an address that may be another host's by now."""
    with a_host():
        node = node_of("routed")
        make(node)
        before = tables()
        do("ip", "addr", "del", ADDRESS, "dev", "eth0")
        do("ip", "addr", "add", "10.111.0.77/24", "dev", "eth0")
        limited(3)
        done = subprocess.run(
            [host.COMMAND, "restore"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        own = f"address {NODE_IP}/32 of pn_host"
        assert f"gone with the host's own: {own}" in done.stdout.splitlines()
        assert NODE_IP not in do("ip", "addr")
        assert status(node)["status"]["missing"]["addresses"] == [own]
        do("ip", "addr", "del", "10.111.0.77/24", "dev", "eth0")
        do("ip", "addr", "add", ADDRESS, "dev", "eth0")
        assert restored().splitlines()[0].startswith(f"put back: {own}, route")
        assert tables() == before
        # A host without any address for a while gives nothing up.
        do("ip", "addr", "flush", "dev", "eth0")
        subprocess.run([host.COMMAND, "restore"], capture_output=True, check=False)
        assert f"pn_host {NODE_IP}" in tables()["addresses"]


#: One of each kind, deleted: the name by which status and a run call it.
DELETED = {
    "ip addr del 10.111.160.126/32 dev pn_host": (
        "addresses",
        "address 10.111.160.126/32 of pn_host",
    ),
    f"ip route del {PEER_CIDR}": ("routes", f"route {PEER_CIDR}"),
    "ip route del 10.111.160.125/32": ("routes", "route 10.111.160.125/32"),
    f"ip neigh del {PEER_NET} dev pn_vxlan": ("neighbors", f"neighbor {PEER_NET} dev pn_vxlan"),
    f"bridge fdb del {PEER_MAC} dev pn_vxlan dst {PEER_IP}": (
        "neighbors",
        f"fdb entry {PEER_MAC} dev pn_vxlan",
    ),
}


def test_status_names_what_is_missing():
    with a_host():
        node = node_of("routed", "overlay")
        make(node)
        found = status(node)
        assert found["status"]["node"]["usable"] is True
        assert "Usable:                 Yes\n" in found["report"]
        for command, (kind, name) in DELETED.items():
            do(*command.split())
            found = status(node)
            missing = {kind: names for kind, names in found["status"]["missing"].items() if names}
            # Nobody reaches an endpoint without its route.
            said = "1 endpoint not ready: podnet-health; " if "endpoints" in missing else ""
            assert missing.pop("endpoints", ["podnet-health"]) == ["podnet-health"]
            assert bool(said) is (name == "route 10.111.160.125/32")
            assert missing == {kind: [name]}
            assert found["status"]["node"]["usable"] is False
            one = {"addresses": "address"}.get(kind, kind[:-1])
            line = f"Usable:                 No: {said}1 {one} missing: {name}\n"
            assert line in found["report"]
            assert restored() == f"put back: {name}\n"
        do("ip", "route", "flush", "proto", "112")
        do("ip", "neigh", "del", PEER_NET, "dev", "pn_vxlan")
        found = status(node)
        said = found["status"]["node"]["reason"]
        assert "; 5 routes missing: route 10.111.160.0/25 metric 1, " in said
        assert said.endswith(f"; 1 neighbor missing: neighbor {PEER_NET} dev pn_vxlan")
        restored()
        # A device that is gone takes everything along; nothing can be put there.
        do("ip", "link", "del", "pn_vxlan")
        found = status(node)["status"]["missing"]
        assert found["routes"] == [f"route {PEER_CIDR}"]
        assert len(found["neighbors"]) == 2


def test_the_nodes_device_is_that_of_the_host():
    """Though the node's address stands on a device of the network, too."""
    with a_host():
        make(node_of("ebpf", "overlay"))
        found = run_module("node_info", node_ip=NODE_IP)
        assert (found["device"]["name"], found["vtep_device"]) == ("eth0", "eth0")
        assert node_of()["device"] == "eth0"

"""One node in a namespace of its own, with the programs loaded and the maps filled by hand."""

from __future__ import annotations

import ipaddress
import os
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, reasons
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import (
    compiler,
    maps,
    syscall,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BPF = Path(__file__).parent.parent.parent / "bpf"
SCHED_CLS = 3
#: Bytes of struct __sk_buff up to what the tests set, and where its ifindex and gso_size are.
SKB_SIZE, SKB_IFINDEX, SKB_GSO_SEGS, SKB_GSO_SIZE = 192, 40, 164, 176

GATEWAY_MAC = "0e:58:0a:6f:a0:7e"
POD_A, MAC_A = "10.111.160.1", "0a:58:0a:6f:a0:01"
POD_B, MAC_B = "10.111.160.2", "0a:58:0a:6f:a0:02"
GATEWAY, NODE, PEER = "10.111.160.126", "10.111.0.8", "10.111.0.9"
POD_MTU = 1500

SETUP = f"""
link add pn_host address {GATEWAY_MAC} type veth peer name pn_net
link add eth0 type veth peer name wire
link add pod_a type veth peer name in_a
link add pod_b type veth peer name in_b
link set lo up
link set pn_host up arp off
link set pn_net up
link set eth0 up
link set wire up
link set pod_a up
link set in_a up
link set pod_b up
link set in_b up
address add {GATEWAY}/32 dev pn_host
address add {NODE}/24 dev eth0
route add 10.111.160.0/25 dev pn_host
route add 10.111.160.128/25 via {PEER}
route add default via 10.111.0.1
route add blackhole 198.51.100.0/24
route add unreachable 192.0.2.0/24
route add prohibit 192.88.99.0/24
route add 10.111.161.0/25 via {PEER} mtu lock 1400
"""


def ip16(address: str) -> bytes:
    """Family-neutral form of an IPv4 address."""
    return bytes(10) + b"\xff\xff" + ipaddress.IPv4Address(address).packed


def mac(text: str) -> bytes:
    """Six bytes."""
    return bytes.fromhex(text.replace(":", ""))


@dataclass
class Outcome:
    """What became of a packet: the program's answer, the packet, what was counted."""

    action: int
    data: bytes
    counted: list[tuple[str, str]]
    duration: int


@dataclass
class Node:
    """The node under test."""

    netns: str
    ifindex: dict[str, int]
    tables: dict[str, maps.Map] = field(default_factory=dict)
    programs: dict[str, int] = field(default_factory=dict)

    def run(
        self, hook: str, packet: bytes, device: str, *, gso_size: int = 0, repeat: int = 1
    ) -> Outcome:
        """Run the program of a hook on a packet that came in, or goes out, by a device."""
        context = bytearray(SKB_SIZE)
        struct.pack_into("=I", context, SKB_IFINDEX, self.ifindex[device])
        if gso_size:
            struct.pack_into("=I", context, SKB_GSO_SIZE, gso_size)
            struct.pack_into("=I", context, SKB_GSO_SEGS, 2)
        before = self.tables["metrics"].sums()
        with namespaces.inside(self.netns):
            done = syscall.program_test_run(
                self.programs[hook], packet, context=bytes(context), repeat=repeat
            )
        after = self.tables["metrics"].sums()
        action = struct.unpack("=i", struct.pack("=I", done.retval))[0]
        return Outcome(action, done.data, _counted(before, after), done.duration)

    def set_config(self, gateway_ifindex: int) -> None:
        """Fill the one entry of the config map."""
        value = ip16("10.111.160.0") + ip16("255.255.255.128")
        value += struct.pack("=I6sH", gateway_ifindex, mac(GATEWAY_MAC), 0)
        self.tables["config"].update({bytes(4): value})


def _counted(before: dict[bytes, Any], after: dict[bytes, Any]) -> list[tuple[str, str]]:
    hooks = {hook.number: hook.name for hook in reasons.HOOKS}
    verdicts = {verdict.number: verdict.name for verdict in reasons.VERDICTS}
    found = []
    for key in before:
        hook, verdict = divmod(int.from_bytes(key, "little"), layout.VERDICTS)
        for _ in range(after[key][0] - before[key][0]):
            found.append((hooks[hook], verdicts[verdict]))
    return found


def _load(function: str, tables: dict[str, maps.Map]) -> int:
    files = {path.name: path.read_text() for path in BPF.glob("*.c")}
    files |= {f"lib/{path.name}": path.read_text() for path in (BPF / "lib").glob("*.h")}
    source = compiler.Source(
        main=f"{function}.c",
        files=files,
        cflags=("-Wall", "-Wextra", "-Werror"),
        standin=compiler.read_folder(BPF / "include"),
    )
    fds = {name: table.fd for name, table in tables.items()}
    return compiler.load(source, function, SCHED_CLS, map_fds=fds)


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """Build the node, once for all packets."""
    netns = f"pn-packet-{os.getpid()}"
    namespaces.create(netns)
    try:
        subprocess.run(["ip", "-n", netns, "-batch", "-"], input=SETUP, text=True, check=True)
        with namespaces.inside(netns):
            Path("/proc/sys/net/ipv4/conf/pn_host/forwarding").write_text("1")
        ifindex = {name: _ifindex(netns, name) for name in ("pn_host", "eth0", "pod_a", "pod_b")}
        built = Node(netns, ifindex)
        for table in layout.PROGRAM_MAPS:
            built.tables[table.name] = maps.create(table.spec)
        host = struct.pack("=I6s6sHH", 0, bytes(6), mac(GATEWAY_MAC), 0, layout.ENDPOINT_HOST)
        pods = {
            ip16(ip): struct.pack(
                "=I6s6sHH", ifindex[device], mac(address), mac(GATEWAY_MAC), POD_MTU, 0
            )
            for ip, address, device in ((POD_A, MAC_A, "pod_a"), (POD_B, MAC_B, "pod_b"))
        }
        built.tables["endpoints"].update({**pods, ip16(GATEWAY): host, ip16(NODE): host})
        built.set_config(ifindex["pn_host"])
        for hook in reasons.HOOKS:
            built.programs[hook.name] = _load(hook.name, built.tables)
        yield built
    finally:
        namespaces.delete(netns)


def _ifindex(netns: str, device: str) -> int:
    shown = subprocess.run(
        ["ip", "-n", netns, "-o", "link", "show", device],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(shown.stdout.split(":")[0])

"""One node in a namespace of its own, with the programs loaded and the maps filled by hand."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    layout,
    policy_layout,
    reasons,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import (
    compiler,
    maps,
    syscall,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BPF = Path(__file__).parent.parent.parent / "bpf"
SCHED_CLS = 3
#: Bytes of struct __sk_buff up to what the tests set, and where that is.
SKB_SIZE, SKB_IFINDEX, SKB_GSO_SEGS, SKB_GSO_SIZE = 192, 40, 164, 176
SKB_MARK, SKB_PRIORITY, SKB_CB = 8, 32, 48

#: What ``tc_index`` says of a packet that is settled: PACKET_SNAT_DONE of bpf/lib/packet.h.
SETTLED = 0x706E

#: Bits of the mark by which a test run says what its context cannot, over a network identifier.
MARK_SETTLED, MARK_VLAN, MARK_PROVIDER_VLAN = 0x100, 0x200, 0x400

#: What the context of a test run cannot say, or does not show. ``tc_index`` and the VLAN tag that
#: a device takes out of the frame come in by the packet's mark, and ``tc_index`` goes out as the
#: first word of ``cb``. And no packet of a test run ever was in a tunnel: the network identifier
#: and the tunnel endpoint that it says it comes from (the mark's lowest byte, and the priority)
#: become a key here. What a program sets goes out, so the local address of it is what the program
#: under test reads for the remote one.
SHELL = """
#include "lib/overlay.h"
static long (*const vlan_push)(struct __sk_buff *skb, __be16 protocol, __u16 tag) = (void *)18;
static __always_inline int {hook}(struct __sk_buff *skb);
#include "{hook}.c"

int test_{hook}(struct __sk_buff *skb)
{{
    struct tunnel_key key = {{ .vni = skb->mark & 0xff, .local = skb->priority }};
    int action;

    if (key.local)
        set_tunnel_key(skb, &key, sizeof(key), 0);
    if (skb->mark & 0x100)
        skb->tc_index = PACKET_SNAT_DONE;
    if (skb->mark & 0x200)
        vlan_push(skb, NET16(ETH_P_8021Q), (__u16)(skb->mark >> 16));
    if (skb->mark & 0x400)
        vlan_push(skb, NET16(ETH_P_8021AD), (__u16)(skb->mark >> 16));
    action = {hook}(skb);
    skb->cb[0] = skb->tc_index;
    return action;
}}
"""

GATEWAY_MAC = "0e:58:0a:6f:a0:7e"
POD_A, MAC_A = "10.111.160.1", "0a:58:0a:6f:a0:01"
POD_B, MAC_B = "10.111.160.2", "0a:58:0a:6f:a0:02"
GATEWAY, NODE, PEER = "10.111.160.126", "10.111.0.8", "10.111.0.9"
#: The overlay: this node's end, that of a peer, and its pods.
VNI, VTEP, PEER_VTEP, PEER_VTEP_MAC = 77, "10.222.0.8", "10.222.0.9", "0a:58:0a:6f:a2:00"
TUNNEL_PORT = 8472
#: The node that this peer is, and another one with a tunnel endpoint.
TUNNELED_NODE, OTHER_NODE, OTHER_VTEP = "10.111.1.10", "10.111.1.9", "10.222.0.10"
POD_MTU, NETDEV_MTU, OVERLAY_MTU = 1500, 1450, 1400
#: The devices of the node that take from elsewhere, and what sends to them.
NODE_MAC, WIRE_MAC = "02:00:00:00:00:02", "02:00:00:00:00:01"
DEVICES = ("pn_host", "eth0", "pn_vxlan", "pod_a", "pod_b")

SETUP = f"""
link add pn_host address {GATEWAY_MAC} type veth peer name pn_net
link add eth0 address {NODE_MAC} type veth peer name wire
link add pn_vxlan address {NODE_MAC} type vxlan external dstport 8472
link add pod_a type veth peer name in_a
link add pod_b type veth peer name in_b
link set lo up
link set pn_host up arp off
link set pn_net up
link set eth0 up
link set pn_vxlan up
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


#: Pod CIDRs, who holds them, how they are reached, and where the tunnel to them ends.
PEERS = (
    ("10.111.160.0", NODE, 0, "::"),
    ("10.111.160.128", PEER, layout.IPCACHE_DIRECT, "::"),
    ("10.111.161.0", OTHER_NODE, 0, "::"),
    ("10.111.162.0", TUNNELED_NODE, layout.IPCACHE_TUNNEL, PEER_VTEP),
)

#: Addresses of nodes, and by which each node is known.
NODES = {
    **dict.fromkeys((NODE, VTEP, GATEWAY), NODE),
    PEER: PEER,
    **dict.fromkeys((OTHER_NODE, OTHER_VTEP), OTHER_NODE),
    **dict.fromkeys((TUNNELED_NODE, PEER_VTEP), TUNNELED_NODE),
}


def _endpoint(ifindex: int, mac: str, mtu: int = POD_MTU, flags: int = 0) -> bytes:
    return layout.ENDPOINTS.pack_value(
        ifindex=ifindex, mac=mac, gateway_mac=GATEWAY_MAC, mtu=mtu, flags=flags, netns=0
    )


@dataclass
class Outcome:
    """What became of a packet: the program's answer, the packet, what was counted."""

    action: int
    data: bytes
    counted: list[tuple[str, str]]
    duration: int
    #: Whether no address of it is to be changed any more.
    settled: bool


@dataclass
class Node:
    """The node under test."""

    netns: str
    ifindex: dict[str, int]
    tables: dict[str, maps.Map] = field(default_factory=dict)
    programs: dict[str, int] = field(default_factory=dict)
    #: The program of policies, to which the others hand packets over.
    judge: int = 0

    def run(
        self,
        hook: str,
        packet: bytes,
        device: str,
        *,
        gso_size: int = 0,
        tunnel: tuple[int, str] | None = None,
        settled: bool = False,
        vlan: int | None = None,
        provider_vlan: int | None = None,
    ) -> Outcome:
        """Run the program of a hook on a packet that came in, or goes out, by a device.

        :param tunnel: network identifier and remote end of the tunnel that it came out of.
        :param vlan: its VLAN (802.1Q), whose tag the device has taken out of the frame.
        :param provider_vlan: the same of 802.1ad.
        """
        context = self._context(device)
        if gso_size:
            struct.pack_into("=I", context, SKB_GSO_SIZE, gso_size)
            struct.pack_into("=I", context, SKB_GSO_SEGS, 2)
        mark = tunnel[0] if tunnel else 0
        mark |= MARK_SETTLED if settled else 0
        for bit, tag in ((MARK_VLAN, vlan), (MARK_PROVIDER_VLAN, provider_vlan)):
            mark |= 0 if tag is None else bit | tag << 16
        struct.pack_into("=I", context, SKB_MARK, mark)
        if tunnel:
            struct.pack_into("=I", context, SKB_PRIORITY, int(ipaddress.IPv4Address(tunnel[1])))
        before = self.tables["metrics"].sums()
        with namespaces.inside(self.netns):
            done = syscall.program_test_run(self.programs[hook], packet, context=bytes(context))
        after = self.tables["metrics"].sums()
        action = struct.unpack("=i", struct.pack("=I", done.retval))[0]
        (tc_index,) = struct.unpack_from("=I", done.context, SKB_CB)
        counted = _counted(before, after)
        return Outcome(action, done.data, counted, done.duration, tc_index == SETTLED)

    def flood(
        self, hook: str, frames: Iterable[bytes], device: str = "eth0"
    ) -> Iterator[syscall.TestRun]:
        """Run the program of a hook on many frames, without a look at what each counts."""
        context = bytes(self._context(device))
        with namespaces.inside(self.netns):
            for frame in frames:
                yield syscall.program_test_run(self.programs[hook], frame, context=context)

    def _context(self, device: str) -> bytearray:
        context = bytearray(SKB_SIZE)
        struct.pack_into("=I", context, SKB_IFINDEX, self.ifindex[device])
        return context

    def set_pod(self, address: str, *, isolated: bool = False) -> None:
        """Write the entry of a pod of the node."""
        device, mac = {POD_A: ("pod_a", MAC_A), POD_B: ("pod_b", MAC_B)}[address]
        flags = layout.ENDPOINT_CALLS | (layout.ENDPOINT_ISOLATED if isolated else 0)
        value = _endpoint(self.ifindex[device], mac, flags=flags)
        self.tables["endpoints"].update({layout.ENDPOINTS.pack_key(address=address): value})

    def set_config(self, *, gateway: bool = True, overlay: bool = True) -> None:
        """Fill the one entry of the config map, as far as the node is configured."""
        value = layout.CONFIG.pack_value(
            pod_cidr="10.111.160.0",
            pod_cidr_mask="255.255.255.128",
            gateway_ifindex=self.ifindex["pn_host"] if gateway else 0,
            gateway_mac=GATEWAY_MAC,
            tunnel_port=TUNNEL_PORT if overlay else 0,
            netdev_ifindex=self.ifindex["eth0"],
            netdev_mtu=NETDEV_MTU,
            vtep=VTEP,
            overlay_ifindex=self.ifindex["pn_vxlan"] if overlay else 0,
            overlay_mtu=OVERLAY_MTU,
            vni=VNI,
            node_ip=NODE,
            gateway_ip=GATEWAY,
        )
        self.tables["config"].update({layout.CONFIG.pack_key(family=layout.FAMILY_IPV4): value})


def numbered(frame: bytes, at: int, numbers: Iterable[int], size: str = "!H") -> Iterator[bytes]:
    """Yield a frame with each of the numbers at a place of it; checksums stay as they are.

    :param size: of a number, in the words of :mod:`struct`.
    """
    data = bytearray(frame)
    for number in numbers:
        struct.pack_into(size, data, at, number)
        yield bytes(data)


def _counted(before: dict[bytes, Any], after: dict[bytes, Any]) -> list[tuple[str, str]]:
    hooks = {hook.number: hook.name for hook in reasons.HOOKS}
    verdicts = {verdict.number: verdict.name for verdict in reasons.VERDICTS}
    found = []
    for key in before:
        hook, verdict = divmod(int.from_bytes(key, "little"), layout.VERDICTS)
        for _packet in range(after[key][0] - before[key][0]):
            found.append((hooks[hook], verdicts[verdict]))
    return found


def load(hook: str, tables: dict[str, maps.Map], *defines: str, shell: str = SHELL) -> int:
    """Load the program of a hook, in its shell where it needs one."""
    function = f"test_{hook}" if shell else hook
    files = {path.name: path.read_text() for path in BPF.glob("*.c")}
    if shell:
        files[f"{function}.c"] = shell.format(hook=hook)
    files |= {f"lib/{path.name}": path.read_text() for path in (BPF / "lib").glob("*.h")}
    source = compiler.Source(
        main=f"{function}.c",
        files=files,
        cflags=("-Wall", "-Wextra", "-Werror", *(f"-D{word}" for word in defines)),
        standin=compiler.read_folder(BPF / "include"),
    )
    fds = {name: table.fd for name, table in tables.items()}
    with compiler.compiled(source, fds) as one:
        return one.load(function, SCHED_CLS)


@contextlib.contextmanager
def built() -> Iterator[Node]:
    """Build the node for the length of a ``with`` block."""
    netns = f"pn-packet-{os.getpid()}"
    namespaces.create(netns)
    try:
        subprocess.run(["ip", "-n", netns, "-batch", "-"], input=SETUP, text=True, check=True)
        with namespaces.inside(netns):
            Path("/proc/sys/net/ipv4/conf/pn_host/forwarding").write_text("1")
        ifindex = {name: _ifindex(netns, name) for name in DEVICES}
        node = Node(netns, ifindex)
        for table in layout.PROGRAM_MAPS:
            node.tables[table.name] = maps.create(table.spec)
        for address in (POD_A, POD_B):
            node.set_pod(address)
        host = _endpoint(0, "00:00:00:00:00:00", 0, layout.ENDPOINT_HOST)
        node.tables["endpoints"].update(
            {
                layout.ENDPOINTS.pack_key(address=GATEWAY): host,
                layout.ENDPOINTS.pack_key(address=NODE): host,
            }
        )
        node.tables["ipcache"].update(
            {
                layout.IPCACHE.pack_key(prefixlen=96 + 25, address=first): (
                    layout.IPCACHE.pack_value(
                        node=holder,
                        flags=flags,
                        tunnel_endpoint=tunnel_endpoint,
                        vtep_mac=PEER_VTEP_MAC,
                        reserved=0,
                    )
                )
                for first, holder, flags, tunnel_endpoint in PEERS
            }
        )
        node.tables["node_addresses"].update(
            {
                layout.NODE_ADDRESSES.pack_key(address=address): (
                    layout.NODE_ADDRESSES.pack_value(
                        flags=layout.NODE_LOCAL if known == NODE else 0, node=known
                    )
                )
                for address, known in NODES.items()
            }
        )
        node.set_config()
        for hook in reasons.HOOKS:
            if hook.attach == "cgroup":
                continue  # sees sockets, no packets
            node.programs[hook.name] = load(hook.name, node.tables)
        node.judge = load("policy", node.tables, shell="")
        stage = policy_layout.POLICY_STAGE
        node.tables[stage.name].update({stage.pack_key(zero=0): struct.pack("=I", node.judge)})
        yield node
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

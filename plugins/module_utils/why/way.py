# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way of a packet over one node: program by program, and what the kernel does between them.

A way ends where the packet is dropped, is delivered, or leaves the node; the end says which, and
who has it next.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath import layout, pinned, service_layout
from ..datapath.structs import FAMILY_IPV4
from ..engine import fields
from ..engine.bpf.hooks import Place
from ..engine.failure import Failure
from . import packets
from .kernel import Route, route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.bpf import attach
    from .copies import Copies, Outcome

    Item = dict[str, Any]

#: Where a packet gets onto a node.
ENTRIES = ("pod", "node", "network", "tunnel")

_INGRESS, _EGRESS = "tc_ingress", "tc_egress"
_ON_ITS_WAY = ("to_network", "masqueraded")
_NO_MAC = bytes(6)
NO_NETWORK = "this node has no pod network yet; run podnet.fabric.site before."
#: More programs than any way over a node has; a packet that goes round ends here.
_MOST_HOPS = 12


@dataclass
class Way:
    """A packet on its way over this node."""

    copies: Copies
    #: Number of a program in the kernel -> its name.
    programs: Mapping[int, str]
    attacher: attach.Attacher
    hops: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read what the node knows of itself."""
        raw = self.copies.tables[layout.CONFIG.name].get(layout.CONFIG.pack_key(family=FAMILY_IPV4))
        self.config = layout.CONFIG.unpack_value(raw or bytes(layout.CONFIG.spec.value_size))
        if not self.config["gateway_ifindex"]:
            raise Failure(NO_NETWORK)

    # Where a packet begins.

    def from_pod(self, address: str, frame: bytes) -> Item:
        """A pod sends it: by its own device, whatever source it writes."""
        pod = self._endpoint(address)
        if pod is None or not pod["ifindex"]:
            raise Failure(f"pod is {address!r}; valid is the address of a pod of this node.")
        frame = packets.with_macs(frame, self._next_mac(frame), _bytes(pod["mac"]))
        device = _device(pod["ifindex"])
        return self._enter(device, frame, by_pod=True)

    def from_node(self, frame: bytes) -> Item:
        """A process of the node sends it."""
        frame = self._balanced(frame)
        was = packets.read(frame)
        if was.source == packets.ANY:
            found = route(was.destination)
            if isinstance(found, str):
                return self._refused(frame, found)
            frame = packets.with_source(frame, found.source or self.config["node_ip"])
        return self._kernel(frame, None)

    def from_network(self, frame: bytes) -> Item:
        """The node's device brings it."""
        device = _device(self.config["netdev_ifindex"])
        return self._enter(device, packets.with_macs(frame, _mac(device), _NO_MAC))

    def from_tunnel(self, frame: bytes, remote: str) -> Item:
        """The tunnel brings it, from another node's tunnel endpoint."""
        if not self.config["overlay_ifindex"]:
            raise Failure("entry is 'tunnel', and this node has none; valid is network.")
        key = (self.config["vni"], int.from_bytes(socket.inet_aton(remote), "big"))
        frame = packets.with_macs(frame, _mac(names.OVERLAY_DEVICE), _NO_MAC)
        return self._enter(names.OVERLAY_DEVICE, frame, tunnel=key)

    # On its way.

    def _enter(
        self,
        device: str,
        frame: bytes,
        *,
        tunnel: tuple[int, int] | None = None,
        by_pod: bool = False,
    ) -> Item:
        outcome = self._pass(device, _INGRESS, frame, tunnel=tunnel)
        came_by = self._kernel_device(device) if by_pod else device
        if outcome is None:
            return self._kernel(frame, came_by)
        return self._after(outcome, came_by)

    def _pass(
        self,
        device: str,
        hook: str,
        frame: bytes,
        *,
        tunnel: tuple[int, int] | None = None,
        settled: bool = False,
    ) -> Outcome | None:
        """Run the program that is attached to a device, None where none of ours is."""
        attached = self.attacher.find(Place(hook, device, None, names.LINK_PINS))
        name = attached and self.programs.get(attached.program_id)
        if not name:
            return None
        if len(self.hops) >= _MOST_HOPS:
            raise Failure(f"{packets.read(frame)} goes round on this node.")
        number = socket.if_nametoindex(device)
        outcome = self.copies.run(name, frame, number, tunnel=tunnel, settled=settled)
        before, after = packets.read(frame), packets.read(outcome.frame)
        hop: Item = {
            "hook": name,
            "device": device,
            "packet": str(before),
            "verdict": outcome.verdict.name if outcome.verdict else "passed_on",
            "what": outcome.verdict.what if outcome.verdict else "left as it is",
            "rules": [{"kind": kind, "name": text} for kind, text in outcome.rules],
        }
        if not outcome.answered and str(after) != str(before):
            hop["translated"] = str(after)
            service = self._service(before)
            if service:
                hop["service"] = service
        self.hops.append(hop)
        return outcome

    def _after(self, outcome: Outcome, came_by: str | None) -> Item:
        verdict, frame = outcome.verdict, outcome.frame
        if verdict is None or verdict.name == "to_stack":
            return self._kernel(frame, came_by)
        dropped = self._dropped(outcome)
        if dropped:
            return dropped
        if verdict.name == "to_endpoint":
            return self._delivered(frame)
        if verdict.name == "to_overlay":
            return self._tunnel(frame)
        if verdict.name in _ON_ITS_WAY:
            return self._leave(frame, self._way_out(frame))
        raise Failure(f"{packets.read(frame)}: {verdict.name} is no way for a packet.")

    def _kernel(self, frame: bytes, came_by: str | None) -> Item:
        """Let the kernel have a packet: its bridge or its routing table says where it goes."""
        was = packets.read(frame)
        pod = self._endpoint(was.destination)
        own = self._node_of(was.destination)
        if (pod and pod["flags"] & layout.ENDPOINT_HOST) or (own and own["local"]):
            self._hop("kernel", came_by, frame, "local", "given to a process of this node")
            return self._end("node", frame)
        if came_by == names.BRIDGE_DEVICE and pod:
            device = _device(pod["ifindex"])
            self._hop("kernel", came_by, frame, "forwarded", f"by the bridge, out of {device}")
            return self._by_pod_device(frame, device)
        found = route(was.destination, was.source if came_by else None, came_by)
        if isinstance(found, str):
            return self._refused(frame, found)
        said = f"by the routing table, out of {found.device}{_via(found)}"
        self._hop("kernel", came_by, frame, "forwarded", said)
        return self._routed(frame, found, pod)

    def _routed(self, frame: bytes, found: Route, pod: Item | None) -> Item:
        """Go out of the device that the routing table names."""
        if found.device == names.GATEWAY_DEVICE:
            outcome = self._pass(found.device, _EGRESS, frame)
            if outcome and outcome.verdict:
                return self._after(outcome, found.device)
            return self._refused(frame, f"no program takes what goes out of {found.device}")
        if found.device == names.OVERLAY_DEVICE:
            return self._tunnel(frame)
        if found.device == names.BRIDGE_DEVICE and not pod:
            return self._refused(frame, "no device of the bridge has that address")
        if pod:
            return self._by_pod_device(frame, _device(pod["ifindex"]))
        return self._leave(frame, found)

    def _by_pod_device(self, frame: bytes, device: str) -> Item:
        outcome = self._pass(device, _EGRESS, frame)
        return self._dropped(outcome) or self._delivered(frame)

    def _leave(self, frame: bytes, found: Route | str) -> Item:
        """Go out of a device of the node, past the program there."""
        if isinstance(found, str):
            return self._refused(frame, found)
        was = packets.read(frame)
        settled = self._peer(was.destination) is not None or bool(
            self.hops and self.hops[-1].get("translated")
        )
        frame = packets.with_macs(frame, _NO_MAC, _mac(found.device))
        outcome = self._pass(found.device, _EGRESS, frame, settled=settled)
        dropped = self._dropped(outcome)
        if dropped:
            return dropped
        if outcome:
            frame = outcome.frame
        self._hop("network", found.device, frame, "sent", f"out of {found.device}{_via(found)}")
        return self._end("network", frame, node=self._who_has(packets.read(frame).destination))

    def _tunnel(self, frame: bytes) -> Item:
        was = packets.read(frame)
        peer = self._peer(was.destination)
        if peer is None:
            return self._refused(frame, "no node has the address that the tunnel leads to")
        self._hop(
            *("tunnel", names.OVERLAY_DEVICE, frame, "sent"),
            f"to {peer['tunnel_endpoint']}, VXLAN {self.config['vni']}",
        )
        own = self.config["vtep"]
        return self._end("tunnel", frame, node=peer["node"], tunnel_endpoint=own)

    def _delivered(self, frame: bytes) -> Item:
        return self._end("pod", frame, pod=packets.read(frame).destination)

    def _dropped(self, outcome: Outcome | None) -> Item | None:
        """Return the end of a packet that a program has dropped, None of any other."""
        verdict = outcome and outcome.verdict
        if not outcome or not verdict or not verdict.drops:
            return None
        answered = outcome.answered
        return self._end("dropped", outcome.frame, reason=verdict.name, answered=answered)

    def _refused(self, frame: bytes, said: str) -> Item:
        self._hop("kernel", None, frame, "refused", said)
        return self._end("dropped", frame, reason=said)

    def _hop(self, hook: str, device: str | None, frame: bytes, verdict: str, what: str) -> None:
        self.hops.append(
            {
                "hook": hook,
                "device": device,
                "packet": str(packets.read(frame)),
                "verdict": verdict,
                "what": what,
                "rules": [],
            }
        )

    def _end(self, end: str, frame: bytes, **more: Any) -> Item:
        return {"end": end, "packet": frame.hex(), **more}

    # What the node's maps say.

    def _endpoint(self, address: str) -> Item | None:
        return self._entry(layout.ENDPOINTS, address=address)

    def _peer(self, address: str) -> Item | None:
        """Return who holds the pod CIDR of an address, None for this node's own."""
        found = self._entry(layout.IPCACHE, prefixlen=128, address=address)
        return found if found and found["node"] != self.config["node_ip"] else None

    def _node_of(self, address: str) -> Item | None:
        found = self._entry(layout.NODE_ADDRESSES, address=address)
        return found and {**found, "local": bool(found["flags"] & layout.NODE_LOCAL)}

    def _who_has(self, address: str) -> str | None:
        found = self._peer(address) or self._node_of(address)
        return str(found["node"]) if found else None

    def _entry(self, table: Any, **key: Any) -> Item | None:
        raw = self.copies.tables[table.name].get(table.pack_key(**key))
        return None if raw is None else dict(table.unpack_value(raw))

    def _service(self, packet: packets.Packet) -> str | None:
        found = self._frontend(packet)
        if not found:
            return None
        table = service_layout.SERVICE_NAMES
        with pinned.own(table) as own:
            raw = own and own.get(table.pack_key(id=found["id"]))
        return fields.text(raw) if raw else None

    def _frontend(self, packet: packets.Packet) -> Item | None:
        node = self._node_of(packet.destination)
        for address in (packet.destination, *(["::"] if node and node["local"] else [])):
            found = self._entry(
                service_layout.SERVICES,
                address=address,
                port=packet.destination_port,
                protocol=packets.PROTOCOLS[packet.protocol],
                family=FAMILY_IPV4,
            )
            if found and found["id"]:
                return found
        return None

    def _balanced(self, frame: bytes) -> bytes:
        """What a process of the node sends to a service, its socket sends to a backend.

        No kernel runs programs of sockets for a test: here it is by the look-ups that they make,
        and the first backend stands for all.
        """
        was = packets.read(frame)
        found = self._frontend(was)
        if not found or not found["active"]:
            return frame
        backend = self._entry(service_layout.BACKENDS, slot=found["first"])
        if not backend:
            return frame
        frame = packets.with_destination(frame, backend["address"], backend["port"])
        self.hops.append(
            {
                "hook": "socket",
                "device": None,
                "packet": str(was),
                "rules": [],
                "verdict": "balanced",
                "translated": str(packets.read(frame)),
                "what": f"looked up as sockets are: one of {found['active']} backends",
                "service": self._service(was),
                "backends": found["active"],
            }
        )
        return frame

    # The node's devices.

    def _next_mac(self, frame: bytes) -> bytes:
        """Return whom a pod's frame goes to: a pod on the same link, or else the gateway."""
        if self._has_device(names.BRIDGE_DEVICE):
            pod = self._endpoint(packets.read(frame).destination)
            if pod and pod["ifindex"]:
                return _bytes(pod["mac"])
        return _bytes(self.config["gateway_mac"])

    def _kernel_device(self, device: str) -> str:
        """Return the device by which the kernel has what a pod's device brings."""
        if self._has_device(names.BRIDGE_DEVICE):
            return names.BRIDGE_DEVICE
        return device if self._classic(device) else names.GATEWAY_DEVICE

    def _classic(self, device: str) -> bool:
        attached = self.attacher.find(Place(_INGRESS, device, None, names.LINK_PINS))
        return bool(attached and self.programs.get(attached.program_id) == "guard")

    def _has_device(self, device: str) -> bool:
        with contextlib.suppress(OSError):
            return bool(socket.if_nametoindex(device))
        return False

    def _way_out(self, frame: bytes) -> Route | str:
        """Return the way of what a program has sent: to a neighbor, or by the routing table."""
        was = packets.read(frame)
        peer = self._peer(was.destination)
        if peer and peer["flags"] & layout.IPCACHE_DIRECT:
            return Route(_device(self.config["netdev_ifindex"]), peer["node"], None)
        return route(was.destination)


def _bytes(text: str) -> bytes:
    """Return the bytes of a MAC address."""
    return bytes.fromhex(text.replace(":", ""))


def _device(number: int) -> str:
    try:
        return socket.if_indextoname(number)
    except OSError:
        raise Failure(f"the maps of this node name device {number}, which is not there.") from None


def _mac(device: str) -> bytes:
    return _bytes(Path(f"/sys/class/net/{device}/address").read_text(encoding="ascii").strip())


def _via(found: Route) -> str:
    return f" to {found.gateway}" if found.gateway else ""


def known() -> Item:
    """Return what the node holds: its addresses, and its pods by their names."""
    pods = {key["name"]: value["address"] for key, value in pinned.entries(layout.ALLOCATIONS)}
    own = {
        key["address"]: value["node"]
        for key, value in pinned.entries(layout.NODE_ADDRESSES)
        if value["flags"] & layout.NODE_LOCAL
    }
    if not own:
        raise Failure(NO_NETWORK)
    return {"node_ip": next(iter(own.values())), "pods": pods, "addresses": sorted(own)}

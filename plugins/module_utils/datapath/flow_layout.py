# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of aggregated flows: who talks to whom at which service; ``bpf/lib/flows.h`` fills them.

A flow is on the account of the pod whose device its packets come or go by. Where there is no room,
the account that holds more gives way: who talks to as many as possible takes places that nobody
else needs. A node has these maps where ``podnet_flows`` is on, and else none of them.
"""

from __future__ import annotations

from .structs import Field, Layout

#: Places of a CPU, two to the power of so many; each flow may have one of two of them.
FLOW_PLACE_BITS = 13

#: Seconds after which a flow gives way to any other.
FLOW_IDLE_SECONDS = 60

#: A flow of so many packets gives way to no new flow of its own account, and to others after those
#: with fewer: what strangers make up about a pod is on the pod's account, too.
FLOW_SETTLED_PACKETS = 8

#: Places of an account for connections that begin, and for servers.
FLOW_OPENING_PLACES = 64

#: What is counted beside the flows, by its place in ``flow_counts``: flows that were begun, given
#: up for another one, with so many packets and bytes, and packets that found no room; no
#: count, but where the CPU is in a row of numbers; segments of TCP by flag; packets of ICMP by
#: type, so much further on.
FLOW_MADE, FLOW_GIVEN_UP, FLOW_LOST_PACKETS, FLOW_LOST_BYTES, FLOW_NO_ROOM = range(5)
FLOW_SEED = 5
FLOW_TCP_SYN, FLOW_TCP_SYN_ACK, FLOW_TCP_FIN, FLOW_TCP_RST = range(8, 12)
FLOW_ICMP = 256

#: Constants that the programs read, by the same name in C.
DEFINES = {name: number for name, number in globals().items() if name.startswith("FLOW_")}

#: Both ends of a flow. Ports of clients are not in it.
ENDS = (
    Field("client", "ip16", "who began; where nobody knows, the end with the greater port"),
    Field("server", "ip16", "the other end, behind services and masquerading"),
    Field("port", "be16", "the server's; 0 where the protocol has none, and of later fragments"),
    Field("protocol", "u16", "IPPROTO_TCP, IPPROTO_UDP or any other"),
    Field("account", "u32", "device of the pod that sent the packets, or that they are for"),
)

FLOWS = Layout(
    name="flows",
    type="percpu_array",
    what="place of a CPU: packets between a client and a server's port",
    key=(Field("place", "u32", "by a hash of both ends"),),
    value=(
        *ENDS,
        Field("packets", "u64", "from the client; each stands for as many as it was sampled of"),
        Field("bytes", "u64", "their bytes, layer 2 included"),
        Field("back_packets", "u64", "from the server"),
        Field("back_bytes", "u64", "their bytes"),
        Field("last", "u64", "when the last packet was seen, nanoseconds since boot"),
        Field("first", "u64", "when the first one was, nanoseconds since boot; 0: there is none"),
        Field("syns", "u64", "segments of the client's that open a connection"),
        Field("retries", "u64", "segments that open one, or answer that, sent again"),
        Field("resets", "u64", "segments of either end that reset a connection"),
        Field("dropped", "u64", "packets that policies did not let through; not in the others"),
        Field("rtt_sum", "u64", "round trips of handshakes, nanoseconds"),
        Field("rtts", "u64", "how many"),
        Field("rtt_last", "u64", "the last one"),
        Field("rtt_min", "u64", "the shortest one"),
        Field("verdict", "u32", "of the last packet"),
        Field("tick", "u32", "of the kernel, at which last was written"),
    ),
    max_entries=1 << FLOW_PLACE_BITS,
)

FLOW_HELD = Layout(
    name="flow_held",
    type="lru_percpu_hash",
    what="account: how many places of a CPU it holds",
    key=(Field("account", "u32", "device of a pod"),),
    value=(Field("places", "u64", "how many"),),
    max_entries=4096,
)

FLOW_SAMPLE = Layout(
    name="flow_sample",
    type="array",
    what="which packets are counted",
    key=(Field("zero", "u32", "always 0"),),
    value=(
        Field("weight", "u32", "for how many packets each stands; 0 and 1: every one is counted"),
        Field("most", "u32", "it is counted where a number of 32 bits is not above this"),
    ),
    max_entries=1,
)

FLOW_STAGE = Layout(
    name="flow_stage",
    type="prog_array",
    what="the program that counts flows; one entry",
    key=(Field("zero", "u32", "always 0"),),
    value=(Field("program", "u32", "number of the program"),),
    max_entries=1,
)

FLOW_OPENING = Layout(
    name="flow_opening",
    type="lru_hash",
    what="place of an account: a connection of TCP that begins",
    key=(
        Field("account", "u32", "device of the pod that begins it, or that it is for"),
        Field("place", "u32", "which of the account's places"),
    ),
    value=(
        Field("client", "ip16", "who begins it"),
        Field("server", "ip16", "whom it is for"),
        Field("client_port", "be16", "the client's port"),
        Field("server_port", "be16", "the server's port"),
        Field("sequence", "be32", "what the server is to acknowledge"),
        Field("time", "u64", "when, nanoseconds since boot; 0: answered, or sent again"),
    ),
    max_entries=8192,
)

FLOW_SERVICES = Layout(
    name="flow_services",
    type="lru_hash",
    what="place of an account: a server of TCP, for CPUs that have not seen who began",
    key=(
        Field("account", "u32", "device of a pod"),
        Field("place", "u32", "which of the account's places"),
    ),
    value=(
        Field("address", "ip16", "the server's address"),
        Field("port", "be16", "its port"),
        Field("reserved", "u16", "0"),
        Field("padding", "u32", "0"),
    ),
    max_entries=8192,
)

FLOW_COUNTS = Layout(
    name="flow_counts",
    type="percpu_array",
    what="what is counted beside the flows, by FLOW_...",
    key=(Field("index", "u32", "FLOW_...; FLOW_ICMP and the type"),),
    value=(Field("count", "u64", "how many"),),
    max_entries=512,
)

MAPS = (FLOWS, FLOW_OPENING, FLOW_SERVICES, FLOW_COUNTS, FLOW_HELD, FLOW_SAMPLE, FLOW_STAGE)

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of translated flows, those of services and those that are masqueraded alike.

A flow has two entries, one for each direction, under what a packet of it looks like when it comes
in. Ports are taken with the entry for replies, so nothing that shares this map can take one twice.
Of ICMP echo the identifier is the port of who asks, and who answers has port 0.
"""

from __future__ import annotations

from .structs import Field, Layout

#: ``nat.flags``.
NAT_REVERSE = 1  # an entry for replies
NAT_CLOSING = 2  # closed by both ends, or reset: a new connection may take its place
NAT_MASQUERADE = 4  # the flow goes out with the address of a device, and is for no service
NAT_INBOUND = 8  # a flow that came in for a pod by its own address: what answers keeps that address
NAT_HOST = 16  # a flow of the node's own: a port that is taken, or one that had to change
NAT_FIN = 32  # a packet of this direction had a FIN
NAT_ANSWERED = 64  # there was an answer: a connection of TCP, and no mere attempt
NAT_OUTSIDE = 128  # who began it is no pod, nor the node: a client of a service from outside
NAT_POLICY = 256  # no flow, but a note that a pod may get or send a reply; see POLICY_INGRESS
NAT_FIN_REPLY = 512  # of a note: a packet of the reply's direction had a FIN

#: ``masquerade.flags``.
MASQUERADE_NODES = 1  # also what is for other nodes' own addresses

#: ``non_masquerade.why``: what a prefix is, of which nothing is masqueraded.
NON_MASQUERADE_PODS = 1  # addresses of pods
NON_MASQUERADE_NATIVE = 2  # the native-routing CIDR
NON_MASQUERADE_LISTED = 3  # listed by the user, or by default
NON_MASQUERADE_LINK_LOCAL = 4

#: Flows that a node has at most. ``nat`` has room for more entries than two for each of them: what
#: another version left in it, or a run noted, keeps no new flow out.
NAT_MOST_FLOWS = 57344
#: Of these, those that are kept for the node itself.
NAT_NODE_FLOWS = 8192
#: As few as these keep nobody out, whatever is over among them, and are left alone: of the kind
#: that counts eight times, so many are fewer than there is room for.
NAT_IDLE_FLOWS = NAT_MOST_FLOWS // 16

#: ``nat_quota.kind``: flows that a pod began have no flag of these, others the one that they have.
NAT_KINDS = NAT_HOST | NAT_OUTSIDE | NAT_INBOUND | NAT_POLICY
#: Seconds without a packet after which a flow is over: one that was closed, of TCP, any other.
NAT_CLOSED_SECONDS, NAT_TCP_SECONDS, NAT_OTHER_SECONDS = 10, 21600, 60

#: Bytes behind what the receiver acknowledged last in which a TCP segment from the network counts.
NAT_WINDOW = 65536

#: ``calls.flags``.
CALL_EXPECTED = 1  # the pod had a socket for it, or it is of a protocol that shows who answers
CALL_ANSWERED = 2  # the pod has sent something since, which goes out by its own address

#: Calls of one pod that are kept in mind until it has answered them.
CALLS_OF_POD = 256

#: First port that is given with an address of the node's; from there on all but node ports are.
NAT_FIRST_PORT = 1024

#: Constants that the programs read, by the same name in C.
DEFINES = {
    name: globals()[name]
    for name in (
        *("NAT_REVERSE", "NAT_CLOSING", "NAT_MASQUERADE", "NAT_INBOUND", "NAT_HOST", "NAT_FIN"),
        *("NAT_ANSWERED", "NAT_OUTSIDE", "NAT_POLICY", "NAT_FIN_REPLY"),
        *("NAT_KINDS", "NAT_MOST_FLOWS", "NAT_NODE_FLOWS", "NAT_IDLE_FLOWS"),
        *("MASQUERADE_NODES", "NAT_FIRST_PORT"),
        *("NAT_CLOSED_SECONDS", "NAT_TCP_SECONDS", "NAT_OTHER_SECONDS", "NAT_WINDOW"),
        *("CALL_EXPECTED", "CALL_ANSWERED", "CALLS_OF_POD"),
    )
}

FLOW = (
    Field("source", "ip16", "source address"),
    Field("destination", "ip16", "destination address"),
    Field("source_port", "be16", "source port"),
    Field("destination_port", "be16", "destination port"),
    Field("protocol", "u16", "IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP"),
    Field("reserved", "u16", "0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS"),
)

NAT = Layout(
    name="nat",
    type="hash",
    what="flow as a packet of it comes in: as it goes on",
    key=FLOW,
    value=(
        Field("source", "ip16", "source address that it gets"),
        Field("destination", "ip16", "destination address that it gets"),
        Field("source_port", "be16", "source port that it gets"),
        Field("destination_port", "be16", "destination port that it gets"),
        Field("flags", "u16", "NAT_REVERSE, ..."),
        Field("reserved", "u16", "0"),
        Field("id", "u32", "number of the frontend; 0 where it is for no service"),
        Field("slot", "u32", "slot of its backend when that was chosen"),
        Field("created", "u64", "when it was made, nanoseconds since boot (CLOCK_MONOTONIC)"),
        Field("used", "u64", "when a packet last used it, to about a second"),
        Field("acked", "u32", "what this side acknowledged last, of TCP; in network order"),
        Field("unused", "u32", "0"),
    ),
    max_entries=131072,
)

_ACCOUNT = (
    Field("address", "ip16", "the pod, or the backend, or the device's where it is the node's"),
    Field("kind", "u32", "those of NAT_KINDS that its flows have"),
)

NAT_QUOTA = Layout(
    name="nat_quota",
    type="hash",
    what="account: the flows on it. A pod has one for those that it began, and one for each kind "
    "that strangers cause for it",
    key=_ACCOUNT,
    value=(
        Field("flows", "u64", "those that are there, or over and not taken away yet"),
        Field("refused", "u64", "those that were to begin, and did not for want of room"),
    ),
    max_entries=65535,
    no_prealloc=True,
)

NAT_QUEUE = Layout(
    name="nat_queue",
    type="queue",
    what="flows in the order in which they are looked at, each once, with the account that it is "
    "on. A new one takes the first ones out, puts those that live behind the others, and itself",
    key=(),
    value=(
        *FLOW,
        Field("created", "u64", "that of its entry: another flow may have its place"),
        *_ACCOUNT,
        Field("padding", "u32", "0"),
    ),
    max_entries=65536,
)

NAT_SCRATCH = Layout(
    name="nat_scratch",
    type="percpu_array",
    what="an element of nat_queue, which does not fit on a program's stack",
    key=(Field("zero", "u32", "always 0"),),
    value=NAT_QUEUE.value,
    max_entries=1,
)

NAT_TOTAL = Layout(
    name="nat_total",
    type="array",
    what="flows that are in nat_queue: 0 as programs counted, 1 those that runs put in or out",
    key=(Field("by", "u32", "0 or 1"),),
    value=(Field("flows", "u64", "a number that may be below 0"),),
    max_entries=2,
)

NAT_STATE = Layout(
    name="nat_state",
    type="array",
    what="what programs note of translated flows; one entry",
    key=(Field("zero", "u32", "always 0"),),
    value=(
        Field("reserved", "u32", "of no use any more"),
        Field("host_ports", "u32", "1 once a flow of the node's own had to get another port"),
    ),
    max_entries=1,
)

NAT_SEEN = Layout(
    name="nat_seen",
    type="array",
    what="which kinds of translated flows there are, so that no packet is looked up in vain. "
    "Programs note one after its entry is made; where nat is empty, a run forgets them",
    key=(Field("zero", "u32", "always 0"),),
    value=(
        Field("pod_flows", "u32", "1 once packets between pods were translated"),
        Field("host_flows", "u32", "1 once packets to the node's own processes were translated"),
    ),
    max_entries=1,
)

CALLS = Layout(
    name="calls",
    type="lru_hash",
    what="place of a pod: who called it by its own address lately. Another call of the same pod "
    "may take the place; what the pod goes on answering gets an entry in nat",
    key=(
        Field("pod", "ip16", "the pod's address"),
        Field("place", "u32", "made of all else, below CALLS_OF_POD"),
    ),
    value=(
        Field("address", "ip16", "who called"),
        Field("port", "be16", "its port"),
        Field("pod_port", "be16", "the pod's"),
        Field("protocol", "u16", "IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP"),
        Field("flags", "u16", "CALL_EXPECTED, ..."),
        Field("used", "u64", "when it was last used, nanoseconds since boot (CLOCK_MONOTONIC)"),
    ),
    max_entries=65536,
)

FRAGMENTS = Layout(
    name="fragments",
    type="lru_hash",
    what="datagram that comes in fragments: the ports, which only the first one has",
    key=(
        Field("source", "ip16", "source address"),
        Field("destination", "ip16", "destination address"),
        Field("id", "be32", "identification of the datagram, of which IPv4 has 16 bits"),
        Field("protocol", "u16", "IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP"),
        Field("reserved", "u16", "0"),
    ),
    old_key=(
        Field("source", "ip16", "source address"),
        Field("destination", "ip16", "destination address"),
        Field("id", "be16", "identification of the datagram"),
        Field("protocol", "u16", "IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP"),
    ),
    value=(
        Field("source_port", "be16", "source port"),
        Field("destination_port", "be16", "destination port"),
    ),
    max_entries=8192,
)

MASQUERADE = Layout(
    name="masquerade",
    type="hash",
    what="device of the node that pods reach the outside by: the address that they get there",
    key=(
        Field("ifindex", "u32", "number of the device"),
        Field("family", "u32", "FAMILY_IPV4 or FAMILY_IPV6: of the packets"),
    ),
    old_key=(Field("ifindex", "u32", "number of the device"),),
    value=(
        Field("address", "ip16", "the device's address"),
        Field("flags", "u32", "MASQUERADE_NODES"),
    ),
    max_entries=64,
)

NON_MASQUERADE = Layout(
    name="non_masquerade",
    type="lpm_trie",
    what="prefix that pods reach with their own addresses",
    key=(
        Field("prefixlen", "u32", "bits of the prefix, 96 more than IPv4 has"),
        Field("address", "ip16", "first address"),
    ),
    value=(Field("why", "u32", "NON_MASQUERADE_PODS, ..."),),
    max_entries=16384,
    no_prealloc=True,
)

MAPS = (
    NAT,
    NAT_QUOTA,
    NAT_QUEUE,
    NAT_SCRATCH,
    NAT_TOTAL,
    NAT_STATE,
    NAT_SEEN,
    CALLS,
    FRAGMENTS,
    MASQUERADE,
    NON_MASQUERADE,
)

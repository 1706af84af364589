# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps by which somebody looks at packets while they pass; ``bpf/lib/event.h`` fills them.

Programs describe each packet for as long as the lease in ``event_lease`` lasts, and hand it over to
the program in ``event_stage``. That one is the looker's own: it filters, and writes to a ring that
nobody else has. So what nobody looks at costs one look at the lease, and no memory.
"""

from __future__ import annotations

from .nat_layout import FLOW
from .structs import Field, Layout

#: ``kinds``, bits: what there is to say of a packet. What its verdict and ``judged`` say, who looks
#: adds.
EVENT_FORWARDED, EVENT_DROPPED, EVENT_TRANSLATED, EVENT_SOCKET = 1, 2, 4, 8
EVENT_ALLOWED, EVENT_DENIED, EVENT_AUDITED = 16, 32, 64

#: ``judged``, bits: how the policies of the pod that gets the packet judge it; those of the sender
#: stand EVENT_JUDGED_EGRESS bits further up.
EVENT_JUDGED_ALLOWED, EVENT_JUDGED_DENIED, EVENT_JUDGED_AUDITED = 1, 2, 4
EVENT_JUDGED_EGRESS = 3

#: Constants that the programs read, by the same name in C.
DEFINES = {
    name: globals()[name]
    for name in (
        *("EVENT_DROPPED", "EVENT_TRANSLATED", "EVENT_SOCKET", "EVENT_JUDGED_EGRESS"),
        *("EVENT_JUDGED_ALLOWED", "EVENT_JUDGED_DENIED", "EVENT_JUDGED_AUDITED"),
    )
}

#: What there is to say of a packet, or of a socket's peer.
EVENT = (
    *FLOW,
    Field("time", "u64", "nanoseconds since boot; of a packet written by who looks"),
    Field("to_source", "ip16", "EVENT_TRANSLATED: as it goes on"),
    Field("to_destination", "ip16", "the same"),
    Field("to_source_port", "be16", "the same"),
    Field("to_destination_port", "be16", "the same"),
    Field("length", "u32", "bytes, layer 2 included; 0 of a socket"),
    Field("ifindex", "u32", "the device that it came in, or went out, by; 0 of a socket"),
    Field("egress", "u32", "rule or set by which the sender's policies judge it; 0 for none"),
    Field("ingress", "u32", "the same of the receiver's"),
    Field("action", "u32", "what the program returns"),
    Field("kinds", "u16", "EVENT_FORWARDED, ..."),
    Field("ethertype", "be16", "protocol of layer 3"),
    Field("hook", "u8", "of the program"),
    Field("verdict", "u8", "the program's"),
    Field("judged", "u8", "EVENT_JUDGED_..."),
    Field("tcp_flags", "u8", "flags of TCP; this and what follows is written by who looks"),
    Field("icmp", "be16", "type and code of ICMP"),
    Field("carries", "u8", "the packet's own protocol; 0 where the packet was not read"),
    Field("padding", "u8", "0"),
    Field("towards", "u32", "the device that it leaves by, or 0"),
    Field("netns", "u64", "of a socket: the cookie of its namespace"),
)

EVENT_LEASE = Layout(
    name="event_lease",
    type="array",
    what="until when somebody looks",
    key=(Field("zero", "u32", "always 0"),),
    value=(
        Field("until", "u64", "nanoseconds since boot, by the coarse clock; 0: nobody does"),
        Field("ticks", "u64", "the same in ticks of the kernel; 0: just renewed"),
    ),
    max_entries=1,
)

EVENT_SCRATCH = Layout(
    name="event_scratch",
    type="percpu_array",
    what="a packet as it is described to who looks",
    key=(Field("zero", "u32", "always 0"),),
    value=EVENT,
    max_entries=1,
)

EVENT_STAGE = Layout(
    name="event_stage",
    type="prog_array",
    what="the program of who looks; one entry",
    key=(Field("zero", "u32", "always 0"),),
    value=(Field("program", "u32", "number of the program"),),
    max_entries=1,
)

EVENT_SOCKETS = Layout(
    name="event_sockets",
    type="queue",
    what="what sockets were led to, for who looks",
    key=(),
    value=EVENT,
    max_entries=1024,
)

EVENT_LOST = Layout(
    name="event_lost",
    type="percpu_array",
    what="what there was no room for, whoever looked",
    key=(Field("zero", "u32", "always 0"),),
    value=(
        Field("sockets", "u64", "in event_sockets"),
        Field("packets", "u64", "in the ring of who looks, whose program counts them"),
    ),
    max_entries=1,
)

MAPS = (EVENT_LEASE, EVENT_SCRATCH, EVENT_STAGE, EVENT_SOCKETS, EVENT_LOST)

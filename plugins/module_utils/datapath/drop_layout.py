# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of the recorder of drops; ``bpf/lib/drops.h`` fills them.

A drop is on the account of whom it concerns, and an account has so many places and no more: who
causes drops as fast as possible takes places from nobody else. What it may have written is limited,
too, on each CPU for itself.
"""

from __future__ import annotations

from .nat_layout import FLOW
from .structs import Field, Layout

#: Places of an account; each kind of drop may have one of two of them.
DROP_PLACES = 64

#: Budgets of a CPU; accounts take them in turn. Of each are so many records in a window.
DROP_BUDGETS, DROP_BUDGET = 256, 256
#: A window has two to the power of so many ticks of the kernel: 1.02 s where there are 250 of them
#: a second, as with Debian, and 0.26 s where there are 1,000.
DROP_WINDOW_BITS = 8

#: First bytes of a packet that are kept.
DROP_HEAD = 96

#: Constants that the programs read, by the same name in C.
DEFINES = {
    name: globals()[name]
    for name in ("DROP_PLACES", "DROP_BUDGETS", "DROP_BUDGET", "DROP_WINDOW_BITS", "DROP_HEAD")
}

DROPS = Layout(
    name="drops",
    type="lru_hash",
    what="place of an account: packets between the same ends, dropped for the same reason",
    key=(
        Field(
            "account",
            "u32",
            "device of the pod that sent it, or that it is for; else the device that it came by",
        ),
        Field("place", "u32", "which of the account's places"),
    ),
    value=(
        *FLOW,
        Field("hook", "u8", "of the program that dropped it"),
        Field("reason", "u8", "its verdict"),
        Field("ethertype", "be16", "protocol of layer 3"),
        Field("ifindex", "u32", "the device that it came in, or went out, by"),
        Field("policy_set", "u32", "what it might pass by, where policies isolate; else 0"),
        Field("length", "u32", "bytes of the first one"),
        Field("packets", "u64", "how many"),
        Field("bytes", "u64", "their bytes, layer 2 included"),
        Field("first", "u64", "when the first one was dropped, nanoseconds since boot"),
        Field("last", "u64", "when the last one was"),
        Field("captured", "u32", "bytes in head"),
        Field("padding", "u32", "0"),
        Field("head", "bytes(96)", "the first bytes of the first one, layer 2 included"),
    ),
    max_entries=16384,
)

DROP_SCRATCH = Layout(
    name="drop_scratch",
    type="percpu_array",
    what="a value of drops, which does not fit on a program's stack",
    key=(Field("zero", "u32", "always 0"),),
    value=DROPS.value,
    max_entries=1,
)

DROP_BUDGET_MAP = Layout(
    name="drop_budget",
    type="percpu_array",
    what="what of a CPU's drops was recorded; the index is account % DROP_BUDGETS",
    key=(Field("index", "u32", "account % DROP_BUDGETS"),),
    value=(
        Field("window", "u64", "the window of time that written is of"),
        Field("written", "u64", "records written in it"),
        Field("unrecorded", "u64", "packets that were dropped and not recorded"),
        Field("overwritten", "u64", "records that another of the same account took the place of"),
    ),
    max_entries=DROP_BUDGETS,
)

MAPS = (DROPS, DROP_SCRATCH, DROP_BUDGET_MAP)

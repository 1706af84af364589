# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attach to tc by a filter of a clsact qdisc, for kernels before tcx (Linux 6.6).

An ingress qdisc takes the same place of a device. The kernel then says that there is one already,
and takes a filter for either hook for one of ingress: nothing is attached there, and what an
earlier version attached is found and removed.

Our filter has one priority and one handle, so that replacing it is one request that exchanges the
program in place. Each function takes an ``IPRoute`` of the device's namespace.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any

from ...names import CLSACT_HANDLE, CLSACT_PRIORITY
from ..failure import Failure
from ..netlink import doing

try:
    from pyroute2.netlink.exceptions import NetlinkError
except ImportError:  # runner.require() has said so before anything here is called
    NetlinkError = OSError

#: Minor number of each hook of a clsact qdisc.
INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3

_ETH_P_ALL = 0x0300  # in network byte order
_TCA_BPF_ID = 11
_KINDS = ("clsact", "ingress")


def devices(ip: Any) -> set[int]:
    """Indexes of the devices that have a qdisc for filters of ingress: clsact or ingress."""
    return {qdisc["index"] for qdisc in ip.get_qdiscs() if qdisc.get_attr("TCA_KIND") in _KINDS}


def _is_clsact(ip: Any, index: int) -> bool:
    kinds = [qdisc.get_attr("TCA_KIND") for qdisc in ip.get_qdiscs(index=index)]
    return "clsact" in kinds


def programs(ip: Any, index: int, hook: int) -> list[tuple[int, bool]]:
    """Programs of a hook's filters in their order, each with whether the filter is ours."""
    if hook == EGRESS and not _is_clsact(ip, index):
        return []  # an ingress qdisc shows its own for any
    found = []
    for message in ip.get_filters(index=index, parent=hook):
        options = message.get_attr("TCA_OPTIONS")
        # Each priority also answers with a line that has no handle and no options.
        if message.get_attr("TCA_KIND") == "bpf" and options and message["handle"]:
            ours = (message["info"] >> 16, message["handle"]) == (CLSACT_PRIORITY, CLSACT_HANDLE)
            found.append((_program_id(options), ours))
    return found


def put(ip: Any, index: int, hook: int, program: int, name: str) -> None:
    """Set our filter to a program (its descriptor), in one step where it was there."""
    with doing(f"the clsact filter {name} of device {index}"):
        try:
            ip.tc("add", "clsact", index)
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise
            if not _is_clsact(ip, index):
                device = socket.if_indextoname(index)
                raise Failure(
                    f"device {device} has an ingress qdisc, and a device has that or clsact; valid "
                    f"is none (tc qdisc del dev {device} ingress), or attach_mode tcx."
                ) from None
        ip.tc(
            "replace-filter",
            "bpf",
            index,
            CLSACT_HANDLE,
            fd=program,
            name=name,
            parent=hook,
            info=CLSACT_PRIORITY << 16 | _ETH_P_ALL,
            direct_action=True,
            classid=1,
        )


def remove(ip: Any, index: int, hook: int) -> bool:
    """Remove our filter, and the qdisc if no other filter is in it; say whether the qdisc went.

    A qdisc that somebody made and left empty goes too: the kernel does not say who made it.
    """
    with doing(f"removing the clsact filter of device {index}"):
        ip.tc(
            "del-filter",
            "bpf",
            index,
            CLSACT_HANDLE,
            parent=hook,
            info=CLSACT_PRIORITY << 16 | _ETH_P_ALL,
        )
        if any(list(ip.get_filters(index=index, parent=each)) for each in (INGRESS, EGRESS)):
            return False
        if not _is_clsact(ip, index):  # never one that we made
            return False
        ip.tc("del", "clsact", index)
        return True


def _program_id(options: Any) -> int:
    # pyroute2 knows no name for this attribute and hands it over undecoded.
    for name, value in options["attrs"]:
        if name == "UNKNOWN" and value["header"]["type"] == _TCA_BPF_ID:
            return int(struct.unpack_from("=I", value.data, value.offset + 4)[0])
    return int(options.get_attr("TCA_BPF_ID") or 0)

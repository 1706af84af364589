# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a host may stand in the network's way; the plan judges it (``plan/hosts.py``).

Nothing but the standard library and system calls, as all of ``node_info``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..engine.bpf.hooks import has_tcx
from . import devices, firewall, listeners, routes

#: Whether what a bridge carries between its ports is forwarded packets to the firewall.
BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


def read() -> dict[str, Any]:
    """Return what is there (see RETURN of the module ``node_info``)."""
    return {
        "tcx": has_tcx(),
        "listening": listeners.read(),
        "foreign_vxlans": devices.foreign_vxlans(),
        "ingress_qdiscs": devices.ingress_qdiscs(),
        "foreign_routes": routes.foreign(),
        "firewall": firewall.read(),
        "bridge_nf": _number(BRIDGED) == 1,
    }


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # such as a kernel without it
        return 0

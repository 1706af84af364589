# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How reports name the network of a node: as ``cilium status`` does."""

from __future__ import annotations

_NETWORKS = {"native_routing": "Native", "overlay": "VXLAN"}
_HOSTS = {"ebpf": "BPF", "bridge": "Bridge", "routed": "Routed"}


def shown(network_type: str, datapath: str) -> str:
    """Return ``Network: Native   Host: BPF``."""
    return f"Network: {_NETWORKS[network_type]}   Host: {_HOSTS[datapath]}"

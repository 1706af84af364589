# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How reports say what is masqueraded: as ``cilium status`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DISABLED = "Disabled"


def shown(devices: Iterable[str], cidrs: Iterable[str]) -> str:
    """Return ``BPF   [eth0]   10.111.0.0/16 [IPv4: Enabled, IPv6: Disabled]``.

    :param devices: the egress devices.
    :param cidrs: where pods keep their own addresses: the native-routing CIDR, or the pods' ranges.
    """
    where = ", ".join(cidrs)
    return f"BPF   [{', '.join(devices)}]   {where} [IPv4: Enabled, IPv6: Disabled]"

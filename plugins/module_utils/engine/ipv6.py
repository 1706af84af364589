# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IPv6 of devices that carry none: it is switched off where the kernel has it at all.

A kernel whose IPv6 is off (``ipv6.disable=1``) has it for no device, any other one for those whose
MTU is at least :data:`MIN_MTU`. Where an MTU is raised to that, IPv6 begins anew with the default
of the namespace: the MTU is set first, then IPv6 is switched off.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

#: RFC 8200: every link of IPv6 takes packets of 1,280 bytes.
MIN_MTU = 1280

_SETTINGS = Path("/proc/sys/net/ipv6/conf")


def is_known() -> bool:
    """Say whether the kernel has IPv6."""
    return _SETTINGS.is_dir()


def switch_off(device: str) -> None:
    """Switch IPv6 off for a device of this namespace; without IPv6 there is nothing to do."""
    with contextlib.suppress(FileNotFoundError):
        (_SETTINGS / device / "disable_ipv6").write_text("1\n")

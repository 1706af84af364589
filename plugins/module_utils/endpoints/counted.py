# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many endpoints there are, by two maps and what sysfs says of their devices.

Whether one is ready, ``info`` says: it asks more, and takes ten times as long.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from .. import names
from ..datapath import pinned
from ..datapath.layout import ALLOCATIONS, ENDPOINTS
from ..engine import fields

if TYPE_CHECKING:
    from collections.abc import Mapping


def counted() -> Mapping[str, int]:
    """Return how many are ``up``: with a carrier at the device that programs know; and ``down``."""
    keys, values = pinned.columns(ENDPOINTS)
    known = {value.ifindex for _key, value in ENDPOINTS.rows(keys, values)}
    devices = {name: number for number, name in socket.if_nameindex()}
    keys, values = pinned.columns(ALLOCATIONS)
    held = [fields.text(key.name) for key, _value in ALLOCATIONS.rows(keys, values)]
    up = sum(_is_up(names.endpoint_device(name), devices, known) for name in held)
    return {"up": up, "down": len(held) - up}


def _is_up(device: str, devices: Mapping[str, int], known: set[int]) -> bool:
    if devices.get(device) not in known:
        return False
    try:
        return Path("/sys/class/net", device, "operstate").read_text() == "up\n"
    except OSError:  # it is going just now
        return False

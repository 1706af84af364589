# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``ethtool`` shows and changes of a device, as far as we need it.

pyroute2 has the flag from 0.9 on alone; 0.7 knows features by their names, and closes no socket.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct

from . import namespaces
from .failure import Failure

SIOCETHTOOL = 0x8946
# linux/ethtool.h
GET_TX_CHECKSUM, SET_TX_CHECKSUM = 0x16, 0x17


def tx_checksum(netns: str | None, device: str) -> bool:
    """Say whether checksums of packets that the device sends are left to what comes after it."""
    return bool(_value(netns, device, GET_TX_CHECKSUM, 0))


def set_tx_checksum(netns: str | None, device: str, *, on: bool) -> None:
    """Leave the checksums to what comes after the device, or make them before it."""
    try:
        _value(netns, device, SET_TX_CHECKSUM, int(on))
    except OSError as error:
        raise Failure(
            f"The kernel refused to set the checksum offload of device {device!r} to {on}: "
            f"{error.strerror}."
        ) from error


def _value(netns: str | None, device: str, command: int, value: int) -> int:
    """Carry out a command whose argument is one number (struct ethtool_value)."""
    data = array.array("I", [command, value])
    request = struct.pack("16sP16x", device.encode(), data.buffer_info()[0])  # struct ifreq
    with namespaces.inside(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, request)
    return data[1]

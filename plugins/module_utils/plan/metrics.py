# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a node's metrics get to Prometheus: its variables."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from . import values
from .values import Field, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTEN, TEXTFILE, CILIUM = (
    "podnet_metrics_listen",
    "podnet_metrics_textfile",
    "podnet_metrics_cilium_names",
)
_FOLDER = re.compile(r"(/[A-Za-z0-9._+@-]+)+")


class Metrics(NamedTuple):
    """What systemd listens to and which folder gets a file, None for neither."""

    listen: str | None = None
    textfile: str | None = None
    cilium_names: bool = False


def listen(value: object) -> str:
    """Read a port, or an address and a port, as systemd's ListenStream has it."""
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        return str(values.port(value))
    try:
        address, _colon, port = str(value).rpartition(":")
        inner = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        ip = ipaddress.ip_address(inner)
        number = values.port(port)
    except (ValueError, Invalid):
        raise Invalid(
            value, "a port such as 9964, or an address and a port such as 10.0.0.8:9964"
        ) from None
    return f"[{ip}]:{number}" if ip.version == 6 else f"{ip}:{number}"


def folder(value: object) -> str:
    """Read the folder of node_exporter's textfile collector."""
    if not isinstance(value, str) or not _FOLDER.fullmatch(value) or ".." in value.split("/"):
        raise Invalid(value, "a whole path such as /var/lib/prometheus/node-exporter")
    return value


#: They may differ by node.
NODE_VARIABLES: Mapping[str, Field] = {
    LISTEN: Field(listen),
    TEXTFILE: Field(folder),
    CILIUM: Field(values.truth, default=False),
}


def read(given: Mapping[str, Any]) -> Metrics:
    """Return what a node's variables say."""
    return Metrics(given[LISTEN], given[TEXTFILE], given[CILIUM])

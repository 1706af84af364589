# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Aggregated flows as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import addresses
from ..text.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    Found = Mapping[str, Any]

_HEADS = (
    *("Client", "Server", "Protocol", "Packets", "Bytes", "Back", "Bytes back"),
    *("Opened", "Retries", "Resets", "Dropped", "RTT ms", "Last"),
)
_OFF = "no flows are counted here: podnet_flows is off"


def render(found: Found) -> str:
    """Return a row for each flow, and a line of what is in none."""
    more = found["matched"] - len(found["flows"])
    return "\n".join(
        [
            *table(_HEADS, map(row, found["flows"]), indent=0),
            *([f"… and {more} more"] if more else []),
            f"In all: {summary(found['counter'])}",
        ]
    )


def row(flow: Found) -> list[Any]:
    """Return the cells of a flow; the round trip is the mean one, of so many handshakes."""
    rtt = f"{flow['rtt']['mean']} of {flow['handshakes']}" if flow["rtt"] else None
    server = _end(flow["server"], flow["server_name"], flow["port"])
    return [
        _end(flow["client"], flow["client_name"], 0),
        server,
        flow["protocol"],
        *(flow[word] for word in ("packets", "bytes", "back_packets", "back_bytes")),
        *(flow[word] or None for word in ("syns", "retries", "resets", "dropped")),
        rtt,
        flow["last"],
    ]


def summary(counter: Found) -> str:
    """Say in a line how much is counted, and how much is not."""
    if counter["used"] is None:
        return _OFF
    said = [f"{counter['used']}/{counter['size']} places of all CPUs"]
    if counter["given_up"]:
        said.append(
            f"{counter['given_up']} given up with {counter['lost_packets']} packets and "
            f"{counter['lost_bytes']} bytes"
        )
    if counter["no_room"]:
        said.append(f"{counter['no_room']} packets without room")
    return ", ".join(said)


def _end(address: str, name: str | None, port: int) -> str:
    place = addresses.at(address, port)
    return f"{name} ({place})" if name else place

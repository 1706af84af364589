# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The endpoints of a node as its kernel has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath.cells import FROM_POD, TO_POD
from ..datapath.layout import ENDPOINTS
from ..engine.bpf import hooks
from ..policy.held import is_isolated
from . import attachment
from .held import name_key, read

if TYPE_CHECKING:
    from .held import Held


def gather(
    program: str, datapath: str = "ebpf", delivery_program: str | None = None
) -> list[dict[str, Any]]:
    """Return every endpoint that left anything behind (see RETURN of ``endpoints_info``).

    :param program: pin of the program that belongs to their host-side devices; without
        ``delivery_program`` no other one does.
    :param datapath: a key of :data:`attachment.DATAPATHS`; by it one is ready or not.
    """
    with read(program, delivery_program) as held:
        return [_endpoint(name, datapath, held) for name in sorted(held.names)]


def _endpoint(name: str, datapath: str, held: Held) -> dict[str, Any]:
    device = names.endpoint_device(name)
    link = held.links.get(device)
    attached = held.attacher.find(hooks.Place(FROM_POD, device)) if link else None
    ours = attached and held.program and attached.program_id == held.program.info.id
    delivery = held.attacher.find(hooks.Place(TO_POD, device)) if held.delivery else None
    door = not held.delivery or (delivery and delivery.program_id == held.delivery.info.id)
    address = held.allocation_values.get(name_key(name))
    raw = held.entry_values.get(address) if address else None
    entry = ENDPOINTS.unpack_value(raw) if raw else {}
    ip = ENDPOINTS.unpack_key(address)["address"] if address else None
    whole = (
        link and link.up and link.carrier and ours and door and entry.get("ifindex") == link.index
    )
    return {
        "name": name,
        "ip": ip,
        "mac": entry.get("mac"),
        "gateway_mac": entry.get("gateway_mac"),
        "mtu": entry.get("mtu"),
        "isolated": is_isolated(raw),
        "device": device if link else None,
        "netns": name if held.names[name] else None,
        "program": attached.mechanism if attached and ours else None,
        "ready": bool(whole and ip and attachment.carries(datapath, device, ip, held)),
    }

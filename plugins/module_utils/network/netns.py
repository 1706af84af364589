# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Named network namespaces, as ``ip netns`` has them."""

from __future__ import annotations

import re
from typing import Any

from ..engine import links, namespaces, netlink, values
from ..engine.change import Changes
from ..engine.failure import Failure

_NAME = re.compile(r"(?!-)[A-Za-z0-9_.@:+-]{1,255}")


def converge(
    names: list[str], *, present: bool, loopback: bool, check_mode: bool
) -> dict[str, Any]:
    """Make or remove namespaces.

    :param loopback: whether the device ``lo`` of a namespace is up.
    """
    for position, name in enumerate(names):
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise Failure(
                f"names[{position}]: {name!r} cannot be the name of a namespace; it has letters, "
                "digits and -_.@:+, begins with no -, and is neither . nor .. of a folder."
            )
    values.unique(list(names), "names")
    changes = Changes()
    for name in names:
        before = _state(name)
        after = {"loopback": loopback} if present else None
        changes.add(f"netns {name}", before, after, _doer(name, after))
    changes.apply(check_mode=check_mode)
    return {**changes.result(), "names": names}


def gather() -> list[dict[str, Any]]:
    """Read all named namespaces: name, inode, whether ``lo`` is up, and the devices by name."""
    found = []
    for name in namespaces.names():
        with netlink.socket(name) as ip:
            devices = links.dump(ip)
        inode = namespaces.inode(name)
        loopback = links.loopback(devices.values()).up
        found.append(
            {"name": name, "inode": inode, "loopback": loopback, "devices": sorted(devices)}
        )
    return found


def _state(name: str) -> dict[str, bool] | None:
    if not namespaces.exists(name):
        return None
    with netlink.socket(name) as ip:
        return {"loopback": links.loopback(links.dump(ip).values()).up}


def _doer(name: str, after: dict[str, bool] | None) -> Any:
    def do() -> None:
        if after is None:
            namespaces.delete(name)
            return
        namespaces.create(name)
        with netlink.socket(name) as ip:
            links.set_(ip, links.LOOPBACK_INDEX, up=after["loopback"])

    return do

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all devices share, in the words of the modules' options: read, compare, apply.

A state is a plain dict; the state read from the kernel has every word, the one that is wanted
only those that the user wrote. What he did not write stays as it is.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..names import BRIDGE_DEVICE, DEVICE_PREFIX
from . import links, namespaces, netlink, secondaries, values
from .failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    State = dict[str, Any]

#: Options of every device, for the argument specs of the modules.
OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "netns": {"type": "str"},
    "mac": {"type": "str"},
    "mtu": {"type": "int"},
    "up": {"type": "bool", "default": True},
    "arp": {"type": "bool"},
    "alias": {"type": "str"},
    "txqueuelen": {"type": "int"},
    "devgroup": {"type": "int"},
    "master": {"type": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "purge_addresses": {"type": "bool", "default": False},
}

#: Words that one request to the kernel sets, in their order.
SETTABLE = ("mac", "mtu", "arp", "alias", "txqueuelen", "devgroup", "master", "up")

#: Bytes of an alias in the kernel (IFALIASZ) less the final zero bytes, its own and netlink's.
ALIAS_MAX = 254

#: A device whose packets are smaller has no IPv6.
IPV6_MTU = 1280


class Network:
    """The devices of one namespace and their addresses, as read at the start of a run."""

    def __init__(self, netns: str | None, ip: Any | None, *, check_mode: bool) -> None:
        """Read the namespace of the socket; without a socket it is one that is not there yet."""
        self.netns = netns
        self.ip = ip
        self.check_mode = check_mode
        #: What check mode did not find, and an earlier task would have made.
        self.missing: list[str] = []
        self.links: dict[str, links.Link] = {}
        self.addresses: dict[int, list[str]] = {}
        self.read()

    def read(self) -> None:
        """Read it again."""
        if self.ip is not None:
            self.links = links.dump(self.ip)
            self.addresses = links.addresses(self.ip)
        self.device_names = {link.index: name for name, link in self.links.items()}

    def index(self, device: str, where: str) -> int:
        """Index of a device that has to be there.

        In check mode a missing one has the index 0, and is noted in :attr:`missing`: an earlier
        task would have made it.
        """
        link = self.links.get(device)
        if link is not None:
            return link.index
        place = f"netns {self.netns!r}" if self.netns else "this namespace"
        self.lack(f"{where}: there is no device {device!r} in {place}", device)
        return 0

    def lack(self, what: str, device: str = "") -> None:
        """Fail for what is not there; in check mode note it, unless our roles make that device."""
        if not self.check_mode:
            raise Failure(f"{what}.")
        if not (device.startswith(DEVICE_PREFIX) or device == BRIDGE_DEVICE or self.ip is None):
            self.missing.append(f"{what}; the task fails unless an earlier one makes that.")


@contextlib.contextmanager
def networks(*, check_mode: bool) -> Iterator[Callable[[str | None], Network]]:
    """Open namespaces on demand, each once, for the length of a ``with`` block.

    In check mode a namespace may be missing, since an earlier task would have made it: it is empty.
    """
    with contextlib.ExitStack() as stack:
        opened: dict[str | None, Network] = {}

        def network(netns: str | None) -> Network:
            if netns not in opened:
                missing = netns is not None and not namespaces.exists(netns)
                ip = None
                if not (check_mode and missing):
                    ip = stack.enter_context(netlink.socket(netns))
                opened[netns] = Network(netns, ip, check_mode=check_mode)
                if ip is None:
                    opened[netns].missing.append(
                        f"there is no network namespace {netns!r}; the task fails unless an "
                        "earlier one makes that."
                    )
            return opened[netns]

        yield network


def warnings(networks: Iterable[Network]) -> dict[str, list[str]]:
    """Return what a module says of what check mode did not find in these namespaces."""
    missing = [what for network in dict.fromkeys(networks) for what in network.missing]
    return {"warnings": list(dict.fromkeys(missing))} if missing else {}


def wanted(item: Mapping[str, Any], where: str, network: Network) -> State:
    """Check the common options of one device; return those that the user wrote."""
    found: State = {"name": values.device_name(item["name"], f"{where}.name")}
    found.update({word: item[word] for word in SETTABLE if item.get(word) is not None})
    if "mac" in found:
        found["mac"] = values.device_mac(found["mac"], f"{where}.mac")
    if "mtu" in found:
        values.number(found["mtu"], f"{where}.mtu", 68, 65535)
    if "alias" in found:
        length = len(found["alias"].encode())
        values.number(length, f"{where}.alias, its length in bytes", 0, ALIAS_MAX)
    for word in ("txqueuelen", "devgroup"):
        if word in found:
            values.number(found[word], f"{where}.{word}", 0, 2**31 - 1)
    if found.get("master"):
        network.index(found["master"], f"{where}.master")
    if item.get("addresses") is not None:
        found["addresses"] = [
            values.interface(address, f"{where}.addresses[{position}]")
            for position, address in enumerate(item["addresses"])
        ]
        values.unique(found["addresses"], f"{where}.addresses")
        _check_ipv6(found, network, where)
    return found


def _check_ipv6(wish: State, network: Network, where: str) -> None:
    link = network.links.get(wish["name"])
    mtu = wish.get("mtu", link.mtu if link else IPV6_MTU)
    of_ipv6 = [address for address in wish["addresses"] if links.local(address).version == 6]
    if of_ipv6 and mtu < IPV6_MTU:
        raise Failure(
            f"{where}.mtu: {mtu} is too small for the address {of_ipv6[0]}; a device with IPv6 has "
            f"an MTU of {IPV6_MTU} or more."
        )


def state(network: Network, link: links.Link) -> State:
    """Return the common words of a device as the kernel has them."""
    addresses = network.addresses.get(link.index, [])
    return {
        "name": link.name,
        "netns": network.netns,
        "ifindex": link.index,
        "mac": link.mac,
        "mtu": link.mtu,
        "up": link.up,
        "arp": link.arp,
        "alias": link.alias or "",
        "txqueuelen": link.txqueuelen,
        "devgroup": link.devgroup,
        "master": network.device_names.get(link.master or 0, ""),
        "addresses": [values.spelled(address) for address in addresses],
    }


def target(before: Mapping[str, Any], wish: Mapping[str, Any], *, purge_addresses: bool) -> State:
    """State after the wish is fulfilled: what it does not name stays, addresses are added up.

    With ``purge_addresses`` other addresses go, except the kernel's own IPv6 link-local ones. With
    an MTU that is too small for IPv6 all of its addresses go.
    """
    after = {**before, **wish}
    if "addresses" in wish:
        present = before.get("addresses", [])
        kept = [
            address
            for address in present
            if not purge_addresses or address in wish["addresses"] or _is_link_local(address)
        ]
        after["addresses"] = kept + [a for a in wish["addresses"] if a not in present]
    if after.get("mtu", IPV6_MTU) < IPV6_MTU and "addresses" in after:
        after["addresses"] = [a for a in after["addresses"] if links.local(a).version == 4]
    return after


def apply(
    network: Network, index: int, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Bring a device from one state to the other: its attributes in one request, then addresses.

    An address that stays and that the kernel took with another, or with an attribute, comes back.
    """
    differing = {
        word: after[word] for word in SETTABLE if word in after and after[word] != before.get(word)
    }
    if "master" in differing:
        master = differing["master"]
        differing["master"] = network.index(master, f"{after['name']}.master") if master else 0
    if differing:
        links.set_(network.ip, index, **differing)
    old, new = before.get("addresses", []), after.get("addresses", [])
    # A device that goes down, or whose MTU is too small, loses the addresses of IPv6.
    if not differing.get("up", True) or differing.get("mtu", IPV6_MTU) < IPV6_MTU:
        old = _addresses(network, index)
    gone = [address for address in old if address not in new]
    with secondaries.kept(network.netns, after["name"], gone, new):
        for address in gone:
            links.remove_address(network.ip, index, address)
    old = _addresses(network, index) if gone else old
    for address in new:
        if address not in old:
            links.add_address(network.ip, index, address)


def _addresses(network: Network, index: int) -> list[str]:
    return [values.spelled(address) for address in links.addresses(network.ip).get(index, [])]


def carried(after: Mapping[str, Any]) -> State:
    """What a device that is made anew takes over: the kernel gives the link-local address again."""
    kept = [address for address in after["addresses"] if not _is_link_local(address)]
    return {**after, "addresses": kept}


def added(network: Network, name: str) -> links.Link:
    """Read a device that has just been made, and know it from now on."""
    link = links.get(network.ip, name)
    network.links[name] = link
    network.device_names[link.index] = name
    network.addresses[link.index] = []
    return link


def must_be(link: links.Link, kind: str, where: str) -> None:
    """Refuse a device of another kind that has the wanted name."""
    if link.kind != kind:
        raise Failure(
            f"{where}: the device {link.name!r} is there and is "
            f"{'a ' + link.kind if link.kind else 'no virtual device'}, not a {kind}; choose "
            "another name or remove it first."
        )


def _is_link_local(address: str) -> bool:
    interface = links.local(address)
    return interface.version == 6 and interface.ip.is_link_local

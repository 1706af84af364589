# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Devices and their addresses: read all of a namespace at once, make, change and remove them.

Every function takes the socket of the namespace in which it acts (:func:`netlink.socket`).
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import namespaces, netlink, rtnl

try:
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
except ImportError:  # runner.require() has said so before anything here is called
    ifaddrmsg = ifinfmsg = None

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

IFF_UP, IFF_NOARP, IFF_LOWER_UP = 0x1, 0x80, 0x10000
ETHERNET, LOOPBACK = 1, 772
AF_INET, AF_INET6 = 2, 10

#: The kernel makes the loopback device of a namespace first. Its name may be another than ``lo``.
LOOPBACK_INDEX = 1

#: Attributes that every device has: our word and the kernel's. ``up`` and ``arp`` are flags.
ATTRIBUTES = {
    "name": "IFLA_IFNAME",
    "mac": "IFLA_ADDRESS",
    "mtu": "IFLA_MTU",
    "alias": "IFLA_IFALIAS",
    "txqueuelen": "IFLA_TXQLEN",
    "devgroup": "IFLA_GROUP",
    "master": "IFLA_MASTER",
    "numtxqueues": "IFLA_NUM_TX_QUEUES",
    "numrxqueues": "IFLA_NUM_RX_QUEUES",
}

#: What the kernel takes only once the device is there: it ignores the alias of a new device, and
#: an end of a veth cannot come up before the other exists.
AFTERWARDS = ("alias", "up")


@dataclass(frozen=True)
class Link:
    """One device as the kernel shows it.

    :param kind: such as ``veth``, None for a device that no ``ip link add`` made.
    :param mac: lower case with colons, None where the device is not of Ethernet.
    :param devgroup: number of its group, the word of iptables: ``group`` is an attribute of VXLAN.
    :param master: index of the bridge that it is a port of, None without one.
    :param lower: index of the peer of a veth, or of the device below a VXLAN or VLAN.
    :param netnsid: number of the namespace in which ``lower`` is (:func:`netnsid`), None: in this.
    :param message: the message of pyroute2, for the attributes of its kind.
    """

    index: int
    name: str
    kind: str | None
    mac: str | None
    mtu: int
    up: bool
    arp: bool
    alias: str | None
    txqueuelen: int
    devgroup: int
    numtxqueues: int
    numrxqueues: int
    master: int | None
    lower: int | None
    netnsid: int | None
    message: Any = field(repr=False, compare=False)

    def data(self, attribute: str) -> Any:
        """One attribute of the device's kind, such as ``IFLA_VXLAN_ID``; None where absent."""
        return self.message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", attribute)

    @property
    def loopback(self) -> bool:
        """Whether it is the loopback device of its namespace, whatever its name."""
        return bool(self.message["ifi_type"] == LOOPBACK)

    @property
    def carrier(self) -> bool:
        """Whether something is plugged in: of a veth, whether its peer is up."""
        return bool(self.message["flags"] & IFF_LOWER_UP)

    @property
    def hairpin(self) -> bool:
        """Whether the port sends frames back to where they came from; False where it is no port."""
        slave = ("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA", "IFLA_BRPORT_MODE")
        return bool(self.message.get_nested(*slave))


def dump(ip: Any) -> dict[str, Link]:
    """Read all devices of the namespace, by name, in the order of their indexes."""
    links = (_link(found) for found in rtnl.dump(ip, rtnl.GETLINK, ifinfmsg, {}))
    return {link.name: link for link in links}


def loopback(found: Iterable[Link]) -> Link:
    """Return the loopback device among all devices of a namespace, whatever its name."""
    return next(link for link in found if link.index == LOOPBACK_INDEX)


def get(ip: Any, name: str) -> Link:
    """Read one device that is known to be there."""
    built = rtnl.message(ifinfmsg, {}, [("IFLA_IFNAME", name)])
    return _link(rtnl.request(ip, rtnl.GETLINK, built)[0])


def addresses(ip: Any) -> dict[int, list[str]]:
    """Read the addresses of all devices: index → ``["10.0.0.1/24", "fe80::1/64"]``.

    One of a link of two ends is ``10.0.0.1 peer 10.0.0.2/32``.
    """
    found: dict[int, list[str]] = {}
    for entry in rtnl.dump(ip, rtnl.GETADDR, ifaddrmsg, {}):
        local, peer = entry.get_attr("IFA_LOCAL"), entry.get_attr("IFA_ADDRESS")
        shown = f"{local} peer {peer}" if local and peer and local != peer else local or peer
        found.setdefault(entry["index"], []).append(f"{shown}/{entry['prefixlen']}")
    return found


def local(address: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    """Take the device's own part of an address as :func:`addresses` has it."""
    own, _peer, other = address.partition(" peer ")
    return ipaddress.ip_interface(f"{own}/{other.partition('/')[2]}" if other else own)


def add(
    ip: Any,
    name: str,
    kind: str,
    *,
    data: Iterable[tuple[str, object]] = (),
    attributes: Mapping[str, object] | None = None,
) -> None:
    """Make a device.

    :param data: attributes of its kind in the kernel's words, such as ``("IFLA_VXLAN_ID", 7)``.
    :param attributes: in our words, see :data:`ATTRIBUTES`; those of :data:`AFTERWARDS` are left
        to :func:`set_`.
    """
    info: list[tuple[str, object]] = [("IFLA_INFO_KIND", kind)]
    data = list(data)
    if data:
        info.append(("IFLA_INFO_DATA", {"attrs": data}))
    built = _message(_at_creation({"name": name, **(attributes or {})}))
    built["attrs"].append(["IFLA_LINKINFO", {"attrs": info}])
    told = " with " + ", ".join(f"{word}={value!r}" for word, value in data) if data else ""
    with netlink.doing(f"the {kind} device {name!r}{told if kind != 'veth' else ''}"):
        rtnl.request(ip, rtnl.NEWLINK, built, rtnl.CREATE | rtnl.EXCL)


def add_veth(
    ip: Any,
    attributes: Mapping[str, object],
    peer: Mapping[str, object],
    peer_netns: str | None = None,
    *,
    netns: str | None = None,
) -> None:
    """Make both ends of a veth pair in one request; :data:`AFTERWARDS` is left to :func:`set_`.

    :param attributes: of the end in the socket's namespace, with its ``name``.
    :param peer: of the other end, with its ``name``.
    :param peer_netns: namespace of the other end, in the words of :mod:`namespaces`; where it is
        the same word as ``netns``, both are in the socket's namespace.
    """
    flags, change, other = _encode(_at_creation(peer))
    fd = None
    if peer_netns != netns:
        fd = os.open(namespaces.path(peer_netns), os.O_RDONLY | os.O_CLOEXEC)
        other.append(("IFLA_NET_NS_FD", fd))
    end = {"index": 0, "flags": flags, "change": change, "attrs": other}
    rest = {key: value for key, value in attributes.items() if key != "name"}
    try:
        add(
            ip,
            str(attributes["name"]),
            "veth",
            data=[("VETH_INFO_PEER", end)],
            attributes=rest,
        )
    finally:
        if fd is not None:
            os.close(fd)


def set_(ip: Any, index: int, **attributes: object) -> None:
    """Change attributes of a device in one request; ``master=0`` and ``alias=""`` take away."""
    told = ", ".join(f"{word}={value!r}" for word, value in attributes.items())
    with netlink.doing(f"the change of device {index} to {told}"):
        rtnl.request(ip, rtnl.NEWLINK, _message(attributes, index))


def set_data(ip: Any, index: int, kind: str, data: Iterable[tuple[str, object]]) -> None:
    """Change attributes of the device's kind in one request."""
    data = list(data)
    info = [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": data})]
    built = rtnl.message(ifinfmsg, {"index": index}, [("IFLA_LINKINFO", {"attrs": info})])
    told = ", ".join(f"{word}={value!r}" for word, value in data)
    with netlink.doing(f"the change of {kind} device {index} to {told}"):
        rtnl.request(ip, rtnl.NEWLINK, built)


def set_hairpin(ip: Any, index: int, *, on: bool) -> None:
    """Let a port of a bridge send frames back to where they came from, or not."""
    info = [
        ("IFLA_INFO_SLAVE_KIND", "bridge"),
        ("IFLA_INFO_SLAVE_DATA", {"attrs": [("IFLA_BRPORT_MODE", int(on))]}),
    ]
    built = rtnl.message(ifinfmsg, {"index": index}, [("IFLA_LINKINFO", {"attrs": info})])
    with netlink.doing(f"the change of hairpin mode of port {index}"):
        rtnl.request(ip, rtnl.NEWLINK, built)


def delete(ip: Any, index: int) -> None:
    """Remove a device; a veth takes its peer with it."""
    with netlink.doing(f"the removal of device {index}"):
        rtnl.request(ip, rtnl.DELLINK, rtnl.message(ifinfmsg, {"index": index}))


def delete_many(ip: Any, indexes: Collection[int]) -> None:
    """Remove devices in one request: the kernel waits once and not, some 20 ms each, for every one.

    They are put into a group that no other device is in, and the group is removed. One that has
    gone meanwhile, as one end of a pair does with the other, is passed over.
    """
    if len(indexes) < 2:
        for index in indexes:
            with netlink.unless_gone():
                delete(ip, index)
        return
    group = 1 + max(link.devgroup for link in dump(ip).values())
    for index in indexes:
        with netlink.unless_gone():
            set_(ip, index, devgroup=group)
    with netlink.unless_gone(), netlink.doing(f"the removal of {len(indexes)} devices"):
        built = rtnl.message(ifinfmsg, {}, [("IFLA_GROUP", group)])
        rtnl.request(ip, rtnl.DELLINK, built)


def add_address(ip: Any, index: int, cidr: str) -> None:
    """Give a device an address such as ``10.0.0.1/24``."""
    with netlink.doing(f"the address {cidr} on device {index}"):
        rtnl.request(ip, rtnl.NEWADDR, _address(index, cidr), rtnl.CREATE | rtnl.EXCL)


def remove_address(ip: Any, index: int, cidr: str) -> None:
    """Take an address from a device."""
    with netlink.doing(f"the removal of address {cidr} from device {index}"):
        rtnl.request(ip, rtnl.DELADDR, _address(index, cidr))


def netnsid(ip: Any, netns: str | None) -> int | None:
    """Number by which the socket's namespace knows another one, None where it has none yet.

    The kernel gives a number when a device of a pair that crosses the two is first read: read the
    devices before. One's own namespace has no number.
    """
    fd = os.open(namespaces.path(netns), os.O_RDONLY | os.O_CLOEXEC)
    try:
        answer = ip.get_netnsid(fd=fd)
    finally:
        os.close(fd)
    number = answer["nsid"] if answer else None
    return None if number is None or number in (-1, 0xFFFFFFFF) else int(number)


def _link(found: Any) -> Link:
    # pyroute2 searches the list for each attribute; a device has fifty, and a node 500 devices.
    slots = {slot[0]: slot for slot in found["attrs"]}

    def value(word: str) -> Any:
        return slots[word][1] if word in slots else None

    # The address of a tunnel is not one of Ethernet, and pyroute2 stumbles over it.
    has_mac = found["ifi_type"] in (ETHERNET, LOOPBACK)
    return Link(
        index=found["index"],
        name=value("IFLA_IFNAME"),
        kind=found.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND"),
        mac=value("IFLA_ADDRESS") if has_mac else None,
        mtu=value("IFLA_MTU"),
        up=bool(found["flags"] & IFF_UP),
        arp=not found["flags"] & IFF_NOARP,
        alias=value("IFLA_IFALIAS"),
        txqueuelen=value("IFLA_TXQLEN"),
        devgroup=value("IFLA_GROUP"),
        numtxqueues=value("IFLA_NUM_TX_QUEUES"),
        numrxqueues=value("IFLA_NUM_RX_QUEUES"),
        master=value("IFLA_MASTER"),
        lower=value("IFLA_LINK"),
        netnsid=value("IFLA_LINK_NETNSID"),
        message=found,
    )


def _at_creation(attributes: Mapping[str, object]) -> dict[str, object]:
    return {word: value for word, value in attributes.items() if word not in AFTERWARDS}


def _encode(attributes: Mapping[str, object]) -> tuple[int, int, list[tuple[str, object]]]:
    """Flags, the mask of the flags that are meant, and the attributes in the kernel's words."""
    flags = change = 0
    for word, bit, unset in (("up", IFF_UP, False), ("arp", IFF_NOARP, True)):
        if word in attributes:
            change |= bit
            flags |= bit if bool(attributes[word]) is not unset else 0
    rest = [word for word in attributes if word not in ("up", "arp")]
    return flags, change, [(ATTRIBUTES[word], attributes[word]) for word in rest]


def _message(attributes: Mapping[str, object], index: int = 0) -> Any:
    flags, change, known = _encode(attributes)
    return rtnl.message(ifinfmsg, {"index": index, "flags": flags, "change": change}, known)


def _address(index: int, cidr: str) -> Any:
    interface = local(cidr)
    fields = {
        "family": AF_INET if interface.version == 4 else AF_INET6,
        "index": index,
        "prefixlen": interface.network.prefixlen,
    }
    ip, peer = str(interface.ip), cidr.rpartition(" peer ")[2].partition("/")[0]
    return rtnl.message(ifaddrmsg, fields, [("IFA_LOCAL", ip), ("IFA_ADDRESS", peer)])

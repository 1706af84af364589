# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routing rules (``ip rule``) of both families, as far as somebody has added them.

The network has none. One of the host's own may lead packets of pods to another table.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6
from typing import Any

from . import rtnl

try:
    from pyroute2.netlink.rtnl.fibmsg import fibmsg
except ImportError:  # runner.require() says so before anything here is called
    fibmsg = None

_GETRULE = 34
#: Priority and table of those that a kernel begins with: local, main and default.
_KERNELS = {(0, 255), (32766, 254), (32767, 253)}
_FAMILIES = {AF_INET: "ipv4", AF_INET6: "ipv6"}


def added(ip: Any) -> list[dict[str, Any]]:
    """Return the rules that the kernel did not begin with, by family and priority.

    :param ip: an open ``IPRoute``.
    :returns: of each ``family``, ``priority``, ``from``, ``to`` (a CIDR or ``all``), ``mark``,
        ``iif``, ``oif`` (None: any) and ``table`` (0: the rule leads to none).
    """
    found = []
    for family, name in _FAMILIES.items():
        for rule in rtnl.dump(ip, _GETRULE, fibmsg, {"family": family}):
            table = rule.get_attr("FRA_TABLE", rule["table"])
            priority = rule.get_attr("FRA_PRIORITY", 0)
            if (priority, table) not in _KERNELS:
                found.append(
                    {
                        "family": name,
                        "priority": priority,
                        "from": _cidr(rule.get_attr("FRA_SRC"), rule["src_len"]),
                        "to": _cidr(rule.get_attr("FRA_DST"), rule["dst_len"]),
                        "mark": rule.get_attr("FRA_FWMARK"),
                        "iif": rule.get_attr("FRA_IIFNAME"),
                        "oif": rule.get_attr("FRA_OIFNAME"),
                        "table": table,
                    }
                )
    return sorted(found, key=lambda rule: (rule["family"], rule["priority"]))


def _cidr(address: str | None, length: int) -> str:
    return f"{address}/{length}" if address else "all"

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host's firewall has to say of packets that it forwards or takes: chains as plain data.

The kernel tells by netlink whether there is a chain that could drop one. Only then the firewall's
own tools are asked for the rules, since they alone know what every match means.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import plain_netlink, rtnl
from . import iptables, nftables

if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_NETFILTER = 12
#: linux/netfilter/nf_tables.h: NFNL_SUBSYS_NFTABLES and NFT_MSG_GETCHAIN, attributes of a chain.
GETCHAIN = 10 << 8 | 4
NFTA_TABLE, NFTA_NAME, NFTA_HOOK, NFTA_POLICY, NFTA_USE = 1, 3, 4, 5, 6
NFTA_HOOK_NUMBER = 1
HOOKS = {1: "input", 2: "forward"}
FAMILIES = {1: "inet", 2: "ip"}
DROP = 0
#: linux/netfilter/nfnetlink.h, struct nfgenmsg: family, version, resource.
_MESSAGE = struct.Struct("=BBH")

LEGACY_TABLES = Path("/proc/net/ip_tables_names")
NF_TABLES, MODULES = Path("/sys/module/nf_tables"), Path("/proc/modules")
SECONDS = 20
#: More rules than this are not looked at: nobody writes them by hand, and they travel.
RULES_MAX = 5000


def read() -> list[dict[str, Any]]:
    """Return the base chains for IPv4 that may drop what is forwarded or taken, with their rules.

    ``[{"table": "inet filter", "chain": "forward", "hook": "forward", "policy": "drop",
    "by": "nftables", "rules": [...], "chains": {"more": [...]}}]``: rules as in
    :mod:`nftables`, and the chains that they jump to; ``rules`` is None where no tool tells them.
    """
    native = [one for one in _base_chains() if one["policy"] == "drop" or one.pop("used")]
    legacy = bool(LEGACY_TABLES.exists() and LEGACY_TABLES.read_text().split())
    if not native and not legacy:
        return []
    # What iptables made of nf_tables, iptables alone can read: nft does not know its matches.
    theirs = [one for one in native if _is_iptables(one)]
    own = [one for one in native if not _is_iptables(one)]
    found: list[dict[str, Any]] = []
    if own:
        text = _ask("nft", "-j", "list", "ruleset")
        ruleset = json.loads(text)["nftables"] if text else None
        found += [nftables.chain(one, ruleset) for one in own]
    if theirs:
        found += _of_iptables("iptables-nft-save", theirs)
    if legacy:
        found += _of_iptables("iptables-legacy-save", [])
    return [one if _size(one) <= RULES_MAX else {**one, "rules": None} for one in found]


def _of_iptables(command: str, fallback: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = _ask(command) or _ask("iptables-save")
    if text is None:
        return [{**one, "by": "iptables", "rules": None} for one in fallback]
    return iptables.chains(text)


def _size(chain: dict[str, Any]) -> int:
    return len(chain["rules"] or ()) + sum(len(rules) for rules in chain.get("chains", {}).values())


def _is_iptables(chain: dict[str, Any]) -> bool:
    return chain["table"].startswith("ip ") and chain["chain"] in iptables.HOOKS


def _base_chains() -> Iterator[dict[str, Any]]:
    if not NF_TABLES.exists() and MODULES.exists():
        return  # not even loaded, and asking would load it
    body = _MESSAGE.pack(socket.AF_UNSPEC, 0, 0)
    try:
        answers = list(
            plain_netlink.ask(NETLINK_NETFILTER, GETCHAIN, rtnl.REQUEST | rtnl.DUMP, body)
        )
    except OSError:  # a kernel without nf_tables
        return
    for answer in answers:
        family = FAMILIES.get(answer[0])
        told = dict(plain_netlink.attributes(answer[_MESSAGE.size :]))
        hook = dict(plain_netlink.attributes(told.get(NFTA_HOOK, b"")))
        if family is None or not hook:
            continue
        number = int.from_bytes(hook[NFTA_HOOK_NUMBER], "big")
        if number in HOOKS:
            policy = int.from_bytes(told.get(NFTA_POLICY, b"\1"), "big")
            yield {
                "table": f"{family} {_text(told[NFTA_TABLE])}",
                "chain": _text(told[NFTA_NAME]),
                "hook": HOOKS[number],
                "policy": "drop" if policy == DROP else "accept",
                "used": int.from_bytes(told.get(NFTA_USE, b""), "big"),
            }


def _ask(*command: str) -> str | None:
    """Return what a tool says, None where it is not there or fails."""
    path = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
    if path is None:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [path, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=SECONDS,
        )
        return done.stdout.decode(errors="replace")
    return None


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")

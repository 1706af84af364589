# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules as ``iptables-save`` tells them, in the form of :mod:`nftables`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .nftables import NOT_KNOWN, reached

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOOKS = {"FORWARD": "forward", "INPUT": "input"}
#: Options with one value, and the field that they are of.
FIELDS = {
    "-i": "iif",
    "-o": "oif",
    "-s": "saddr",
    "-d": "daddr",
    "-p": "protocol",
    "--sport": "sport",
    "--dport": "dport",
    "--sports": "sport",
    "--dports": "dport",
    "--ctstate": "state",
    "--state": "state",
    "--ctstatus": "status",
}
#: Modules of matches whose options are all above, and those that match anything.
KNOWN = ("tcp", "udp", "conntrack", "state", "multiport", "comment")
VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
#: Targets after which the next rule comes.
GOES_ON = ("LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "TRACE", "ULOG", "CT", "DSCP", "CHECKSUM")


def chains(text: str) -> list[dict[str, Any]]:
    """Return the base chains that see what is forwarded or taken, with their rules."""
    found: list[dict[str, Any]] = []
    policies: dict[str, str] = {}
    rules: dict[str, list[dict[str, Any]]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table, policies, rules = line[1:], {}, {}
        elif line.startswith(":"):
            name, policy, *_counters = line[1:].split()
            policies[name] = policy
        elif line.startswith("-A "):
            _append, name, *words = shlex.split(line)
            rules.setdefault(name, []).extend(_rule(words))
        elif line == "COMMIT":
            found += [
                {
                    "table": f"ip {table}",
                    "chain": name,
                    "hook": hook,
                    "policy": "drop" if policies[name] == "DROP" else "accept",
                    "by": "iptables",
                    **reached(name, rules),
                }
                for name, hook in HOOKS.items()
                if name in policies and (rules.get(name) or policies[name] == "DROP")
            ]
    return found


def _rule(words: Sequence[str]) -> Iterator[dict[str, Any]]:
    matches, negated, at = [], False, 0
    verdict = None
    while at < len(words):
        word, value = words[at], words[at + 1] if at + 1 < len(words) else ""
        at += 2
        if word == "!":
            negated, at = True, at - 1
        elif word in ("-j", "-g"):
            verdict = _verdict(word, value)
            break  # what follows is the target's
        elif word in FIELDS:
            matches.append([FIELDS[word], negated, [_value(each) for each in value.split(",")]])
            negated = False
        elif word == "--comment" or (word == "-m" and value in KNOWN):
            continue
        else:
            matches.append(NOT_KNOWN)
            at -= value.startswith("-")
            negated = False
    if verdict:
        yield {"matches": matches, "verdict": verdict}


def _verdict(word: str, target: str) -> str | None:
    if target in VERDICTS:
        return VERDICTS[target]
    if target in GOES_ON:
        return None
    return f"{'goto' if word == '-g' else 'jump'} {target}"


def _value(text: str) -> str:
    # Devices end with + for any rest, where nftables has *; ranges of ports have a colon.
    if text.endswith("+"):
        return text[:-1] + "*"
    return text.replace(":", "-").lower() if text[:1].isdigit() and ":" in text else text

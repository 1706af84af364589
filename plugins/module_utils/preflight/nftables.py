# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of nftables, as ``nft -j`` tells them, in the form in which they are judged.

A rule is ``{"matches": [[FIELD, NEGATED, [VALUE, ...]], ...], "verdict": WORD}``. A field is
``iif``, ``oif``, ``family``, ``saddr``, ``daddr``, ``protocol``, ``sport``, ``dport``, ``state`` or
``status`` (of its connection), None for what is not understood. A verdict is ``accept``, ``drop``,
``return``, ``jump CHAIN`` or ``goto CHAIN``; what has another end, or none, is no rule for us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Rule = dict[str, Any]
    Match = list[Any]

METAS = {
    "iifname": "iif",
    "iif": "iif",
    "oifname": "oif",
    "oif": "oif",
    "l4proto": "protocol",
    "nfproto": "family",
}
CONNTRACK = {"state": "state", "status": "status"}
#: Headers that say what the packet is, whatever of them a rule looks at.
HEADERS = {
    "ip6": ["family", False, ["ipv6"]],
    "icmpv6": ["family", False, ["ipv6"]],
    "icmp": ["protocol", False, ["icmp"]],
}
PAYLOADS = {
    ("ip", "saddr"): "saddr",
    ("ip", "daddr"): "daddr",
    ("ip", "protocol"): "protocol",
    **{(layer, end): end for layer in ("tcp", "udp", "th") for end in ("sport", "dport")},
}
VERDICTS = {"accept": "accept", "drop": "drop", "reject": "drop", "return": "return"}
NOT_KNOWN: Match = [None, False, []]


def chain(base: Mapping[str, Any], ruleset: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Return a base chain with its rules, and the chains that those lead to."""
    if ruleset is None:
        return {**base, "by": "nftables", "rules": None}
    family, _blank, table = str(base["table"]).partition(" ")
    chains: dict[str, list[Rule]] = {}
    for item in ruleset:
        rule = item.get("rule")
        if rule and (rule["family"], rule["table"]) == (family, table):
            chains.setdefault(rule["chain"], []).extend(_rules(rule["expr"]))
    return {**base, "by": "nftables", **reached(str(base["chain"]), chains)}


def reached(first: str, chains: Mapping[str, list[Rule]]) -> dict[str, Any]:
    """Return the rules of a chain, and of the chains that they lead to, by name."""
    found: dict[str, list[Rule]] = {}
    left = [first]
    while left:
        name = left.pop()
        if name in found:
            continue
        found[name] = chains.get(name, [])
        left += [target for rule in found[name] if (target := target_of(rule["verdict"]))]
    return {"rules": found.pop(first), "chains": found}


def target_of(verdict: str) -> str | None:
    """Return the chain that a verdict leads to."""
    word, _blank, target = verdict.partition(" ")
    return target if word in ("jump", "goto") else None


def _parts(expression: Any) -> tuple[str, Any]:
    """Return the word of an expression, and what it says."""
    return next(iter(expression.items()), ("", {})) if isinstance(expression, dict) else ("", {})


def _rules(expressions: Sequence[Any]) -> Iterator[Rule]:
    """Yield what a rule comes to: several, where it ends in a map of verdicts."""
    matches: list[Match] = []
    for expression in expressions:
        word, told = _parts(expression)
        if word == "match":
            matches.append(_match(told))
        elif word == "vmap":
            yield from _of_map(matches, told)
            return
        elif verdict := _verdict(word, told):
            yield {"matches": matches, "verdict": verdict}
            return
        elif word in ("xt", "limit", "quota", "connlimit", "ct count"):
            matches.append(NOT_KNOWN)


def _verdict(word: str, told: Any) -> str | None:
    if word in ("jump", "goto"):
        return f"{word} {told['target']}"
    return VERDICTS.get(word)


def _of_map(matches: list[Match], told: Mapping[str, Any]) -> Iterator[Rule]:
    field = _field(told.get("key"))
    data = told.get("data")
    pairs = data.get("set") if isinstance(data, dict) else None
    for key, verdict in pairs or ():
        ((word, more),) = verdict.items()
        if end := _verdict(word, more):
            yield {"matches": [*matches, _values(field, key, negated=False)], "verdict": end}


def _match(told: Mapping[str, Any]) -> Match:
    if told.get("op") not in ("==", "!=", "in"):
        return NOT_KNOWN
    left = told.get("left")
    payload = left.get("payload", {}) if isinstance(left, dict) else {}
    if payload.get("protocol") in HEADERS:
        return HEADERS[payload["protocol"]]
    return _values(_field(left), told.get("right"), negated=told["op"] == "!=")


def _field(left: Any) -> str | None:
    if not isinstance(left, dict):
        return None
    if "meta" in left:
        return METAS.get(left["meta"]["key"])
    if "payload" in left:
        payload = left["payload"]
        return PAYLOADS.get((payload.get("protocol", ""), payload.get("field", "")))
    return CONNTRACK.get(left.get("ct", {}).get("key"))


def _values(field: str | None, right: Any, *, negated: bool) -> Match:
    if field is None:
        return NOT_KNOWN
    items = right.get("set") if isinstance(right, dict) and "set" in right else right
    values = [_value(item) for item in (items if isinstance(items, list) else [items])]
    return NOT_KNOWN if None in values else [field, negated, values]


def _value(item: Any) -> str | None:
    if isinstance(item, dict):
        if "prefix" in item:
            return f"{item['prefix']['addr']}/{item['prefix']['len']}"
        if "range" in item:
            return "-".join(str(end) for end in item["range"])
        return None
    text = str(item)
    return None if text.startswith("@") else text

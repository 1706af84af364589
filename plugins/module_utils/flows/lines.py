# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What there is to say of a packet, a line for each thing: as data, and as people read it."""

from __future__ import annotations

import socket
from collections import OrderedDict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..datapath import event_layout as layout
from ..datapath import reasons
from ..engine import addresses, protocols

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .known import Known

    Line = dict[str, Any]

_HOOKS = {hook.number: hook for hook in reasons.HOOKS}
_VERDICTS = {verdict.number: verdict for verdict in reasons.VERDICTS}
_ENDS = ("source", "destination")
#: Hooks at which the device says who sent a packet, whatever its source address does.
_SENDERS = ("from_container", "guard")
_SOCKET = "socket"
_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_SYN, _ACK = 2, 16
_ICMP = {0: "EchoReply", 3: "DestinationUnreachable", 8: "EchoRequest", 11: "TimeExceeded"}
_ICMP |= {5: "Redirect", 12: "ParameterProblem"}
_REPLY, _REQUEST = 0, 8
_QUOTES = (3, 11, 12)
_JUDGED = {
    layout.EVENT_JUDGED_ALLOWED: "ALLOWED",
    layout.EVENT_JUDGED_DENIED: "DENIED",
    layout.EVENT_JUDGED_AUDITED: "AUDITED",
}
_TOP = layout.EVENT_JUDGED_EGRESS

_IPV4 = b"\x08\x00"

#: So many flows are kept in mind to tell an answer by.
_FLOWS = 4096


class Lines:
    """Makes lines of events; it keeps in mind who began what."""

    def __init__(self, offset: int) -> None:
        """Begin with nothing.

        :param offset: nanoseconds between the clock of events and the wall's.
        """
        self._offset = offset
        self._began: OrderedDict[tuple[Any, ...], bool] = OrderedDict()

    def of(self, row: Any, known: Known) -> Iterator[Line]:
        """Yield the lines of an event: policies, translation, and what became of it."""
        packet = _packet(row, known)
        # Of the time that a run takes, a clock that is set is no matter.
        packet["time"] = _time(row.time + self._offset)
        packet["reply"] = self._is_reply(packet, row)
        hook = _HOOKS.get(row.hook)
        at_socket = bool(row.kinds & layout.EVENT_SOCKET)
        if not at_socket:
            yield from _judgements(row, packet, known)
        if row.kinds & layout.EVENT_TRANSLATED:
            point = _SOCKET if at_socket else hook.name if hook else str(row.hook)
            yield _line(packet, "TRANSLATED", point)
        if at_socket and row.kinds & layout.EVENT_TRANSLATED:
            return
        yield _outcome(row, packet, known, at_socket=at_socket)

    def _is_reply(self, packet: Line, row: Any) -> bool:
        """Say whether a packet answers, as far as it says so itself or its beginning was seen."""
        if packet["icmp_type"] == _REPLY:
            return True
        if packet["protocol"] not in ("TCP", "UDP", "SCTP"):
            return False
        ends = tuple((packet[end], packet[f"{end}_port"]) for end in _ENDS)
        there, back = (packet["protocol"], *ends), (packet["protocol"], *reversed(ends))
        opens = row.tcp_flags & (_SYN | _ACK)
        if packet["protocol"] == "TCP" and opens & _SYN:
            begins = opens == _SYN
            self._keep(there if begins else back)
            return not begins
        if there in self._began:
            return False
        if back in self._began:
            return True
        if packet["protocol"] != "TCP":
            self._keep(there)
        return False

    def _keep(self, flow: tuple[Any, ...]) -> None:
        self._began[flow] = True
        self._began.move_to_end(flow)
        if len(self._began) > _FLOWS:
            self._began.popitem(last=False)


def text(line: Mapping[str, Any]) -> str:
    """Write a line as people read it.

    Such as ``14:01:20.633 10.0.0.1:4000 (web-1) -> 10.0.0.2:80 (db-1) to-endpoint FORWARDED (TCP
    Flags: SYN)``.
    """
    first, second = ("destination", "source") if line["reply"] else _ENDS
    arrow = "<-" if line["reply"] else "->"
    node = f" {line['node']}" if line.get("node") else ""
    more = ""
    if line["to_destination"]:
        ends = [_end(line, f"to_{end}") for end in (first, second) if line[f"to_{end}"] is not None]
        more = f" to {f' {arrow} '.join(ends)}"
    why = f" {line['reason']}" if line["reason"] else ""
    by = f" by {line['rule']}" if line["rule"] else ""
    return (
        f"{line['time']}{node} {_end(line, first)} {arrow} {_end(line, second)} "
        f"{line['point']} {line['verdict']}{why}{more}{by} ({line['summary']})"
    )


def _line(packet: Line, verdict: str, point: str, **more: Any) -> Line:
    return {**packet, "verdict": verdict, "point": point.replace("_", "-"), **more}


def _outcome(row: Any, packet: Line, known: Known, *, at_socket: bool) -> Line:
    verdict = _VERDICTS.get(row.verdict)
    name = verdict.name if verdict else str(row.verdict)
    if verdict and verdict.drops:
        point = _SOCKET if at_socket else packet["hook"]
        number = row.egress if name == "egress_denied" else row.ingress
        denied = name.endswith("_denied") and number in known.rules
        policies = list(known.rules[number][1]) if denied else []
        more = {"reason": name, "policies": policies, "rule": ", ".join(policies) or None}
        return {**_line(packet, "DROPPED", point, **more), **_to_nowhere()}
    # As it goes on.
    after = {
        f"{end}{what}": packet[f"to_{end}{what}"]
        for end in _ENDS
        for what in ("", "_name", "_port")
        if packet[f"to_{end}"] is not None
    }
    return {**_line(packet, "FORWARDED", name), **after, **_to_nowhere()}


def _to_nowhere() -> Line:
    return {f"to_{end}{what}": None for end in _ENDS for what in ("", "_name", "_port")}


def _judgements(row: Any, packet: Line, known: Known) -> Iterator[Line]:
    for direction, number, judged in (
        ("egress", row.egress, row.judged >> _TOP),
        ("ingress", row.ingress, row.judged),
    ):
        words = [word for bit, word in _JUDGED.items() if judged & bit]
        # What is said last counts: a packet is allowed before it is known that it is not.
        for word in words[-1:]:
            name, policies = known.rules.get(number, (None, ()))
            rule = name if word == "ALLOWED" else ", ".join(policies) or None
            more = {"direction": direction, "policies": list(policies), "rule": rule}
            yield {**_line(packet, word, f"policy-{direction}", **more), **_to_nowhere()}


def _packet(row: Any, known: Known) -> Line:
    hook = _HOOKS.get(row.hook)
    name = hook.name if hook else str(row.hook)
    device, pod = known.names.devices.get(row.ifindex, (None, None))
    number = row.carries or row.protocol
    # An error whose quote was read has the ends of what would answer that.
    quotes = row.carries == socket.IPPROTO_ICMP and row.icmp[0] in _QUOTES
    has_ports = row.protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP)
    found: Line = {
        "source": _address(row.source),
        "source_name": None,
        "source_port": _port(row.source_port) if has_ports else None,
        "destination": _address(row.destination),
        "destination_name": None,
        "destination_port": _port(row.destination_port) if has_ports else None,
        **_to_nowhere(),
        "protocol": protocols.name(number) if number else None,
        "ethertype": f"0x{row.ethertype.hex()}",
        "tcp_flags": [flag for bit, flag in enumerate(_FLAGS) if row.tcp_flags >> bit & 1],
        "icmp_type": row.icmp[0] if row.carries == socket.IPPROTO_ICMP else None,
        "icmp_code": row.icmp[1] if row.carries == socket.IPPROTO_ICMP else None,
        "quotes": quotes,
        "hook": name,
        "direction": hook.direction if hook else None,
        "device": device or (f"device {row.ifindex}" if row.ifindex else None),
        "length": row.length,
        "reason": None,
        "policies": [],
        "rule": None,
    }
    if row.kinds & layout.EVENT_TRANSLATED:
        for end in _ENDS:
            address = _address(getattr(row, f"to_{end}"))
            port = getattr(row, f"to_{end}_port")
            found[f"to_{end}"] = address
            found[f"to_{end}_port"] = _port(port) if has_ports and address else None
    for end in (*_ENDS, *(f"to_{end}" for end in _ENDS)):
        found[f"{end}_name"] = known.of(found[end])
    if row.kinds & layout.EVENT_SOCKET:
        found["source_name"] = "node" if row.netns == known.host else "a pod"
    elif name in _SENDERS and pod and not quotes:
        found["source_name"] = pod
    found["summary"] = _summary(found, row)
    return found


def _summary(packet: Line, row: Any) -> str:
    protocol = packet["protocol"]
    if not protocol:
        return protocols.frame(packet["ethertype"])
    if row.ethertype not in (_IPV4, bytes(2)):  # of a socket there is no frame
        return f"{protocols.frame(packet['ethertype'])} {protocol}"
    if protocol == "TCP" and row.carries:
        return f"TCP Flags: {', '.join(packet['tcp_flags']) or 'none'}"
    if packet["icmp_type"] is not None:
        number, code = packet["icmp_type"], packet["icmp_code"]
        known = _ICMP.get(number, f"type {number}")
        return f"ICMPv4 {known}" + (f" code {code}" if code else "")
    return str(protocol)


def _end(line: Mapping[str, Any], end: str) -> str:
    address, name, port = line[end], line[f"{end}_name"], line[f"{end}_port"]
    if address is None:
        return name or "?"
    place = addresses.at(address, port)
    return f"{place} ({name})" if name else place


def _address(raw: bytes) -> str | None:
    return None if raw == addresses.ANY else addresses.text(raw)


def _port(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _time(wall: int) -> str:
    """Write nanoseconds of the wall's clock; texts of later times are greater."""
    moment = datetime.fromtimestamp(wall // 1_000_000_000, timezone.utc)
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{wall // 1000 % 1_000_000:06d}Z"


def said(lost: int) -> list[str]:
    """Say what there was no room for; nothing where there was."""
    if not lost:
        return []
    what = "1 packet was" if lost == 1 else f"{lost} packets were"
    return [f"{what} not seen: they came faster than they are read. Ask for less."]

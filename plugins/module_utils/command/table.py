# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words of the command: what each is for, an example, its options; data for all who need it.

The parser, the help, the completions of shells and the documentation are made of it.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from ..flows.wanted import HELP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What the command's exit status means.
SOUND, UNSOUND, WRONG_USAGE, NO_ANSWER = range(4)
STATUSES = {
    SOUND: "all is sound",
    UNSOUND: "something is not, or there is what was looked for; what it is, the answer says",
    WRONG_USAGE: "the command line is wrong",
    NO_ANSWER: "there is no answer: no root, no pod network, or the kernel refused",
}


class Usage(Failure):
    """What is wrong with a value of the command line."""


@contextlib.contextmanager
def from_user() -> Iterator[None]:
    """Have what is refused in a ``with`` block be what is wrong with the command line."""
    try:
        yield
    except Failure as wrong:
        raise Usage(wrong.message) from wrong


@dataclass(frozen=True)
class Option:
    """An option or, without dashes, an argument of a word.

    :param name: such as ``--limit`` or ``NAME``.
    :param what: what it does, for people.
    :param more: what argparse takes beside these.
    """

    name: str
    what: str
    more: Mapping[str, Any]


@dataclass(frozen=True)
class Word:
    """A word of the command.

    :param name: itself, and the name of its module in ``words/``.
    :param what: what it does, for people.
    :param unsound: what its exit status 1 means.
    :param example: words to try, with what they show.
    :param options: as given.
    :param json: whether its answer can be had as JSON.
    :param asks_kernel: whether it asks nothing but the maps of the network, which must be there.
    """

    name: str
    what: str
    unsound: str
    example: tuple[str, str]
    options: tuple[Option, ...] = ()
    json: bool = True
    asks_kernel: bool = False


def _option(name: str, what: str, **more: Any) -> Option:
    return Option(name, what, more)


def _seconds(text: str) -> float:
    """Read how long something is waited for; argparse says which word it is of."""
    number = float(text)
    if math.isnan(number) or number < 0:
        raise ValueError(text)
    return number


def _name(of: str, such_as: str, more: str = "") -> Option:
    what = f"{of} of this name alone; a pattern as of a shell such as {such_as!r}{more}"
    return _option("NAME", what, nargs="?")


def _limit() -> Option:
    what = "so many at most; 0 for all, 1000 if nothing is said"
    return _option("--limit", what, type=int, default=1000)


def _conditions() -> Iterator[Option]:
    """Return the options of ``observe`` that say what is looked for, and what is left out."""
    for option, what in HELP.items():
        word = option.replace("_", "-")
        yield _option(f"--{word}", what, action="append")
        yield _option(f"--not-{word}", f"leave out: {what}", action="append")


WORDS = (
    Word(
        "status",
        "say what the pod network of this node is and does, held against its plan",
        "something of the plan is missing in the kernel",
        ("podnet status", "what is missing stands behind Usable"),
    ),
    Word(
        "endpoints",
        "list the pods that the kernel has a network for",
        "one of them is not ready, or there is none of that name",
        ("podnet endpoints 'web-*'", "the pods whose names begin with web-"),
        (_name("show the endpoints", "web-*"),),
        asks_kernel=True,
    ),
    Word(
        "services",
        "list services, their backends, and the sockets that talk to them",
        "a service has no backend, or there is none of that name",
        ("podnet services default/svc", "what the service svc leads to"),
        (_name("show the services", "default/*", "; without a namespace, of any"),),
        asks_kernel=True,
    ),
    Word(
        "nat",
        "list the flows that are translated",
        "the table or the ports of an address are nearly used up",
        ("podnet nat --source 10.111.160.1 --direction out", "what the outside sees of a pod"),
        (
            _option("--protocol", "of this protocol alone", choices=("tcp", "udp", "icmp")),
            _option("--direction", "what begins a flow, or answers it", choices=("out", "in")),
            _option("--source", "of packets from this address, prefix or address:port"),
            _option("--destination", "of packets for this address, prefix or address:port"),
            _option("--translation", "that put this in the place of an end"),
            _option(
                "--kind",
                "that are for this; may be given more than once",
                action="append",
                default=[],
                choices=("masquerade", "service", "host", "inbound"),
            ),
            _option("--all", "those that are over, too", action="store_true"),
            _option(
                "--limit",
                "so many at most; 0 for all, 1000 if nothing is said",
                type=int,
                default=1000,
            ),
        ),
        asks_kernel=True,
    ),
    Word(
        "policy",
        "list network policies, what their rules let through, and the pods that they select",
        "there is none of that name",
        ("podnet policy 'default/*'", "the policies of the namespace default"),
        (_name("show the policies", "default/*", "; without a namespace, of any"),),
        asks_kernel=True,
    ),
    Word(
        "drops",
        "list the packets that were dropped, and why",
        "there are some",
        ("podnet drops --pod web-1 --since 15m", "what a pod lost in the last quarter of an hour"),
        (
            _option("--pod", "at one of whose ends is this pod, or pattern as of a shell"),
            _option("--address", "at one of whose ends is this address or prefix"),
            _option(
                "--reason",
                "dropped for this; may be given more than once",
                action="append",
                default=[],
            ),
            _option("--protocol", "of this protocol, such as tcp, or its number"),
            _option("--since", "dropped then or later: 15m, 3h or 2026-11-27T03:00:00Z"),
            _option(
                "--limit",
                "so many at most; 0 for all, 1000 if nothing is said",
                type=int,
                default=1000,
            ),
        ),
        asks_kernel=True,
    ),
    Word(
        "flows",
        "list who talks to whom at which service, and how much",
        "no flows are counted on this node",
        ("podnet flows --pod 'web-*' --top 5", "whom these pods exchange most with"),
        (
            _option("--pod", "at one of whose ends is this pod, or pattern as of a shell"),
            _option("--address", "at one of whose ends is this address or prefix"),
            _option("--protocol", "of this protocol, such as tcp, or its number"),
            _option("--port", "of this port of the server", type=int),
            _option("--since", "with a packet then or later: 15m, 3h or 2026-11-27T03:00:00Z"),
            _option(
                "--sort",
                "those with the most of this first; bytes if nothing is said",
                choices=("bytes", "packets", "connections", "retries", "resets", "dropped"),
                default="bytes",
            ),
            _option(
                "--top",
                "so many at most; 0 for all, 20 if nothing is said",
                type=int,
                default=20,
            ),
        ),
        asks_kernel=True,
    ),
    Word(
        "observe",
        "show packets while they pass, and what becomes of each; any word of an option has to "
        "fit, and each option that is given",
        "nothing: this word does not judge what passes",
        (
            "podnet observe --follow --pod 'web-*' --not-verdict forwarded",
            "what else becomes of the packets of these pods, until it is stopped",
        ),
        (
            _option("--follow", "until it is stopped", action="store_true"),
            _option("--seconds", "for how long; 5 if nothing is said", type=float),
            _option("--count", "end after so many lines", type=int),
            _option("--last", "the last so many lines of that time alone", type=int),
            *_conditions(),
        ),
    ),
    Word(
        "why",
        "say what would become of a packet, hop by hop on this node; nothing is sent",
        "it, or what answers it, would not arrive",
        ("podnet why web-1 10.111.160.130 --port 80", "and which policy or route decides"),
        (
            _option("SOURCE", "a pod by its name or address, this node, or any other address"),
            _option("DESTINATION", "the same, or the address of a service"),
            _option(
                "--protocol", "tcp unless given", choices=("tcp", "udp", "icmp"), default="tcp"
            ),
            _option("--port", "of the destination, for tcp and udp", type=int),
            _option("--source-address", "what the sender writes as its own, if another one"),
        ),
    ),
    Word(
        "metrics",
        "write what is counted, for Prometheus",
        "a request over HTTP was refused",
        ("podnet metrics", "in Prometheus' text format"),
        (
            _option("--cilium-names", "by the names of Cilium, too", action="store_true"),
            _option("--textfile", "put it into this folder of node_exporter's", metavar="FOLDER"),
            _option(
                "--http",
                "answer the one request that comes by standard input; systemd starts it so",
                action="store_true",
            ),
        ),
    ),
    Word(
        "boot",
        "bring the whole network back as the last run left it, after a boot of the host",
        "all is done but what it says, such as a pod whose namespace is not there",
        ("podnet boot", "systemd runs it at each boot (podnet-boot.service), and people may"),
        (
            _option(
                "--wait",
                "seconds to wait for the address and devices of the plan; 300 if nothing is said",
                type=_seconds,
                default=300.0,
            ),
        ),
        json=False,
    ),
    Word(
        "confirm",
        "let a change stay that a run has made and not confirmed",
        "it is confirmed, and what answered this node before it does not answer now",
        (
            "podnet confirm",
            "when no new connection comes about, and you know why; refused where the run was cut "
            "off before its end",
        ),
        json=False,
    ),
    Word(
        "undo",
        "undo a change that nobody has confirmed, at once",
        "all is undone but what it says, such as a pod whose namespace is not there",
        ("podnet undo", "a timer of systemd runs it (podnet-undo.timer), and people may"),
        json=False,
    ),
    Word(
        "restore",
        "bring back routes, addresses and neighbors that the host lost",
        "something is still missing after a minute",
        ("podnet restore", "events of the host's network run it, and people may"),
        json=False,
    ),
)
BY_NAME = {word.name: word for word in WORDS}

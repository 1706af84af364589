# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command ``./lab``: what one does by hand with a lab, in an instant, without Ansible."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from . import listing, places, removal
from .spawn import ENVIRONMENT, execute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: What shells say for these (exec of a command that is not there).
NOT_FOUND = 127
LOG = Path("/var/log/podnet-demo.log")
NO_ROOT = "This needs root: the lab is made of namespaces, mounts and network devices."


def main(checkout: str, *arguments: str) -> int:
    """Run a command line; return its exit status."""
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.run not in (_up, _demo):
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    if os.geteuid() != 0:
        _parser().error(NO_ROOT)
    try:
        return int(options.run(options, rest, Path(checkout)))
    except Failure as failure:
        sys.stderr.write(f"lab: {failure.message}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("-l", "--lab", help="name of the lab; not needed while only one is up")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="build what an inventory describes (-i INVENTORY)")
    up.set_defaults(run=_up)

    show = commands.add_parser("demo", help="the same with the network on it, status and health")
    show.add_argument(
        "--log", type=Path, default=LOG, help="file for what Ansible prints: %(default)s"
    )
    show.set_defaults(run=_demo)

    down = commands.add_parser("down", help="take labs down, and all that runs in them")
    down.add_argument("names", nargs="+", metavar="NAME")
    down.set_defaults(run=_down)

    show = commands.add_parser("list", help="show labs, their hosts and pods")
    show.add_argument("names", nargs="*", metavar="NAME")
    show.set_defaults(run=_list)

    execute = commands.add_parser("exec", help="run a command on a host or in a pod")
    execute.add_argument("target", metavar="[LAB:]HOST[/POD[/CONTAINER]]")
    execute.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    execute.set_defaults(run=_exec)

    reboot = commands.add_parser("reboot", help="kill a host and boot it; its disk is kept")
    reboot.add_argument(
        "--bare", action="store_true", help="without what its disk has of the pod network"
    )
    reboot.add_argument("target", metavar="[LAB:]HOST")
    reboot.set_defaults(run=_reboot)
    return parser


def _up(_options: argparse.Namespace, rest: Sequence[str], checkout: Path) -> int:
    execute([_ansible(checkout, "playbook"), "podnet.fabric.lab", *rest], _environment(checkout))


def _demo(options: argparse.Namespace, rest: Sequence[str], checkout: Path) -> int:
    # Here alone: what it imports takes longer than another command.
    from . import demo  # noqa: PLC0415

    commands = [_ansible(checkout, word) for word in ("playbook", "inventory")]
    return demo.run(commands, _environment(checkout), rest, options.log)


def _ansible(checkout: Path, word: str) -> str:
    """Return the path of one of Ansible's commands."""
    name = f"ansible-{word}"
    own = Path(os.environ.get("VENV") or checkout / ".venv") / "bin" / name
    command = str(own) if own.exists() else shutil.which(name)
    if command is None:
        raise Failure(f"{name} is not there; make deps installs it.")
    return command


def _environment(checkout: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(_collections(checkout)),
        # An inventory that is not there is no inventory without hosts.
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    }


def _collections(here: Path) -> Path:
    """Return where Ansible finds this collection: installed, or in a checkout by a link."""
    if here.parts[-3:] == ("ansible_collections", "podnet", "fabric"):
        return here.parents[2]
    link = here / ".build/collections/ansible_collections/podnet/fabric"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("../../../..")  # as make does it
    return here / ".build/collections"


def _down(options: argparse.Namespace, _rest: Sequence[str], _checkout: Path) -> int:
    for name in options.names:
        if not removal.absent(name)["changed"]:
            sys.stdout.write(f"Lab {name!r} is not up: there is nothing to take down.\n")
    return 0


def _list(options: argparse.Namespace, _rest: Sequence[str], _checkout: Path) -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # for ./lab list | head
    for name in options.names:
        if name not in places.labs():
            raise Failure(f"Lab {name!r} is not up.")
    sys.stdout.writelines(f"{line}\n" for line in _lines(listing.labs(options.names)))
    return 0


def _lines(labs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for lab in labs:
        yield lab["name"]
        for host in lab["hosts"]:
            links = ", ".join(f"{link['address']} ({link['segment']})" for link in host["links"])
            yield f"  {host['name']:<20} {'up' if host['up'] else 'DOWN':<5} {links}".rstrip()
            for pod in host["pods"]:
                yield f"    {host['name']}/{pod}"


def _exec(options: argparse.Namespace, _rest: Sequence[str], _checkout: Path) -> int:
    lab, target = _choose(options)
    command = options.command or ["/bin/sh"]
    places.find(lab, target).enter()
    # The caller's terminal, and nothing else of the caller's environment.
    environment = {**ENVIRONMENT, "TERM": os.environ.get("TERM", "dumb")}
    try:
        execute(command, environment)
    except OSError as error:
        sys.stderr.write(f"lab: {error}\n")
        return NOT_FOUND


def _reboot(options: argparse.Namespace, _rest: Sequence[str], _checkout: Path) -> int:
    # Here alone: it imports pyroute2, which takes longer than the other commands altogether.
    from .build import reboot  # noqa: PLC0415

    sys.stdout.write(reboot(*_choose(options), bare=options.bare))
    return 0


def _choose(options: argparse.Namespace) -> tuple[str, str]:
    """Return the lab and the target in it."""
    named, colon, target = options.target.rpartition(":")
    if colon and options.lab not in (None, named):
        raise Failure(f"-l {options.lab} and {options.target} name two labs: name one.")
    if colon:
        return named, target
    if options.lab:
        return options.lab, target
    labs = places.labs()
    if len(labs) != 1:
        raise Failure(
            f"Several labs are up ({', '.join(labs)}): say which one, as in -l {labs[0]}."
            if labs
            else "No lab is up; ./lab up -i INVENTORY builds one."
        )
    return labs[0], target

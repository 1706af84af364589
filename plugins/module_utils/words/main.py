# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The node's own command ``podnet``: made of the modules' code, for people and events of the host.

It imports of its words the one that is asked for: a start is most of what an answer takes.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from ..command.table import (
    BY_NAME,
    NO_ANSWER,
    SOUND,
    STATUSES,
    UNSOUND,
    WORDS,
    WRONG_USAGE,
    Usage,
)
from ..engine.failure import Failure
from ..node import presence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..command.table import Word

#: What of an answer has a name that may be asked for.
_NAMED = ("endpoints", "services", "policies")
_SHAPE = argparse.RawDescriptionHelpFormatter
_STATUSES = "\n".join(f"  {number}  {what}" for number, what in STATUSES.items())


def sent() -> object:
    """Return the modules of all words; Ansible sends what it finds imported anywhere."""
    from . import (  # noqa: PLC0415
        boot,
        confirm,
        drops,
        endpoints,
        flows,
        metrics,
        nat,
        observe,
        policy,
        restore,
        services,
        status,
        undo,
        why,
    )

    return (
        *(boot, confirm, drops, endpoints, flows, metrics, nat, observe, policy),
        *(restore, services, status, undo, why),
    )


def main(arguments: Sequence[str]) -> int:
    """Run a command line; return its exit status (see ``table.STATUSES``)."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads may have read enough
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller has closed it
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    word = BY_NAME.get(arguments[0]) if arguments else None
    if word is None:
        _outer().parse_args(arguments)
        return WRONG_USAGE
    options = parser(word).parse_args(arguments[1:])
    try:
        status = _do(word, options)
        sys.stdout.flush()
    except Usage as wrong:
        return _say(str(wrong), WRONG_USAGE)
    except PermissionError as error:
        return _say(f"this needs root: {error}", NO_ANSWER)
    except Failure as error:
        return _say(str(error), NO_ANSWER)
    except OSError as error:
        with contextlib.suppress(OSError):  # what cannot be written is not tried once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _say(str(error), NO_ANSWER)
    return status


def _do(word: Word, options: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        return _say("this needs root", NO_ANSWER)
    module: Any = importlib.import_module(f".{word.name}", __package__)
    if hasattr(module, "run"):
        return int(module.run(options))
    found, sound = module.ask(options)  # what is wrong with the command line comes first
    if word.asks_kernel and not presence.has_network():
        return _say(presence.ABSENT, NO_ANSWER)
    name = getattr(options, "NAME", None)
    lost = name if not any(_called(found)) else None
    if options.json or lost is None:
        shown = json.dumps(found) if options.json else module.render(found)
        sys.stdout.write(shown if shown.endswith("\n") or not shown else f"{shown}\n")
    if lost is not None:
        options.NAME = None
        return _say(_nothing(lost, _called(module.ask(options)[0])), UNSOUND)
    return SOUND if sound else UNSOUND


def _called(found: Mapping[str, Any]) -> list[str]:
    """Return the names in an answer; ports of a service have its name in front of theirs."""
    names = (str(one["name"]) for part in _NAMED for one in found.get(part, ()))
    return [name.partition(":")[0] for name in names]


def _nothing(name: str, there: Sequence[str]) -> str:
    from ..text.tables import nearest  # noqa: PLC0415 - for those who know a name a start less

    valid = (
        f"; valid are {nearest(name, there)}, or a pattern of these" if there else " or any other"
    )
    return f"there is nothing of the name {name!r}{valid}"


def parser(word: Word) -> argparse.ArgumentParser:
    """Return what understands the words behind one, and teaches them."""
    example, shows = word.example
    made = argparse.ArgumentParser(
        prog=f"podnet {word.name}",
        description=f"{word.what[0].upper()}{word.what[1:]}.",
        epilog=f"Example:\n  {example}\n      {shows}\n\n"
        f"Exit status:\n{_STATUSES}\nHere 1 means: {word.unsound}.",
        formatter_class=_SHAPE,
        allow_abbrev=False,
    )
    for option in word.options:
        made.add_argument(option.name, help=option.what, **option.more)
    if word.json:
        made.add_argument("--json", action="store_true", help="answer as JSON, for programs")
    return made


def _outer() -> argparse.ArgumentParser:
    """Return what understands no word but teaches all of them."""
    made = argparse.ArgumentParser(
        prog="podnet",
        description="The pod network of this node, as its kernel has it. Nothing runs in between.",
        epilog=f"Each word has its own help: podnet status --help\n\nExit status:\n{_STATUSES}",
        formatter_class=_SHAPE,
    )
    words = made.add_subparsers(required=True, metavar="WORD")
    for word in WORDS:
        words.add_parser(word.name, help=word.what)
    return made


def _say(sentence: str, status: int) -> int:
    sys.stderr.write(f"podnet: {sentence}\n")
    return status

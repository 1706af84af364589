# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The node's own command ``podnet``: made of the modules' code, and run by events of the host."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..engine.failure import Failure
from ..restoration.restore import restore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Its words: what each does, for people, and the function that does it and returns an exit status.
WORDS: dict[str, tuple[str, Callable[[], int]]] = {
    "restore": ("bring back routes, addresses and neighbors that the host lost", restore),
}


def main(arguments: Sequence[str]) -> int:
    """Run a command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="podnet", description="The pod network of this node.")
    words = parser.add_subparsers(required=True, metavar="WORD")
    for word, (what, do) in WORDS.items():
        words.add_parser(word, help=what).set_defaults(do=do)
    do = parser.parse_args(arguments).do
    try:
        return int(do())
    except (Failure, PermissionError) as error:
        sys.stderr.write(f"podnet: {error}\n")
        return 1

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``restore``: bring back what an event of the host's network took, until it is over.

Whoever manages that network takes an address away and gives it back, sets a link down and up, and
is not done when it says so. So the kernel's own events are listened to: what is missing is put
back after each burst of them, until for a while there is none and nothing is missing.
"""

from __future__ import annotations

import sys
import time

from ..engine import events, lock
from . import entries, record

#: Without an event for so long, an event of the host is over; one with a lease may take the limit.
QUIET_SECONDS = 2.0
LIMIT_SECONDS = 60.0


def restore() -> int:
    """Do it; return 0, or 1 where something is still missing after the limit."""
    end = time.monotonic() + LIMIT_SECONDS
    with events.listen() as heard:
        while True:
            # A run or a teardown may be here, or may have been: what it wrote down is read anew.
            with lock.held("restore"):
                wanted = record.read()
                if wanted is None:
                    return 0
                brought, left = entries.put_back(wanted)
            _say("put back", brought)
            if heard.wait(min(QUIET_SECONDS, end - time.monotonic())):
                if time.monotonic() < end:
                    continue
            elif _say("gone with the host's own", _drop_others()):
                continue
            if not left:
                return 0
            if not heard.wait(end - time.monotonic()):
                _say("missing", left)
                return 1


def _drop_others() -> list[str]:
    with lock.held("restore"):
        wanted = record.read()
        return [] if wanted is None else entries.drop_others(wanted)


def _say(what: str, found: list[str]) -> bool:
    if found:
        sys.stdout.write(f"{what}: {', '.join(found)}\n")
        sys.stdout.flush()
    return bool(found)

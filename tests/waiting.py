# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is there a moment later."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_for(what: str, there: Callable[[], Any], seconds: float = 600) -> Any:
    """Wait until something is there, and return it; fail after a very long time."""
    end = time.monotonic() + seconds
    while not (found := there()):
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.1)
    return found

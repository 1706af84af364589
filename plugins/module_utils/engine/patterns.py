# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names in namespaces, and the patterns, as of a shell, that people ask for them by."""

from __future__ import annotations

from fnmatch import fnmatchcase


def fits(name: str, pattern: str) -> bool:
    """Say whether a pattern is one of ``NAMESPACE/NAME``; without a namespace it is of any."""
    own = name if "/" in pattern else name.partition("/")[2] or name
    return fnmatchcase(own, pattern)

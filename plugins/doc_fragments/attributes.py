# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules say of check mode, of diff mode and of the hosts that they run on."""

from __future__ import annotations


class ModuleDocFragment:
    """``podnet.fabric.attributes`` for every module, and one of the others where it fits."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
  diff_mode:
    description: Shows what differs, before and after.
  platform:
    description: Linux, with root's rights.
    support: full
    platforms: linux
"""

    #: A module that changes its host.
    CHANGES = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

    #: A module that reads.
    READS = r"""
attributes:
  check_mode:
    support: full
    details: The module only reads.
  diff_mode:
    support: N/A
    details: The module only reads.
"""

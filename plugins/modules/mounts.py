#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mounts
short_description: Mount the filesystems that eBPF needs
version_added: 1.0.0
description:
  - Mounts bpffs at C(/sys/fs/bpf), readable by root alone, and cgroup2 where it is mounted nowhere.
  - What is mounted already is left as it is. A host with systemd has both since its start.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
attributes:
  diff_mode:
    details: Shows each mount.
options:
  state:
    description:
      - V(absent) unmounts what this module mounted, which it recognises by its source, once nothing is
        pinned there any more.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Programs and maps can be pinned
  podnet.fabric.mounts:
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [create mount /sys/fs/bpf]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.mounts import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()

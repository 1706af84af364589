#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctls
short_description: Set kernel settings, and undo them later
version_added: 1.0.0
description:
  - Sets any number of settings below C(/proc/sys) in one call, in the running kernel alone.
  - Unlike a file below C(/etc/sysctl.d), it can be undone, since the first value of each setting is
    written down on the node, and O(state=restored) brings it back.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
  - podnet.fabric.netns
attributes:
  check_mode:
    details: A warning tells of a setting that is not there yet.
  diff_mode:
    details: Shows each setting before and after.
options:
  values:
    description:
      - The settings, by the names that C(sysctl -a) shows; slashes instead of dots are accepted, for
        devices whose name holds a dot.
      - A value is a text, a number, V(true) or V(false) for 1 and 0, or a list of them. Blanks, tabs and the way in which a
        number is written make no difference.
      - Those of all devices are set before those of one device, which they set as well.
    type: dict
    default: {}
  ranges:
    description:
      - Settings that are sets of ports, such as C(net.ipv4.ip_local_reserved_ports), and what each has to hold,
        such as V(8080,30000-32767). Ports that others put there stay.
      - With O(remember), what was added is written down. It is all that O(state=restored) takes away, and it goes
        as well when another run names other ports.
    type: dict
    default: {}
  remember:
    description:
      - Whether the first value of each changed setting is written down, for O(state=restored).
        Those of devices that the roles make are not, since they go with the device.
      - Leave it off for settings of devices that are deleted later anyway.
    type: bool
    default: false
  restore:
    description:
      - Names, or patterns as of a shell, of settings. Those that were remembered get their first value
        again and are forgotten, unless O(values) or O(ranges) names them.
      - For O(state=present).
    type: list
    elements: str
    default: []
  state:
    description: V(present) sets O(values) and O(ranges); V(restored) undoes everything that was remembered.
    type: str
    choices: [present, restored]
    default: present
"""

EXAMPLES = r"""
- name: Make a bridge
  podnet.fabric.bridge:
    bridges: [{name: cbr0}]

- name: The node's device forwards packets
  podnet.fabric.sysctls:
    values:
      net.ipv4.conf.eth0.forwarding: 1
    remember: true

- name: The bridge forwards, and the node's device no more, unless it did so before us
  podnet.fabric.sysctls:
    values:
      net.ipv4.conf.cbr0.forwarding: 1
    remember: true
    restore: [net.ipv4.conf.eth0.*]

- name: No connection of the node's own gets the port of a service
  podnet.fabric.sysctls:
    ranges:
      net.ipv4.ip_local_reserved_ports: 30000-32767
    remember: true

- name: As it was before
  podnet.fabric.sysctls:
    state: restored
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [change sysctl net.ipv4.ip_forward]
left:
  description: What was not done, a line each, first what failed.
  returned: failure
  type: list
  elements: str
  sample: [change sysctl net.ipv4.ip_forward]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.sysctls import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Echo requests to many addresses of both families at once."""

from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils.engine import icmp
from node_support import own_host
from running import do


def test_who_answers_is_told_from_who_does_not():
    with own_host():
        do("ip", "link", "set", "lo", "up")
        do("ip", "route", "add", "blackhole", "198.51.100.0/24")
        many = [f"127.0.{number // 250}.{1 + number % 250}" for number in range(1500)]
        silent = ["198.51.100.7", "203.0.113.9", "2001:db8::9"]
        assert icmp.answering([*many, "::1", *silent, "::1"]) == {*many, "::1"}
        assert icmp.answering([]) == set()

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real hosts that a run shuts its controller out of: they undo it by themselves."""

from __future__ import annotations

from . import lockout


def test_a_change_that_shuts_its_controller_out_is_undone(machines):
    machines.play("site").ok()
    whole = lockout.Whole(machines)
    with lockout.shut_out(machines):
        done = machines.play("site")
    assert done.status != 0
    whole.is_back()
    assert machines.play("site").ok().changed == {}
    machines.play("teardown").ok()

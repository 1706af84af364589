# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run in a fork of the process that has Ansible imported is a run of ``ansible-playbook``."""

from __future__ import annotations

import pytest

from .cluster import Cluster

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ lookup('env', 'HOME') }} {{ ansible_check_mode }} {{ lookup('pipe', 'pwd') }}"
    - ansible.builtin.command: readlink /proc/self/fd/0
      register: words
      changed_when: true
    - ansible.builtin.fail:
        msg: "{{ words.stdout | default('none') }}"
      when: fails | default(false)
"""


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 0),
        (["--check"], 0),
        (["-e", "fails=true"], 2),
        (["--list-hosts"], 0),
        (["--no-word"], 2),
    ],
    ids=str,
)
def test_a_fork_prints_and_returns_what_the_command_does(words, status, tmp_path):
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    cluster = Cluster({"all": {"vars": {}}}, tmp_path)
    forked = cluster.play(str(playbook), *words)
    process = cluster.start_play(str(playbook), *words, journal=tmp_path / "journal")
    assert forked.output == process.communicate()[0]
    assert (forked.status, process.returncode) == (status, status)

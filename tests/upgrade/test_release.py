# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The last release comes out of the repository's history; without that, the test says so."""

from __future__ import annotations

import subprocess

import pytest

from tests.cluster.cluster import ROOT

from .release import RELEASE, collection


def test_it_is_what_was_released(tmp_path):
    folder = collection(tmp_path / "release") / "ansible_collections/podnet/fabric"
    file = "playbooks/site.yml"
    command = ("git", "-C", str(ROOT), "show", f"{RELEASE}:{file}")
    assert (folder / file).read_bytes() == subprocess.check_output(command)


@pytest.mark.parametrize("kind", ["a tarball", "a shallow clone"])
def test_a_checkout_without_it_says_so(kind, tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    if kind == "a shallow clone":
        subprocess.run(["git", "init", "-q", str(checkout)], check=True)
        command = ("git", "-C", str(checkout), "fetch", "-q", "--depth", "1", f"file://{ROOT}")
        subprocess.run([*command, "HEAD"], check=True)
    with pytest.raises(pytest.fail.Exception) as raised:
        collection(tmp_path / "release", checkout)
    assert f"{checkout} does not have the last release, commit {RELEASE}" in str(raised.value)
    assert "git fetch --unshallow" in str(raised.value)
    assert not (tmp_path / "release").exists()

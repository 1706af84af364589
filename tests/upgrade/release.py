# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The last release, as it was published, out of the history of this repository."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cluster.cluster import ROOT
from tests.loss.versions import PARTS

if TYPE_CHECKING:
    from pathlib import Path

#: The commit that upgrades start from: what changes here with each release.
RELEASE = "cb5a73016c10d18f6a03d06b5d5ad880772eb31d"


def collection(folder: Path, repository: Path = ROOT) -> Path:
    """Lay the collection of that commit below a folder; return what ANSIBLE_COLLECTIONS_PATH is.

    A checkout without the commit fails the test: nothing that is there could stand in for it.
    """
    done = subprocess.run(
        ["git", "-C", str(repository), "archive", RELEASE, *PARTS], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.fail(
            f"{repository} does not have the last release, commit {RELEASE}: git says "
            f"{done.stderr.decode().strip()!r}. Run the tests in a clone with its whole history, "
            f"as git clone makes it, or git fetch --unshallow."
        )
    checkout = folder / "ansible_collections" / "podnet" / "fabric"
    checkout.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(checkout)], input=done.stdout, check=True)
    return folder

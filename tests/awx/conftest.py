# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection as a user installs it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from .playing import BIN, ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections with the one that was built of this checkout."""
    folder = tmp_path_factory.mktemp("collections")
    galaxy = [str(BIN / "ansible-galaxy"), "collection"]
    build = [*galaxy, "build", "--output-path", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (tarball,) = folder.glob("*.tar.gz")
    there = folder / "installed"
    install = [*galaxy, "install", "--offline", "-p", str(there), str(tarball)]
    # Elsewhere the checkout is found, and nothing would be installed.
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(there)}
    subprocess.run(install, env=environment, check=True, capture_output=True)
    return there

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection as it is published, installed into an empty home."""

from __future__ import annotations

import os
import subprocess
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.cluster.cluster import BIN, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


#: What pages tell to do first.
INSTALL = "ansible-galaxy collection install podnet.fabric"


@dataclass(frozen=True)
class Home:
    """Where somebody works who has ansible-core, the tarball, and no checkout."""

    folder: Path
    tarball: Path
    #: Of the labs that this one builds, whatever the pages call theirs.
    lab: str

    @property
    def collection(self) -> Path:
        """Where ansible-galaxy lays it."""
        return self.folder / ".ansible/collections/ansible_collections/podnet/fabric"

    def run(self, command: str, cwd: Path | None = None, **environment: str) -> str:
        """Run a command line, which must succeed, and return what it says."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=cwd or self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this machine's user; what was compiled before is not compiled again."""
        kept = ("PODNET_OBJECT_CACHE", "TMPDIR")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.folder),
            "PATH": f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
        }

    def own(self, command: str) -> str:
        """Return a command of a page, with this home's tarball and lab in place of the page's."""
        words = command.replace("install podnet.fabric", f"install {self.tarball}")
        words = words.replace("./lab exec", f"./lab -l {self.lab} exec")
        words = words.replace("./lab down demo", f"./lab down {self.lab}")
        return f"{words} -e podnet_lab={self.lab}" if " -i " in words else words


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with the collection in it; the lab goes with the tests, whatever they left."""
    folder = tmp_path_factory.mktemp("home")
    built = tmp_path_factory.mktemp("built")
    build = [BIN / "ansible-galaxy", "collection", "build", "--output-path", built, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (tarball,) = built.glob("*.tar.gz")
    made = Home(folder, tarball, f"pt-{uuid.uuid4().hex[:8]}")
    made.run(made.own(INSTALL))
    try:
        yield made
    finally:
        made.run(f"{made.collection}/lab down {made.lab}")

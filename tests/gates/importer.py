# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Import the collection as Galaxy does, and take no warning for an answer.

With what it does by default: ansible-doc, and, by ``make test-published``, ansible-lint on the
tarball's files, which ``make test`` has linted as they lie in the checkout, by the same profile.
``ansible-test sanity`` is a part of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.scope import WHOLE

from .parts import PUBLISHING, ROOT


def imported(checkout: Path, folder: Path) -> list[str]:
    """Build a checkout's tarball and import it; return what the importer complains of.

    :param folder: an empty one, also the importer's home.
    """
    environment = {**os.environ, "PATH": f"{PUBLISHING}:{os.environ['PATH']}", "HOME": str(folder)}
    for name in [name for name in environment if name.startswith("ANSIBLE_")]:
        del environment[name]
    environment["GALAXY_IMPORTER_RUN_ANSIBLE_LINT"] = str(WHOLE)
    build = ["collection", "build", "--output-path", str(folder), str(checkout)]
    subprocess.run(
        [str(PUBLISHING / "ansible-galaxy"), *build],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (tarball,) = folder.glob("*.tar.gz")
    done = subprocess.run(
        [str(PUBLISHING / "python"), "-m", "galaxy_importer.main", tarball.name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = (done.stdout + done.stderr).splitlines()
    # Apart from its warnings and errors the importer says what it is loading.
    wrong = [line for line in said if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    return wrong or (said if done.returncode != 0 else [])


def main() -> int:
    """Return 0 where the importer has nothing to say."""
    with tempfile.TemporaryDirectory(prefix="podnet-importer-") as folder:
        wrong = imported(ROOT, Path(folder))
    print("\n".join(wrong) or "imported without a warning")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

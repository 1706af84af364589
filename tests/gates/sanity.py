# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ansible-test sanity`` without a container, on a copy of what git tracks or would track.

By ``make test-sanity`` on all of it, and by ``make test`` on what is published, which is half.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.scope import WHOLE

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / ".build" / "sanity"
COPY = BUILD / "ansible_collections" / "podnet" / "fabric"
#: What ``build_ignore`` of galaxy.yml leaves out, as far as there is something to test in it.
NOT_PUBLISHED = ("tests/", "molecule/")
#: The one Python whose modules' imports and syntax are tested: that of Debian 12.
PYTHON = "3.11"
#: The pip that the pinned ansible-core wants, and the script that it looks for; its message names
#: another one if it does.
PIP, PIP_SCRIPT = "24.2", "get_pip_24_2.py"


def copy_checkout() -> None:
    """Lay the collection where ansible-test wants it; files that went away do not stay."""
    shutil.rmtree(BUILD / "ansible_collections", ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and (WHOLE or not name.startswith(NOT_PUBLISHED)):
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)
    # A repository of its own: ansible-test asks git, and the checkout's ignores .build.
    subprocess.run(["git", "init", "-q"], cwd=COPY, check=True)


def make_home() -> Path:
    """Make a home where ansible-test finds pip and its script, and pip the user's settings."""
    home = BUILD / "home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy2(Path(__file__).with_name("get_pip.py"), cache / PIP_SCRIPT)
    if not (cache / f"pip-{PIP}-py3-none-any.whl").exists():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*download, "--dest", str(cache), f"pip=={PIP}"], check=True)
    settings = home / ".config"
    if not settings.is_symlink():
        settings.symlink_to(Path.home() / ".config")
    return home


def main() -> int:
    """Run the tests; return the exit status of ansible-test."""
    copy_checkout()
    command = ["ansible-test", "sanity", "--requirements", "--color", "no", "--python", PYTHON]
    environment = {**os.environ, "HOME": str(make_home())}
    return subprocess.run(
        [*command, *sys.argv[1:]], cwd=COPY, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())

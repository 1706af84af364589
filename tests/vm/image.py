# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The disk of a virtual machine: Debian as it comes, from the sources that this machine's apt has.

It is built once, and again when its description or this machine's sources have changed. Beside it
lie its kernel, its initial file system and the keys of SSH. All machines share it; none writes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".build" / "vm"

#: What is laid into the image as it stands, what is installed, and what is done at last.
TREE, PACKAGES, FINISH = HERE / "image", HERE / "packages.txt", HERE / "finish.sh"

#: Whom SSH lets in: no root, but one who may become root.
USER = "admin"

#: Sparse: what is not written takes no room.
SIZE = "6G"

#: Beside packages without recommendations: nobody reads manuals there.
LEAN = tuple(f"path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man"))


@dataclass(frozen=True)
class Image:
    """A built image, by the folder that it is in."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The root file system, raw, read by all machines."""
        return self.folder / "disk"

    @property
    def kernel(self) -> Path:
        """Debian's kernel."""
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        """What finds the disk."""
        return self.folder / "initrd"

    @property
    def user_key(self) -> Path:
        """With which one logs in as :data:`USER`."""
        return self.folder / "user"

    @property
    def host_key(self) -> Path:
        """By which one knows the machines; its public half ends with ``.pub``."""
        return self.folder / "host"


def current() -> Image:
    """Return the image; build it where there is none, or not this one. Two at once wait."""
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = _sources()
        folder = CACHE / _digest(sources)
        if not folder.exists():
            # With it goes what a killed build has left; the machine's /proc may be mounted there.
            old = [*CACHE.glob("image-*"), *CACHE.glob("building-*")]
            _run("rm", "-rf", "--one-file-system", *map(str, old))
            _build(folder, sources)
        return Image(folder)


def _sources() -> list[str]:
    """Return where this machine's apt has Debian itself from, as lines of a ``sources.list``."""
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    ask = ("apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian")
    lines = _output(*ask)
    if not lines:
        # Its lists were thrown away, as images of containers do.
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        lines = _output(*ask)
    if not lines:
        raise RuntimeError("apt of this machine has no source of Debian: apt-get indextargets")
    return sorted(set(lines))


def _digest(sources: list[str]) -> str:
    of = hashlib.sha256("\n".join(sources).encode())
    for path in sorted([*TREE.rglob("*"), PACKAGES, FINISH, Path(__file__)]):
        if path.is_file():
            of.update(str(path.relative_to(HERE)).encode() + b"\0" + path.read_bytes())
    return f"image-{of.hexdigest()[:16]}"


def _build(folder: Path, sources: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="building-", dir=CACHE) as name:
        work, root = Path(name), Path(name, "root")
        image = Image(work / "image")
        image.folder.mkdir(mode=0o700)
        for key in (image.user_key, image.host_key):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "podnet-vm", "-f", str(key))
        _install(root, image, sources)
        for target, pattern in ((image.kernel, "vmlinuz-*"), (image.initrd, "initrd.img-*")):
            (made,) = (root / "boot").glob(pattern)
            shutil.copyfile(made, target)
        options = ("-m", "0", "-E", "lazy_itable_init=1", "-d", str(root))
        _run("mkfs.ext4", "-q", "-F", *options, str(image.disk), SIZE)
        image.disk.chmod(0o400)
        image.folder.rename(folder)


def _install(root: Path, image: Image, sources: list[str]) -> None:
    """Install Debian below ``root``."""
    lines = [line.partition("#")[0] for line in PACKAGES.read_text().splitlines()]
    finish = shlex.join([str(FINISH), "$1", str(image.folder), USER]).replace("'$1'", '"$1"')
    _run(
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(' '.join(lines).split())}",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt={option}" for option in LEAN),
        # Before the kernel comes, which makes its initial file system by these.
        f'--essential-hook=cp -rT {shlex.quote(str(TREE))} "$1"',
        f"--customize-hook={finish}",
        _release(),
        str(root),
        *sources,
    )  # fmt: skip


def _release() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        key, _is, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    raise RuntimeError("/etc/os-release of this machine names no release of Debian")


def _output(*command: str) -> list[str]:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def _run(*command: str) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True, env={**os.environ, "LC_ALL": "C"})

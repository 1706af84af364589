# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each run would do anew, done once for all runs of a test session."""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import marshal
import os
import sys
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import SimpleNamespace

from ansible import constants
from ansible.executor import module_common
from ansible.plugins import loader
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__
from ansible.utils.collection_loader import _collection_finder
from ansible_collections.podnet import fabric

DOCUMENTATION = r"""
name: ahead
type: notification
short_description: Do once what each run would do anew
description:
  - Ansible packs each module with all that it imports once a run, which takes up to half a second.
    Runs of one test session share what was packed from the same sources.
  - What is packed is compiled, too. Python compiles what it finds in an archive at each start,
    which is 40% of the time that a module takes; another Python finds the sources there, as ever.
  - So are the files of the collection that Ansible itself imports, and nothing collects garbage,
    for which each process of a task would copy what it shares with the others.
options:
  path:
    description: Folder of the session; without it nothing is shared.
    type: path
    env:
      - name: PACKED_PATH
"""


class Archive(zipfile.ZipFile):
    """An archive in which each module of Python has its bytecode beside it."""

    def writestr(self, zinfo_or_arcname, data, *arguments, **options):
        """Write a file; of a source its bytecode, too, which nobody compares with the source."""
        super().writestr(zinfo_or_arcname, data, *arguments, **options)
        name = getattr(zinfo_or_arcname, "filename", zinfo_or_arcname)
        if name.endswith(".py"):
            flags = (0b01).to_bytes(4, "little")
            hashed = importlib.util.source_hash(data if isinstance(data, bytes) else data.encode())
            code = compile(data, name, "exec", dont_inherit=True)
            bytecode = importlib.util.MAGIC_NUMBER + flags + hashed + marshal.dumps(code)
            super().writestr(f"{name}c", bytecode, *arguments, **options)


#: How Ansible makes code of a file of a collection: it compiles it, in every run.
FILES = _collection_finder._AnsibleCollectionPkgLoaderBase
COMPILE = FILES.get_code


def _kept(loader, fullname):
    """Return the code of a module of a collection, compiled by whichever run came first."""
    filename = loader.get_filename(fullname)
    if loader.get_source(fullname) and filename.endswith(".py"):
        return SourceFileLoader(fullname, filename).get_code(fullname)
    return COMPILE(loader, fullname)


class CallbackModule(CallbackBase):
    """Loads what each task of each host would; hands Ansible what it packed in an earlier run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "ahead"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        # Ansible forks a process from this one for each task of each host.
        gc.disable()
        folder = self.get_option("path")
        shared = folder and os.access(folder, os.W_OK)
        if shared:
            sys.pycache_prefix, sys.dont_write_bytecode = str(Path(folder, "code")), False
            FILES.get_code = _kept
        loader.connection_loader.get("podnet.fabric.netns", class_only=True)
        loader.shell_loader.get("sh", class_only=True)
        module_common.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": Archive})
        if shared:
            packed = Path(folder, _digest())
            packed.mkdir(exist_ok=True)
            Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache").symlink_to(packed)


def _digest():
    """Return a name for this Ansible and the sources of this collection as they are now."""
    plugins = Path(next(iter(fabric.__path__))).resolve() / "plugins"
    of = hashlib.sha256(f"{__version__} {constants.__file__}".encode())
    for kind in ("modules", "module_utils"):
        for path in sorted(plugins.joinpath(kind).rglob("*.py")):
            found = path.stat()
            of.update(f"{path} {found.st_mtime_ns} {found.st_size}".encode())
    return of.hexdigest()

# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Maps: make, pin, read and write them, thousands of entries in one system call.

Keys and values are bytes as the program sees them. A per-CPU map holds one value for each CPU
that may ever be there: :meth:`Map.update` gives all of them the same value, and
:meth:`Map.per_cpu` reads them all.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from ..failure import Failure
from ..map_spec import ARRAYS, PER_CPU, TYPE_NAMES, TYPES, MapSpec
from . import syscall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: What pinned folders and pins may be: root's alone.
PIN_FOLDER_MODE = 0o700

_BATCH = 4096
#: At most so many bytes of values are read at once.
_BATCH_BYTES = 1 << 23


class Map:
    """An open map; closed by ``close`` or at the end of a ``with`` block."""

    def __init__(self, fd: int) -> None:
        """Take over a descriptor; it is closed here even when it is no map's."""
        self.fd = fd
        try:
            self.info = syscall.map_info(fd)
        except OSError:
            os.close(fd)
            raise
        self.type = TYPE_NAMES.get(self.info.type, str(self.info.type))

    def __enter__(self) -> Map:
        """Return the map itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the map."""
        self.close()

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    @property
    def spec(self) -> MapSpec:
        """Shape of the map as the kernel has it."""
        info = self.info
        return MapSpec(
            info.name, self.type, info.key_size, info.value_size, info.max_entries, info.flags
        )

    def pin(self, path: str) -> None:
        """Pin the map; what was pinned there before is replaced in one step."""
        pin(self.fd, path)

    def items(self) -> dict[bytes, bytes]:
        """All entries; of a per-CPU map the values of all CPUs in one piece, each padded to 8."""
        with contextlib.suppress(_NoBatch):
            return dict(self._batches())
        return dict(self._one_by_one())

    def columns(self) -> tuple[bytes, bytes]:
        """All keys in one piece and all values in one, as in :meth:`items`.

        For maps with so many entries that an object for each of them is too slow. An array's values
        stand by their index.
        """
        try:
            parts = list(self._batch_columns())
        except _NoBatch:
            parts = list(self._one_by_one())
        keys, values = zip(*parts) if parts else ((), ())
        return b"".join(keys), b"".join(values)

    def empty(self) -> bool:
        """Say whether a map has no entry; an array always has."""
        return syscall.map_next_key(self.fd, None, self.info.key_size) is None

    def per_cpu(self) -> dict[bytes, list[bytes]]:
        """All entries of a per-CPU map, each with one value a CPU."""
        size = self.info.value_size
        return {key: each_cpu(values, size) for key, values in self.items().items()}

    def sums(self) -> dict[bytes, tuple[int, ...]]:
        """All entries of a per-CPU map of counters: each 64-bit word summed over the CPUs."""
        words = self.info.value_size // 8
        found = {}
        for key, values in self.items().items():
            numbers = memoryview(values).cast("Q")
            found[key] = tuple(sum(numbers[word::words]) for word in range(words))
        return found

    def get(self, key: bytes) -> bytes | None:
        """Value of one key as in :meth:`items`, None where it is not there."""
        return syscall.map_lookup(self.fd, key, self._room)

    def update(self, entries: Mapping[bytes, bytes]) -> None:
        """Set entries; those that are there get the new value, of a per-CPU map on every CPU.

        Raises Failure where the map is full; the entries before that one are set then.
        """
        self._check((), entries.values())
        spec = self.spec
        self.restore({key: whole(spec, value) for key, value in entries.items()})

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Set entries as :meth:`items` has them: of a per-CPU map each CPU's own value.

        Raises Failure where the map is full; the entries before that one are set then.
        """
        try:
            for keys in _chunks(entries):
                values = [entries[key] for key in keys]
                self._check(keys, values, self._room)
                try:
                    syscall.map_update_batch(self.fd, b"".join(keys), b"".join(values), len(keys))
                except OSError as error:
                    if error.errno not in _NO_BATCH:
                        raise
                    for key, value in zip(keys, values):
                        syscall.map_update(self.fd, key, value)
        except OSError as error:
            if error.errno not in (errno.E2BIG, errno.ENOSPC):
                raise
            raise Failure(
                f"map {self.info.name!r} is full: max_entries is {self.info.max_entries}, "
                f"and {len(entries)} entries were to be set."
            ) from error

    def delete(self, keys: Iterable[bytes]) -> None:
        """Remove entries; a key that is not there is passed over."""
        for chunk in _chunks(keys):
            self._check(chunk, [])
            rest = chunk
            while rest:
                try:
                    done = syscall.map_delete_batch(self.fd, b"".join(rest), len(rest))
                except OSError as error:
                    if error.errno not in _NO_BATCH:
                        raise
                    for key in rest:
                        with contextlib.suppress(FileNotFoundError):
                            syscall.map_delete(self.fd, key)
                    break
                rest = rest[done + 1 :]

    def push(self, value: bytes) -> None:
        """Put a value behind the others of a queue."""
        self._check((), [value])
        syscall.map_push(self.fd, value)

    def pop(self) -> bytes | None:
        """Take the first value out of a queue, None where it is empty."""
        return syscall.map_pop(self.fd, self.info.value_size)

    def count(self) -> int:
        """Count the entries; an array's are as many as it has room for, a queue's do not show."""
        if self.type in {*ARRAYS, "queue"}:
            return self.info.max_entries
        with contextlib.suppress(_NoBatch):
            return sum(len(keys) for keys, _values in self._batch_columns()) // self.info.key_size
        return sum(1 for _key in self._keys())

    @property
    def _room(self) -> int:
        size = self.info.value_size
        return _padded(size) * possible_cpus() if self.type in PER_CPU else size

    def _check(self, keys: Iterable[bytes], values: Iterable[bytes], room: int = 0) -> None:
        # The kernel reads as many bytes as the map's shape says, wherever they end.
        wrong = {len(key) for key in keys} - {self.info.key_size}
        wrong |= {len(value) for value in values} - {room or self.info.value_size}
        if wrong:
            raise ValueError(f"{self.spec} was given keys or values of {wrong} bytes")

    def _keys(self) -> Iterator[bytes]:
        key = syscall.map_next_key(self.fd, None, self.info.key_size)
        while key is not None:
            yield key
            key = syscall.map_next_key(self.fd, key, self.info.key_size)

    def _one_by_one(self) -> Iterator[tuple[bytes, bytes]]:
        for key in self._keys():
            value = self.get(key)
            if value is not None:
                yield key, value

    def _batches(self) -> Iterator[tuple[bytes, bytes]]:
        key_size, room = self.info.key_size, self._room
        for keys, values in self._batch_columns():
            for index in range(len(keys) // key_size):
                yield (
                    keys[index * key_size : (index + 1) * key_size],
                    values[index * room : (index + 1) * room],
                )

    def _batch_columns(self) -> Iterator[tuple[bytes, bytes]]:
        key_size, room = self.info.key_size, self._room
        count = max(1, min(_BATCH, _BATCH_BYTES // room))
        position: bytes | None = None
        while True:
            try:
                keys, values, position = syscall.map_lookup_batch(
                    self.fd, position, count, key_size, room
                )
            except OSError as error:
                if error.errno == errno.ENOSPC:  # a bucket that holds more than that
                    count *= 2
                    continue
                if error.errno in _NO_BATCH:
                    raise _NoBatch from error
                raise
            yield keys, values
            if position is None:
                return


def whole(spec: MapSpec, value: bytes) -> bytes:
    """Return a value as :meth:`Map.items` has it: of a per-CPU map once for each CPU."""
    if spec.type not in PER_CPU:
        return value
    return value.ljust(_padded(spec.value_size), b"\0") * possible_cpus()


def each_cpu(values: bytes, size: int) -> list[bytes]:
    """Return the value of each CPU, ``size`` bytes, from an entry as :meth:`Map.items` has it."""
    return [values[at : at + size] for at in range(0, len(values), _padded(size))]


def all_cpus(values: Iterable[bytes]) -> bytes:
    """Return an entry as :meth:`Map.items` has it, from the value of each CPU."""
    return b"".join(value.ljust(_padded(len(value)), b"\0") for value in values)


def lift_limit() -> None:
    """Let maps and programs have the memory that they need."""
    # Kernels before 5.11 count it against this limit; in later ones it is no matter that a
    # container may not raise it.
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY,) * 2)


def create(spec: MapSpec) -> Map:
    """Make a map that is held by this process alone until it is pinned."""
    lift_limit()
    try:
        fd = syscall.map_create(
            TYPES[spec.type],
            spec.key_size,
            spec.value_size,
            spec.max_entries,
            flags=spec.all_flags,
            name=spec.name,
        )
    except OSError as error:
        raise Failure(
            f"The kernel refused map {spec.name!r} of type {spec.type}, key {spec.key_size} and "
            f"value {spec.value_size} bytes, {spec.max_entries} entries, "
            f"flags {spec.all_flags:#x}: {error.strerror}."
        ) from error
    return Map(fd)


def open_pin(path: str) -> Map | None:
    """Open the map pinned at a path, None where nothing is."""
    fd = open_path(path)
    if fd is None:
        return None
    try:
        return Map(fd)
    except OSError as error:
        raise NotThis(f"What is pinned at {path} is no map.") from error


def open_path(path: str) -> int | None:
    """Open whatever is pinned at a path, None where nothing is."""
    try:
        return syscall.get(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        if isinstance(error, PermissionError) and "." not in path:
            raise  # not root
        raise Failure(f"{path} is not a pin: {error.strerror}. {_PIN_RULE}") from error


def by_id(number: int) -> Map:
    """Open a map by its id."""
    return Map(syscall.map_by_id(number))


@functools.cache
def possible_cpus() -> int:
    """How many values an entry of a per-CPU map has."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text(encoding="ascii").strip().split(",")
    ends = [(part.split("-")[0], part.split("-")[-1]) for part in ranges]
    return sum(int(last) - int(first) + 1 for first, last in ends)


def pin(fd: int, path: str, before_commit: Callable[[], object] = lambda: None) -> None:
    """Pin an object; what is pinned at the path is replaced in one step.

    Folders that are missing are made for root alone.

    :param before_commit: called when the object is held by a pin that has not its name yet.
    """
    target, fresh = Path(path), Path(f"{path}{FRESH}")
    try:
        make_folder(target.parent)
        fresh.unlink(missing_ok=True)  # of a run that was killed
        syscall.pin(fd, str(fresh))
        before_commit()
        fresh.rename(target)
    except OSError as error:
        raise Failure(f"{path} cannot be pinned: {error.strerror}. {_PIN_RULE}") from error


def unpin(path: str) -> None:
    """Forget a pin; what is used elsewhere lives on."""
    Path(path).unlink(missing_ok=True)


def pins(path: str) -> list[str]:
    """Return all pins below a folder, or the path itself where it is none."""
    if Path(path).is_dir():
        return sorted(str(pin) for pin in Path(path).rglob("*") if pin.is_file())
    return [path]


def make_folder(folder: Path) -> None:
    """Make a folder for pins and what is missing above it, for root alone."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=PIN_FOLDER_MODE)


#: End of a pin's name until its object is where it shall be; what a killed run leaves has it.
FRESH = "~new"
_PIN_RULE = (
    "A pin lies on a mounted bpffs (mount -t bpf bpf /sys/fs/bpf), and its path has no dot in it."
)
# Kernels answer these where a map type has no batch operations, or the kernel has no batches.
_NO_BATCH = (errno.EOPNOTSUPP, errno.EINVAL)


class NotThis(Failure):
    """What is pinned is another kind of object."""


class _NoBatch(Exception):
    """The kernel has no batch operations for this type of map."""


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8


def _chunks(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    everything = list(keys)
    for at in range(0, len(everything), _BATCH):
        yield everything[at : at + _BATCH]

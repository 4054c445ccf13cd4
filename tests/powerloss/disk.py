"""A model of file systems: what a recording did to them, step by step, and when it became durable.

An *object* is a file or a folder, by number. A step changes the names in one or two folders, or the
bytes of a file; or it syncs an object.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from tests.powerloss.driver import MARK
from tests.powerloss.record import Call

SHARED_INDEX = b"-shm"
"""How the name of the index ends that SQLite shares in memory."""

SQLITE = "SQLite"
"""Who asked for a sync that no line of ours did."""


@dataclass(frozen=True)
class Names:
    """In each of these folders the name now means this object; None: nothing any more."""

    changes: tuple[tuple[int, bytes, int | None], ...]
    text: str


@dataclass(frozen=True)
class Bytes:
    """`data` at `offset` of a file; without data the file now ends there."""

    number: int
    offset: int
    data: bytes | None


@dataclass(frozen=True)
class Sync:
    """Asked for by these lines, the innermost first."""

    number: int
    lines: tuple[str, ...]
    text: str

    @property
    def is_of_sqlite(self) -> bool:
        return self.lines[0].startswith(SQLITE)


Step = Names | Bytes | Sync


@dataclass
class Thing:
    """An object as it was before the recording, and where it is."""

    disk: str
    is_folder: bool
    data: bytes = b""
    names: dict[bytes, int] = field(default_factory=dict)
    mtime_ns: int = 0
    is_old: bool = False
    mode: int = 0o644


class Recording:
    """The steps of one or more runs, from the folders as they were before. `disks` names the file
    system that a folder stands for; the deepest counts. `by_name`: the one of files whose names
    begin so."""

    def __init__(self, disks: dict[Path, str], by_name: dict[bytes, str] | None = None) -> None:
        self._by_name = by_name or {}
        self.things: list[Thing] = []
        self.steps: list[Step] = []
        self.tops: dict[Path, int] = {}
        self._disks = {os.fsencode(path): name for path, name in disks.items()}
        self.contents: dict[tuple[int, int, int], Content] = {}
        self._live: dict[int, dict[bytes, int]] = {}
        self._bytes: dict[int, bytearray] = {}
        self._deleted: dict[bytes, int] = {}
        self._at: dict[tuple[int, int], int] = {}
        self._appends: set[tuple[int, int]] = set()
        self._marks: dict[int, tuple[str, ...]] = {}
        inodes: dict[tuple[int, int], int] = {}
        for top in disks:
            if not any(other in top.parents for other in disks):
                self.tops[top] = self._scan(os.fsencode(top), inodes)

    # --- the start

    def _scan(self, path: bytes, inodes: dict[tuple[int, int], int]) -> int:
        found = os.lstat(path)
        key = (found.st_dev, found.st_ino)
        if key in inodes:
            return inodes[key]
        is_folder = stat.S_ISDIR(found.st_mode)
        number = inodes[key] = self._new(path, is_folder=is_folder, is_old=True)
        thing = self.things[number]
        thing.mtime_ns, thing.mode = found.st_mtime_ns, stat.S_IMODE(found.st_mode)
        if is_folder:
            thing.names = {
                name: self._scan(path + b"/" + name, inodes) for name in os.listdir(path)
            }
            self._live[number] = dict(thing.names)
        else:
            thing.data = Path(os.fsdecode(path)).read_bytes()
            self._bytes[number] = bytearray(thing.data)
        return number

    def _new(self, path: bytes, *, is_folder: bool, is_old: bool = False) -> int:
        disk = max((top for top in self._disks if (path + b"/").startswith(top + b"/")), key=len)
        mode = 0o755 if is_folder else 0o644
        self.things.append(
            Thing(disk=self._disks[disk], is_folder=is_folder, is_old=is_old, mode=mode)
        )
        name = path.rpartition(b"/")[2]
        for start, other in self._by_name.items():
            if name.startswith(start):
                self.things[-1].disk = other
        number = len(self.things) - 1
        if is_folder:
            self._live[number] = {}
        else:
            self._bytes[number] = bytearray()
        return number

    # --- names

    def find(self, path: bytes) -> int | None:
        for top, number in self.tops.items():
            start = os.fsencode(top)
            if path == start:
                return number
            if path.startswith(start + b"/"):
                at: int | None = number
                for name in path[len(start) + 1 :].split(b"/"):
                    at = None if at is None else self._live.get(at, {}).get(name)
                return at
        return None

    def _holds(self, path: bytes) -> bool:
        return any(path.startswith(os.fsencode(top) + b"/") for top in self.tops)

    def _entry(self, path: bytes) -> tuple[int, bytes]:
        folder, _, name = path.rpartition(b"/")
        number = self.find(folder)
        assert number is not None, path
        return number, name

    def _change(self, text: str, *changes: tuple[bytes, int | None]) -> None:
        places = tuple((*self._entry(path), number) for path, number in changes)
        for (path, number), (folder, name, _) in zip(changes, places, strict=True):
            if number is None or name in self._live[folder]:
                gone = self._live[folder].pop(name, None)
                if gone is not None:
                    self._deleted[path] = gone
            if number is not None:
                self._live[folder][name] = number
        self.steps.append(Names(places, text))

    # --- calls

    def add(self, calls: Iterable[Call]) -> None:
        for call in calls:
            method = getattr(self, f"_do_{_SAME.get(call.name, call.name)}", None)
            assert method is not None, call.name
            method(call)

    def _paths(self, call: Call) -> list[bytes]:
        """The paths of a call, absolute: a relative one follows its folder's descriptor, or the
        working folder, which no run of ours uses."""
        paths, folder = list[bytes](), b""
        for argument in call.arguments:
            if isinstance(argument, str):
                if "<" in argument:
                    folder = _path_of(argument)
            elif argument.startswith(b"/"):
                paths.append(argument)
            else:
                paths.append(folder + b"/" + argument)
        return paths

    def _do_access(self, call: Call) -> None:
        path = next((a for a in call.arguments if isinstance(a, bytes)), b"").decode()
        if path.startswith(MARK):
            lines = path.removeprefix(MARK).replace("+", "/")
            self._marks[call.thread] = tuple(lines.split("|"))

    def _do_open(self, call: Call) -> None:
        path = self._paths(call)[0]
        if not self._holds(path):
            return
        flags = next(a for a in call.arguments if isinstance(a, str) and a.startswith("O_"))
        number = self.find(path)
        if number is None:
            assert "O_CREAT" in flags, path
            number = self._new(path, is_folder=False)
            self.things[number].mtime_ns = int(call.at_s * 1e9)
            self._change(f"make {_short(path)}", (path, number))
        elif "O_TRUNC" in flags and self._bytes[number]:
            self._write(number, 0, None, call)
        key = (number, call.result)
        self._at[key] = 0
        (self._appends.add if "O_APPEND" in flags else self._appends.discard)(key)

    def _file(self, argument: bytes | str) -> tuple[int, int] | None:
        """The object of a descriptor, and the descriptor; None if it is none of ours."""
        assert isinstance(argument, str)
        path = _path_of(argument)
        if not self._holds(path):
            return None
        number = self._deleted.get(path) if argument.endswith("(deleted)") else self.find(path)
        if number is None:
            number = self._deleted.get(path)
        assert number is not None, argument
        return number, int(argument.partition("<")[0])

    def _write(self, number: int, offset: int, data: bytes | None, call: Call) -> None:
        content = self._bytes[number]
        self._apply(content, offset, data)
        self.things[number].mtime_ns = int(call.at_s * 1e9)
        self.steps.append(Bytes(number, offset, data))

    @staticmethod
    def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        if data is None:
            del content[offset:]
        else:
            content[offset : offset + len(data)] = data

    def _do_write(self, call: Call) -> None:
        key = self._file(call.arguments[0])
        data = call.arguments[1]
        if key is None:
            return
        assert isinstance(data, bytes)
        offset = len(self._bytes[key[0]]) if key in self._appends else self._at.get(key, 0)
        self._write(key[0], offset, data[: call.result], call)
        self._at[key] = offset + call.result

    def _do_pwrite64(self, call: Call) -> None:
        key = self._file(call.arguments[0])
        if key is not None:
            data = call.arguments[1]
            assert isinstance(data, bytes)
            self._write(key[0], int(str(call.arguments[-1])), data[: call.result], call)

    def _do_lseek(self, call: Call) -> None:
        key = self._file(call.arguments[0])
        if key is not None:
            self._at[key] = call.result

    def _do_ftruncate(self, call: Call) -> None:
        key = self._file(call.arguments[0])
        if key is not None:
            self._write(key[0], int(str(call.arguments[1])), None, call)

    def _do_fallocate(self, call: Call) -> None:
        key = self._file(call.arguments[0])
        if key is not None and call.arguments[1] == "0":
            end = int(str(call.arguments[2])) + int(str(call.arguments[3]))
            if end > len(self._bytes[key[0]]):
                self._write(key[0], end, None, call)

    def _do_sendfile(self, call: Call) -> None:
        goal, origin = self._file(call.arguments[0]), self._file(call.arguments[1])
        if goal is None or call.result == 0:
            return
        assert origin is not None, "a copy from elsewhere"
        start = str(call.arguments[2]).strip("[] ").partition(" ")[0].strip("[]")
        offset = self._at.get(origin, 0) if start == "NULL" else int(start)
        self._at[origin] = offset + call.result
        at = self._at.get(goal, 0)
        data = bytes(self._bytes[origin[0]][offset : offset + call.result])
        self._write(goal[0], at, data, call)
        self._at[goal] = at + call.result

    def _do_mkdir(self, call: Call) -> None:
        path = self._paths(call)[0]
        if self._holds(path):
            number = self._new(path, is_folder=True)
            if "0700" in call.arguments:
                self.things[number].mode = 0o700
            self._change(f"mkdir {_short(path)}", (path, number))

    def _do_rmdir(self, call: Call) -> None:
        path = self._paths(call)[0]
        if self._holds(path):
            self._change(f"rmdir {_short(path)}", (path, None))

    def _do_unlink(self, call: Call) -> None:
        path = self._paths(call)[0]
        if self._holds(path):
            self._change(f"unlink {_short(path)}", (path, None))

    def _do_rename(self, call: Call) -> None:
        old, new = self._paths(call)
        if self._holds(new):
            number = self.find(old)
            if number != self.find(new):
                text = f"rename {_short(old)} to {_short(new)}"
                self._change(text, (old, None), (new, number))

    def _do_link(self, call: Call) -> None:
        old, new = self._paths(call)
        if self._holds(new):
            self._change(f"link {_short(old)} to {_short(new)}", (new, self.find(old)))

    def _do_fsync(self, call: Call) -> None:
        lines = self._marks.pop(call.thread, ())
        path = _path_of(str(call.arguments[0]))
        key = self._file(call.arguments[0])
        number = self.find(path) if key is None else key[0]
        if number is not None:
            lines = lines or (f"{SQLITE}: {os.path.basename(path).decode()}",)
            self.steps.append(Sync(number, lines, f"sync {_short(path)}"))

    def _do_utimensat(self, call: Call) -> None:
        path = next((a for a in call.arguments if isinstance(a, bytes)), None)
        number = None if path is None else self.find(path)
        times = [word for word in str(call.arguments[2]).split() if word.startswith("tv_")]
        if number is not None and len(times) == 4:
            seconds, parts = (int(word.partition("=")[2]) for word in times[2:])
            self.things[number].mtime_ns = seconds * 10**9 + parts

    # --- the end

    def live_tree(self) -> dict[str, bytes | None]:
        """What the recording left: path to bytes, or None for a folder."""
        tree: dict[str, bytes | None] = {}
        for top, number in self.tops.items():
            self._walk(os.fsencode(top), number, tree)
        return tree

    def _walk(self, path: bytes, number: int, tree: dict[str, bytes | None]) -> None:
        if not self.things[number].is_folder:
            tree[os.fsdecode(path)] = bytes(self._bytes[number])
            return
        tree[os.fsdecode(path)] = None
        for name, inner in self._live[number].items():
            self._walk(path + b"/" + name, inner, tree)

    def take_times(self) -> None:
        """Take the times of what is still there from the disk: a model knows only about when."""
        for path, content in self.live_tree().items():
            number = self.find(os.fsencode(path))
            if content is not None and number is not None:
                self.things[number].mtime_ns = os.stat(path).st_mtime_ns

    def boundaries(self) -> Iterator[int]:
        """Where power may go: before each change of names and each sync, and at the end."""
        for at, step in enumerate(self.steps):
            if not isinstance(step, Bytes):
                yield at
        yield len(self.steps)


_SAME = {
    "openat": "open", "creat": "open", "faccessat": "access", "faccessat2": "access",
    "writev": "write", "pwritev": "pwrite64", "mkdirat": "mkdir", "unlinkat": "unlink",
    "renameat": "rename", "renameat2": "rename", "linkat": "link", "fdatasync": "fsync",
    "copy_file_range": "sendfile",
}  # fmt: skip


def _path_of(argument: str) -> bytes:
    """The path that strace shows of a descriptor."""
    shown = argument.partition("<")[2].rpartition(">")[0]
    try:
        return bytes.fromhex(shown.replace("\\x", ""))
    except ValueError:  # a pipe or socket
        return shown.encode()


def _short(path: bytes) -> str:
    return "/".join(os.fsdecode(path).split("/")[-2:])


# --- states


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and what tells them from others."""

    data: bytes
    digest: bytes


def content_after(start: bytes, writes: Iterable[Bytes]) -> Content:
    content = bytearray(start)
    for one in writes:
        Recording._apply(content, one.offset, one.data)
    data = bytes(content)
    return Content(data, hashlib.sha1(data, usedforsecurity=False).digest())


@dataclass(frozen=True)
class State:
    """What is on the disks after power was lost: names and bytes by object."""

    names: dict[int, dict[bytes, int]]
    data: dict[int, Content]

    def reachable(self, recording: Recording) -> Iterator[tuple[bytes, int]]:
        """Every path below the tops, folders before what is in them."""
        for top, number in recording.tops.items():
            yield from self._below(os.fsencode(top), number, recording)

    def _below(self, path: bytes, number: int, recording: Recording) -> Iterator[tuple[bytes, int]]:
        yield path, number
        if recording.things[number].is_folder:
            for name, inner in sorted(self.names[number].items()):
                yield from self._below(path + b"/" + name, inner, recording)

    def digest(self, recording: Recording) -> str:
        """Equal for states that nobody can tell apart: the same names, bytes and hard links. The
        index that SQLite shares in memory does not count: after a crash it is made anew, unread."""
        found, first = hashlib.sha1(usedforsecurity=False), dict[int, bytes]()
        for path, number in self.reachable(recording):
            if path.endswith(SHARED_INDEX):
                continue
            thing = recording.things[number]
            found.update(b"%b\0%b\0" % (path, first.setdefault(number, b"")))
            if number in self.data:
                found.update(b"%b%d" % (self.data[number].digest, thing.mtime_ns))
            first[number] = path
        return found.hexdigest()

    def restore(self, recording: Recording) -> None:
        """Make the folders on disk what they are in this state."""
        first: dict[int, bytes] = {}
        for path, number in self.reachable(recording):
            thing = recording.things[number]
            if number in first and not thing.is_folder:
                os.link(first[number], path)
            elif thing.is_folder:
                os.makedirs(path, exist_ok=True)
                os.chmod(path, thing.mode)
            else:
                with open(path, "wb") as file:
                    file.write(self.data[number].data)
                os.chmod(path, thing.mode)
                os.utime(path, ns=(thing.mtime_ns, thing.mtime_ns))
            first.setdefault(number, path)
        for path, number in reversed(list(self.reachable(recording))):
            thing = recording.things[number]
            if thing.is_old and thing.is_folder and self.names[number] == thing.names:
                os.utime(path, ns=(thing.mtime_ns, thing.mtime_ns))


@lru_cache(maxsize=4)
def steps_by_object(recording: Recording, end: int) -> dict[int, list[tuple[int, Step]]]:
    """The changes of each object among the first `end` steps, in order and with their numbers; a
    change of two folders counts for both."""
    found: dict[int, list[tuple[int, Step]]] = defaultdict(list)
    for at, step in enumerate(recording.steps[:end]):
        if isinstance(step, Names):
            for folder in dict.fromkeys(folder for folder, _, _ in step.changes):
                found[folder].append((at, step))
        elif isinstance(step, Bytes):
            found[step.number].append((at, step))
    return found

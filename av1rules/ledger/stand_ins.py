"""The ledger's table of stand-ins: what av1rules has put into a mirror beside its targets.

Only what a row describes is ever removed or replaced. A pending row says what is being put in a
place; the row of what stood there before stays until that is done.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from stat import S_ISLNK, S_ISREG

import msgspec

from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.policy.model import Rest


class StandIn(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A file in the mirror (`folder`, `name`) that stands for the one at `source_path`.

    `link` is the text of a symbolic link. `inode`, `size_bytes` and `mtime_ns` are those of the
    stand-in as it was put there, the others those of its source. `is_film`: not a side file.
    """

    folder: LedgerPath
    name: LedgerPath
    is_pending: bool
    kind: Rest
    source_path: LedgerPath
    link: LedgerPath
    is_film: bool
    inode: int
    size_bytes: int
    mtime_ns: int
    source_inode: int
    source_bytes: int
    source_mtime_ns: int

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def source_mark(self) -> tuple[int, int, int]:
        """What a source keeps when it is renamed on its file system."""
        return (self.source_inode, self.source_bytes, self.source_mtime_ns)


def signed_inode(number: int) -> int:
    """Some file systems use all 64 bits; SQLite's integers are signed."""
    return number - (1 << 64) if number >= 1 << 63 else number


def mark_of(source: os.stat_result) -> tuple[int, int, int]:
    """What a source keeps when it is renamed: see `StandIn.source_mark`."""
    return (signed_inode(source.st_ino), source.st_size, source.st_mtime_ns)


def is_as_placed(row: StandIn, disk: Disk = LOCAL_DISK) -> bool:
    """Whether what is at the place of a stand-in is what was put there, and no other file.

    A hard link is still ours after an edit of its source, whose bytes it shares. On a disk that was
    copied or restored inodes are others: there the content decides, by that of the source.
    """
    try:
        found = disk.lstat(row.path)
        if row.kind is Rest.SYMLINK:
            return S_ISLNK(found.st_mode) and disk.read_link(row.path) == row.link
        if not S_ISREG(found.st_mode):
            return False
        is_unchanged = (found.st_size, found.st_mtime_ns) == (row.size_bytes, row.mtime_ns)
        if is_unchanged and signed_inode(found.st_ino) == row.inode:
            return True
        if row.kind is Rest.HARDLINK:
            return os.path.samestat(found, disk.lstat(row.source_path))
        return is_unchanged and disk.content_key(row.path) == disk.content_key(row.source_path)
    except OSError:
        return False


class StandInBrief(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What decides whether a stand-in is as it should be: cheap to compare by the hundred
    thousand."""

    kind: str
    link: bytes
    inode: int
    source_inode: int
    source_bytes: int
    source_mtime_ns: int


class StandInTable(RecordTable[StandIn]):
    """All stand-ins, by folder and name."""

    name = "stand_ins"
    mapper = RecordMapper(StandIn)

    def has_any(self) -> bool:
        return bool(self._db.query("SELECT 1 FROM stand_ins LIMIT 1"))

    def count(self) -> int:
        return int(self._db.query("SELECT count(*) FROM stand_ins WHERE is_pending=0")[0][0])

    def folders(self) -> tuple[str, ...]:
        """Every folder that holds one, sorted."""
        rows = self._db.query("SELECT DISTINCT folder FROM stand_ins WHERE is_pending=0")
        return tuple(sorted(os.fsdecode(folder) for (folder,) in rows))

    def briefs(self, folder: str) -> dict[str, StandInBrief]:
        """Those in a folder, by name."""
        sql = (
            "SELECT name, kind, link, inode, source_inode, source_bytes, source_mtime_ns"
            " FROM stand_ins WHERE folder=? AND is_pending=0"
        )
        return {
            os.fsdecode(name): StandInBrief(
                kind=kind,
                link=link,
                inode=inode,
                source_inode=source_inode,
                source_bytes=size,
                source_mtime_ns=mtime_ns,
            )
            for name, kind, link, inode, source_inode, size, mtime_ns in self._db.query(
                sql, os.fsencode(folder)
            )
        }

    def find(self, path: str) -> StandIn | None:
        folder, name = os.path.split(path)
        clause = "WHERE folder=? AND name=? AND is_pending=0"
        return next(self.select(clause, os.fsencode(folder), os.fsencode(name)), None)

    def standing(self, path: str, disk: Disk = LOCAL_DISK) -> StandIn | None:
        """The stand-in at this path, if it is still as it was placed."""
        row = self.find(path)
        return row if row is not None and is_as_placed(row, disk) else None

    def all(self) -> Iterator[StandIn]:
        """Every stand-in by its place, in pages."""
        clause = "WHERE is_pending=0 ORDER BY folder, name"
        sql = f"SELECT {self.columns()} FROM {self.name} {clause}"
        return map(self.load, self._db.stream(sql))

    def pending(self) -> tuple[StandIn, ...]:
        return tuple(self.select("WHERE is_pending=1 ORDER BY folder, name"))

    def counts(self) -> Mapping[tuple[Rest, bool], int]:
        """How many there are of each kind, films and side files apart."""
        sql = "SELECT kind, is_film, count(*) FROM stand_ins WHERE is_pending=0 GROUP BY 1, 2"
        return {(Rest(kind), bool(is_film)): count for kind, is_film, count in self._db.query(sql)}

    # --- writing, one transaction each

    def begin(self, rows: Sequence[StandIn]) -> None:
        """Write what is about to be put in place (pending rows), before the first step."""
        with self._db.transaction() as write:
            for row in rows:
                self.insert(write, row)

    def settle(
        self, placed: Iterable[StandIn], *, begun: Sequence[StandIn], gone: Iterable[str] = ()
    ) -> None:
        """End the pending rows in `begun`: `placed` are the stand-ins that are there now, `gone`
        the paths that have none any more."""
        with self._db.transaction() as write:
            for path in (*(row.path for row in begun),):
                write.execute(
                    "DELETE FROM stand_ins WHERE folder=? AND name=? AND is_pending=1",
                    tuple(map(os.fsencode, os.path.split(path))),
                )
            for path in gone:
                write.execute(
                    "DELETE FROM stand_ins WHERE folder=? AND name=? AND is_pending=0",
                    tuple(map(os.fsencode, os.path.split(path))),
                )
            for row in placed:
                self.insert(write, row)

    def drop(self, paths: Iterable[str]) -> None:
        """Forget the stand-ins at these places."""
        self.settle((), begun=(), gone=paths)


class OwnTouch(msgspec.Struct, frozen=True, kw_only=True):
    """A hard link to a source was made or removed by us, which changed nothing of it but the time
    of its inode: `before_ns` and `after_ns` (ctime). `at` is ISO 8601, UTC."""

    inode: int
    before_ns: int
    after_ns: int
    at: str


class OwnTouchTable(RecordTable[OwnTouch]):
    """The touches of the last days: a file that only they changed counts as unchanged."""

    name = "own_touches"
    mapper = RecordMapper(OwnTouch)

    def add(self, touches: Sequence[OwnTouch], *, keep_since: str) -> None:
        """Record them, and forget those from before `keep_since` (ISO 8601, UTC)."""
        with self._db.transaction() as write:
            write.execute("DELETE FROM own_touches WHERE at < ?", (keep_since,))
            for touch in touches:
                self.insert(write, touch)

    def known(self) -> dict[tuple[int, int], int]:
        """The time before, by inode and the time after."""
        return self._before("")

    def of_file(self, inode: int) -> dict[tuple[int, int], int]:
        """The same of one file."""
        return self._before(" WHERE inode=?", signed_inode(inode))

    def _before(self, where: str, *values: int) -> dict[tuple[int, int], int]:
        sql = f"SELECT inode, after_ns, before_ns FROM own_touches{where}"
        return {(inode, after): before for inode, after, before in self._db.query(sql, *values)}


def untouched_ns(known: Mapping[tuple[int, int], int], inode: int, ctime_ns: int) -> int:
    """The ctime that a file would have without our links. Pure."""
    inode = signed_inode(inode)
    seen = set()
    while (before := known.get((inode, ctime_ns))) is not None and ctime_ns not in seen:
        seen.add(ctime_ns)
        ctime_ns = before
    return ctime_ns

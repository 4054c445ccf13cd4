"""The types of a loaded rules file. Pure."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import msgspec

from av1rules.policy.neighbours.spec import Neighbour
from av1rules.policy.schedule.hours import Schedule
from av1rules.policy.schedule.limits import MachineLimits
from av1rules.policy.segments.rules import SegmentRules
from av1rules.policy.settings import SourceTier
from av1rules.policy.watch.spec import WatchSpec


class Place(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A place in a rules file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def short(self) -> str:
        """File name and line, for tables: `rules.yaml:41`."""
        return f"{self.file.rpartition('/')[2]}:{self.line}"


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem in a rules file. `path` is the key path, e.g. `rules[0].encode.preset`."""

    place: Place
    path: str
    message: str
    severity: Severity = Severity.ERROR
    hint: str | None = None
    snippet: str | None = None  # the line and its caret, ready to print


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A closed interval; None means unbounded. In the unit of the fact (bytes, b/s, s)."""

    min: float | None = None
    max: float | None = None

    def holds(self, value: float) -> bool:
        above = self.min is None or value >= self.min
        return above and (self.max is None or value <= self.max)


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One condition: a fact compared with wanted values (any of them) or a range.

    `wanted` holds lower-case words, numbers in the fact's unit, booleans, globs, or a `Range`.
    `text` is the condition as written, for `explain`.
    """

    fact: str
    wanted: tuple[str | int | float | bool | Range, ...]
    text: str
    place: Place

    __test__ = False  # not a pytest class


class AllOf(msgspec.Struct, frozen=True, kw_only=True):
    parts: tuple[Condition, ...]
    place: Place


class AnyOf(msgspec.Struct, frozen=True, kw_only=True):
    parts: tuple[Condition, ...]
    place: Place


class Not(msgspec.Struct, frozen=True, kw_only=True):
    part: Condition
    place: Place


Condition = Test | AllOf | AnyOf | Not


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a rules file gives to a field of `EncodeSettings`, with its place."""

    field: str
    value: object  # already of the field's own type
    place: Place


class SettingsLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of settings: `defaults`, one profile, or one rule's `encode`."""

    name: str  # "defaults", "profile film", "rule uhd remux"
    settings: tuple[Setting, ...] = ()


class ActionKind(Enum):
    ENCODE = "encode"
    SKIP = "skip"
    HOLD = "hold"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """The action of a rule. `reason` for skip and hold; `layer` and `profile` for encode."""

    kind: ActionKind
    reason: str | None = None
    layer: SettingsLayer | None = None
    profile: str | None = None


class ReviewSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The review of a rule. None: the default of the source tier, and the built-in clip length."""

    kind: ReviewKind | None = None
    canary: int | None = None  # for CANARY
    clip_s: float | None = None
    place: Place


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """`priority`: a run begins with the films of the highest. Neither it nor the `schedule`, which
    is in place of the one of all, affects any output."""

    name: str
    when: Condition | None  # None matches every source
    action: Action
    place: Place
    review: ReviewSpec | None = None
    priority: int = 0
    schedule: Schedule | None = None


class Order(Enum):
    """What a run begins with among films of the same priority."""

    SAVING = "saving"  # the most bytes saved per hour of encoding, by the forecast
    SIZE = "size"  # the largest source
    NEWEST = "newest"  # the source that was changed last
    NAME = "name"  # the library path


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of the library. `name` starts every library path below it."""

    path: Path
    name: str
    place: Place


class LibrarySpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which files are candidates. Sizes in bytes, `settle_s` in seconds since the last write.

    A run refuses if more than the share `max_lost` (0 to 1) of a root's known files is gone.
    """

    roots: tuple[Root, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()  # without dot, lower case; empty: the built-in list
    min_size: int = 0
    settle_s: float = 60.0
    max_lost: float = 0.25

    @property
    def root_paths(self) -> dict[str, str]:
        """The paths of the roots by their names."""
        return {root.name: str(root.path) for root in self.roots}


class OutputMode(Enum):
    MIRROR = "mirror"
    BESIDE = "beside"
    REPLACE = "replace"


class ReceiptForm(Enum):
    NONE = "none"  # in the ledger only
    JSON = "json"
    TEXT = "text"
    BOTH = "both"


class OriginalsKind(Enum):
    KEEP = "keep"
    KEEP_FOR = "keep for"
    DELETE = "delete after verify"


class Originals(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with a replaced source. `keep_s` in seconds, for KEEP_FOR."""

    kind: OriginalsKind = OriginalsKind.KEEP
    keep_s: float | None = None


class Orphans(Enum):
    """What to do with a target whose source is gone."""

    LEAVE = "leave"
    TRASH = "trash"


class Copies(Enum):
    """How to make the target of a second source with the same content."""

    LINK = "link"  # a hard link to the first target; copied if the file system can't link
    COPY = "copy"
    ENCODE = "encode"


class HardLinks(Enum):
    """What mode replace does with a source that has several hard links."""

    HOLD = "hold"
    REPLACE = "replace"


class SideFiles(Enum):
    """What to do with subtitles, notes and pictures with the source's stem."""

    LEAVE = "leave"
    CARRY = "carry"


class Rest(Enum):
    """How the files of the library that are not encoded stand in the mirror."""

    LEAVE = "leave"  # not at all
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    REFLINK = "reflink"  # a copy that shares its blocks until one of both is written to
    COPY = "copy"


class OutputSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Where targets go. `suffix` goes before the extension in `beside` mode (`film.av1.mkv`).

    `originals` and `hard_links` are for mode replace, `orphans` for the other two, `rest` for
    mirror.
    """

    mode: OutputMode = OutputMode.BESIDE
    root: Path | None = None
    suffix: str = ".av1"
    temp_dir: Path | None = None
    receipts: ReceiptForm = ReceiptForm.NONE
    keep_mtime: bool = True
    keep_mode: bool = True  # permissions
    keep_owner: bool = True  # owner and group
    keep_xattrs: bool = True
    originals: Originals = Originals()
    orphans: Orphans = Orphans.LEAVE
    copies: Copies = Copies.LINK
    hard_links: HardLinks = HardLinks.HOLD
    side_files: SideFiles = SideFiles.LEAVE
    rest: Rest = Rest.LEAVE
    place: Place | None = None


class OnToolsChange(Enum):
    KEEP = "keep"  # recorded and reported, nothing redone
    REDO = "redo"


class ToolsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Programs: a name is looked up in PATH, a path is used as given. `mkvpropedit` may also be
    `auto` (in PATH, if it is there) or `off`."""

    ffmpeg: str | None = None
    ffprobe: str | None = None
    mkvpropedit: str = "auto"
    min_version: tuple[int, int] = (8, 0)
    preferred_encoder: str | None = None
    on_change: OnToolsChange = OnToolsChange.KEEP


class TierThresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the tier classifier: bit rates in b/s, bits per pixel and frame, marker words."""

    remux_bitrate_1080p: int = 15_000_000
    remux_bitrate_2160p: int = 40_000_000
    remux_bits_per_pixel: float = 0.30
    low_bitrate_1080p: int = 5_000_000
    low_bits_per_pixel: float = 0.05
    remux_markers: tuple[str, ...] = ("remux", "bluray", "blu-ray", "bdmv", "bdremux", "uhd-bd")
    web_markers: tuple[str, ...] = (
        "web-dl", "webdl", "webrip", "web-rip", "web", "nf", "amzn", "dsnp", "hmax", "atvp", "hulu",
        "itunes",
    )  # fmt: skip


class IoClass(Enum):
    """Linux's I/O scheduling class; NONE leaves it unchanged."""

    NONE = "none"
    BEST_EFFORT = "best-effort"
    IDLE = "idle"


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How runs behave; nothing here changes what a target is made for, and only `segments` its
    bytes. Times in seconds, memory in bytes.

    `memory_per_job` caps the address space of one encode; `memory` is the budget of all encodes
    together, None for 80 % of the free memory.
    """

    state_dir: Path
    jobs: int = 1
    stall_timeout_s: float = 600.0
    probe_timeout_s: float = 30.0
    threads_per_job: int | None = None
    reserve_bytes: int = 1024**3
    max_failures: int = 3
    max_duration_s: float | None = None
    nice: int = 0
    io_class: IoClass = IoClass.NONE
    cpus: tuple[int, ...] = ()  # sorted; empty: all
    memory_per_job: int | None = None
    memory: int | None = None
    segments: SegmentRules = SegmentRules()


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """A whole rules file. `digest` covers every byte of it; cached decisions depend on it."""

    file: Path
    library: LibrarySpec
    output: OutputSpec
    tools: ToolsSpec
    tiers: TierThresholds
    run: RunSpec
    defaults: SettingsLayer
    profiles: tuple[SettingsLayer, ...]
    rules: tuple[Rule, ...]
    digest: str
    schedule: Schedule | None = None
    limits: MachineLimits = MachineLimits()
    neighbours: tuple[Neighbour, ...] = ()
    watch: WatchSpec = WatchSpec()


DEFAULT_CLIP_S = 45.0
"""Seconds of a clip, as in the predecessor: enough for three kinds of hard scenes."""

SHORTEST_CLIP_S, LONGEST_CLIP_S = 30.0, 60.0
"""As in the predecessor: shorter shows too little of each kind, longer only costs more."""

MAX_CANARIES = 1000
"""More would mean `each`. The schema can't check this, since `canary(3)` is text to it."""

_CANARY = re.compile(r"\s*canary\s*\(\s*(\d{1,9})\s*\)\s*")


class ReviewKind(Enum):
    EACH = "each"  # every film's clip needs approval
    CANARY = "canary"  # the first few clips of a rule need it, then the rest is released
    NEVER = "never"


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """For CANARY, `canary` approvals release the rest of a rule. `clip_s` is the clip's length."""

    kind: ReviewKind = ReviewKind.NEVER
    canary: int | None = None
    clip_s: float = DEFAULT_CLIP_S

    @property
    def text(self) -> str:
        """As in a rules file: `each`, `canary(3)`, `never`."""
        return self.kind.value if self.canary is None else f"{self.kind.value}({self.canary})"


def parse_canary(text: str) -> int | None:
    """The number in `canary(3)`; None for any other text."""
    found = _CANARY.fullmatch(text)
    return None if found is None else int(found[1])


TIER_REVIEWS = {
    SourceTier.REMUX: ReviewKind.EACH,
    SourceTier.WEB_DL: ReviewKind.NEVER,
    SourceTier.LOW_QUALITY: ReviewKind.NEVER,
}
"""Without a `review` in the rule: only REMUX, which takes hours, needs approval."""

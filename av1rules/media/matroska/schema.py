"""The Matroska elements that are read, by identity (RFC 9559 and its registry). Pure table.

Names of chapters and tags are those of MKVToolNix's XML files, since they are written with it.
"""

from __future__ import annotations

from av1rules.media.matroska.ebml import Kind, Named

EBML, SEGMENT, CLUSTER, CUES = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1C53BB6B
SEEK_HEAD, INFO, TRACKS = 0x114D9B74, 0x1549A966, 0x1654AE6B
CHAPTERS, TAGS, ATTACHMENTS = 0x1043A770, 0x1254C367, 0x1941A469
ATTACHED_FILE, FILE_DATA = 0x61A7, 0x465C

IGNORED = frozenset({0xEC, 0xBF})
"""Void and CRC-32: they say nothing of the film."""

_TABLE = """
master 4DBB Seek
binary 53AB SeekID
uint 53AC SeekPosition
binary 73A4 SegmentUID
text 7384 SegmentFilename
binary 3CB923 PreviousSegmentUID
text 3C83AB PreviousSegmentFilename
binary 3EB923 NextSegmentUID
text 3E83BB NextSegmentFilename
binary 4444 SegmentFamily
master 6924 ChapterTranslate
text 7BA9 Title
text 5741 WritingApp
master AE TrackEntry
uint D7 TrackNumber
uint 73C5 TrackUID
uint 83 TrackType
uint B9 FlagEnabled
text 22B59C Language
text 22B59D LanguageIETF
text 536E Name
text 86 CodecID
master E2 TrackOperation
master 45B9 EditionEntry
uint 45BC EditionUID
uint 45BD EditionFlagHidden
uint 45DB EditionFlagDefault
uint 45DD EditionFlagOrdered
master 4520 EditionDisplay
text 4521 EditionString
text 45E4 EditionLanguageIETF
master B6 ChapterAtom
uint 73C4 ChapterUID
text 5654 ChapterStringUID
uint 91 ChapterTimeStart
uint 92 ChapterTimeEnd
uint 98 ChapterFlagHidden
uint 4598 ChapterFlagEnabled
binary 6E67 ChapterSegmentUID
uint 6EBC ChapterSegmentEditionUID
uint 63C3 ChapterPhysicalEquiv
master 8F ChapterTrack
uint 89 ChapterTrackNumber
master 80 ChapterDisplay
text 85 ChapterString
text 437C ChapterLanguage
text 437D ChapLanguageIETF
text 437E ChapterCountry
master 6944 ChapterProcess
uint 6955 ChapterProcessCodecID
binary 450D ChapterProcessPrivate
master 6911 ChapterProcessCommand
uint 6922 ChapterProcessTime
binary 6933 ChapterProcessData
master 7373 Tag
master 63C0 Targets
uint 68CA TargetTypeValue
text 63CA TargetType
uint 63C5 TrackUID
uint 63C9 EditionUID
uint 63C4 ChapterUID
uint 63C6 AttachmentUID
master 67C8 Simple
text 45A3 Name
text 447A TagLanguage
text 447B TagLanguageIETF
uint 4484 DefaultLanguage
text 4487 String
binary 4485 Binary
text 467E FileDescription
text 466E FileName
text 4660 FileMimeType
uint 46AE FileUID
"""

SCHEMA = {
    int(identity, 16): Named(name, Kind(kind))
    for kind, identity, name in (line.split() for line in _TABLE.strip().splitlines())
}

"""Films that are tried each time, by what is special about them."""

from __future__ import annotations

from tests.media_truth.parts import (
    Audio,
    Change,
    Film,
    Hdr,
    Structure,
    Subtitle,
    Video,
)
from tests.media_truth.tracks import Wish

AC3 = Audio("ac3")
NAMED = (
    Audio("aac", language="deu", title="5.1 — surround; main=1", flags="default"),
    Audio("flac", language="eng", title="Commentary", flags="comment"),
    Audio("pcm_s24le", language="jpn", flags="hearing_impaired", offset_s=0.4),
)
LINES = (
    Subtitle("subrip", language="eng", flags="default"),
    Subtitle("ass", language="fra", title="Ünïcode “quotes” & <tags>", flags="forced"),
)

SPOKEN = (
    Audio("ac3", language="fra", flags="default"),
    Audio("aac", language="eng"),
    Audio("aac", language="eng", title="Director's commentary"),
    Audio("flac", language="jpn", flags="original"),
    Audio("mp3"),
)
TITLED = (*LINES, Subtitle("subrip", language="deu"), Subtitle("subrip", language="eng"))
ENGLISH = Wish(audio=("eng",), has_commentary=False, subtitles=("eng",))

WISHED: dict[str, Film] = {
    "one language of many": Film(audio=SPOKEN, subtitles=TITLED, wish=ENGLISH),
    "one language of many, to mp4": Film(
        audio=SPOKEN[:3], subtitles=TITLED[:1], target="mp4", wish=ENGLISH
    ),
    "no subtitles, and the default moves": Film(
        audio=SPOKEN,
        subtitles=TITLED,
        attachments=2,
        cover="png",
        chapters=3,
        wish=Wish(subtitles=None, default="jpn"),
    ),
    "picture and default of an mp4": Film(
        "mp4",
        audio=(Audio("aac", language="deu"), Audio("ac3", language="eng"), Audio("aac")),
        subtitles=(Subtitle("mov_text", language="eng"), Subtitle("mov_text", language="fra")),
        target="mp4",
        wish=Wish(audio=("eng",), subtitles=("fra",), default="eng"),
    ),
    "mp4 to mkv in two languages": Film(
        "mp4",
        audio=(Audio("aac", language="deu"), Audio("ac3", language="eng")),
        wish=Wish(audio=("eng",)),
    ),
    "a broadcast in one language": Film(
        "ts",
        audio=(Audio("mp2", language="fra"), Audio("ac3", language="eng")),
        wish=Wish(audio=("eng",)),
    ),
    "no sound in the wanted language": Film(
        audio=(Audio("aac", language="jpn"), Audio("ac3", language="eng", title="Commentary")),
        wish=ENGLISH,
    ),
    "tags of tracks that go": Film(
        audio=SPOKEN[:2],
        subtitles=LINES,
        structure=Structure(languages=("und", "fr-CA", "en-GB"), tags="collection"),
        wish=ENGLISH,
    ),
}

ORDINARY: dict[str, Film] = {
    "everything in mkv": Film(
        audio=NAMED, subtitles=LINES, chapters=3, attachments=2, cover="png",
        tags=(("title", "A film: “the” title"), ("comment", "two\nlines")),
    ),
    "everything in mp4": Film(
        "mp4", audio=(Audio("aac", language="deu"), Audio("ac3", language="eng")),
        subtitles=(Subtitle("mov_text", language="eng"),), chapters=3, cover="jpg",
    ),
    "mkv to mp4": Film(audio=NAMED[:2], subtitles=LINES[:1], chapters=3, cover="png", target="mp4"),
    "rotated mp4 that starts with its sound": Film(
        "mp4", Video(rotation=90, offset_s=0.5), (Audio("aac"),)
    ),
    "mov with big-endian pcm": Film("mov", audio=(Audio("pcm_s24be"), Audio("pcm_f32be"))),
    "ts with aac": Film("ts", Video(offset_s=0.5), (Audio("aac"), Audio("mp2", language="eng"))),
    "m2ts with pcm": Film("m2ts", Video("mpeg2"), (Audio("pcm_bluray"), AC3)),
    "vob": Film("vob", Video("mpeg2", sample_aspect="16/15"), (AC3, Audio("pcm_dvd"))),
    "avi with packed rate": Film("avi", Video("mpeg4"), (Audio("mp3"),)),
    "webm": Film("webm", Video("vp9"), (Audio("opus", language="deu"),), (Subtitle("webvtt"),)),
    "wmv": Film("wmv", Video("wmv2"), (Audio("wmav2"),)),
    "wmv to mp4": Film("wmv", Video("wmv2"), (Audio("wmav2"),), target="mp4"),
    "flv": Film("flv", Video("flv1"), (Audio("nellymoser"),)),
    "ogv": Film("ogv", Video("theora"), (Audio("vorbis"),)),
    "3gp": Film("3gp", Video("h263"), (Audio("amr_nb"),)),
    "raw h264": Film("264", Video("h264-bf0"), ()),
    "y4m": Film("y4m", Video("rawvideo"), ()),
    "odd size, pixels not square, variable rate": Film(
        video=Video("ffv1", size=(161, 121), sample_aspect="8/9", is_variable=True)
    ),
    "full range": Film(video=Video("hevc", is_full_range=True, colours="bt709")),
    "alpha": Film("webm", Video("vp9-alpha"), (Audio("opus"),)),
    "rgb": Film("mov", Video("qtrle"), ()),
    "4:2:2 at 10 bit": Film("mov", Video("prores"), (Audio("pcm_s16be"),)),
    "hidden reference frames": Film("webm", Video("vp8"), (Audio("vorbis"),)),
    "interlaced": Film("ts", Video("mpeg2-tff"), (AC3,)),
    "deinterlaced": Film("ts", Video("mpeg2-tff"), (AC3,), deinterlace="bwdif"),
    "HDR10": Film(video=Video("hevc-10", hdr=Hdr.HDR10)),
    "HLG": Film(video=Video("hevc-10", hdr=Hdr.HLG)),
}  # fmt: skip

FIRST_MOMENTS: dict[str, Film] = {
    **{
        f"{change} changes in {container}": Film(
            container, Video(codec), (AC3,), change=change
        )
        for change, codec, container in (
            (Change.SIZE, "h264", "ts"), (Change.SIZE, "mpeg2", "mkv"),
            (Change.ASPECT, "mpeg2", "ts"), (Change.DEPTH, "hevc", "ts"),
            (Change.CHROMA, "h264", "mkv"), (Change.COLOURS, "hevc", "mkv"),
            (Change.COLOURS, "h264", "ts"), (Change.INTERLACED, "mpeg2", "ts"),
            (Change.LATE_AUDIO, "mpeg2", "ts"), (Change.CAPTIONS, "mpeg2", "ts"),
            (Change.LATE_CAPTIONS, "mpeg2", "ts"), (Change.LATE_CAPTIONS, "mpeg2", "mkv"),
        )
    },
    "interlaced from the middle, deinterlaced": Film(
        "ts", Video("mpeg2"), (AC3,), change=Change.INTERLACED, deinterlace="bwdif"
    ),
    "sound that starts after seconds in a vob": Film(
        "vob", Video("mpeg2"), (AC3, Audio("ac3", offset_s=12)), length_s=16
    ),
    "a second sound track after seconds in ts": Film(
        "ts", Video("mpeg2"), (AC3,), length_s=8, change=Change.LATE_AUDIO
    ),
}  # fmt: skip

CLOCKS: dict[str, Film] = {
    "HDR10 with light levels of 0": Film(video=Video("hevc-10", hdr=Hdr.HDR10_ZERO_LIGHT)),
    "mkv whose clock starts at 7 s": Film(start_s=7),
    "webm whose clock starts at 7 s": Film("webm", Video("vp9"), (Audio("opus"),), start_s=7),
    "ts whose clock starts at 7 s": Film("ts", audio=(AC3,), start_s=7),
    "picture 10 s after the sound": Film(
        video=Video(offset_s=10), audio=(Audio("aac", longer_s=10),)
    ),
    "sound longer than the picture": Film(audio=(Audio("aac", longer_s=28),)),
    "subtitle longer than the picture": Film(subtitles=(Subtitle(longer_s=6),)),
    "subtitle longer than the picture, hevc": Film(
        video=Video("hevc"), subtitles=(Subtitle(longer_s=6),)
    ),
    "times below zero": Film("mp4", audio=(Audio("aac"),), start_s=-0.3),
}  # fmt: skip

MATROSKA: dict[str, Film] = {
    "languages of countries": Film(
        audio=(AC3, Audio("aac")), subtitles=(Subtitle(),),
        structure=Structure(languages=("en-GB", "pt-BR", "es-419", "zh-Hant")),
    ),
    **{
        f"chapters: {name}": Film(structure=Structure(chapters=name))
        for name in ("nested", "two languages", "hidden", "two editions", "ordered")
    },
    **{
        f"tags: {name}": Film(structure=Structure(tags=name))
        for name in ("collection", "season", "nested and repeated")
    },
    "a disabled track": Film(
        audio=(AC3, Audio("aac")), structure=Structure(is_last_disabled=True)
    ),
    "cropped by the container": Film(
        video=Video(size=(160, 120)), structure=Structure(cropping="8,16,8,16")
    ),
}  # fmt: skip

KNOWN = {**ORDINARY, **FIRST_MOMENTS, **CLOCKS, **MATROSKA, **WISHED}

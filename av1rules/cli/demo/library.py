"""The demo's library as data: the content of each clip and its expected plan. Pure.

Video and audio come from FFmpeg's generators. Small frames are classified by bits per pixel, so the
clips reach their tiers at 640x360 with a few megabytes.
"""

from __future__ import annotations

import msgspec

from av1rules.plan.items import PlanAction
from av1rules.policy.settings import SourceTier


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A source graph of FFmpeg, and encoders to try in order, each with its options."""

    graph: str
    encoders: tuple[tuple[str, ...], ...]


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """A tone; `options` are FFmpeg's for this stream's codec."""

    codec: str
    language: str
    hertz: int
    title: str | None = None
    disposition: str | None = None  # None leaves it to the muxer
    options: tuple[str, ...] = ()


class Subtitle(msgspec.Struct, frozen=True, kw_only=True):
    codec: str  # "subrip", "ass" or "mov_text"
    language: str
    text: str
    title: str | None = None
    disposition: str | None = None


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the demo's library; `about` describes it.

    `picture` None makes a file of zeros. `action` and `source_tier` are those of the first plan;
    `chapters` are titles of equally long chapters.
    """

    path: str
    about: str
    action: PlanAction
    source_tier: SourceTier | None = None
    picture: Picture | None = None
    sounds: tuple[Sound, ...] = ()
    subtitles: tuple[Subtitle, ...] = ()
    chapters: tuple[str, ...] = ()
    has_font: bool = False
    has_cover: bool = False
    is_marked: bool = False  # has an .av1skip file beside it


DURATION_S = 3
"""Long enough for statistics and two chapters; the demo takes a minute on two cores."""

ZEROS_BYTES = 256 * 1024

_H264 = (
    ("libx264", "-preset", "veryfast", "-b:v", "1100k", "-maxrate", "1100k", "-bufsize", "1100k"),
    ("libopenh264", "-b:v", "1100k"),
    ("mpeg4", "-b:v", "1100k"),
)

_GRAINY = Picture(
    graph="mandelbrot=size=640x360:rate=24:end_scale=0.02,noise=alls=14:allf=t,format=yuv420p",
    encoders=(
        ("libx264", "-preset", "veryfast", "-crf", "14"),
        ("mpeg2video", "-q:v", "2"),
    ),
)

_DISPLAY = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
"""A common one in the notation of x265: P3 primaries, D65 white, 0.0001 to 1000 nits."""

_HDR10 = Picture(
    graph="testsrc2=size=640x360:rate=24,noise=alls=8:allf=t,format=yuv420p10le,"
    "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv",
    encoders=(
        (
            "libx265", "-preset", "ultrafast", "-crf", "16", "-x265-params",
            f"log-level=error:hdr10=1:repeat-headers=1:max-cll=1000,400:{_DISPLAY}",
        ),
    ),
)  # fmt: skip

_MODERN = Picture(
    graph="gradients=size=640x360:rate=24:n=4:seed=7:speed=0.05,format=yuv420p",
    encoders=(
        ("libx265", "-preset", "ultrafast", "-crf", "28", "-x265-params", "log-level=error"),
        ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1200k"),
    ),
)

_POOR = Picture(
    graph="testsrc2=size=640x360:rate=25,gblur=sigma=6,format=yuv420p",
    encoders=(("mpeg4", "-b:v", "190k", "-maxrate", "190k", "-bufsize", "190k", "-g", "250"),),
)

_INTERLACED = Picture(
    graph="testsrc2=size=720x576:rate=50,interlace=scan=tff,format=yuv420p",
    encoders=(
        ("mpeg2video", "-b:v", "2M", "-maxrate", "2M", "-bufsize", "1M", "-flags", "+ildct+ilme"),
    ),
)

_SRT = """\
1
00:00:00,200 --> 00:00:01,400
{first}

2
00:00:01,600 --> 00:00:02,800
{second}
"""

_ASS = """\
[Script Info]
ScriptType: v4.00+
PlayResX: 640
PlayResY: 360

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Alignment, MarginV
Style: Default,Sans,28,&H00FFFFFF,0,2,20

[Events]
Format: Layer, Start, End, Style, Text
Dialogue: 0,0:00:00.20,0:00:01.40,Default,Es war eine körnige Nacht.
Dialogue: 0,0:00:01.60,0:00:02.80,Default,{\\i1}Und niemand sah das Korn.
"""

CLIPS: tuple[Clip, ...] = (
    Clip(
        path="films/Grainy Night (1999) Remux.mkv",
        about="REMUX: film grain, lossless audio in two languages, SRT, ASS, a font, chapters",
        action=PlanAction.CLIP,
        source_tier=SourceTier.REMUX,
        picture=_GRAINY,
        sounds=(
            Sound(codec="flac", language="eng", hertz=440, title="Lossless", disposition="default"),
            Sound(codec="ac3", language="ger", hertz=330, title="Kommentar", disposition="comment"),
        ),
        subtitles=(
            Subtitle(
                codec="subrip",
                language="eng",
                text=_SRT.format(first="It was a grainy night.", second="Nobody saw the grain."),
                title="For the deaf",
                disposition="hearing_impaired",
            ),
            Subtitle(codec="ass", language="ger", text=_ASS, title="Untertitel"),
        ),
        chapters=("Dusk", "Night"),
        has_font=True,
    ),
    Clip(
        path="films/Bright Sands (2021) UHD BluRay Remux.mkv",
        about="REMUX: 10-bit HDR10 with mastering display and light levels",
        action=PlanAction.ENCODE,
        source_tier=SourceTier.REMUX,
        picture=_HDR10,
        sounds=(Sound(codec="flac", language="eng", hertz=523),),
        chapters=("Noon", "Haze"),
    ),
    Clip(
        path="films/Harbour (2020) WEB-DL.mp4",
        about="WEB-DL: H.264 in MP4, with MP4 subtitles and cover art",
        action=PlanAction.ENCODE,
        source_tier=SourceTier.WEB_DL,
        picture=Picture(
            graph="testsrc2=size=640x360:rate=25,gblur=sigma=1,noise=alls=5:allf=t,format=yuv420p",
            encoders=_H264,
        ),
        sounds=(Sound(codec="aac", language="eng", hertz=392, options=("-b:a", "96k")),),
        subtitles=(
            Subtitle(
                codec="mov_text",
                language="eng",
                text=_SRT.format(first="Ships come in.", second="Ships go out."),
            ),
        ),
        has_cover=True,
    ),
    Clip(
        path="films/Signal (2023) WEB-DL.mkv",
        about="WEB-DL: already a modern codec, left alone by the first rule",
        action=PlanAction.LEFT_ALONE,
        source_tier=SourceTier.WEB_DL,
        picture=_MODERN,
        sounds=(Sound(codec="aac", language="eng", hertz=349, options=("-b:a", "96k")),),
    ),
    Clip(
        path="series/Old Show S01E01.avi",
        about="LOW-QUALITY: few bits per pixel, MPEG-4 in AVI",
        action=PlanAction.ENCODE,
        source_tier=SourceTier.LOW_QUALITY,
        picture=_POOR,
        sounds=(Sound(codec="ac3", language="eng", hertz=294, options=("-b:a", "64k")),),
    ),
    Clip(
        path="series/Broadcast S01E01.ts",
        about="interlaced: held, a user must decide",
        action=PlanAction.HELD,
        source_tier=SourceTier.WEB_DL,
        picture=_INTERLACED,
        sounds=(Sound(codec="mp2", language="eng", hertz=262),),
    ),
    Clip(
        path="films/Broken Download.mkv",
        about="corrupt: a failed download, all zeros; blocked",
        action=PlanAction.BLOCKED,
    ),
    Clip(
        path="home/Birthday.mkv",
        about="marked with Birthday.mkv.av1skip: ignored",
        action=PlanAction.LEFT_ALONE,
        picture=Picture(graph="testsrc2=size=320x180:rate=25,format=yuv420p", encoders=_H264),
        is_marked=True,
    ),
)

CRF_LINE = "    encode: {{crf: {}, preset: 11}}  # the demo changes this number"
CRF_BEFORE, CRF_AFTER = 30, 34
CRF_CLIP = "films/Harbour (2020) WEB-DL.mp4"
"""The only clip that the changed rule applies to."""

REVIEWED_CLIP = "films/Grainy Night (1999) Remux.mkv"
"""The clip that needs the approval of a test clip first."""

RULES = f"""\
# The policy of the demo. Real libraries need fewer numbers: each source tier has good defaults for
# `preset` and `crf`. The fast presets here only keep the demo short.
version: 1

library:
  roots: [library]
  settle: 0s              # take new files at once; the default waits until they are a minute old

output:
  mode: mirror            # library/films/a.mp4 -> av1/library/films/a.mkv
  root: av1

run:
  jobs: 2
  reserve: 64MiB          # space to leave free on the disk; the default is 1 GiB

# Tried in order: the first rule that matches decides. If none matches, the file is left alone.
rules:
  - name: clean streaming files stay
    when: {{source_tier: web-dl, video_codec: [hevc, av1, vp9]}}
    skip: already a modern codec

  - name: hdr discs
    when: {{source_tier: remux, hdr: hdr10}}
    encode: {{crf: 28, preset: 11, film_grain: 0}}
    review: never           # no test clips

  # `review` defaults to `each` for REMUX: its clip needs approval before the long encode.
  - name: other discs
    when: {{source_tier: remux}}
    encode: {{crf: 26, preset: 11, film_grain: 8}}

  # The held file: take these marks away, and it is made progressive and encoded.
  # - name: broadcasts
  #   when: {{interlaced: true}}
  #   encode: {{deinterlace: bwdif, preset: 11}}

  - name: streaming
    when: {{source_tier: web-dl}}
{CRF_LINE.format(CRF_BEFORE)}

  - name: the rest
    encode: {{preset: 11}}
"""

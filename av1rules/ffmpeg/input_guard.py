from __future__ import annotations

DEMUXERS = (
    "matroska,mov,avi,mpegts,mpeg,mpegvideo,asf,flv,live_flv,ogg,h264,hevc,h263,h261,m4v,vc1,"
    "vc1test,ivf,obu,av1,mxf,mxf_opatom,rm,dv,yuv4mpegpipe,nut,gxf,wtv,vvc"
)
"""Real containers only: playlists, manifests and scripts may name other files or run code."""


def file_url(path: str) -> str:
    """A name with `-`, `:` or `%` in it is just a file to FFmpeg when written as a URL."""
    return f"file:{path}"


INPUT_GUARD = ("-protocol_whitelist", "file", "-format_whitelist", DEMUXERS)
"""A playlist that took a file's place since it was probed leads nowhere."""

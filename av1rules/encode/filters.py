"""What happens to the pictures between decoder and encoder: deinterlacing, pixel format, chroma
location, marks that would be false. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.encode.dolby_vision import untagged_base
from av1rules.encode.job import EncodeJob
from av1rules.encode.kept_layers import false_marks
from av1rules.media.second_layers import Layer
from av1rules.media.source import VideoStream
from av1rules.policy.deinterlacing import BWDIF, INVERSE_TELECINE, TELECINE_CYCLE, makes_fields
from av1rules.policy.settings import EncodeSettings

RESAMPLED_LOCATION = "left"
"""Where FFmpeg's scaler places chroma without a location, like MPEG-2 and all later codecs."""


_BWDIF_FRAMES = "bwdif=mode=send_frame:deint=interlaced"
_BWDIF_FIELDS = "bwdif=mode=send_field:deint=interlaced"
"""One or two output frames per input frame; frames flagged progressive stay as they are, one."""


def deinterlacers(settings: EncodeSettings) -> tuple[str, ...]:
    """The filters that make whole pictures of interlaced frames, in order; usually none.

    The inverse of telecine pairs the fields of one picture of film again (frames that stay combed
    are deinterlaced), then leaves out the one of each five that came twice.
    """
    if settings.deinterlace == INVERSE_TELECINE:
        return ("fieldmatch", _BWDIF_FRAMES, f"decimate=cycle={TELECINE_CYCLE}")
    if settings.deinterlace == BWDIF:
        return (_BWDIF_FIELDS if makes_fields(settings) else _BWDIF_FRAMES,)
    return ()


RGB_MATRIX = "bt709"
"""The matrix of RGB frames in 4:2:0: the one that players assume where none is signalled."""


def pix_fmt(job: EncodeJob) -> str:
    return "yuv420p" if job.target_bit_depth == 8 else "yuv420p10le"


def picture_filters(job: EncodeJob) -> Iterator[str]:
    """The filters that the frames need; usually none."""
    yield from deinterlacers(job.settings)
    yield from format_filters(job)


def format_filters(job: EncodeJob) -> Iterator[str]:
    """The filters that keep the chroma location, where they are needed."""
    main, wanted = job.main, pix_fmt(job)
    location = chroma_location(main)
    # A layer of transparency makes another format of what the probe says.
    is_changed = main.pix_fmt != wanted or Layer.ALPHA in main.layers or main.changes
    if location is not None and is_changed:
        # Otherwise a change of pixel format, even from 8 to 10 bit, loses it.
        yield from (f"format={wanted}", f"setparams=chroma_location={location}")
    if (base := untagged_base(main)) is not None:
        colours = f"color_primaries={base.primaries}:color_trc={base.transfer}"
        yield f"setparams={colours}:colorspace={base.matrix}"
    for kind in false_marks(main, job.settings.container):
        yield f"sidedata=mode=delete:type={kind}"


def chroma_location(main: VideoStream) -> str | None:
    """The target's chroma location: as in the source; None where that is unknown.

    Frames with more chroma are resampled to 4:2:0: at the signalled location, or else left.
    """
    if main.chroma == "400" or (main.chroma is None and main.pix_fmt is None):
        return None
    return main.colour.chroma_location or (None if main.chroma == "420" else RESAMPLED_LOCATION)


def conversion_args(job: EncodeJob, video: str) -> Iterator[str]:
    """Options for sources that are not YUV: without them FFmpeg would compress full-range gray to
    limited range and convert RGB to BT.601 without signalling it."""
    if job.main.chroma == "400" and job.main.colour.range == "pc":
        yield from (f"-color_range:{video}", "pc")
    if job.main.chroma == "rgb":
        yield from (f"-colorspace:{video}", RGB_MATRIX, f"-color_range:{video}", "tv")

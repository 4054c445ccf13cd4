"""The demo's rules file as text, and the one change that the demo makes to it."""

from __future__ import annotations

CRF_LINE = "    encode: {{crf: {}, preset: 11}}  # the demo changes this number"
CRF_BEFORE, CRF_AFTER = 30, 34
CRF_CLIP = "films/Harbour (2020) WEB-DL.mp4"
"""The one clip that the changed rule decides."""

REVIEWED_CLIP = "films/Grainy Night (1999) Remux.mkv"
"""The one that is seen as a test clip first."""

RULES = f"""\
# The policy of the demo. Real libraries need fewer numbers: without `preset` and `crf` each source
# tier has good ones of its own. Fast presets stand here only so that the demo is over soon.
version: 1

library:
  roots: [library]
  settle: 0s              # look at files at once; the default waits until they are a minute old

output:
  mode: mirror            # library/films/a.mp4 -> av1/library/films/a.mkv
  root: av1

run:
  jobs: 2
  reserve: 64MiB          # stays free on the disk; the default is 1 GiB

# Tried in order: the first that matches decides. No rule: the file is left alone.
rules:
  - name: clean streaming files stay
    when: {{source_tier: web-dl, video_codec: [hevc, av1, vp9]}}
    skip: already a modern codec

  - name: hdr discs
    when: {{source_tier: remux, hdr: hdr10}}
    encode: {{crf: 28, preset: 11, film_grain: 0}}
    review: never           # no test clip of these

  # Left out, `review` is `each` for REMUX: a clip is seen and approved before hours are spent.
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

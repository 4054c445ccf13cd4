"""Which tracks a user wished to keep, and what must come of it: an oracle of its own.

It reads ffprobe's streams and shares no code with `policy/tracks`, whose words it only writes into
the rules file.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.media_truth.look import Json, tag

_ONE_NAME = {"ger": "deu", "fre": "fra", "und": ""}


@dataclass(frozen=True)
class Wish:
    """Languages of sound and subtitles to keep, empty for all of them; `subtitles` None for none.
    `default` is the language whose first track is to be the default sound."""

    audio: tuple[str, ...] = ()
    has_commentary: bool = True
    subtitles: tuple[str, ...] | None = ()
    default: str = ""

    @property
    def settings(self) -> str:
        """As in a rules file; empty if nothing is wished."""
        sound = [
            f"keep: [{', '.join(self.audio)}]" if self.audio else "",
            "" if self.has_commentary else "commentary: false",
            f"default: {self.default}" if self.default else "",
        ]
        lines = "none" if self.subtitles is None else f"[{', '.join(self.subtitles)}]"
        parts = []
        if any(sound):
            parts.append(f"audio: {{{', '.join(filter(None, sound))}}}")
        if self.subtitles is None or self.subtitles:
            parts.append(f"subtitles: {{keep: {lines}}}")
        return ", ".join(parts)

    def kept(self, kind: str, streams: list[Json]) -> list[Json]:
        """The streams of this kind that must be in the target, in their order."""
        if kind == "subtitle":
            return [one for one in streams if self._has_language(one, self.subtitles)]
        if kind != "audio":
            return streams
        wanted = [one for one in streams if self._is_wanted(one, self.audio)]
        film = [one for one in streams if not _is_commentary(one)]
        sure = [one for one in film if not self.audio or _language(one) in self.audio]
        if sure:
            return wanted
        return [one for one in streams if self._is_wanted(one, ())] or streams

    def _is_wanted(self, stream: Json, languages: tuple[str, ...]) -> bool:
        if _is_commentary(stream) and not self.has_commentary:
            return False
        return self._has_language(stream, languages)

    def _has_language(self, stream: Json, languages: tuple[str, ...] | None) -> bool:
        """Nobody knows the language of some tracks: they stay."""
        if languages is None:
            return False
        return not languages or _language(stream) in ("", *languages)

    def default_sound(self, before: list[Json]) -> int | None:
        """The index in the source of the one default track that the wish makes; None where the
        flags stay as they are."""
        kept = self.kept("audio", before)
        film = [one for one in kept if not _is_commentary(one)]
        spoken = [one for one in (*film, *kept) if _language(one) == self.default]
        if self.default and spoken:
            return int(spoken[0]["index"])
        defaults = [one for one in before if one["disposition"]["default"]]
        if defaults and not any(one in kept for one in defaults):
            return int((film or kept)[0]["index"])
        return None


def _language(stream: Json) -> str:
    code = tag(stream, "language")
    return _ONE_NAME.get(code, code)


def _is_commentary(stream: Json) -> bool:
    return bool(stream["disposition"]["comment"]) or "commentary" in tag(stream, "title").lower()


WISHES = (
    Wish(),
    Wish(audio=("eng",)),
    Wish(audio=("deu", "jpn"), has_commentary=False),
    Wish(has_commentary=False, default="eng"),
    Wish(audio=("eng", "fra"), subtitles=("eng",), default="fra"),
    Wish(subtitles=None),
    Wish(audio=("jpn",), subtitles=("deu", "fra"), has_commentary=False, default="jpn"),
)

"""Settings of a rules file (`defaults`, profiles, `encode`) as layers of typed values."""

from __future__ import annotations

import re

from av1rules.base.text import printable
from av1rules.base.units import parse_duration
from av1rules.policy.build_quality import build_gate, build_target, quarter_steps
from av1rules.policy.model import Action, ActionKind, Setting, SettingsLayer
from av1rules.policy.reader import Cursor
from av1rules.policy.settings import AUTO, Loss

USE = "use"
"""The key of a rule's `encode` that names a profile; no field of `EncodeSettings`."""

_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}
"""What older YAML takes for true and false; here it would be the reason."""

_SECONDS = re.compile(r"\d+(?:\.\d+)?s")


def build_layer(cursor: Cursor, name: str) -> SettingsLayer:
    """All settings of one mapping; its `use:` is not among them."""
    settings = []
    for key, below in cursor.entries():
        if key == USE:
            continue
        value = _value(key, below)
        if value is not None:
            settings.append(Setting(field=key, value=value, place=below.key_place))
    crf, target = cursor.get("crf"), cursor.get("target")
    if crf is not None and target is not None:
        crf.fault(
            "crf and target exclude each other: the target finds the CRF",
            hint="its range stands in the target: target: {p5: 93, crf: {min: 16, max: 40}}",
            at_key=True,
        )
    return SettingsLayer(name=name, settings=tuple(settings))


def build_action(rule: Cursor, rule_name: str) -> Action | None:
    """The action of a rule: `encode`, `skip` or `hold`."""
    if (encode := rule.get("encode")) is not None:
        return _encode(encode, rule_name)
    for kind in (ActionKind.SKIP, ActionKind.HOLD):
        if (below := rule.get(kind.value)) is not None:
            return _with_reason(kind, below)
    return None


def _encode(cursor: Cursor, rule_name: str) -> Action:
    name = f"rule {rule_name}"
    if not cursor.is_mapping:
        if cursor.value is not True:
            cursor.fault("expected settings or true")
        return Action(kind=ActionKind.ENCODE, layer=SettingsLayer(name=name))
    use = cursor.get(USE)
    return Action(
        kind=ActionKind.ENCODE,
        layer=build_layer(cursor, name),
        profile=None if use is None else use.text(),
    )


def _with_reason(kind: ActionKind, cursor: Cursor) -> Action:
    if cursor.value is True:
        return Action(kind=kind)
    text = cursor.text()
    if text is not None and not text.strip():
        cursor.fault("expected a reason, found an empty text", hint=f"write {kind.value}: true")
    elif text is not None and text.strip().lower() in _SWITCHES:
        meant = _SWITCHES[text.strip().lower()]
        hint = f"write {kind.value}: true" if meant else f"take {kind.value} out"
        cursor.fault(f"expected a reason or true, found {text.strip()}", hint=hint)
    return Action(kind=kind, reason=None if text is None else printable(" ".join(text.split())))


def _value(field: str, cursor: Cursor) -> object:
    """The value in the type of its field in `EncodeSettings`; None when it is wrong."""
    match field:
        case "crf":
            return quarter_steps(cursor)
        case "preset":
            return cursor.whole()
        case "film_grain":
            return AUTO if cursor.value == AUTO else cursor.whole()
        case "target":
            return build_target(cursor)
        case "verify":
            return build_gate(cursor)
        case "max_size_ratio":
            number = cursor.number()
            return None if number is None else float(number)
        case "film_grain_denoise" | "force":
            return cursor.boolean()
        case "keyint":
            return _keyint(cursor)
        case "bit_depth":
            return 0 if cursor.value == "source" else cursor.whole()
        case "accept":
            return _losses(cursor)
        case "params":
            return _params(cursor)
        case _:
            return cursor.text()


def _keyint(cursor: Cursor) -> str | None:
    value = cursor.value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = cursor.raw.strip()
    if text.isascii() and text.isdigit() and int(text) > 0:
        return str(int(text))
    if _SECONDS.fullmatch(text) and parse_duration(text) > 0:
        return text
    cursor.fault(
        f"expected frames such as 240, or seconds such as 10s, found {printable(text, limit=60)}"
    )
    return None


def _losses(cursor: Cursor) -> frozenset[Loss]:
    known = {loss.value: loss for loss in Loss}
    found = set()
    for item in cursor.items():
        text = item.text()
        if text in known:
            found.add(known[text])
        elif text is not None:
            item.fault(f"expected one of {', '.join(known)}")
    return frozenset(found)


def _params(cursor: Cursor) -> tuple[tuple[str, str], ...]:
    """Sorted by name with numbers in one spelling: neither order nor `1.0` redoes a file."""
    pairs = []
    for name, below in cursor.entries():
        number = below.number()
        if number is not None:
            pairs.append((name, f"{number:g}"))
    return tuple(sorted(pairs))

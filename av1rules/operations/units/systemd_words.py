"""Text as words of systemd's units: `%`, `$`, quotes and blanks mean something there. Pure."""

from __future__ import annotations


def word(text: str) -> str:
    """A word of a list of paths or of an assignment."""
    escaped = "".join(map(_escaped, text))
    return f'"{escaped}"' if _needs_quotes(text) else escaped


def command_word(text: str) -> str:
    """A word of a command, where `$` stands for a variable, too."""
    if text == ";":  # it would separate two commands
        return "\\;"
    return word(text).replace("$", "$$")


def specifiers(text: str) -> str:
    """A value that is taken as it stands, but for `%`."""
    return text.replace("%", "%%")


def _needs_quotes(text: str) -> bool:
    return not text or any(one.isspace() or one in "\"'\\;#" for one in text)


def _escaped(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one == "%":
        return "%%"
    if one.isprintable():
        return one
    return "".join(f"\\x{byte:02x}" for byte in one.encode("utf-8", "surrogateescape"))

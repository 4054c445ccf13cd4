"""An output that goes to a log as well."""

from __future__ import annotations

import io

from av1rules.base.tee import Tee, beneath


def test_whole_lines_go_to_the_log_without_colours() -> None:
    stream, lines = io.StringIO(), list[str]()
    tee = Tee(stream, lines.append)
    for text in ("\x1b[31mre", "d\x1b[0m\nse", "cond\r\n", "rest"):
        tee.write(text)
    assert lines == ["red", "second"]
    assert stream.getvalue() == "\x1b[31mred\x1b[0m\nsecond\r\nrest"


def test_of_a_line_written_over_the_log_gets_its_last_state() -> None:
    lines: list[str] = []
    tee = Tee(io.StringIO(), lines.append)
    tee.write("\r1 of 3\x1b[K\r2 of 3\x1b[K\r\x1b[Kdone\n")
    assert lines == ["done"]


def test_it_is_the_stream_in_all_else() -> None:
    stream = io.StringIO()
    tee = Tee(stream, lambda _: None)
    assert tee.isatty() is False
    assert tee.getvalue() == ""
    assert beneath(tee) is stream  # type: ignore[arg-type]
    assert beneath(stream) is stream

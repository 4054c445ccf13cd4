"""What the monitor's keys do to films. Controls are written at once; everything else is the very
command that a user would type, after a question where it can't simply be taken back."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from av1rules.base.errors import Av1rulesError
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.ledger.films.film_list import FilmState
from av1rules.operations import control
from av1rules.ui.monitor.actions import Act, FilmCommand, adjustments, command_of
from av1rules.ui.monitor.commands import CommandAnswer, open_page, run_command
from av1rules.ui.monitor.lines import ScreenLine, line, quiet, text_lines
from av1rules.ui.monitor.model import ScreenState
from av1rules.ui.monitor.screens.clips import ClipsScreen
from av1rules.ui.monitor.screens.questions import AskText, YesOrNo
from av1rules.ui.monitor.screens.texts import TextScreen
from av1rules.ui.monitor.source import MonitorSource
from av1rules.ui.monitor.stills import are_stills_wanted, stills_of

if TYPE_CHECKING:
    from textual.app import App as _Base
else:
    _Base = object

_NO_LIBRARY = "this is a recorded run: nothing can be done to it"

_WAITING = "..."


class FilmActions(_Base):  # type: ignore[type-arg]
    """The part of the application that acts. `children` end with it."""

    source: MonitorSource
    shown: ScreenState

    def __init__(self) -> None:
        super().__init__()
        self.children_run = Children()
        self.requeued: set[str] = set()
        self.has_stills = are_stills_wanted()

    def say(self, message: str) -> None:
        raise NotImplementedError

    def update_state(self) -> None:
        raise NotImplementedError

    # --- controls: at once

    def action_pause_all(self) -> None:
        library = self.shown.live.library
        if library.pause is not None:
            self._control(control.resume, "av1rules resume")
        else:
            self._control(control.pause, "av1rules pause")

    def action_pause_film(self) -> None:
        self._of_film(("paused", "stopped"), control.resume, "resume", control.pause, "pause")

    def action_skip(self) -> None:
        self._of_film(("skipped",), control.unskip, None, control.skip, None)

    def action_first(self) -> None:
        if (film := self._film()) is not None:
            self._control(lambda state: control.move_first(state, [film]), "", "comes first")

    def action_last(self) -> None:
        if (film := self._film()) is not None:
            self._control(lambda state: control.move_last(state, [film]), "", "comes last")

    def _of_film(
        self,
        held: tuple[str, ...],
        undo: Callable[[Path, list[str]], object],
        undo_word: str | None,
        do: Callable[[Path, list[str]], object],
        do_word: str | None,
    ) -> None:
        """Do something to the film, or take it back if it holds already."""
        film = self._film()
        if film is None:
            return
        is_held = self.shown.held.get(film) in held
        act, word = (undo, undo_word) if is_held else (do, do_word)
        command = "" if word is None else f"av1rules {word} {printable(film)}"
        said = "goes on as usual" if is_held else "is skipped until n is pressed again"
        self._control(lambda state: act(state, [film]), command, said)

    def _control(self, act: Callable[[Path], object], command: str, said: str = "") -> None:
        if (state_dir := self._state_dir()) is None:
            return

        def write() -> None:
            try:
                act(state_dir)
                message = f"done: {command}" if command else f"done: it {said}"
            except Av1rulesError as problem:
                message = str(problem)
            self.call_from_thread(self._acted, message)

        self.run_worker(write, thread=True)

    def _acted(self, message: str) -> None:
        self.source.changed()
        self.update_state()
        self.say(message)

    def action_stop(self) -> None:
        if self._state_dir() is None:
            return
        command = command_of(Act.STOP, "")

        def answered(answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if answer:
                self._control(control.stop, command.text)

        self.push_screen(YesOrNo(Act.STOP.value, "", command.text), answered)

    def action_requeue(self) -> None:
        """Stop an encode; once it has ended, its film is queued again, as the last one."""
        film = self._film()
        if film is None:
            return
        if self.shown.live.job_of(film) is None:
            self.say("it is not at work: t tries a failed film again")
            return
        command = command_of(Act.REQUEUE, film)
        more = "then, once it has ended: av1rules resume"

        def answered(answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if answer:
                self.requeued.add(film)
                self._control(lambda state: control.stop(state, [film]), command.text)

        question = YesOrNo(Act.REQUEUE.value, printable(film), command.text, more=more)
        self.push_screen(question, answered)

    def follow_requeued(self) -> None:
        """Queue the films whose encodes have ended."""
        ended = {film for film in self.requeued if self.shown.live.job_of(film) is None}
        for film in ended:
            self.requeued.discard(film)
            self._control(functools.partial(_queue_again, film), "", "is queued again")

    # --- commands

    def action_retry(self) -> None:
        if (film := self._film()) is not None:
            self._run(command_of(Act.RETRY, film))

    def action_undo(self) -> None:
        film = self._film()
        if film is None:
            return
        row = self.shown.list.selected
        if row is None or row.state is not FilmState.DONE:
            self.say("only a finished film can be undone")
            return
        self.act_on(Act.UNDO, film)

    def action_clips(self) -> None:
        if self._state_dir() is not None:
            self.push_screen(ClipsScreen(self.source.clips, self.act_on))

    def act_on(self, act: Act, film: str) -> None:
        """Do this to a film: at once, or after a question."""
        if self.source.ruleset is None:
            self.say(_NO_LIBRARY)
            return
        name = printable(film)
        if act is Act.EXPLAIN:
            self.show_details(film)
        elif act is Act.OPEN_PAGE:
            self._compare(film)
        elif act is Act.ADJUST:
            question = f"{act.value}\nNothing is the usual: CRF 2 less. Or: crf=24 film_grain=4"
            self._ask(question, film, act, must=False)
        elif act is Act.REJECT:
            self._ask(
                f"{act.value}\nWhy? The reason goes into approvals.yaml.", film, act, must=True
            )
        elif act is Act.UNDO:
            command = command_of(act, film)

            def answered(answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
                if answer:
                    self._run(command)

            self.push_screen(YesOrNo(act.value, name, command.text), answered)
        else:
            self._run(command_of(act, film))

    def _ask(self, question: str, film: str, act: Act, *, must: bool) -> None:
        sample = ("--reason", "...") if act is Act.REJECT else ()

        def answered(text: str | None) -> None:
            if text is None:
                return
            more = ("--reason", text) if act is Act.REJECT else adjustments(text)
            self._run(command_of(act, film, more=more))

        shown = command_of(act, film, more=sample).text
        self.push_screen(AskText(question, printable(film), shown, must=must), answered)

    def _run(self, command: FilmCommand) -> None:
        """Run a command beside the monitor, and say how it ended."""
        self._say_anywhere(f"$ {command.text}")

        def ended(answer: CommandAnswer) -> None:
            word = "done" if answer.is_done else "not done"
            self.source.changed()
            self.update_state()
            self._say_anywhere(f"{word}: {answer.last_line}")

        self._in_background(command.words, ended)

    def _in_background(
        self, words: tuple[str, ...], ended: Callable[[CommandAnswer], None]
    ) -> None:
        ruleset = self.source.ruleset
        if ruleset is None:
            self.say(_NO_LIBRARY)
            return
        rules_file, columns = ruleset.file, self.size.width

        def work() -> None:
            answer = run_command(words, rules_file, columns=columns, children=self.children_run)
            self.call_from_thread(ended, answer)

        self.run_worker(work, thread=True)

    def _compare(self, film: str) -> None:
        self._say_anywhere("making the page ...")

        def ended(answer: CommandAnswer) -> None:
            if not answer.is_done:
                self._say_anywhere(answer.last_line)
                return
            page = str(json.loads(answer.text)["page"])
            self._say_anywhere(f"the page: {page}")
            self.run_worker(lambda: open_page(page, self.children_run), thread=True)

        self._in_background(("clips", "compare", "--json", film), ended)

    def _say_anywhere(self, message: str) -> None:
        """On the screen that is in front."""
        if isinstance(self.screen, ClipsScreen):
            self.screen.message = message
            self.screen.draw()
        self.say(message)

    # --- details

    def action_details(self) -> None:
        if (film := self._film()) is not None:
            self.show_details(film)

    def action_explain(self) -> None:
        self.action_details()

    def action_stills(self) -> None:
        self.has_stills = not self.has_stills
        self.say(f"pictures in the details: {'on' if self.has_stills else 'off'}")

    def show_details(self, film: str) -> None:
        """Why, receipt, and pictures, each as soon as it is there."""
        waiting: Callable[[int], list[ScreenLine]] = lambda _width: [line(quiet(_WAITING))]  # noqa: E731
        names = ("why", "receipt", "pictures") if self.has_stills else ("why", "receipt")
        screen = TextScreen(printable(film), [(name, waiting) for name in names])
        self.push_screen(screen)

        def fill(name: str) -> Callable[[CommandAnswer], None]:
            def show(answer: CommandAnswer) -> None:
                screen.set_page(name, lambda width: text_lines(answer.text, width))

            return show

        self._in_background(command_of(Act.EXPLAIN, film).words, fill("why"))
        self._in_background(command_of(Act.RECEIPT, film).words, fill("receipt"))
        ruleset = self.source.ruleset
        if self.has_stills and ruleset is not None:
            job, size = self.shown.live.job_of(film), (self.size.width, self.size.height)

            def take() -> None:
                lines = stills_of(ruleset, film, job, size, self.children_run)
                self.call_from_thread(screen.set_page, "pictures", lambda _width: lines)

            self.run_worker(take, thread=True)

    # --- what is meant

    def _film(self) -> str | None:
        """The selected film, if something can be done to it."""
        row = self.shown.list.selected
        if self.source.ruleset is None:
            self.say(_NO_LIBRARY)
            return None
        if row is None:
            self.say("no film is selected")
            return None
        return row.film

    def _state_dir(self) -> Path | None:
        if self.source.ruleset is None:
            self.say(_NO_LIBRARY)
            return None
        return self.source.ruleset.run.state_dir

    def on_unmount(self) -> None:
        self.children_run.stop(kill=True)


def _queue_again(film: str, state_dir: Path) -> None:
    control.resume(state_dir, [film])
    control.move_last(state_dir, [film])

"""Completion in bash, zsh and fish: click's classes, with a protocol that any name survives.

click's own scripts hand values to the shell unquoted: a film called `$(reboot).mkv` would be run.
Here each line is a kind, a value and a help text, with tabs between; the shell quotes the value.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import redirect_stderr, suppress
from typing import ClassVar

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from av1rules.base.text import printable
from av1rules.cli.complete import COMPLETE_VARIABLE

PROGRAM = "av1rules"

_BASH = r"""%(complete_func)s() {
    local kind value help
    COMPREPLY=()
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            name) COMPREPLY+=("$value"); compopt -o filenames ;;
            folder) COMPREPLY+=("$value"); compopt -o filenames -o nospace ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_CUR="$2" \
        %(complete_var)s=bash_complete "${1/#\~/$HOME}" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = r"""#compdef %(prog_name)s

%(complete_func)s() {
    local kind value help is_file is_dir
    local -a plain described names folders
    (( ! $+commands[%(prog_name)s] )) && return 1
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            plain)
                if [[ -n $help ]]; then described+=("${value//:/\\:}:$help")
                else plain+=("$value"); fi ;;
            name) names+=("$value") ;;
            folder) folders+=("$value") ;;
            file) is_file=1 ;;
            dir) is_dir=1 ;;
        esac
    done < <(COMP_LINE="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" \
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
    (( $#names )) && compadd -U -V films -a names
    (( $#folders )) && compadd -U -V folders -S '' -a folders
    if [[ -n $is_file || -n $is_dir ]]; then
        [[ $PREFIX == -*=* ]] && compset -P '*='
        if [[ -n $is_dir ]]; then _path_files -/; else _path_files; fi
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = r"""function %(complete_func)s
    set -l line (commandline -cp | string collect)
    env COMP_LINE="$line" %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null \
        | while read -l -d \t kind value help
        switch $kind
            case plain name folder
                printf '%%s\t%%s\n' $value "$help"
            case file
                __fish_complete_path (commandline -ct)
            case dir
                __fish_complete_directories (commandline -ct)
        end
    end
end

complete --no-files --command %(prog_name)s --arguments '(%(complete_func)s)'
"""

_MARK = "x"
"""Stands where the cursor is, so that the word there is the last one even if it is empty."""


class _Completion(ShellComplete):
    """Completes the word before the cursor, COMP_LINE up to there, by one protocol."""

    replaces_whole_word: ClassVar[bool] = True
    """Whether the shell replaces `--option=value`, or only what comes after the `=`."""

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ.get("COMP_LINE", "") + _MARK)
        at = next((n for n, w in enumerate(words) if os.path.basename(w) == self.prog_name), 0)
        *given, last = words[at + 1 :] or [_MARK]
        return given, last.removesuffix(_MARK)

    def complete(self) -> str:
        args, incomplete = self.get_completion_args()
        option, equals, value = incomplete.partition("=")
        is_value = bool(equals) and option.startswith("--")
        before = f"{option}=" if is_value and self.replaces_whole_word else ""
        typed = value if is_value else incomplete
        cut = 0 if self.replaces_whole_word else _not_replaced(typed)
        items = self.get_completions(args, incomplete)
        return "\n".join(_line(item, before=before, cut=cut) for item in _without_unsafe(items))


def _not_replaced(typed: str) -> int:
    """How many characters of the typed word bash leaves before what it replaces: to it, words end
    at colons too."""
    words = split_arg_string(os.environ.get("COMP_CUR", "") + _MARK)
    current = words[-1].removesuffix(_MARK) if words else ""
    return len(typed) - len(current) if typed.endswith(current) else 0


def _without_unsafe(items: Iterable[CompletionItem[str]]) -> Iterable[CompletionItem[str]]:
    """A name with control characters can't be shown in a list of a terminal, nor a tab or a line
    break be told apart from those of the protocol."""
    return (item for item in items if printable(item.value) == item.value)


def _line(item: CompletionItem[str], *, before: str, cut: int) -> str:
    help_text = " ".join((item.help or "").split())
    return f"{item.type}\t{before}{item.value[cut:]}\t{help_text}"


class BashCompletion(_Completion):
    name = "bash"
    source_template = _BASH
    replaces_whole_word = False


class ZshCompletion(_Completion):
    name = "zsh"
    source_template = _ZSH


class FishCompletion(_Completion):
    name = "fish"
    source_template = _FISH


SHELLS = {one.name: one for one in (BashCompletion, ZshCompletion, FishCompletion)}


def completion(shell: str, program: click.Command) -> ShellComplete:
    """The completion of `program` in that shell."""
    return SHELLS[shell](program, {}, PROGRAM, COMPLETE_VARIABLE)


def answer(program: click.Command, instruction: str) -> int:
    """Print what a script asked for; returns the exit code. Nothing is ever said on standard error,
    where it would stand in the middle of what a user types."""
    shell, _, what = instruction.partition("_")
    if shell not in SHELLS or what not in ("source", "complete"):
        return 1
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stderr(nowhere),
        suppress(Exception),
    ):
        one = completion(shell, program)
        click.echo(one.source() if what == "source" else one.complete())
        return 0
    return 1

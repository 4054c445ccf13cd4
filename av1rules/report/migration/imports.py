"""What became of an export of another program: on the screen and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.base.text import printable
from av1rules.operations.migrate.files import FileState, MigrationFile
from av1rules.operations.migrate.others.imported import ImportedPolicy
from av1rules.report.documents.migration import ImportDocument, MigratedFile
from av1rules.report.json import json_document
from av1rules.report.migration.av1d_json import typed_keys
from av1rules.report.migration.keys import keys_section
from av1rules.report.table_text import section_lines
from av1rules.report.view import PLAIN, View, fit


def import_lines(
    imported: ImportedPolicy, file: MigrationFile, *, is_dry: bool, view: View = PLAIN
) -> Iterator[str]:
    """Every key, and the file."""
    yield from section_lines(keys_section("Keys", imported.keys), view)
    yield ""
    shown = printable(file.path)
    if file.state is FileState.UNCHANGED:
        yield f"unchanged: {shown}"
        return
    yield f"{'would write' if is_dry else 'wrote'} {shown}"
    roots = ", ".join(map(printable, imported.roots))
    yield from fit([f"next: check the roots ({roots}), then av1rules plan -f {shown}"], view)


def import_json(imported: ImportedPolicy, file: MigrationFile, *, is_dry: bool) -> str:
    """The document of `migrate handbrake`, `tdarr` and `unmanic`."""
    document = ImportDocument(
        dry_run=is_dry,
        written=MigratedFile(path=file.path, state=file.state),
        profiles=imported.profiles,
        roots=imported.roots,
        keys=typed_keys(imported.keys),
    )
    return json_document(document)

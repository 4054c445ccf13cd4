"""Finds and reads the schema of rules files as data; checks nothing (see `schema`)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from av1rules.base.errors import Av1rulesError

Schema = dict[str, Any]


def schema_path() -> Path:
    """The schema in a checkout, or in an installed package."""
    here = Path(__file__).resolve().parents[1]
    for folder in (here / "schema", here.parent / "schema"):
        if (path := folder / "rules.schema.json").is_file():
            return path
    raise Av1rulesError("rules.schema.json is missing", hint="install av1rules again")


@functools.cache
def load_schema() -> Schema:
    """The schema as data; read once."""
    loaded: Schema = json.loads(schema_path().read_text(encoding="utf-8"))
    return loaded

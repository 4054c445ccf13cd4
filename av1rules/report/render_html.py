"""A report as one self-contained HTML page, without network access or scripts.

The only module that imports Jinja2, which is an extra.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources

import jinja2
from markupsafe import Markup

from av1rules import __version__
from av1rules.report.charts import report_charts
from av1rules.report.model import Figures
from av1rules.report.sections import CLOSING, headline, report_sections
from av1rules.report.table import Topic

SHOWN_FILES = 200

_TEMPLATES = "templates"


def report_html(figures: Figures, *, home: str | None = None) -> str:
    """The page; `home` is the address that it leads back to, where it is a part of others. The
    template escapes all text except our own style sheet and the charts, which are serialised
    XML."""
    css = _resource("report.css")
    charts = report_charts(figures)
    sections = report_sections(figures, limit=SHOWN_FILES)
    return _template().render(
        policy=_policy(css),
        css=Markup(css),  # noqa: S704 - our own file
        headline=headline(figures),
        summary=next(one for one in sections if one.topic is Topic.SUMMARY),
        sections=[one for one in sections if one.topic is not Topic.SUMMARY],
        charts={topic: [one for one in charts if one.topic is topic] for topic in Topic},
        drawing=lambda chart: Markup(chart.svg),  # noqa: S704 - written as XML, which escapes
        closing=CLOSING,
        version=__version__,
        home=home,
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_resource("report.html.j2"))


def _resource(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(_TEMPLATES, name).read_text("utf-8")


def _policy(css: str) -> str:
    """What a browser may load for this page: only this style sheet, by its digest."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"

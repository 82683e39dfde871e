"""Report on shadows as one HTML file without scripts; it holds no words, pictures or ids."""

from jinja2 import PackageLoader

from serving.html import html_templates
from serving.review.figures.shadow.report import ShadowReport

_TEMPLATES = html_templates(PackageLoader("serving.review.figures.shadow", "."))


def shadow_page(report: ShadowReport) -> str:
    """The file's text."""
    return _TEMPLATES.get_template("page.html.j2").render(report=report)

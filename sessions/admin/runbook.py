"""The runbooks as pages of the admin, so that an alarm leads to what to do about it with one click.

They are written in a small part of Markdown: headings, paragraphs, lists, tables, `code`, *emphasis* and links to each
other. A test holds every file to that part.
"""

import re
from html import escape
from itertools import groupby
from pathlib import Path

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

FOLDER: Path = settings.BASE_DIR / "docs" / "runbooks"

_INLINE = re.compile(r"`([^`]+)`|\*([^*]+)\*|\[([^\]]+)\]\(([A-Za-z-]+)\.md\)")


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """One runbook; ``README`` is the list of all."""
    if not request.user.has_perm("board.view_session"):
        raise PermissionDenied
    if name not in names():
        raise Http404("There is no such runbook.")
    title, _, text = (FOLDER / f"{name}.md").read_text().partition("\n")
    context = {**admin.site.each_context(request), "title": title.removeprefix("# "), "text": render(text)}
    return TemplateResponse(request, "admin/runbook.html", context)


def names() -> set[str]:
    """Of all runbooks, without the ending."""
    return {path.stem for path in FOLDER.glob("*.md")}


def address(name: str) -> str:
    return reverse("admin:board_runbook", args=[name.removesuffix(".md")])


def render(text: str) -> SafeString:
    """HTML of a runbook. Every letter of the file is escaped."""
    items: list[tuple[str, str]] = []
    for line in text.splitlines():
        if items and line and items[-1][0] in ("p", "li") and not line.startswith(("#", "- ", "| ")):
            items[-1] = (items[-1][0], f"{items[-1][1]} {line.strip()}")  # goes on with what began above
        elif line:
            items.append(_item(line))
        else:
            items.append(("", ""))
    html = (_block(kind, [words for _, words in group]) for kind, group in groupby(items, key=lambda item: item[0]))
    return mark_safe("\n".join(html))  # noqa: S308 (escaped in _inline)


def _item(line: str) -> tuple[str, str]:
    for start, kind in (("## ", "h2"), ("- ", "li"), ("| ", "tr"), ("|-", "")):
        if line.startswith(start):
            return kind, line.removeprefix(start)
    return "p", line.strip()


def _block(kind: str, lines: list[str]) -> str:
    if kind == "li":
        return "<ul>" + "".join(f"<li>{_inline(line)}</li>" for line in lines) + "</ul>"
    if kind == "tr":
        return "<table>" + "".join(_row(line) for line in lines) + "</table>"
    return "".join(f"<{kind}>{_inline(line)}</{kind}>" for line in lines) if kind else ""


def _row(line: str) -> str:
    cells = line.strip().removesuffix("|").split(" | ")
    return "<tr>" + "".join(f"<td>{_inline(cell.strip())}</td>" for cell in cells) + "</tr>"


def _inline(text: str) -> str:
    def marked(found: re.Match[str]) -> str:
        code, emphasis, label, to = found.groups()
        if code:
            return f"<code>{code}</code>"
        if emphasis:
            return f"<em>{emphasis}</em>"
        return f'<a href="{address(to)}">{label}</a>' if to in names() else label

    return _INLINE.sub(marked, escape(text))

"""The report as one HTML file: no script, nothing loaded from elsewhere, readable in light and dark and on paper."""

from collections.abc import Sequence
from html import escape

from sessions.evaluation import content, plots
from sessions.evaluation.content import Report
from sessions.evaluation.figures import Comparison, ModeFigures

_STYLE = """
:root { color-scheme: light dark; --ground: #fbfaf7; --ink: #1d1c1a; --soft: #625d55; --line: #d9d4ca; --card: #fff;
  --m0: #14627a; --m1: #a84a12; --m2: #5a4a9c; --good: #2c6e49; --bad: #a3262a; --other: #8a8275; }
@media (prefers-color-scheme: dark) { :root { --ground: #171614; --ink: #ece8e1; --soft: #aaa396; --line: #3a3732;
  --card: #201f1c; --m0: #63b7d1; --m1: #ec9a60; --m2: #ab9df0; --good: #77c79a; --bad: #f08a86; --other: #958d80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.offline { border: 2px solid var(--bad); border-radius: 6px; padding: .7rem 1rem; font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .8rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
figcaption { font-weight: 600; margin-bottom: .4rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 14px system-ui, sans-serif; } svg text.soft { fill: var(--soft); }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); }
.budget { stroke: var(--soft); stroke-dasharray: 5 4; stroke-width: 2; } .bar { stroke-width: 2.5; }
.m0 { stroke: var(--m0); } .m1 { stroke: var(--m1); } .m2 { stroke: var(--m2); }
.m0.dot { fill: var(--m0); } .m1.dot { fill: var(--m1); } .m2.dot { fill: var(--m2); }
.t0 { fill: var(--good); } .t1 { fill: var(--bad); } .t2 { fill: var(--other); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td:first-child { white-space: nowrap; }
li { margin: .25rem 0; } details summary { cursor: pointer; font-weight: 600; margin: 1.5rem 0 .5rem; }
@media print { details { display: block; } }
"""


def html(report: Report, modes: Sequence[ModeFigures], pairs: Sequence[Comparison]) -> str:
    """The whole page. Every text of a case or a model is escaped."""
    notes = content.notes(report, modes)
    warning = f'<p class="offline">{escape(content.OFFLINE)}</p>' if content.OFFLINE in notes else ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes if note != content.OFFLINE)
    sections = [
        f"<h1>Evaluation {escape(report.name)}</h1>",
        f"<p>{report.cases} cases of {escape(report.suite)}, written {report.written:%Y-%m-%d %H:%M %Z}.</p>",
        warning,
        '<div class="plots">',
        _figure("Accuracy by mode", plots.intervals("Accuracy by mode", [(m.mode, m.accuracy) for m in modes])),
        _figure("Rubric score by mode", plots.intervals("Rubric score by mode", [(m.mode, m.rubric) for m in modes])),
        _figure("Tokens against accuracy", plots.tokens_against_accuracy(modes, report.budget)),
        _figure("Flips: answers that differ from the first voices’", plots.flips(modes)),
        "</div>",
        "<h2>By mode</h2>",
        _table(content.mode_table(modes)),
        f"<h2>How to read it</h2><ul>{listed}</ul>",
        "<h2>Side by side, on the same cases</h2>" + _table(content.pair_table(pairs)) if pairs else "",
        "<h2>Voices that changed their mind</h2>" + _table(content.move_table(modes)),
        "<h2>Who answered</h2>" + _table(content.answerers(report)),
    ]
    quarrels = content.quarrel_table(report.results)
    if quarrels[1:]:
        sections.append("<h2>Where judge and key disagree</h2>" + _table(quarrels))
    every = _table(content.case_table(report.results))
    sections.append(f"<details open><summary>Every case</summary>{every}</details>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation {escape(report.name)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{chr(10).join(part for part in sections if part)}\n</body></html>\n"
    )


def _figure(title: str, svg: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>'

"""A verdict with its evidence as an A4 PDF: what was found, the figures, the prices, and how to prove it.

The same verdict gives the same bytes. What can be computed again is the JSON file; this is for people to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer, Table

from core.pdf import (
    BOTTOM,
    HEAD,
    LINE,
    MARGIN,
    NOTE,
    PLAIN,
    TITLE,
    TOP,
    WIDTH,
    Pages,
    Running,
    fit,
    grid,
    minus,
    money,
    number,
    printable,
)

_TITLES = {
    "fail": "The account has failed",
    "expired": "The time of the account is over",
    "soft": "The account is locked for now",
    "warn": "A limit is near",
    "pass": "The phase is passed",
    "eligible": "Eligible",
    "ineligible": "Not eligible yet",
}
_HOW = (
    "Anyone can compute this verdict again from its evidence file (JSON), without the platform's database: "
    "manage.py verify_verdict FILE. It names every number that was changed. The hash above is the SHA-256 of the "
    "canonical JSON of the rules, the state before, and the inputs."
)


def verdict_pdf(data: Mapping[str, Any]) -> bytes:
    """The bytes of the document. `data` is the verdict as its evidence file has it."""
    evidence = data["evidence"]
    currency = str(evidence["state"]["currency"])
    target = BytesIO()
    frame = Frame(MARGIN, BOTTOM, WIDTH, A4[1] - TOP - BOTTOM, 0, 0, 0, 0)
    title = f"Verdict {data['id']}"
    document = BaseDocTemplate(
        target,
        pagesize=A4,
        title=title,
        author="Trading Arena",
        invariant=True,
        pageTemplates=[PageTemplate("page", [frame])],
    )
    foot = f"{title}  ·  account {data['account_id']}  ·  times in UTC"

    def pages(*args: Any, **kwargs: Any) -> Pages:
        return Pages(*args, running=Running(title, foot, "SIMULATED"), **kwargs)

    document.build(_story(data, evidence, currency), canvasmaker=pages)
    return target.getvalue()


def _story(data: Mapping[str, Any], evidence: Mapping[str, Any], currency: str) -> list[Flowable]:
    rule_set, inputs = evidence["rule_set"], evidence["inputs"]
    words = evidence.get("rule_words") or "Of the rule set as a whole."
    story: list[Flowable] = [
        _text(_TITLES.get(str(data["kind"]), str(data["kind"]).capitalize()), TITLE),
        _text(str(data["message"]), NOTE),
        Spacer(1, 6),
        _pairs(
            [
                ("Verdict", f"{data['id']}: {data['kind']}, {data['code']}"),
                ("Account", str(data["account_id"])),
                ("Market time", str(data["market_at"])),
                ("Rule set", f"{rule_set['document'].get('name', '')}, version {rule_set['version']}"),
                ("Judged by", f"{evidence['function']}, engine {evidence['engine']}"),
            ]
        ),
        _text("The rule", HEAD),
        _text(str(words), NOTE),
    ]
    story += _section("Figures", _figures(evidence.get("figures") or {}, currency))
    for name in ("observation", "closing", "fill", "order", "payout"):
        values = {key: value for key, value in (inputs.get(name) or {}).items() if key != "positions"}
        story += _section(f"Input: {name}", _figures(values, currency))
    story += _positions((inputs.get("observation") or {}).get("positions") or [], currency)
    story += [
        _text("Proof", HEAD),
        _pairs([("Inputs", str(evidence["inputs_hash"])), ("Rules", str(rule_set["hash"]))]),
        Spacer(1, 4),
        _text(_HOW, NOTE),
    ]
    return story


def _text(value: str, style: Any) -> Paragraph:
    return Paragraph(escape(printable(value)), style)


def _section(head: str, rows: Sequence[tuple[str, str]]) -> list[Flowable]:
    return [_text(head, HEAD), _pairs(rows)] if rows else []


def _pairs(rows: Sequence[tuple[str, str]]) -> Flowable:
    widths = [WIDTH * 0.28, WIDTH * 0.72]
    cells = [[_text(name, NOTE), _text(value, NOTE)] for name, value in rows]
    return Table(cells, colWidths=widths, style=[*PLAIN, ("LINEBELOW", (0, 0), (-1, -1), 0.35, LINE)])


def _figures(values: Mapping[str, Any], currency: str) -> list[tuple[str, str]]:
    """Each figure with its name; amounts in major units, conditions one a row."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if name == "conditions":
            found += [("Met" if item["met"] else "Not met", str(item["text"])) for item in value]
        elif name.endswith("_minor") and isinstance(value, int):
            found.append((_label(name.removesuffix("_minor")), f"{money(value, currency)} {currency}"))
        elif isinstance(value, list):
            found.append((_label(name), ", ".join(str(item) for item in value) or "none"))
        else:
            found.append((_label(name), "none" if value is None else str(value)))
    return found


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _positions(held: Sequence[Mapping[str, Any]], currency: str) -> list[Flowable]:
    if not held:
        return []
    parts = (0.11, 0.11, 0.12, 0.14, 0.14, 0.2, 0.18)
    widths = [WIDTH * part for part in parts]
    rows = [
        [
            fit(str(item["symbol"]), widths[0] - 4),
            number(Decimal(item["quantity"])),
            number(Decimal(item["price"])),
            money(item["value_minor"], currency),
            money(item["cost_minor"], currency),
            fit(str(item.get("source") or ""), widths[5] - 4),
            fit(minus(str(item.get("quoted_at") or ""))[:19], widths[6] - 4),
        ]
        for item in held
    ]
    header = ["Symbol", "Quantity", "Price", f"Value, {currency}", f"Cost, {currency}", "Price from", "Quoted at"]
    return [_text("Positions and prices", HEAD), grid(header, rows, widths, 1, [])]

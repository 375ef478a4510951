"""Accessibility, by axe-core (MPL-2.0, in vendor/): no serious or critical finding on a page as it stands."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
GRAVE = ("serious", "critical")
SIZES = ((390, 844), (1440, 900))


def findings(page: Page, *rules: str) -> list[str]:
    """What axe finds that is serious or critical: rule, how often, and the first place. Of some rules, or of all."""
    # Evaluated through the browser's debugger, which the page's policy does not bind.
    page.evaluate(f"if (!window.axe) {{ {SOURCE} }}")
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{item['id']} ({item['impact']}) x{len(item['nodes'])}: {item['nodes'][0]['html'][:160]}"
        for item in found["violations"]
        if item["impact"] in GRAVE
    ]


def assert_accessible(page: Page) -> None:
    """No serious or critical finding, by night and by day."""
    before = page.evaluate("document.documentElement.dataset.theme")
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        # Of what axe looks at, only colours depend on the theme.
        found = findings(page) if theme == "dark" else findings(page, "color-contrast")
        assert not found, f"{page.url} ({theme}): {found}"
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", before)


def shot(page: Page, shots: Path | None, name: str) -> None:
    """The page is accessible, fits a phone and a desktop, and is kept where that was asked for."""
    assert_accessible(page)
    fits(page, shots, name)


def fits(page: Page, shots: Path | None, name: str, *, full: bool = True) -> None:
    """The page fits a phone and a desktop; pictures of both, by night and by day, where they were asked for.

    Widths do not depend on the theme, and a page is the same page at either width: it is loaded once.
    """
    before = page.viewport_size
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} px wide on a screen of {width}"
        if shots is None:
            continue
        shown = page.evaluate("document.documentElement.dataset.theme")
        for theme in ("light", "dark"):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            page.wait_for_timeout(300)
            page.screenshot(path=shots / f"{name}-{width}-{theme}.png", full_page=full)
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", shown)
    if before is not None:
        page.set_viewport_size(before)

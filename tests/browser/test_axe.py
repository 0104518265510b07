"""No tab breaks a rule of WCAG 2.1, levels A and AA, that axe-core can check."""

from pathlib import Path

import pytest

from tests.browser.conftest import NO_TOUR
from tests.browser.waiting import ADDRESSES, settled, until

AXE = Path(__file__).parents[2] / ".venv/node_modules/axe-core/axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
ENGLISH, INDONESIAN = ("en", "light", 1280, 900), ("id", "dark", 1280, 900)  # language, colours, size
PHONE = ("en", "light", 390, 844)
IN_DARK = ("colorize", "latent", "toy_gan", "diffusion", "models")  # every kind of widget
ON_PHONE = ("colorize", "restoration", "models")  # a canvas, and wide tables
TABS_OF = {ENGLISH: ADDRESSES, INDONESIAN: IN_DARK, PHONE: ON_PHONE}
VISITS = [(look, tab) for look, tabs in TABS_OF.items() for tab in tabs]


@pytest.fixture(scope="module")
def visit(browser, url):
    """A function that returns the app in a language, in light or dark colours, and in a size; opened once for each."""
    contexts = {}

    def page_of(look):
        language, colors, width, height = look
        if look not in contexts:
            size = {"width": width, "height": height}
            contexts[look] = browser.new_context(viewport=size, color_scheme=colors, reduced_motion="reduce")
            contexts[look].add_init_script(NO_TOUR)
            page = contexts[look].new_page()
            page.goto(f"{url}{'' if language == 'en' else language}?lang={language}")
            page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
            page.locator(".header .share").wait_for()
        return contexts[look].pages[0]

    yield page_of
    for context in contexts.values():
        context.close()


def open_whole(page, tab):
    """Open a tab, and wait until its pictures are there: on the Draw tab those of an example."""
    page.evaluate("address => { location.hash = address; }", ADDRESSES[tab])
    pictures, empty = page.locator("main :is(img, canvas):visible"), page.locator("main .empty:visible")
    until(page, lambda: pictures.count() and not empty.count(), "pictures and plots", 40)
    if tab == "colorize":
        page.locator("#colorize-examples button").first.click()
        page.locator("#colorize-variants button").first.wait_for()
    settled(page, lambda: page.locator("main :is(img, td, dd):visible").count(), 40)


def violations(page):
    """Return the findings of axe-core, a line each: the rule, how to mend it, and the first place."""
    found = page.evaluate("rules => axe.run(rules)", RULES)["violations"]
    return [f"{one['id']}: {one['help']}, {len(one['nodes'])} ×, as {one['nodes'][0]['html'][:300]}" for one in found]


@pytest.mark.parametrize(
    ("look", "tab"), VISITS, ids=lambda part: part if isinstance(part, str) else "-".join(map(str, part))
)
def test_a_tab_breaks_no_rule(visit, look, tab):
    page = visit(look)
    open_whole(page, tab)
    found = violations(page)
    assert not found, "\n".join(found)


def test_a_broken_rule_is_found(visit):
    page = visit(PHONE)
    page.locator(".header .share").evaluate("button => button.setAttribute('role', 'nothing')")
    assert [line.partition(":")[0] for line in violations(page)] == ["aria-roles"]


def test_what_is_pressed_on_a_phone_is_44_pixels_high(visit):
    page = visit(PHONE)
    open_whole(page, "colorize")
    pad = "#colorize-pad :is(button, .chip)"
    words = "#colorize-guesses :is(button, input), .swatches button, .header :is(a, button)"
    others = "#colorize-examples button, summary, button.sm, [role=tab]"
    found = page.locator(f"{pad}, {words}, {others}").evaluate_all(
        "all => all.filter(one => one.offsetParent).map(one => [one.getBoundingClientRect().height, one.outerHTML])"
    )
    assert len(found) > 60
    assert not [html for height, html in found if height < 43.5]

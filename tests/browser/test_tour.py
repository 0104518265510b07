"""The tour of every tab: it points at controls that exist, asks, checks, and is remembered."""

from playwright.sync_api import expect

from ae_demo.ui.i18n import load_texts
from ae_demo.ui.tour import STOPS
from tests.browser.waiting import ADDRESSES, until

WORDS = load_texts("en")["tour"]


def test_every_tab_has_a_tour():
    assert set(STOPS) == set(ADDRESSES)


def test_its_cards_point_at_controls_and_check_the_guess(page):
    for tab, stops in STOPS.items():
        page.evaluate("address => { location.hash = address; }", ADDRESSES[tab])
        expect(page.locator(stops.first)).to_be_visible()
        take_the_tour(page, tab, stops)


def take_the_tour(page, tab, stops):
    card, pointed = page.locator(".tour"), page.locator("[data-tour]")
    page.locator(".tour-start").click()
    for i in "12":
        expect(card.locator(".text")).to_have_text(WORDS[f"{tab}_{i}"])
        expect(pointed).to_have_count(1)
        expect(pointed).to_be_visible()
        card.get_by_role("button", name="Next").click()
    expect(card.locator(".text")).to_have_text(WORDS[f"{tab}_ask"])
    expect(card.get_by_role("button", name="Next")).to_be_hidden()
    wrong = next(letter for letter in "abc" if letter != stops.right)
    card.get_by_role("button", name=WORDS[f"{tab}_{wrong}"], exact=True).click()
    expect(card.locator("[data-right=true]")).to_have_text(WORDS[f"{tab}_{stops.right}"])
    card.get_by_role("button", name="Next").click()
    expect(card.locator(".text")).to_contain_text(WORDS["wrong"])
    if stops.shown:
        card.get_by_role("button", name="Show me").click()
        name, _, value = stops.shown.split("&")[-1].partition("=")
        until(page, lambda: f"{name}={value}" in page.url, "the settings that show it")
    card.get_by_role("button", name="Close").click()
    expect(card).to_be_hidden()
    expect(pointed).to_have_count(0)


def test_a_new_visitor_is_invited_once(browser, url):
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(url)
    card = page.locator(".tour")
    expect(card.locator(".text")).to_have_text(WORDS["invite"])
    card.get_by_role("button", name=WORDS["later"]).click()
    page.reload()
    page.wait_for_timeout(3000)
    expect(card).to_be_hidden()
    page.get_by_role("tab", name="Models", exact=True).click()
    page.wait_for_timeout(2500)
    expect(card).to_be_hidden()
    page.locator(".tour-start").click()
    expect(card).to_be_visible()
    context.close()

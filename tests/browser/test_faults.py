"""Faults that only a browser shows."""

import base64
import io
from functools import partial

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from ae_demo.ui.i18n import TEXTS
from tests.browser import waiting

until = partial(waiting.until, seconds=60)  # all eight variants are drawn

ANSWER, VARIANTS = "#colorize-answers figure:nth-child(1) img", "#colorize-variants"
HOUSE = 4


def pixels(locator):
    source = locator.get_attribute("src")
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
    return np.asarray(image.resize((256, 256), Image.Resampling.LANCZOS), dtype=float)


def is_settled(page):
    return page.locator(f"{VARIANTS} [aria-busy=false] .choices").count() == 1


def alike(a, b):
    return np.abs(a - b).mean() < 2.5


@pytest.fixture
def house(page):
    """The page with a drawn house and its four variants, all networks on their fast path."""
    page.locator("#colorize-examples button").nth(HOUSE).click()
    expect(page.locator(f"{VARIANTS} button")).to_have_count(4, timeout=60_000)
    until(page, lambda: is_settled(page), "variants of the house")
    return page


def test_a_click_takes_that_variant_the_others_stay_and_undo_leads_back(house):
    choices = house.locator(f"{VARIANTS} button")
    before, wanted = pixels(house.locator(ANSWER)), [pixels(choices.nth(i).locator("img")) for i in range(4)]
    for picked in (1, 2):
        choices.nth(picked).click()
        until(house, lambda i=picked: alike(pixels(house.locator(ANSWER)), wanted[i]), f"variant {picked}")
        until(house, lambda: is_settled(house), "variants")
        assert all(alike(pixels(choices.nth(i).locator("img")), wanted[i]) for i in range(4))
        expect(house.locator(f"{VARIANTS} [aria-pressed=true]")).to_have_attribute("data-index", str(picked))
    house.get_by_role("button", name="Undo").click()
    until(house, lambda: alike(pixels(house.locator(ANSWER)), wanted[1]), "the first choice")
    house.get_by_role("button", name="Undo").click()
    until(house, lambda: alike(pixels(house.locator(ANSWER)), before), "no choice")
    until(house, lambda: is_settled(house), "variants")
    expect(house.locator(f"{VARIANTS} [aria-pressed=true]")).to_have_count(0)


def test_a_download_of_nothing_is_told_in_one_sentence(page):
    page.get_by_role("button", name="Download picture").click()
    expect(page.get_by_text(TEXTS["colorize"]["nothing"])).to_be_visible()


def test_variants_that_are_being_computed_or_did_not_come_say_so(house):
    told = house.get_by_text(TEXTS["picture"]["outdated"])
    expect(told.first).not_to_be_visible()
    held = []

    def hold_variants(route):
        if '"group":' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    house.route("**/component_server/", hold_variants)
    house.get_by_role("button", name="Other variants").click()
    until(house, lambda: held, "a request for variants")
    expect(told.first).to_be_visible()
    held.pop().continue_()
    until(house, lambda: is_settled(house), "newer ones")
    expect(told.first).not_to_be_visible()


@pytest.fixture
def all_classes(page):
    """The diffusion tab with the film of all classes at once."""
    waiting.open_tab(page, "Sampling")
    note = page.locator("#diffusion-film .note")
    expect(note).to_contain_text("50 steps in", timeout=60_000)  # the run that begins by itself
    page.locator("#diffusion-label input").click()
    page.get_by_role("option", name=TEXTS["diffusion"]["all"]).click()
    page.locator("#diffusion-steps input[type=number]").fill("2")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Sample", exact=True).click()
    expect(note).to_contain_text("2 steps in", timeout=60_000)
    return page


def test_all_classes_at_once_fill_their_screens_without_bars(all_classes):
    for selector in (".screens img", ".strip img"):
        image = all_classes.locator(f"#diffusion-film {selector}").first
        box, natural = image.bounding_box(), image.evaluate("image => image.naturalWidth / image.naturalHeight")
        assert natural == 2.5, "two rows of five"
        assert box["width"] / box["height"] == pytest.approx(natural, rel=0.05)


def test_another_network_marks_the_old_pictures_until_it_has_its_own(all_classes):
    told = all_classes.locator("#diffusion-film .outdated")
    expect(told).to_be_empty()
    for name, sentence in (("Digits", TEXTS["diffusion"]["outdated"].format(name="Clothing")), ("Clothing", "")):
        all_classes.locator("#diffusion-network input").click()
        all_classes.get_by_role("option", name=name, exact=True).click()
        expect(told).to_have_text(sentence)
    all_classes.locator("#diffusion-network input").click()
    all_classes.get_by_role("option", name="Digits", exact=True).click()
    all_classes.get_by_role("button", name="Sample", exact=True).click()
    expect(told).to_be_empty(timeout=30_000)


def test_the_face_that_is_shown_keeps_its_ring_when_the_strip_moves(page):
    waiting.open_tab(page, "Faces")
    chosen = page.locator("#dcgan-faces figure:has([aria-pressed=true])")
    expect(chosen).to_have_text("339", timeout=30_000)
    page.locator("#dcgan-faces button").nth(4).click()
    expect(page.locator("#dcgan-faces figure").first).to_have_text("343", timeout=30_000)
    expect(chosen).to_have_text("343")

"""Melodies in the page: written, heard, changed while they play, saved and linked."""

import re
from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import expect

from ae_demo.ui.i18n import TEXTS
from tests.browser.conftest import NO_TOUR
from tests.browser.waiting import open_tab, settled, until

TEXT, ROLL = TEXTS["melody"], TEXTS["piano_roll"]
NOTES = [[69, 4, 4], [60, 8, 4], [76, 12, 2], [84, 14, 2], [57, 16, 8]]
READ = "(id) => document.querySelector(`#${id} .piano-roll`).dataset.notes"


@pytest.fixture
def music(page):
    open_tab(page, TEXT["title"])
    page.locator("#melody-blend .note").filter(has_text="ELBO").wait_for()
    return page


def notes_of(page, roll):
    """The notes that a roll shows, as text."""
    return page.evaluate(READ, roll)


def position(page, roll, step, pitch, steps=96):
    """Where a step and a pitch lie on a roll of one line of so many steps, in pixels of the page."""
    box = page.locator(f"#{roll} canvas").bounding_box()
    return box["x"] + (step + 0.5) * box["width"] / steps, box["y"] + (88 - pitch + 0.5) * 6


def pitch_heard(samples, rate):
    """The pitch of a sound, as a MIDI number: the shortest lag after which it is nearly as it was (autocorrelation)."""
    size = 2 * len(samples)
    spectrum = np.abs(np.fft.rfft(samples - samples.mean(), size)) ** 2
    same = np.fft.irfft(spectrum)[: len(samples)] / (len(samples) - np.arange(len(samples)))
    lags = np.arange(round(rate / 1500), round(rate / 150))
    peaks = [lag for lag in lags if same[lag] == same[lag - 2 : lag + 3].max()]
    lag = next(lag for lag in peaks if same[lag] > 0.9 * max(same[peaks]))
    before, at, after = same[lag - 1 : lag + 2]
    exact = lag + (before - after) / (2 * (before - 2 * at + after))  # the top of a parabola through the three
    return 69 + 12 * np.log2(rate / exact / 440)


def test_the_right_pitches_sound_at_the_right_times(music):
    melody = {"notes": NOTES, "bars": 2, "barSteps": 16, "beatSteps": 4}
    heard = music.evaluate(
        "async (melody) => { const { samples, rate } = await window.studioMusic.render(melody);"
        " return { samples: Array.from(samples), rate }; }",
        melody,
    )
    samples, rate = np.array(heard["samples"]), heard["rate"]
    step = 0.15 * rate  # of a sixteenth at 100 quarters a minute
    assert len(samples) == pytest.approx(32 * step + rate / 2, abs=2)
    assert np.abs(samples).max() < 1, "not distorted"
    assert np.abs(samples[: round(3.95 * step)]).max() == 0, "silent until the first note"
    for pitch, start, length in NOTES:
        begin = round(start * step)
        sound = samples[begin : begin + round(0.9 * length * step)]
        assert np.sqrt((sound**2).mean()) > 0.01
        assert np.abs(sound[: round(0.02 * rate)]).max() > 0.1, "it begins when it should"
        assert pitch_heard(sound, rate) == pytest.approx(pitch, abs=0.15)
    assert np.abs(samples[round(26 * step) :]).max() < 0.01, "damped at its end"


def test_a_note_is_written_moved_and_taken_away_with_the_mouse_and_undone(music):
    first = notes_of(music, "melody-a")
    music.get_by_role("toolbar", name=TEXT["a"]).get_by_role("button", name=ROLL["clear"]).click()
    until(music, lambda: notes_of(music, "melody-a") == "", "cleared")
    expect(music.locator("#melody-blend .note")).to_have_text(ROLL["empty"])
    music.mouse.move(*position(music, "melody-a", 8, 72))
    music.mouse.down()
    music.mouse.move(*position(music, "melody-a", 13, 72))
    music.mouse.up()
    assert notes_of(music, "melody-a") == "72.8.6"
    expect(music.locator("#melody-blend .note")).to_contain_text("ELBO")
    music.mouse.move(*position(music, "melody-a", 9, 72))
    music.mouse.down()
    music.mouse.move(*position(music, "melody-a", 13, 76))
    music.mouse.up()
    assert notes_of(music, "melody-a") == "76.12.6"
    music.mouse.click(*position(music, "melody-a", 13, 76))
    assert notes_of(music, "melody-a") == ""
    for _ in range(4):
        music.get_by_role("toolbar", name=TEXT["a"]).get_by_role("button", name=ROLL["undo"]).click()
    assert notes_of(music, "melody-a") == first


def test_keys_write_too_and_the_roll_says_where_the_cursor_is(music):
    music.get_by_role("toolbar", name=TEXT["b"]).get_by_role("button", name=ROLL["clear"]).click()
    music.locator("#melody-b canvas").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "Space"):
        music.keyboard.press(key)
    assert notes_of(music, "melody-b") == "74.2.2"
    assert music.locator("#melody-b .state").text_content() == "♪ D5, 1:3", "bar and sixteenth"
    assert music.locator("#melody-b canvas").get_attribute("aria-label") == f"{TEXT['b']}: D5"
    music.keyboard.press("Space")
    assert notes_of(music, "melody-b") == ""


def test_the_slider_changes_what_plays_at_the_next_bar(music):
    share = music.locator("#melody-blend .share")
    music.evaluate("window.studioMusic.settings.tempo = 200")
    music.evaluate(
        "() => { window.heard = []; const { start } = AudioBufferSourceNode.prototype;"
        " AudioBufferSourceNode.prototype.start = function (when) {"
        " window.heard.push(when); start.call(this, when); }; }"
    )
    share.evaluate("(node) => { node.value = 0; node.dispatchEvent(new Event('input')); }")
    first = notes_of(music, "melody-blend")
    play = music.locator("#melody-blend .play")
    play.click()
    expect(music.locator("#melody-blend .piano-roll")).to_have_attribute("data-playing", "true")
    until(music, lambda: music.evaluate("window.heard.length") > 2, "nothing is heard")
    share.evaluate("(node) => { node.value = 1; node.dispatchEvent(new Event('input')); }")
    assert notes_of(music, "melody-blend") != first
    expect(music.locator("#melody-blend .piano-roll")).to_have_attribute("data-playing", "true")
    before = music.evaluate("window.heard.length")
    until(music, lambda: music.evaluate("window.heard.length") > before, "it goes on")
    times = music.evaluate("window.heard")
    assert all(b > a for a, b in pairwise(times)), "one after the other, none twice"
    play.click()
    expect(music.locator("#melody-blend .piano-roll")).to_have_attribute("data-playing", "false")


def test_another_metre_keeps_what_fits_into_its_bars(music):
    roll = music.locator("#melody-a")
    roll.get_by_role("button", name=ROLL["clear"]).click()
    roll.locator(".metre").select_option("4/4")
    for step in (0, 14, 16):
        music.mouse.click(*position(music, "melody-a", step, 72, steps=128))
    assert notes_of(music, "melody-a") == "72.0.2-72.14.2-72.16.2"
    roll.locator(".metre").select_option("3/4")
    assert notes_of(music, "melody-a") == "72.0.2-72.12.2"


def test_a_new_melody_can_be_taken_as_a_and_a_link_keeps_it(music, browser, url):
    music.get_by_role("button", name=TEXT["again"]).click()
    sampled = settled(music, lambda: notes_of(music, "melody-sampled"))
    music.locator("#melody-sampled .take").first.click()
    assert notes_of(music, "melody-a") == sampled
    music.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    music.get_by_role("button", name=TEXTS["header"]["share"]).click()
    until(music, lambda: music.evaluate("window.copied"), "no link")
    link = music.evaluate("window.copied")
    assert "melody-a=6%2F8-" in link and "seed=1" in link
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.add_init_script(NO_TOUR)
    other = context.new_page()
    other.goto(link)
    other.locator("#melody-blend .note").filter(has_text="ELBO").wait_for()
    until(other, lambda: notes_of(other, "melody-a") == sampled, "another melody")
    context.close()


@pytest.mark.parametrize(("kind", "begins"), [("MIDI", b"MThd"), ("ABC", b"%abc-2.1\nX:1\n")])
def test_a_melody_is_saved_as_a_file(music, kind, begins):
    with music.expect_download() as saved:
        music.locator("#melody-a").get_by_role("button", name=kind).click()
    assert saved.value.path().read_bytes().startswith(begins)
    assert re.fullmatch(r"melody\.(mid|abc)", saved.value.suggested_filename)


def test_a_click_on_the_map_plays_a_tune(music):
    plane = music.locator("#melody-map .plane")
    plane.scroll_into_view_if_needed()
    plane.focus()
    until(music, lambda: music.locator("#melody-map .legend span").count() == 4, "no map")
    music.keyboard.press("ArrowRight")
    music.keyboard.press("Enter")
    expect(music.locator("#melody-picked .piano-roll")).to_have_attribute("data-playing", "true")
    assert notes_of(music, "melody-picked")
    expect(music.locator("#melody-picked .note")).to_contain_text("(")


def test_without_web_audio_the_roll_still_shows_everything(browser, url):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.add_init_script(NO_TOUR + "delete window.AudioContext;")
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}#music")
    page.locator("#melody-blend .note").filter(has_text="ELBO").wait_for()
    page.locator("#melody-blend .play").click()
    before = page.locator("#melody-blend canvas").screenshot()
    page.wait_for_timeout(700)
    assert page.locator("#melody-blend canvas").screenshot() != before, "what plays is marked"
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
    context.close()
    assert not errors


def test_a_tune_from_the_menu_is_loaded_and_can_be_undone(music):
    before = notes_of(music, "melody-b")
    menu = music.locator("#melody-b .tune")
    menu.select_option(label="Boyne Water (Aird, minor)")
    assert notes_of(music, "melody-b").startswith("69.")
    expect(music.locator("#melody-b .metre")).to_have_value("4/4")
    expect(menu.locator("option:checked")).to_have_text("Boyne Water (Aird, minor)")
    music.locator("#melody-b .undo").click()
    assert notes_of(music, "melody-b") == before
    expect(music.locator("#melody-b .metre")).to_have_value("6/8")
    expect(menu).to_have_value("")


def test_two_bars_are_the_first_of_eight_which_come_back(music):
    whole = notes_of(music, "melody-a")
    music.locator("#melody-bars").get_by_text(TEXT["bars"].format(n=2)).click()
    until(music, lambda: len(notes_of(music, "melody-a")) < len(whole), "still eight bars")
    assert whole.startswith(notes_of(music, "melody-a"))
    until(music, lambda: len(notes_of(music, "melody-blend").split("-")) < 20, "a path of two bars")
    expect(music.locator("#melody-blend .note")).to_contain_text("ELBO")
    first = notes_of(music, "melody-a").split("-")[0]
    pitch, start, _ = map(int, first.split("."))
    music.mouse.click(*position(music, "melody-a", start, pitch, steps=24))
    assert not notes_of(music, "melody-a").startswith(first)
    music.locator("#melody-bars").get_by_text(TEXT["bars"].format(n=8)).click()
    until(music, lambda: len(notes_of(music, "melody-a")) > len(whole) / 2, "eight bars again")
    assert notes_of(music, "melody-a") == whole.partition("-")[2], "but for the note that was taken away"


def test_sound_that_is_switched_off_is_silent_at_once_and_playing_again_draws_once_a_frame(music):
    music.evaluate("window.studioMusic.settings.repeat = true")
    for _ in range(3):
        music.locator("#melody-a .play").click()
        music.locator("#melody-b .play").click()
    music.evaluate(
        "() => { window.drawn = 0; const { clearRect } = CanvasRenderingContext2D.prototype;"
        " CanvasRenderingContext2D.prototype.clearRect = function (...box) {"
        " window.drawn++; clearRect.apply(this, box); }; }"
    )
    music.wait_for_timeout(1000)
    assert 0 < music.evaluate("window.drawn") < 80, "one loop, however often it was started"
    music.locator("#melody-conductor .sound").uncheck()
    assert music.evaluate("window.studioMusic.settings.sound") is False
    assert music.locator("#melody-b .piano-roll").get_attribute("data-playing") == "true", "the roll goes on"
    music.locator("#melody-b .play").click()


def test_only_the_first_finger_and_the_left_button_write(music):
    before = notes_of(music, "melody-a")
    music.mouse.click(*position(music, "melody-a", 90, 58), button="right")
    assert notes_of(music, "melody-a") == before
    canvas = music.locator("#melody-a canvas")
    x, y = position(music, "melody-a", 90, 58)
    at = {"clientX": x, "clientY": y, "bubbles": True}
    canvas.evaluate("(node) => { node.setPointerCapture = () => {}; }")
    canvas.dispatch_event("pointerdown", at | {"pointerId": 7, "isPrimary": True})
    canvas.dispatch_event("pointerdown", at | {"pointerId": 8, "clientX": x - 200})
    canvas.dispatch_event("pointerup", at | {"pointerId": 8, "clientX": x - 200})
    canvas.dispatch_event("pointercancel", at | {"pointerId": 7})
    music.wait_for_timeout(300)
    assert notes_of(music, "melody-a") == before, "what was cancelled is undone"


def test_two_bars_in_the_address_keep_the_stored_melody(browser, url):
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    context.add_init_script(NO_TOUR)
    stored = "4/4-60.0.4-62.30.6-64.40.4-72.120.8"
    context.add_init_script(
        f"if (!localStorage.getItem('studio:melody-a')) localStorage.setItem('studio:melody-a', '{stored}')"
    )
    page = context.new_page()
    page.goto(f"{url}#music?bars=2")
    page.locator("#melody-a .piano-roll").wait_for()
    until(page, lambda: notes_of(page, "melody-a") == "60.0.4-62.30.2", "two bars of the stored melody")
    page.locator("#melody-blend .note").filter(has_text="ELBO").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("localStorage.getItem('studio:melody-a')") == stored, "no note is lost"
    page.locator("#melody-bars").get_by_text(TEXT["bars"].format(n=8)).click()
    until(page, lambda: notes_of(page, "melody-a") == stored.partition("-")[2], "all eight bars")
    context.close()

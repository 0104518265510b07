"""The main path of every tab, as a visitor walks it."""

import base64
import io
import math
import re

import pytest
from PIL import Image, ImageDraw, ImageStat
from playwright.sync_api import expect

from tests.browser.waiting import open_tab, settled, until


def circle(x, y, rx, ry, n=24):
    return [(x + rx * math.cos(2 * math.pi * i / n), y + ry * math.sin(2 * math.pi * i / n)) for i in range(n + 1)]


CAT = [
    circle(0.5, 0.55, 0.3, 0.27),
    [(0.25, 0.42), (0.24, 0.15), (0.42, 0.3)],
    [(0.58, 0.3), (0.76, 0.15), (0.75, 0.42)],
    circle(0.4, 0.5, 0.035, 0.05),
    circle(0.6, 0.5, 0.035, 0.05),
    [(0.46, 0.6), (0.54, 0.6), (0.5, 0.65), (0.46, 0.6)],
]


def stroke(page, selector, points, up=True):
    """Draws through points given as shares of an element's box, once it listens and the page has stopped moving."""
    element = page.locator(selector)
    element.hover()
    expect(page.locator("[aria-busy=true]").locator(selector)).to_have_count(0)
    box = element.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    if up:
        page.mouse.up()


def pixels(page, selector):
    """A shown picture, decoded."""
    source = page.locator(selector).get_attribute("src")
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


PAD, ANSWERS, VARIANTS = "#colorize-pad canvas.lines", "#colorize-answers", "#colorize-variants"
OTHERS = "#colorize-others"
FIRST = f"{ANSWERS} figure:nth-child(1) img"
BLUE = "#3f6fda"


def test_a_cat_is_coloured_while_it_is_drawn(page):
    expect(page.locator(ANSWERS)).to_contain_text("Draw on the canvas")
    for line in CAT[:-1]:
        stroke(page, PAD, line)
    stroke(page, PAD, CAT[-1], up=False)  # the pen is still down
    figures, others = page.locator(f"{ANSWERS} figure"), page.locator(f"{OTHERS} figure")
    expect(figures).to_have_count(1)  # the first picture waits for its networks
    expect(figures).to_contain_text("knows what it sees")
    page.mouse.up()
    expect(others).to_have_count(3)
    expect(others.nth(2)).to_contain_text("What they see")
    until(page, lambda: max(forehead(page)) - min(forehead(page)) > 15, "a colour in the cat's face")

    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(ANSWERS)).to_contain_text("Draw on the canvas")
    expect(figures).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(figures).to_have_count(1)


def draw_cat(page):
    for line in CAT:
        stroke(page, PAD, line)
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)


def dab(page, color, x, y):
    page.locator(f'#colorize-pad .chip[data-color="{color}"]').click()
    stroke(page, PAD, [(x, y), (x + 0.03, y)])


def forehead(page):
    """Mean colour of the cat's forehead in the first answer."""
    return ImageStat.Stat(pixels(page, FIRST).convert("RGB").crop((236, 195, 276, 212))).mean


def is_blue(page):
    red, _, blue = forehead(page)
    return blue > red + 60


def test_a_blue_dab_makes_a_blue_cat_and_without_it_the_cat_is_not_blue(page):
    draw_cat(page)
    assert not is_blue(page)
    dab(page, BLUE, 0.5, 0.4)
    until(page, lambda: is_blue(page), "a blue cat")
    page.get_by_role("button", name="Undo").click()
    until(page, lambda: not is_blue(page), "undone")
    page.get_by_role("button", name="Undo").click()  # the last whisker
    dab(page, BLUE, 0.5, 0.4)
    until(page, lambda: is_blue(page), "blue again")
    page.get_by_role("button", name="Remove hints").click()
    until(page, lambda: not is_blue(page), "hints removed, lines kept")
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)


def test_a_variant_that_is_clicked_becomes_hints_on_the_canvas(page):
    draw_cat(page)
    choices = page.locator(f"{VARIANTS} button")
    expect(choices).to_have_count(4)
    expect(page.locator(VARIANTS)).to_contain_text("Where they differ")
    shown = [choices.nth(i).locator("img").get_attribute("src") for i in range(4)]
    assert len(set(shown)) == 4
    count = """() => document.querySelector('#colorize-pad canvas.hints').getContext('2d')
      .getImageData(0, 0, 512, 512).data.filter((v, i) => i % 4 === 3 && v > 0).length"""
    assert page.evaluate(count) == 0
    before = page.locator(FIRST).get_attribute("src")
    choices.nth(1).click()
    until(page, lambda: page.evaluate(count) > 100, "dabs on the canvas")
    until(page, lambda: page.locator(FIRST).get_attribute("src") != before, "another answer")
    page.get_by_role("button", name="Other variants").click()
    expect(page.get_by_label("Seed of the variants")).to_have_value("1")


GUESSES = "#colorize-guesses"


def test_what_is_seen_is_said_and_can_be_told(page):
    expect(page.locator(GUESSES)).to_contain_text("nothing yet")
    draw_cat(page)
    chips = page.locator(f"{GUESSES} button")
    expect(chips).to_have_count(3)
    expect(page.locator(GUESSES)).to_contain_text("cat")
    page.get_by_label("Or type what it is").fill("Frog")
    page.get_by_label("Or type what it is").press("Enter")
    expect(page.locator(GUESSES)).to_contain_text("You say")
    until(page, lambda: forehead(page)[1] > forehead(page)[0] + 20, "a green frog")
    chips.nth(0).click()
    expect(chips).to_have_count(3)
    until(page, lambda: forehead(page)[1] < forehead(page)[0] + 20, "no frog any more")
    name = chips.nth(1).inner_text().rsplit(" ", 2)[0]
    chips.nth(1).click()
    expect(chips).to_have_count(1)
    expect(chips.nth(0)).to_contain_text(name.split()[-1])


def test_what_is_seen_is_read_out_once_the_pen_rests(page):
    said = page.locator(".announced")
    said.wait_for(state="attached")
    page.evaluate("""() => {
        window.changes = 0;
        const count = (records) => { window.changes += records.length; };
        new MutationObserver(count).observe(document.querySelector(".announced"), { childList: true });
    }""")
    draw_cat(page)
    expect(said).to_have_text(re.compile("^I see: cat [0-9]+ %$"))
    assert page.evaluate("window.changes") < 2 * len(CAT), "not every answer"
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(said).to_contain_text("Draw on the canvas")


def test_a_style_is_chosen_and_given_back(page):
    draw_cat(page)
    before = settled(page, lambda: page.locator(FIRST).get_attribute("src"))
    style = page.get_by_role("button", name="Firefox OS")
    style.click()
    expect(style).to_have_attribute("aria-pressed", "true")
    until(page, lambda: page.locator(FIRST).get_attribute("src") != before, "another style")
    style.click()
    expect(style).to_have_attribute("aria-pressed", "false")
    until(page, lambda: page.locator(FIRST).get_attribute("src") == before, "as before")


def test_a_sketch_draws_itself_until_the_first_touch(browser, url):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(url)
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)
    expect(page.locator(f"{VARIANTS} button")).to_have_count(4)
    stroke(page, PAD, [(0.9, 0.9), (0.95, 0.9)])
    ink = """() => document.querySelector('#colorize-pad canvas.lines').getContext('2d')
      .getImageData(0, 0, 512, 256).data.filter((v, i) => i % 4 === 0 && v < 128).length"""
    assert page.evaluate(ink) == 0, "the demo is gone"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ANSWERS)).to_contain_text("Draw on the canvas")
    context.close()


@pytest.mark.parametrize(
    ("button", "mode"), [("Download picture", "RGB"), ("Lines only", "RGBA"), ("Colours only", "RGBA")]
)
def test_what_is_drawn_can_be_downloaded(page, button, mode):
    draw_cat(page)
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    with Image.open(download.value.path()) as image:
        assert image.format == "PNG" and image.mode == mode and image.size == (512, 512)


def test_a_picture_brings_its_colours_as_chips(page, tmp_path):
    draw_cat(page)
    image = Image.new("RGB", (60, 60), "#123456")
    image.paste("#fedcba", (0, 0, 30, 60))
    image.save(tmp_path / "colors.png")
    page.locator("input[type=file]").nth(1).set_input_files(tmp_path / "colors.png")
    chips = page.locator("#colorize-pad .palette .chip")
    expect(chips).to_have_count(2)
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)  # the drawing stays
    dab(page, "#123456", 0.5, 0.4)
    until(page, lambda: sum(forehead(page)) < 300, "a dark cat")


def test_the_eraser_takes_ink_away(page):
    stroke(page, PAD, [(0.2, 0.5), (0.8, 0.5)])
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)
    page.get_by_role("button", name="Eraser").click()
    for y in (0.48, 0.5, 0.52):
        stroke(page, PAD, [(0.15, y), (0.85, y)])
    expect(page.locator(ANSWERS)).to_contain_text("Draw on the canvas")


def test_an_example_is_put_on_the_canvas_and_its_truth_beside_it(page):
    page.locator("#colorize-examples button").nth(12).click()
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)
    expect(page.locator("#colorize-truth")).to_contain_text("The artist's colours")


def test_an_upload_white_on_black_is_coloured_and_text_is_refused_in_one_sentence(page, tmp_path):
    image = Image.new("RGB", (700, 300), "black")
    ImageDraw.Draw(image).ellipse((200, 50, 400, 250), outline="white", width=8)
    image.save(tmp_path / "night.png")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "night.png")
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)
    (tmp_path / "words.png").write_text("no picture")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "words.png")
    expect(page.get_by_text("This file is not a picture that can be read")).to_be_visible()
    expect(page.locator(f"{ANSWERS} figure")).to_have_count(1)  # nothing is lost


def test_the_map_moves_the_sliders_and_the_sliders_move_the_map(page):
    open_tab(page, "Latent space")
    decoded = "#latent-decoded img"
    expect(page.locator(decoded)).to_be_visible()
    expect(page.locator("#latent-map .legend span")).to_have_count(10)
    expect(page.locator("#latent-labels figure")).to_have_count(10)
    before = page.locator(decoded).get_attribute("src")
    stroke(page, "#latent-map .plane", [(0.5, 0.5), (0.6, 0.4), (0.75, 0.25)])
    z1, z2 = page.locator("#latent-z1 input[type=number]"), page.locator("#latent-z2 input[type=number]")
    expect(z1).to_have_value("2")
    expect(z2).to_have_value("2")
    expect(page.locator("#latent-decoded")).to_contain_text("z = (2.00, 2.00)")
    assert page.locator(decoded).get_attribute("src") != before

    page.locator("#latent-z1 input[type=range]").focus()
    page.keyboard.press("Home")
    expect(page.locator("#latent-decoded")).to_contain_text("z = (-4.00, 2.00)")
    expect(page.locator("#latent-map .plane")).to_have_attribute("aria-valuetext", "z1 -4.00, z2 2.00")
    page.locator("#latent-map .plane").focus()
    page.keyboard.press("ArrowDown")
    expect(z2).to_have_value("1.9")


def test_the_dataset_can_be_switched(page):
    open_tab(page, "Latent space")
    expect(page.locator("#latent-map .legend")).to_contain_text("9")
    digits = page.locator("#latent-map .plane img").get_attribute("src")
    page.get_by_label("Clothing (Fashion-MNIST)").click()
    expect(page.locator("#latent-map .legend")).to_contain_text("Sneaker")
    expect(page.locator("#latent-labels")).to_contain_text("Sneaker")
    assert page.locator("#latent-map .plane img").get_attribute("src") != digits


def test_one_drag_leads_from_an_autoencoder_to_collapse(page):
    open_tab(page, "Latent space")
    split = page.locator("#latent-mine figure:nth-child(2) span")
    expect(split).to_contain_text("+ 1 ·")
    picture = page.locator("#latent-map .plane img")
    beta = page.locator("#latent-beta input[type=range]")
    seen = [picture.get_attribute("src")]
    for key, told in (("Home", "+ 0 ·"), ("End", "+ 100 ·")):
        beta.focus()
        page.keyboard.press(key)
        expect(split).to_contain_text(told)
        until(page, lambda: picture.get_attribute("src") not in seen, "another map")
        seen.append(picture.get_attribute("src"))
    told = page.locator("#latent-map .plane").get_attribute("aria-valuetext")
    assert told == "z1 0.00, z2 0.00", "the dot stays where it was"


def test_a_drawing_lies_on_the_map_and_a_film_leads_to_it(page):
    open_tab(page, "Latent space")
    film = page.locator("#latent-film img")
    expect(film).to_be_visible()
    before = film.get_attribute("src")
    page.locator("#latent-b-pad .wipe").click()
    expect(page.locator("#latent-film")).to_contain_text("draw A and B")
    stroke(page, "#latent-b-pad canvas", [(0.5, 0.15), (0.5, 0.85)])
    expect(film).to_be_visible()
    straight = film.get_attribute("src")
    assert straight != before
    page.get_by_label("Stay where the dots are dense").check()
    until(page, lambda: film.get_attribute("src") != straight, "another way")
    samples = page.locator("#latent-mine figure:nth-child(3) img")
    first = samples.get_attribute("src")
    page.get_by_role("button", name="Sample again").click()
    until(page, lambda: samples.get_attribute("src") != first, "another sample")


def test_damage_follows_the_slider_and_drawing_works(page):
    open_tab(page, "Restore")
    page.locator("#restoration-examples button").nth(4).click()
    figures = page.locator("#restoration-answers figure")
    expect(figures).to_have_count(5)
    given = page.locator("#restoration-answers figure:nth-child(2) span")
    first = given.inner_text()
    page.locator("#restoration-level input[type=range]").focus()
    page.keyboard.press("End")
    expect(given).not_to_have_text(first)
    last = given.inner_text()
    assert float(last.split()[1]) < float(first.split()[1]), "more noise, less PSNR"
    current = page.locator("#restoration-levels td[aria-current]")
    expect(current).to_have_count(1)
    page.get_by_label("Masked blocks").click()
    expect(given).not_to_have_text(last)
    expect(page.locator("#restoration-levels tr:has(td[aria-current])")).to_contain_text("Masked blocks")
    page.locator("#restoration-compared input").fill("20")
    edge = "getComputedStyle(document.querySelector('#restoration-compared .after')).clipPath"
    until(page, lambda: "20%" in page.evaluate(edge), "the edge")
    page.locator("#restoration-pad .wipe").click()
    expect(page.locator("#restoration-answers")).to_contain_text("Pick a picture or draw one")
    stroke(page, "#restoration-pad canvas", [(0.3, 0.3), (0.7, 0.7)])
    expect(figures).to_have_count(5)
    until(page, lambda: "20%" in page.evaluate(edge), "the edge stays where it was")


def test_an_emoji_is_enlarged(page):
    open_tab(page, "Restore")
    expect(page.locator("#restoration-larger figure")).to_have_count(5)
    page.locator("#restoration-emoji button").nth(1).click()
    expect(page.locator("#restoration-colored figure")).to_have_count(5)


def test_more_bytes_make_a_better_picture(page):
    open_tab(page, "Compress")
    note = page.locator("#compression-answers figure:nth-child(2) span")
    expect(note).to_contain_text("32 bytes")

    def decibels():
        return float(note.inner_text().split("PSNR ")[1].split()[0])

    before = decibels()
    page.locator("#compression-size input[type=range]").focus()
    page.keyboard.press("End")
    expect(note).to_contain_text("256 bytes")
    assert decibels() > before + 2
    expect(page.locator("#compression-family figure")).to_have_count(10)
    expect(page.locator("#compression-neighbours figure")).to_have_count(9)
    lines = page.locator("#compression-curve .mark-line path")
    expect(lines).to_have_count(3)
    page.locator("#compression-pad .wipe").click()
    expect(page.locator("#compression-answers")).to_contain_text("Pick a picture or draw one")
    stroke(page, "#compression-pad canvas", [(0.3, 0.3), (0.7, 0.7)])
    expect(page.locator("#compression-neighbours figure")).to_have_count(9)
    expect(lines).to_have_count(3)


def test_dots_can_be_clicked_and_a_drawing_put_among_them(page):
    open_tab(page, "Latent map")
    plane, picked = page.locator("#latent_map-map .plane"), page.locator("#latent_map-picked figure")
    expect(page.locator("#latent_map-map .legend span")).to_have_count(10)
    expect(page.locator("#latent_map-map .about")).to_contain_text("Codes of 32 numbers")

    def click_a_dot(left, right):
        """Clicks on the first place from the left, at half height, where the pointer finds a dot."""
        box = plane.bounding_box()
        for step in range(40):
            x = left + (right - left) * step / 40
            page.mouse.move(box["x"] + x * box["width"], box["y"] + box["height"] / 2)
            if page.locator("#latent_map-map .hover").is_visible():
                return page.mouse.click(box["x"] + x * box["width"], box["y"] + box["height"] / 2)
        raise AssertionError("a dot")

    click_a_dot(0.1, 0.5)
    expect(picked).to_have_count(10)
    click_a_dot(0.6, 0.95)
    expect(picked).to_have_count(11)
    expect(page.locator("#latent_map-picked")).to_contain_text("From the first to the second")
    page.locator("#latent_map-examples button").nth(3).click()
    expect(page.locator("#latent_map-near figure")).to_have_count(9)
    page.get_by_label("principal directions").click()
    expect(picked).to_have_count(11)
    until(
        page,
        lambda: page.evaluate("document.querySelector('#latent_map-map canvas').toDataURL().length") > 9000,
        "dots",
    )


FILM = "#diffusion-film"


def choose(page, dropdown, option):
    page.locator(f"{dropdown} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def test_the_map_of_codes_answers_the_keyboard(page):
    open_tab(page, "Latent map")
    expect(page.locator("#latent_map-map .about")).to_contain_text("Codes of 32 numbers")
    plane, hover = page.locator("#latent_map-map .plane"), page.locator("#latent_map-map .hover")
    plane.focus()
    seen = set()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        expect(hover).to_be_visible()
        seen.add(hover.get_attribute("style"))
    assert len(seen) > 3
    page.keyboard.press("Enter")
    expect(page.locator("#latent_map-picked figure")).not_to_have_count(0)


def test_a_shoe_is_sampled_step_by_step_and_the_steps_can_be_scrubbed(page):
    open_tab(page, "Sampling")
    page.get_by_role("button", name="Sample").click()
    note, scrub = page.locator(f"{FILM} .note"), page.locator(f"{FILM} .scrub")
    expect(note).to_contain_text("50 steps in", timeout=60_000)
    settled(page, note.inner_text)  # a run begins by itself, then this one: each may take less than half a second
    expect(page.locator(f"{FILM} .tree button")).to_have_count(9)
    shown = page.locator(f"{FILM} .screens .x_t")
    last = shown.get_attribute("src")
    requests = []
    page.on("request", lambda request: requests.append(request.url) if request.method == "POST" else None)
    frames = set()
    for index in range(51):
        scrub.fill(str(index))
        frames.add(shown.get_attribute("src"))
        expect(page.locator(f"{FILM} output")).to_have_text(str(index))
    assert len(frames) >= 50, "every step is there"
    assert last in frames
    page.locator(f"{FILM} .back").click()
    expect(page.locator(f"{FILM} output")).to_have_text("49")
    scrub.fill("45")
    expect(page.locator(f"{FILM} .levels")).to_contain_text("t = 99")
    page.locator(f"{FILM} .play").click()
    expect(page.locator(f"{FILM} output")).to_have_text("50")
    expect(page.locator(f"{FILM} .play")).to_have_text("Play")
    assert not requests, "scrubbing and playing compute nothing"


def test_a_run_is_forked_and_its_branch_stands_beside_it(page):
    open_tab(page, "Sampling")
    steps = page.locator("#diffusion-steps input[type=number]")
    steps.fill("20")
    steps.press("Enter")
    page.get_by_role("button", name="Sample").click()
    note, runs = page.locator(f"{FILM} .note"), page.locator(f"{FILM} .run")
    expect(note).to_contain_text("20 steps in", timeout=60_000)
    page.locator(f"{FILM} .scrub").fill("5")
    choose(page, "#diffusion-label", "Bag")
    page.get_by_role("button", name="Fork here").click()
    expect(runs).to_have_count(2)
    expect(runs.nth(1)).to_contain_text("from step 5: Bag")
    expect(note).to_contain_text("15 steps in")
    ends = [runs.nth(i).locator("img").last.get_attribute("src") for i in range(2)]
    assert ends[0] != ends[1]
    runs.nth(0).locator("button").last.click()
    assert page.locator(f"{FILM} .screens .x_t").get_attribute("src") == ends[0]
    runs.nth(1).locator("button").nth(3).click()
    page.locator("#diffusion-seed input").fill("5")
    page.get_by_role("button", name="Fork here").click()
    expect(runs).to_have_count(3)
    expect(runs.nth(2)).to_contain_text("seed 5")
    page.get_by_role("button", name="Sample").click()
    expect(runs).to_have_count(1)


def test_a_scribble_is_brought_back_as_a_boot_and_only_in_part(page):
    open_tab(page, "Noise and back")
    row, film = page.locator("#diffusion_edit-answers img"), page.locator("#diffusion_edit-film img")
    expect(row).to_have_count(4)
    expect(film).to_have_count(1)
    page.locator("#diffusion_edit-pad").get_by_role("button", name="Clear").click()
    expect(page.locator("#diffusion_edit-answers")).to_contain_text("Draw something")
    choose(page, "#diffusion_edit-label", "Ankle boot")
    page.locator("#diffusion_edit-pad").get_by_role("button", name="Thick").click()
    stroke(page, "#diffusion_edit-pad canvas.lines", [(0.3, 0.2), (0.3, 0.7), (0.8, 0.7), (0.5, 0.6), (0.4, 0.2)])
    expect(row).to_have_count(4)
    before = row.nth(3).get_attribute("src")
    noise = page.locator("#diffusion_edit-t input[type=number]")
    noise.fill("799")
    noise.press("Enter")
    expect(page.locator("#diffusion_edit-answers")).to_contain_text("t = 799")
    until(page, lambda: row.nth(3).get_attribute("src") != before, "brought back from further away")
    page.locator("#diffusion_edit-pad .chip").click()
    stroke(page, "#diffusion_edit-pad canvas.lines", [(0.3, 0.3), (0.4, 0.3)])
    expect(page.locator("#diffusion_edit-answers")).to_contain_text("kept where you did not brush")


CANCEL_SOON = """([film, cancel]) => {
  const timer = setInterval(() => {
    if (!document.querySelector(`${film} .note`).textContent.includes("of 1000, t =")) return;
    clearInterval(timer);
    [...document.querySelectorAll("button")].find((one) => one.textContent.trim() === cancel).click();
    window.cancelled = true;
  }, 20);
}"""  # a click from here could come after the last step


def test_cancel_stops_the_run_and_keeps_what_was_shown(page):
    open_tab(page, "Sampling")
    steps, note = page.locator("#diffusion-steps input[type=number]"), page.locator(f"{FILM} .note")
    steps.fill("1000")
    steps.press("Enter")
    page.locator("#diffusion-label input").click()
    page.get_by_role("option", name="All of them").click()  # takes ten times as long
    page.evaluate(CANCEL_SOON, [FILM, "Cancel"])
    page.get_by_role("button", name="Sample").click()
    page.wait_for_function("() => window.cancelled")
    page.wait_for_timeout(500)
    held = note.inner_text()
    page.wait_for_timeout(1500)
    assert note.inner_text() == held and "of 1000" in held
    play = page.locator(f"{FILM} .play")
    page.locator(f"{FILM} .scrub").fill("0")
    expect(page.locator(f"{FILM} output")).to_have_text("0")
    play.click()
    expect(note).to_have_text(held)
    expect(play).to_have_text("Play")
    steps.fill("20")
    steps.press("Enter")
    page.get_by_role("button", name="Sample").click()
    expect(note).not_to_have_text(held)
    page.get_by_role("button", name="Sample").click()
    expect(page.locator(f"{FILM} .run")).to_have_count(1)
    expect(note).to_contain_text("20 steps in", timeout=60_000)


LAB = "#toy_gan-lab"


def steps_of(page):
    return int(page.locator(f"{LAB} output").inner_text().replace(",", ""))


def test_a_gan_learns_what_is_drawn_and_its_film_can_be_scrubbed(page):
    open_tab(page, "GAN lab")
    expect(page.locator(f"{LAB} .measures")).to_contain_text("JS divergence")
    stroke(page, "#toy_gan-pad canvas.lines", [(0.2, 0.5), (0.8, 0.5)])
    expect(page.locator("#toy_gan-distribution input")).to_have_value("My drawing")
    page.locator(f"{LAB} .play").click()
    divergence = page.locator(f"{LAB} .measures div", has_text="divergence").locator("dd")
    until(page, lambda: float(divergence.inner_text()) < 0.4 and steps_of(page) > 100, "the stroke is learned", 60)
    page.locator(f"{LAB} .play").click()
    page.wait_for_timeout(500)
    last = steps_of(page)
    page.wait_for_timeout(500)
    assert steps_of(page) == last, "paused"
    page.locator(f"{LAB} .scrub").fill("0")
    expect(page.locator(f"{LAB} output")).to_have_text("0")
    page.get_by_role("button", name="D step").click()
    until(page, lambda: steps_of(page) == last + 1, "one step more")


def test_the_museum_shows_a_failure_and_what_helps(page):
    open_tab(page, "GAN lab")
    expect(page.get_by_role("button", name="Try the cure")).to_be_disabled()
    page.get_by_role("button", name="Discriminator too strong").click()
    until(page, lambda: "too strong" in page.locator(f"{LAB} .verdict").inner_text(), "the failure", 30)
    page.get_by_role("button", name="Try the cure").click()
    expect(page.locator("#toy_gan-r1 input[type=number]")).to_have_value("0.1")
    until(page, lambda: 0 < steps_of(page) < 400, "a new run")
    open_tab(page, "Sampling")
    page.wait_for_timeout(1500)
    open_tab(page, "GAN lab")
    expect(page.locator(f"{LAB} .play")).to_have_text("Play"), "nothing trains behind another tab"


def test_faces_of_a_seed_are_changed_and_led_into_one_another(page):
    open_tab(page, "Faces")
    face, film = page.locator("#dcgan-face img"), page.locator("#dcgan-film img")
    expect(film).to_have_count(1)
    seen = [face.get_attribute("src"), film.get_attribute("src")]
    page.locator("#dcgan-faces button").nth(4).click()
    expect(page.locator("#dcgan-seed input")).to_have_value("343")
    until(page, lambda: face.get_attribute("src") != seen[0], "another face")
    until(page, lambda: film.get_attribute("src") != seen[1], "another film")
    before = face.get_attribute("src")
    beard = page.locator("#dcgan-facial_hair input[type=number]")
    beard.fill("3")
    beard.press("Enter")
    until(page, lambda: face.get_attribute("src") != before, "a beard")
    page.get_by_role("button", name="Reset the sliders").click()
    until(page, lambda: face.get_attribute("src") == before, "the face as it was")
    expect(page.locator("#dcgan-learning figure")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as GIF").click()
    assert download.value.suggested_filename == "faces-343-11.gif"


def test_a_drawn_face_is_searched_for_and_a_game_is_played(page):
    open_tab(page, "Faces")
    page.locator("#dcgan-pad .chip").nth(2).click()
    for y in (0.3, 0.4, 0.5, 0.6):
        stroke(page, "#dcgan-pad canvas.lines", [(0.35, y), (0.65, y)])
    page.get_by_role("button", name="Find its code").click()
    expect(page.locator("#dcgan-mine")).to_contain_text("step", timeout=20_000)
    expect(page.locator("#dcgan-mine")).to_contain_text("found", timeout=60_000)
    page.get_by_role("button", name="New game").click()
    expect(page.locator("#dcgan-game")).to_contain_text("Face 1 of 10")
    page.get_by_role("button", name="Drawn: real").click()
    expect(page.locator("#dcgan-game")).to_contain_text("You:")


@pytest.mark.parametrize("options", [{"viewport": {"width": 390, "height": 844}}, {"color_scheme": "dark"}], ids=str)
def test_it_fits_a_phone_and_works_in_the_dark(browser, url, options):
    page = browser.new_page(**options)
    page.goto(url)
    page.locator(PAD).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    stroke(page, PAD, CAT[0])
    expect(page.locator(f"{ANSWERS} img")).to_have_count(1, timeout=30_000)
    expect(page.locator("#colorize-others figure")).to_have_count(3, timeout=30_000)
    page.close()


def test_the_address_names_the_tab_and_leads_back_to_it(page, url):
    open_tab(page, "Restore")
    until(page, lambda: page.url.endswith("#autoencoders/restoration"), "the tab's address")
    open_tab(page, "Models")
    until(page, lambda: page.url.endswith("#models"), "another one")
    page.go_back()
    expect(page.locator("#restoration-pad")).to_be_visible()
    page.goto("about:blank")
    page.goto(f"{url}#gans/dcgan")
    expect(page.get_by_role("tab", name="Faces")).to_have_attribute("aria-selected", "true")

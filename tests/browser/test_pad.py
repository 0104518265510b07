"""The drawing canvas, by mouse, pen and fingers."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from ae_demo.tabs import latent_map
from tests.browser.waiting import open_tab, until

COLORIZE, MAP, MASK = "#colorize-pad", "#latent_map-pad", "#diffusion_edit-pad"
TABS = {COLORIZE: "Colorize", MAP: "Latent map", MASK: "Noise and back"}
GREYS = {"White": 255, "Light grey": 180, "Dark grey": 110}
BOOT = [(0.9, 0.15), (0.5, 0.12), (0.48, 0.45), (0.1, 0.6), (0.06, 0.85), (0.92, 0.85), (0.9, 0.15)]
DIAMOND = [(0.5, 0.2), (0.8, 0.45), (0.5, 0.8), (0.2, 0.45), (0.5, 0.2)]


class Pad:
    """A canvas of the app with its tools, empty at first. Points are shares of its side."""

    def __init__(self, page, selector):
        self.selector, self.cdp = selector, page.context.new_cdp_session(page)
        open_tab(page, TABS[selector])
        self.root = page.locator(selector)
        self.lines = self.root.locator("canvas.lines")
        self.lines.scroll_into_view_if_needed()
        expect(self.root.locator("[aria-busy=true]")).to_have_count(0)
        self.tool("Clear")
        self.lines.hover(position={"x": 3, "y": 3})  # once the page has stopped moving

    def tool(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()

    def hint_brush(self):
        self.root.locator(".chip").first.click()

    def place(self, x, y):
        box = self.lines.bounding_box()
        return {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}

    def point(self, kind, at, pointer):
        """Let the mouse or the pen press, move with the button down, hover or release at a point."""
        type = {"press": "mousePressed", "release": "mouseReleased"}.get(kind, "mouseMoved")
        button = {"button": "none" if kind == "hover" else "left", "buttons": int(kind in ("press", "move"))}
        event = {"type": type, "pointerType": pointer, "clickCount": int(kind in ("press", "release"))}
        self.cdp.send("Input.dispatchMouseEvent", event | button | self.place(*at))

    def touch(self, kind, *fingers):
        """Let fingers, (number, point), go down, move, or be those that are left."""
        points = [self.place(*at) | {"id": number} for number, at in fingers]
        self.cdp.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    def draw(self, points, pointer="mouse"):
        """Draw a line through points; a tap, if it is one point."""
        if pointer == "touch":
            self.touch("Start", (0, points[0]))
            for at in points[1:]:
                self.touch("Move", (0, at))
            return self.touch("End")
        self.point("press", points[0], pointer)
        for at in points[1:]:
            self.point("move", at, pointer)
        return self.point("release", points[-1], pointer)

    def uri(self, layer="lines"):
        return self.root.locator(f"canvas.{layer}").evaluate("canvas => canvas.toDataURL()")

    def pixels(self, layer="lines"):
        """Return the contents of a canvas: grey levels (H, W) of the lines, opacity of the hints."""
        image = Image.open(io.BytesIO(base64.b64decode(self.uri(layer).partition(",")[2]))).convert("RGBA")
        return np.asarray(image)[..., 3 if layer == "hints" else 0].astype(int)

    def ink(self, layer="lines"):
        """Mask (H, W) of what is drawn."""
        grey = self.pixels(layer)
        return grey < 128 if layer == "lines" and self.selector == COLORIZE else grey > 50

    def shown(self, layer="lines"):
        """Box (left, top, right, bottom) of what is drawn, as shares of the side; None if nothing is."""
        ink = self.ink(layer)
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        if not len(rows):
            return None
        ends = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        return tuple(float(end / len(ink)) for end in ends)


def box(x, y, width, right=None, bottom=None):
    """Box of a straight line from (x, y) to (right, bottom), a dot by default, with round ends; to a pixel or two."""
    half = width / 2
    ends = (x - half, y - half, (right or x) + half, (bottom or y) + half)
    return pytest.approx(ends, abs=0.008)


@pytest.mark.parametrize("pointer", ["mouse", "pen", "touch"])
def test_a_tap_leaves_a_round_dot_of_the_width_of_each_brush_and_is_one_undo_step(page, pointer):
    pad = Pad(page, COLORIZE)
    for name, width, layer in (("Thin", 5, "lines"), ("Thick", 16, "lines"), ("hint", 16, "hints")):
        pad.hint_brush() if name == "hint" else pad.tool(name)
        pad.draw([(0.3, 0.4)], pointer)
        assert pad.shown(layer) == box(0.3, 0.4, width / 512), name
        assert pad.ink(layer).sum() == pytest.approx(np.pi * width**2 / 4, rel=0.2), "round"
        pad.tool("Undo")
        assert pad.shown(layer) is None


def test_a_tap_with_the_mask_brush_and_with_the_eraser_works_on_the_black_pads(page):
    pad = Pad(page, MASK)
    pad.hint_brush()
    pad.draw([(0.5, 0.5)], "touch")
    assert pad.shown("hints") == box(0.5, 0.5, 36 / 280)
    pad.tool("Eraser")
    pad.draw([(0.5, 0.5)], "touch")
    assert pad.shown("hints") is None
    pad.tool("Undo")
    assert pad.shown("hints") == box(0.5, 0.5, 36 / 280)


def test_a_stroke_that_leaves_no_mark_is_no_undo_step(page):
    pad = Pad(page, MAP)
    pad.tool("Thick")
    pad.draw([(0.2, 0.2), (0.8, 0.2)])
    pad.tool("Thin")
    pad.draw([(0.3, 0.2), (0.6, 0.2)])  # on the ink
    pad.tool("Eraser")
    pad.draw([(0.2, 0.8), (0.8, 0.8)])  # on the paper
    pad.tool("Fill")
    pad.draw([(0.5, 0.2)])  # white on white
    pad.tool("Undo")
    assert pad.shown() is None


def test_ctrl_z_while_drawing_takes_the_stroke_back(page):
    pad = Pad(page, MAP)
    pad.draw([(0.2, 0.2), (0.8, 0.2)])
    pad.point("press", (0.2, 0.8), "mouse")
    pad.point("move", (0.5, 0.8), "mouse")
    page.keyboard.press("Control+z")
    pad.point("move", (0.8, 0.8), "mouse")
    pad.point("release", (0.8, 0.8), "mouse")
    assert pad.shown() == box(0.2, 0.2, 20 / 280, right=0.8)


def test_forty_strokes_can_be_undone(page):
    pad = Pad(page, MAP)
    for i in range(42):
        pad.draw([(0.05 + 0.02 * i, 0.5)])
    for _ in range(45):
        page.keyboard.press("Control+z")
    assert pad.shown() == box(0.05, 0.5, 20 / 280, right=0.07), "the first two are left"


def test_values_are_sent_at_most_every_fifty_milliseconds(page):
    pad = Pad(page, MAP)
    page.evaluate("""() => {
        window.sent = [];
        const toDataURL = HTMLCanvasElement.prototype.toDataURL;
        HTMLCanvasElement.prototype.toDataURL = function (type) {
            window.sent.push(performance.now());
            return toDataURL.call(this, type);
        };
    }""")
    for i in range(10):
        pad.draw([(0.1 * i, 0.2)])
        pad.draw([(0.1 * i, 0.4), (0.1 * i, 0.6)])
        page.keyboard.press("Control+z")
    page.wait_for_timeout(200)
    sent = np.array(page.evaluate("window.sent"))
    assert len(sent) > 3
    assert np.diff(sent).min() > 45


def test_two_fingers_draw_the_line_of_the_first_alone(page):
    pad = Pad(page, COLORIZE)
    first, second = (0, (0.2, 0.2)), (1, (0.8, 0.2))
    pad.touch("Start", first)
    pad.touch("Start", first, second)
    for y in (0.4, 0.6, 0.8):
        pad.touch("Move", (0, (0.2, y)), (1, (0.8, y)))
    pad.touch("End", (1, (0.8, 0.8)))
    pad.touch("Move", (1, (0.8, 0.3)))
    pad.touch("End")
    assert pad.shown() == box(0.2, 0.2, 5 / 512, bottom=0.8)


def test_a_pen_takes_over_from_a_palm_whose_stroke_is_undone_and_ignored(page):
    pad = Pad(page, COLORIZE)
    pad.touch("Start", (0, (0.2, 0.8)))
    pad.touch("Move", (0, (0.3, 0.8)))
    assert pad.shown() == box(0.2, 0.8, 5 / 512, right=0.3)
    pad.point("press", (0.4, 0.3), "pen")
    pad.touch("Move", (0, (0.4, 0.8)))
    pad.point("move", (0.7, 0.3), "pen")
    pad.touch("End")
    pad.point("move", (0.9, 0.3), "pen")
    pad.point("release", (0.9, 0.3), "pen")
    assert pad.shown() == box(0.4, 0.3, 5 / 512, right=0.9)
    pad.tool("Undo")
    assert pad.shown() is None, "one undo step, the pen's"


def test_touches_beside_a_pen_and_shortly_after_it_are_a_palm(page):
    pad = Pad(page, COLORIZE)
    page.evaluate("performance.now = () => 1e6")  # the clock stands still, however slow the machine is
    pad.point("press", (0.4, 0.3), "pen")
    pad.draw([(0.2, 0.8), (0.3, 0.8)], "touch")
    pad.point("move", (0.7, 0.3), "pen")
    pad.point("release", (0.7, 0.3), "pen")
    pad.draw([(0.2, 0.8), (0.3, 0.8)], "touch")
    pad.point("hover", (0.7, 0.4), "pen")
    pad.draw([(0.2, 0.8), (0.3, 0.8)], "touch")
    assert pad.shown() == box(0.4, 0.3, 5 / 512, right=0.7)
    page.evaluate("performance.now = () => 1e6 + 600")
    pad.draw([(0.4, 0.6), (0.7, 0.6)], "touch")
    assert pad.shown() == box(0.4, 0.3, 5 / 512, right=0.7, bottom=0.6), "a finger again"


def test_a_cancelled_touch_ends_its_stroke_and_the_next_one_begins_elsewhere(page):
    pad = Pad(page, COLORIZE)
    pad.touch("Start", (0, (0.2, 0.2)))
    pad.touch("Move", (0, (0.5, 0.2)))
    pad.touch("Cancel")
    pad.draw([(0.2, 0.8), (0.5, 0.8)], "touch")
    assert not pad.ink()[150:370].any(), "no line between the two"
    pad.tool("Undo")
    assert pad.shown() == box(0.2, 0.2, 5 / 512, right=0.5)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_map_that_comes_late_moves_nothing_under_the_pen(page, width):
    held, pad = [], page.locator(f"{MAP} canvas.lines")
    page.set_viewport_size({"width": width, "height": 1000})
    page.route("**/component_server/", lambda route: held.append(route))
    open_tab(page, TABS[MAP])
    until(page, lambda: held, "the page asks for the map")
    before = pad.bounding_box()
    for route in held:
        route.continue_()
    page.unroute("**/component_server/")
    expect(page.locator("#latent_map-map .legend span").last).to_be_visible()
    assert pad.bounding_box() == pytest.approx(before, abs=2)


def test_a_stroke_ends_where_its_pointer_is_lost(page):
    pad = Pad(page, COLORIZE)
    pad.point("press", (0.2, 0.2), "mouse")
    pad.lines.evaluate(
        "c => c.addEventListener('pointermove', e => c.releasePointerCapture(e.pointerId), { once: true })"
    )
    for x in (0.5, 0.6, 0.8):
        pad.point("move", (x, 0.2), "mouse")
    pad.point("release", (0.8, 0.2), "mouse")
    assert pad.shown() == box(0.2, 0.2, 5 / 512, right=0.5)


@pytest.mark.parametrize("answer", ["() => []", "undefined"])
def test_strokes_are_drawn_without_coalesced_events(page, answer):
    pad = Pad(page, COLORIZE)
    page.evaluate(f"PointerEvent.prototype.getCoalescedEvents = {answer}")
    for pointer in ("touch", "mouse", "pen"):
        pad.draw([(0.2, 0.2), (0.5, 0.2), (0.8, 0.2)], pointer)
        assert pad.shown() == box(0.2, 0.2, 5 / 512, right=0.8), pointer
        pad.tool("Clear")


@pytest.mark.parametrize(("width", "dots_per_pixel"), [(1280, 1), (1280, 2), (390, 3)])
def test_a_ring_under_the_pointer_has_the_width_of_the_brush_on_the_screen(page, width, dots_per_pixel):
    pad, ring = Pad(page, MASK), page.locator(f"{MASK} .ring")
    screen = {"width": width, "height": 1000, "deviceScaleFactor": dots_per_pixel, "mobile": False}
    pad.cdp.send("Emulation.setDeviceMetricsOverride", screen)
    for name, brush in (("Thin", 20), ("Thick", 30), ("Eraser", 60), ("hint", 36)):
        pad.hint_brush() if name == "hint" else pad.tool(name)
        pad.lines.hover()
        for pointer in ("mouse", "pen"):
            blank = pad.uri()
            pad.point("hover", (0.3, 0.6), pointer)
            expect(ring).to_be_visible()
            assert pad.uri() == blank, "no mark on the picture"
            found, middle = ring.bounding_box(), pad.place(0.3, 0.6)
            side = brush / 280 * pad.lines.bounding_box()["width"]
            assert (found["width"], found["height"]) == pytest.approx((side, side), abs=0.5), name
            assert found["x"] + found["width"] / 2 == pytest.approx(middle["x"], abs=0.5)
            assert found["y"] + found["height"] / 2 == pytest.approx(middle["y"], abs=0.5)
    pad.draw([(0.3, 0.6)])
    assert pad.shown("hints") == box(0.3, 0.6, 36 / 280)


def test_there_is_no_ring_for_touch_for_the_fill_tool_and_beside_the_canvas(page):
    pad, ring = Pad(page, MAP), page.locator(f"{MAP} .ring")
    pad.point("hover", (0.5, 0.5), "mouse")
    expect(ring).to_be_visible()
    pad.draw([(0.3, 0.3), (0.4, 0.4)], "touch")
    expect(ring).to_be_hidden()
    pad.point("hover", (0.5, 0.5), "mouse")
    expect(ring).to_be_visible()
    pad.tool("Fill")
    expect(ring).to_be_hidden()
    pad.point("hover", (0.5, 0.5), "mouse")
    expect(ring).to_be_hidden()


def test_the_pens_of_the_black_pads_are_as_wide_as_the_strokes_of_mnist_digits(page):
    pad = Pad(page, MAP)
    for name in ("Thin", "Thick"):
        pad.tool(name)
        pad.draw([(0.5, 0.2), (0.5, 0.8)])
        width = pad.ink()[140].sum() / 10
        assert 1.9 < width < 3.2, "of 28 pixels"
        pad.tool("Clear")


@pytest.mark.parametrize("line", GREYS)
def test_an_area_is_filled_up_to_its_lines_without_a_gap(page, line):
    pad = Pad(page, MAP)
    pad.tool(line)
    pad.draw(DIAMOND)
    outlined = pad.pixels()
    pad.tool("Fill")
    for filling in GREYS:
        pad.tool(filling)
        pad.draw([(0.5, 0.5)], "touch")
        until(page, lambda grey=GREYS[filling]: pad.pixels()[140, 140] == grey, "the area is filled")
        check_filling(outlined, pad.pixels(), GREYS[line], GREYS[filling])
        pad.tool("Undo")
        assert (pad.pixels() == outlined).all()
        pad.draw([(0.02, 0.02)])
        around = pad.pixels()
        assert (around[140, 140], around[1, 1], around[278, 278]) == (0, GREYS[filling], GREYS[filling])
        pad.tool("Undo")


def check_filling(outlined, filled, line, filling):
    """Compare rows of a filled area with those of its outline, from the middle to the right."""
    assert filled[140, 140] == filling
    for row in (90, 126, 160, 190):
        right = filled[row, 140:]
        lines = np.flatnonzero(outlined[row, 140:] > line - 10)
        assert right[: lines[0]].min() >= min(line, filling) - 10, "no dark seam"
        assert (right[lines] == line).mean() > 0.8, "the line stays"
        assert (right[lines[-1] + 1 :] == outlined[row, 140 + lines[-1] + 1 :]).all(), "nothing outside"


def test_a_grey_level_is_the_ink_of_the_pen_and_takes_the_place_of_the_eraser(page):
    pad = Pad(page, MAP)
    pad.tool("Thick")
    pad.tool("Eraser")
    for name, grey in GREYS.items():
        pad.tool(name)
        expect(pad.root.get_by_role("button", name="Thick")).to_have_attribute("aria-pressed", "true")
        pad.draw([(0.2, 0.5), (0.8, 0.5)])
        assert pad.pixels()[140, 140] == grey


def test_a_boot_that_is_drawn_and_filled_lies_among_the_ankle_boots(page):
    pad = Pad(page, MAP)

    def neighbours():
        _, pictures = latent_map.place_drawing("residual-z32", "pca", pad.uri())
        return [shown["note"].rpartition(",")[0] for shown in pictures[1:]]

    pad.draw(BOOT)
    outlined = neighbours().count("Ankle boot")
    pad.tool("Fill")
    pad.tool("Light grey")
    pad.draw([(0.7, 0.7)])
    filled = neighbours()
    assert sum(name in ("Sandal", "Sneaker", "Ankle boot") for name in filled) == 8
    assert filled.count("Ankle boot") > max(4, outlined)


def test_every_tool_has_a_name_and_only_the_black_pads_can_fill(page):
    names = "buttons => buttons.map(button => button.ariaLabel || button.innerText.trim())"
    pad = Pad(page, MAP)
    found = pad.root.locator(".tools button").evaluate_all(names)
    assert found == ["Thin", "Thick", "Fill", "Eraser", *GREYS, "Undo", "Clear"]
    expect(pad.root.get_by_role("group", name="Grey level").get_by_role("button")).to_have_count(3)
    pad = Pad(page, COLORIZE)
    found = pad.root.locator(".tools button").evaluate_all(names)
    assert found == ["Thin", "Medium", "Thick", "Eraser", "Undo", "Clear"]


def keys(page, *names):
    for name in names:
        page.keyboard.press(name)


def test_a_line_is_drawn_with_keys_alone_and_undone(page):
    pad, ring = Pad(page, COLORIZE), page.locator(f"{COLORIZE} .ring")
    pad.tool("Clear")
    keys(page, "Tab")  # from the last tool to the canvas
    expect(pad.lines).to_be_focused()
    expect(page.locator(f"{COLORIZE} .keys-note")).to_be_in_viewport()
    start = pad.lines.evaluate("canvas => canvas.getBoundingClientRect().x")
    pad.point("hover", (0.5, 0.5), "mouse")
    keys(page, "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowUp")
    assert pad.shown() is None, "the pen is lifted"
    found, middle = ring.bounding_box(), pad.place(0.5 - 9 / 64, 0.5 - 8 / 64)
    assert found["x"] + found["width"] / 2 == pytest.approx(middle["x"], abs=0.5)
    assert found["y"] + found["height"] / 2 == pytest.approx(middle["y"], abs=0.5)
    keys(page, "Space", "Shift+ArrowRight", "ArrowDown", "Space", "Shift+ArrowDown")
    line = box(0.5 - 9 / 64, 0.5 - 8 / 64, 5 / 512, right=0.5 - 1 / 64, bottom=0.5 - 7 / 64)
    assert pad.shown() == line
    assert pad.lines.evaluate("canvas => canvas.getBoundingClientRect().x") == start
    keys(page, "Space", "ArrowDown", "Escape", "ArrowRight", "Control+z")
    assert pad.shown() == line, "the second line is undone, and the arrow key after it drew nothing"
    pad.tool("Undo")
    assert pad.shown() is None


def test_the_pen_of_the_keys_stays_on_the_canvas_starts_where_the_pointer_was_and_ends_with_the_focus(page):
    pad = Pad(page, MAP)
    pad.draw([(0.5, 0.5)])
    pad.tool("Clear")
    pad.lines.focus()
    pad.point("hover", (0.25, 0.5), "mouse")
    keys(page, "Space", *["Shift+ArrowRight"] * 8)
    assert pad.shown() == pytest.approx((0.25 - 10 / 280, 0.5 - 10 / 280, 1, 0.5 + 10 / 280), abs=0.008)
    pad.point("hover", (0.5, 0.2), "mouse")
    keys(page, "ArrowLeft")
    assert pad.shown()[1] == pytest.approx(0.5 - 10 / 280, abs=0.008), "the mouse does not move a pen that is down"
    page.keyboard.press("Tab")
    expect(page.locator(f"{MAP} .ring")).to_be_hidden()
    pad.draw([(0.2, 0.2)])
    pad.tool("Undo")
    pad.tool("Undo")
    assert pad.shown() is None, "two strokes"


def test_keys_fill_where_the_ring_is_and_tell_what_the_pen_does(page):
    pad, state = Pad(page, MAP), page.locator(f"{MAP} .state")
    pad.lines.focus()
    keys(page, "Space")
    expect(state).to_have_text("Pen down")
    keys(page, "Space")
    expect(state).to_have_text("Pen lifted")
    pad.tool("Clear")
    pad.tool("Fill")
    pad.lines.focus()
    keys(page, "Space")
    assert pad.shown() == (0, 0, 1, 1)


def test_chips_have_names_in_the_language_of_the_page(page, url):
    names = "chips => chips.map(chip => [chip.ariaLabel, chip.title])"
    for route, expected in (("", ["red", "orange", "yellow"]), ("id", ["merah", "oranye", "kuning"])):
        page.goto(f"{url}{route}?lang={route or 'en'}")
        chips = page.locator(f"{COLORIZE} .palette .chip")
        expect(chips).to_have_count(14)
        found = chips.evaluate_all(names)
        assert found[:3] == [[name, name] for name in expected]
        assert len({name for name, _ in found}) == 14

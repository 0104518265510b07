"""Networks in the page: they answer as Python would without asking it, and where they cannot run, Python answers."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from ae_demo import checkpoints
from ae_demo.figures import data_uri
from ae_demo.models.ddpm import DDPM
from ae_demo.models.samplers import SAMPLERS
from ae_demo.tabs import compression, dcgan, latent, restoration
from ae_demo.ui.defaults import example_clothing
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.widgets import ASSETS
from tests.browser.conftest import NO_TOUR
from tests.browser.waiting import ADDRESSES, until
from tests.tabs.test_diffusion import open_picture

HERE = "in your browser"
BROKEN = {  # what a visitor's browser, or the network between, may lack
    "no worker": "delete window.Worker",
    "a worker that dies": "window.Worker = class { postMessage() { setTimeout(() => this.onerror(new Event('x'))) } }",
    "no runtime": None,
}


def opened(browser, url, tab, script="", blocked=None, far=False):
    """The app with one tab open; if it is `far`, the page answers faster for certain."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    context.add_init_script(NO_TOUR)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(30_000)
    if blocked:
        context.route(blocked, lambda route: route.abort())
    page.goto(f"{url}#{ADDRESSES[tab]}")
    if far:
        page.locator("[role=tabpanel] canvas").filter(visible=True).first.wait_for()
        slow = {"offline": False, "latency": 1000, "downloadThroughput": -1, "uploadThroughput": -1}
        context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    return page


def drag(page, x, y):
    """Drag the dot of the latent plane to (x, y), shares of its width and height."""
    box = page.locator("#latent-map .plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in (0.5, 1):
        at = [0.5 + share * (end - 0.5) for end in (x, y)]
        page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])
        page.wait_for_timeout(100)
    page.mouse.up()


def drag_to_another(page, x, y):
    """Drag the dot until another picture is shown."""
    picture = page.locator("#latent-decoded img")
    before = picture.get_attribute("src")
    drag(page, x, y)
    until(page, lambda: picture.get_attribute("src") != before, "another picture")


def pixels(uri):
    return np.asarray(open_picture(uri).convert("RGB"), dtype=float)


def shown(page, selector):
    return [pixels(uri) for uri in page.locator(selector).evaluate_all("images => images.map((image) => image.src)")]


@pytest.fixture(scope="module")
def plane(browser, url):
    page = opened(browser, url, "latent", far=True)
    expect(page.locator("#latent-labels img")).to_have_count(10)
    for x in (0.4, 0.6, 0.7, 0.8):
        drag(page, x, 0.4)
        page.wait_for_timeout(300)
    until(
        page, lambda: drag(page, 0.7, 0.3) or HERE in page.locator("#latent-decoded").inner_text(), "a local answer", 60
    )
    yield page
    page.context.close()


def test_a_drag_asks_python_for_nothing_and_shows_what_it_would(plane):
    asked = []
    plane.on("request", lambda request: asked.append(request.url) if "component_server" in request.url else None)
    for x, y in ((0.3, 0.6), (0.55, 0.45)):
        before = plane.locator("#latent-decoded img").get_attribute("src")
        drag(plane, x, y)
        until(
            plane, lambda before=before: plane.locator("#latent-decoded img").get_attribute("src") != before, "another"
        )
        plane.wait_for_timeout(500)
        note = plane.locator("#latent-decoded figcaption span").inner_text()
        z1, z2 = map(float, re.findall(r"-?\d\.\d\d", note)[:2])
        z = plane.evaluate("document.querySelector('#latent-map .plane').getAttribute('aria-valuetext')")
        assert HERE in note and z == f"z1 {z1:.2f}, z2 {z2:.2f}"
        exact = (
            plane.locator("#latent-z1 input[type=number]").input_value(),
            plane.locator("#latent-z2 input[type=number]").input_value(),
        )
        z1, z2 = map(float, exact)
        (decoded,) = latent.decode_point("mnist", 0, z1, z2)
        (mine,) = shown(plane, "#latent-decoded img")
        assert np.abs(mine - pixels(decoded["src"])).max() < 6, "z is rounded to hundredths on the way"
        for mine, label in zip(shown(plane, "#latent-labels img"), latent.decode_labels("mnist", z1, z2), strict=True):
            assert np.abs(mine - pixels(label["src"])).max() < 6
    assert not asked


def test_the_plane_of_another_beta_is_decoded_in_the_page(plane):
    bodies = []
    plane.on("request", lambda request: bodies.append(request.post_data) if "component_server" in request.url else None)
    manifold = plane.locator("#latent-map .plane img")
    box = plane.locator("#latent-beta input[type=number]")
    for beta in ("0.5", "1.5"):  # the first has the page load the network
        before = manifold.get_attribute("src")
        box.fill(beta)
        box.press("Enter")
        until(plane, lambda before=before: manifold.get_attribute("src") != before, "another plane")
        plane.wait_for_timeout(1500)
    maps = [body for body in bodies if body and '"latent_map"' in body]
    assert '"pictures":false' in maps[-1].replace(" ", "") and "MNIST" not in maps[-1]
    (mine,) = shown(plane, "#latent-map .plane img")
    there = pixels(latent.latent_map({"dataset": "mnist", "log_beta": 1.5})["manifold"])
    assert mine.shape == there.shape and np.abs(mine - there).mean() < 3, "JPEG"
    box.fill("0")
    box.press("Enter")
    until(plane, lambda: "= 1:" in plane.locator("#latent-map .about").inner_text(), "back at the first")


def test_a_seed_gives_the_same_numbers_as_in_pytorch(plane):
    script = (ASSETS / "local_answers.js").read_text(encoding="utf-8")
    for seed in (0, 58, 2**31):
        z = plane.evaluate(
            f"() => {{ {script}; const draw = normalNumbers({seed}); return [...draw(32), ...draw(64)]; }}"
        )
        seeded = torch.Generator().manual_seed(seed)
        wanted = torch.cat([torch.randn(1, n, generator=seeded)[0] for n in (32, 64)]).numpy()
        assert np.abs(np.array(z) - wanted).max() < 1e-6


def test_a_face_painted_in_the_page_is_python_s(browser, url):
    page = opened(browser, url, "dcgan", far=True)
    face, beard = page.locator("#dcgan-face figcaption span"), page.locator("#dcgan-facial_hair input[type=number]")
    expect(face).to_contain_text("% real")
    for value in ("1", "1.5", "2", "2.5", "1.2"):
        beard.fill(value)
        beard.press("Enter")
        page.wait_for_timeout(500)

    for value in ("0.8", "1.2") * 10:
        beard.fill(value)
        beard.press("Enter")
        page.wait_for_timeout(700)
        if HERE in face.inner_text() and value == "1.2":
            break
    amounts = [1.2 if name == "facial_hair" else 0 for name in dcgan.AXES]
    (wanted,) = dcgan.paint_face(dcgan.FIRST_FACE, 0.8, *amounts)
    (mine,) = shown(page, "#dcgan-face img")
    assert np.abs(mine - pixels(wanted["src"])).mean() < 4, "both are JPEG, and enlarged in two ways"
    assert face.inner_text().partition("%")[0] == wanted["note"].partition("%")[0]
    page.wait_for_timeout(800)
    page.get_by_role("button", name=TEXTS["dcgan"]["back"]).click()
    (first,) = dcgan.paint_face(dcgan.FIRST_FACE, 0.8)
    until(page, lambda: np.array_equal(shown(page, "#dcgan-face img")[0], pixels(first["src"])), "the first face again")

    asked, strip = [], page.locator("#dcgan-faces figcaption").first
    page.on("request", lambda request: asked.append(request.url) if "component_server" in request.url else None)
    seed = page.locator("#dcgan-seed input[type=number]")
    for one in range(20, 29):  # the last ones without Python
        asked.clear()
        seed.fill(str(one))
        seed.press("Enter")
        expect(strip).to_have_text(str(one))
        page.wait_for_timeout(700)
    assert not asked, "all three answers to a seed come from the page"
    for mine, wanted in zip(shown(page, "#dcgan-faces img"), dcgan.paint_faces(28, 0.8), strict=True):
        theirs = pixels(wanted["src"])
        assert mine.shape == theirs.shape and np.abs(mine - theirs).mean() < 8, "PNG and JPEG, enlarged in two ways"
    (film,) = dcgan.interpolate_faces(28, dcgan.SECOND_FACE, 0.8)
    (mine,) = shown(page, "#dcgan-film img")
    assert mine.shape == pixels(film["src"]).shape and np.abs(mine - pixels(film["src"])).mean() < 1
    page.context.close()


@pytest.fixture(scope="module")
def restoring(browser, url):
    """The tab Restore, once the page restores by itself."""
    page = opened(browser, url, "restoration", far=True)
    level = page.locator("#restoration-level input[type=number]")
    expect(page.locator("#restoration-answers img")).to_have_count(5)

    def set_level_until_here():
        for value in ("0.3", "0.6"):
            level.fill(value)
            level.press("Enter")
            page.wait_for_timeout(500)
        return HERE in page.locator("#restoration-answers").inner_text()

    until(page, set_level_until_here, "a local answer", 60)
    yield page
    page.context.close()


def answered_here(page, function, given, facts):
    script = "([name, given, facts]) => window.studioNetworks.answers[name](given, facts)"
    return page.evaluate(script, [function, given, dict(facts)])


def assert_same(mine, theirs, most):
    """Compare entries of pictures: pixels up to `most`, and the numbers of their notes."""
    assert [one["title"] for one in mine] == [one["title"] for one in theirs]
    for one, other in zip(mine, theirs, strict=True):
        assert np.abs(pixels(one["src"]) - pixels(other["src"])).max() <= most, one["title"]
        numbers = [[float(number) for number in re.findall(r"\d+\.\d+", entry["note"])] for entry in (other, one)]
        assert numbers[1][: len(numbers[0])] == pytest.approx(numbers[0], abs=0.11), one["note"]


@pytest.mark.parametrize(("kind", "level", "seed"), [(k, 0.63, i) for i, k in enumerate(restoration.KINDS)])
def test_what_is_damaged_and_restored_in_the_page_is_python_s(restoring, kind, level, seed):
    drawn = data_uri(example_clothing()[seed].resize((280, 280)))  # as the canvas is: its pixels are averaged
    answer = restoration.restore_here()["restorePicture"]
    row, compared = answered_here(restoring, "restorePicture", [drawn, kind, level, seed], answer.facts)
    wanted, _ = restoration.restore(drawn, kind, level, seed)
    assert_same(row, wanted, 3)
    assert compared == {"before": row[1]["src"], "after": row[2]["src"]} and HERE in row[2]["note"]
    empty, _ = answered_here(restoring, "restorePicture", ["", kind, level, seed], answer.facts)
    assert empty == restoration.restore("")[0]


def test_a_picture_enlarged_in_the_page_is_python_s(restoring):
    drawn = data_uri(example_clothing()[3])
    answer = restoration.restore_here()["enlargePicture"]
    mine = answered_here(restoring, "enlargePicture", [drawn], answer.facts)
    assert_same(mine, restoration.super_resolve(drawn), 2)


def test_a_level_asks_python_for_its_filters_only(restoring):
    bodies = []
    restoring.on(
        "request", lambda request: bodies.append(request.post_data_json) if "component_server" in request.url else None
    )
    level = restoring.locator("#restoration-level input[type=number]")
    filtered = restoring.locator("#restoration-filters img").first
    before = filtered.get_attribute("src")
    level.fill("0.9")
    level.press("Enter")
    until(restoring, lambda: filtered.get_attribute("src") != before, "another filtered picture")
    assert restoring.locator("#restoration-filters img").count() == 2
    assert len({body["data"]["group"] for body in bodies}) == 1, "the group of the filters"
    assert restoring.locator("#restoration-levels [aria-current]").inner_text()


def test_sizes_are_picked_in_the_page_from_what_python_has_made_at_once(browser, url):
    page = opened(browser, url, "compression", far=True)
    expect(page.locator("#compression-answers img")).to_have_count(4)
    size = page.locator("#compression-size input[type=number]")
    drawn = data_uri(example_clothing()[18])
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "component_server" in request.url else None)

    def picked_here():
        asked.clear()
        for value in ("1", "256", "40"):
            size.fill(value)
            size.press("Enter")
            expect(page.locator("#compression-answers figcaption").nth(1)).to_contain_text(f"{value} bytes")
            page.wait_for_timeout(100)
        return not asked

    until(page, picked_here, "answers without Python", 60)
    shown_row = page.locator("#compression-answers figure").evaluate_all(
        "all => all.map((one) => ({title: one.querySelector('b').textContent, src: one.querySelector('img').src,"
        " note: one.querySelector('span').textContent}))"
    )
    assert_same(shown_row, compression.compress(drawn, 40), 1)
    size.fill("1")
    size.press("Enter")
    expect(page.locator("#compression-answers")).to_contain_text(TEXTS["compression"]["no_jpeg"])
    assert not asked
    page.context.close()


@pytest.fixture(scope="module")
def sampling(browser, url):
    """The tab of sampling, once the page samples by itself."""
    slow_clock = "performance.now = ((now) => () => now() / 50)(performance.now.bind(performance))"  # fast enough, then
    page = opened(browser, url, "diffusion", slow_clock)
    note = page.locator("#diffusion-film .note")
    expect(note).to_contain_text("50 steps in", timeout=90_000)
    page.evaluate("window.studioNetworks.load(['ddpm-fashion'])")
    steps = page.locator("#diffusion-steps input[type=number]")
    steps.fill("8")
    steps.press("Enter")

    def sampled_here():
        page.get_by_role("button", name="Sample", exact=True).click()
        expect(note).to_contain_text("8 steps in", timeout=30_000)
        return HERE in note.inner_text()

    page.locator("#diffusion-network input").click()
    page.get_by_role("option", name="Digits", exact=True).click()
    expect(steps).to_have_value("50")
    steps.fill("8")
    steps.press("Enter")
    page.locator("#diffusion-network input").click()
    page.get_by_role("option", name="Clothing", exact=True).click()
    expect(steps).to_have_value("50")
    steps.fill("8")
    steps.press("Enter")
    until(page, sampled_here, "a run of the page", 60)
    yield page
    page.context.close()


SAMPLED = [  # network, sampler, steps, first, guidance, labels
    *(("ddpm-fashion", sampler, 7, 0, 2, [7]) for sampler in SAMPLERS),
    *(("ddpm-fashion", sampler, 9, 4, 1, [1, 3]) for sampler in SAMPLERS),
    ("ddpm-fashion-fast", "unipc", 4, 0, 1, [9]),
    ("ddpm-emoji", "ddpm", 3, 0, 3, [2]),
    ("ddpm-faces", "dpm++", 5, 0, 1.5, [5]),
    ("ddpm-mnist", "ddim", 16, 13, 1.5, [4]),
]


@pytest.mark.parametrize(("name", "sampler", "steps", "first", "guidance", "labels"), SAMPLED)
def test_every_sampler_of_the_page_is_python_s(sampling, name, sampler, steps, first, guidance, labels):
    model = checkpoints.load(DDPM, name)
    y, x = torch.tensor(labels), model.noise(1, 3).repeat(len(labels), 1, 1, 1)
    made = list(model.denoise(x, y, steps, first, guidance, sampler, seed=3))
    options = {"dims": [len(y), *model.shape], "y": labels, "steps": steps, "seed": 3, "classes": model.num_classes}
    options |= {"guidance": guidance, "sampler": sampler, "first": first}
    script = """async ([name, options]) => {
      await window.studioNetworks.load([name]);
      const steps = [];
      for await (const { t, x_t, x0 } of window.studioNetworks.sample(name, options))
        steps.push([t, [...x_t], [...x0], window.studioNetworks.noiseFacts(Math.max(t, 0)).alpha_bar]);
      return steps;
    }"""
    found = sampling.evaluate(script, [name, options])
    assert [t for t, *_ in found] == [step.t for step in made]
    for (t, x_t, x0, alpha_bar), step in zip(found, made, strict=True):
        assert np.abs(np.array(x_t) - step.x_t.flatten().numpy()).max() < 1e-3
        assert np.abs(np.array(x0) - step.x0.flatten().numpy()).max() < 1e-3
        assert alpha_bar == pytest.approx(float(model.alphas_cumprod[max(t, 0)]), abs=1e-6)


def test_a_run_of_the_page_is_shown_forked_and_not_asked_of_python(sampling):
    asked = []
    sampling.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    note, runs = sampling.locator("#diffusion-film .note"), sampling.locator("#diffusion-film .run")
    sampling.get_by_role("button", name="Sample", exact=True).click()
    expect(note).to_contain_text("8 steps in")
    expect(runs).to_have_count(1)
    *_, last = checkpoints.load(DDPM, "ddpm-fashion").sample(torch.tensor([7]), 8, guidance=2.0)
    (mine,) = shown(sampling, "#diffusion-film .screens .x_t")
    assert np.abs(mine[..., 0] - 127.5 - 127.5 * last.x_t[0, 0].clamp(-1, 1).numpy()).max() < 1.01
    seed = sampling.locator("#diffusion-seed input")
    seed.fill("5")
    seed.press("Tab")
    sampling.locator("#diffusion-film .scrub").fill("3")
    sampling.get_by_role("button", name="Fork here").click()
    expect(runs).to_have_count(2)
    expect(runs.nth(1)).to_contain_text("from step 3: Sneaker, DDIM, seed 5, guidance 2")
    expect(note).to_contain_text("5 steps in")
    runs.nth(0).locator("button").nth(3).click()
    sampling.get_by_role("button", name="Fork here").click()
    expect(sampling.locator(".notice")).to_have_text(TEXTS["diffusion"]["same"])
    runs.nth(0).locator("button").last.click()
    expect(sampling.locator("#diffusion-film .fork")).to_be_disabled()
    assert HERE in note.inner_text() and not asked and runs.count() == 2
    seed.fill("0")
    seed.press("Tab")


def test_a_run_of_the_page_can_be_cancelled_and_the_next_one_begins_at_once(sampling):
    note, steps = sampling.locator("#diffusion-film .note"), sampling.locator("#diffusion-steps input[type=number]")
    steps.fill("1000")
    steps.press("Enter")
    sampling.get_by_role("button", name="Sample", exact=True).click()
    expect(note).to_contain_text("of 1000, t =")
    sampling.get_by_role("button", name="Cancel").first.click()
    sampling.wait_for_timeout(300)
    held = note.inner_text()
    sampling.wait_for_timeout(700)
    assert note.inner_text() == held and HERE in held
    steps.fill("8")
    steps.press("Enter")
    sampling.get_by_role("button", name="Sample", exact=True).click()
    expect(note).to_contain_text("8 steps in")


def test_where_a_network_of_the_page_fails_python_samples_the_run(sampling):
    """The last of the tests of this page."""
    sampling.evaluate("() => { window.studioNetworks.run = () => Promise.reject(new Error('out of memory')); }")
    for _ in range(2):
        sampling.get_by_role("button", name="Sample", exact=True).click()
        note = sampling.locator("#diffusion-film .note")
        expect(note).to_have_text(re.compile(r"8 steps in .* or fork$"), timeout=30_000)
        expect(sampling.locator("#diffusion-film .run")).to_have_count(1)


@pytest.mark.parametrize("lack", BROKEN)
def test_where_the_page_cannot_run_networks_python_answers_as_ever(browser, url, lack):
    blocked = {"no runtime": "**/*.wasm.gz"}.get(lack)
    page = opened(browser, url, "latent", BROKEN[lack], blocked)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    expect(page.locator("#latent-labels img")).to_have_count(10)
    for x in (0.3, 0.5, 0.7):
        drag_to_another(page, x, 0.4)
        page.wait_for_timeout(400)
        note = page.locator("#latent-decoded").inner_text()
        assert TEXTS["latent"]["decoded"] in note and HERE not in note
    assert not errors
    page.context.close()

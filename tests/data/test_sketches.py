"""Line styles against what they promise."""

import pytest
import torch

from ae_demo.data import sketches
from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.regions import outside_mask


def test_edges_follow_a_border_of_colour_and_nothing_else():
    color = torch.zeros(1, 3, 16, 16)
    color[:, 0, :, 8:] = 1  # red beside black
    ink = sketches.detect_edges(color)[0, 0]
    assert (ink[:, 7:9] == 1).all()
    assert (ink[:, :7] == 0).all() and (ink[:, 9:] == 0).all()


@pytest.mark.parametrize(("level", "width"), [(0, 1), (1, 3), (2, 5)])
def test_thicken_adds_two_pixels_a_level(level, width):
    ink = torch.zeros(1, 1, 16, 16)
    ink[..., 8] = 1
    assert sketches.thicken(ink, level)[0, 0, 4].sum() == width


def test_thinner_lines_lose_their_grey_rim_and_keep_their_core():
    ink = torch.tensor([0.0, 0.3, 1.0, 0.3, 0.0]).view(1, 1, 1, 5)
    assert torch.allclose(sketches.thicken(ink, -0.3), torch.tensor([0.0, 0, 1, 0, 0]).view(1, 1, 1, 5))


@pytest.mark.parametrize("detect", sketches.DETECTORS)
def test_detectors_draw_a_border_and_leave_flat_colour_alone(detect):
    color = torch.ones(1, 3, 32, 32)
    color[:, :, 8:24, 8:24] = 0.2
    ink = detect(color, torch.full((1, 1, 1, 1), 0.2))
    assert ink.shape == (1, 1, 32, 32) and 0 <= ink.min() and ink.max() <= 1
    assert ink[..., 7:9, 12:20].amax() > 0.8
    assert ink[..., :5].max() == 0 and ink[..., 14:18, 14:18].max() == 0


def test_a_random_sketch_is_aligned_with_its_picture():
    """Where there is ink, the moved picture must not be empty: compare against the picture of another thing."""
    batch = emoji_pairs(split="sample")[:32]
    sketch, color, within = sketches.random_sketch(batch)
    assert sketch.shape == within.shape == (32, 1, 128, 128) and color.shape == (32, 3, 128, 128)
    for x in (sketch, color, within):
        assert 0 <= x.min() and x.max() <= 1
    ink = 1 - sketch
    busy = torch.nn.functional.max_pool2d(sketches.detect_edges(color, 0.1), 7, 1, 3)
    own = (ink * busy).sum() / ink.sum()
    others = (ink * busy.roll(1, 0)).sum() / ink.sum()
    assert own > 0.8 > others + 0.2
    dark = 1 - color.amin(1, keepdim=True)
    assert (dark * within).sum() / dark.sum() > 0.97, "what is coloured is within the drawing"


def test_random_sketches_vary_in_thickness_darkness_and_gaps():
    line = emoji_pairs(split="sample")[10:11]
    batch = {name: tensor.expand(64, -1, -1, -1) for name, tensor in line.items() if tensor.dim() == 4}
    sketch, _, _ = sketches.random_sketch(batch)
    ink = (1 - sketch).sum(dim=(1, 2, 3))
    assert ink.max() > 3 * ink.min()
    darkest = (1 - sketch).amax(dim=(1, 2, 3))
    assert darkest.min() < 0.75 and darkest.max() > 0.95


def test_inner_lines_are_missing_now_and_then_and_outlines_stay():
    torch.manual_seed(0)
    line = torch.ones(1, 1, 128, 128)
    line[..., 20:108, 20:22] = line[..., 20:108, 106:108] = line[..., 20:22, 20:108] = line[..., 106:108, 20:108] = 0
    line[..., 62:66, 40:88] = 0  # a bar inside a square
    outside = torch.from_numpy(outside_mask((255 * line[0]).byte().numpy())).unsqueeze(1) / 255
    batch = {"line": line, "color": torch.ones(1, 3, 128, 128), "outside": outside}
    batch = {name: tensor.expand(128, -1, -1, -1) for name, tensor in batch.items()}
    sketch, _, within = sketches.random_sketch(batch)
    vector = (1 - sketch).amax(dim=(1, 2, 3)) > 0.4  # white pictures have no edges
    inside = torch.nn.functional.avg_pool2d(within, 41, 1, 20) > 0.99  # far from the outline
    bars = ((1 - sketch) * inside).amax(dim=(1, 2, 3))[vector] > 0.2
    assert 0.05 < 1 - bars.float().mean() < 0.4
    assert vector.float().mean() > 0.5


@pytest.mark.parametrize("style", sketches.HELD_OUT_STYLES)
def test_styles_that_training_never_shows_are_lines_at_the_same_places(style):
    batch = emoji_pairs(split="sample")[:16]
    sketch, color, within = sketches.HELD_OUT_STYLES[style](batch)
    again, _, _ = sketches.HELD_OUT_STYLES[style](batch)
    assert torch.equal(sketch, again) and torch.equal(color, batch["color"])
    assert torch.equal(within, 1 - batch["outside"])
    near = torch.nn.functional.max_pool2d(1 - batch["line"], 7, 1, 3)
    ink = 1 - sketch
    assert (ink * near).sum() / ink.sum() > 0.8
    assert 0.02 < ink.mean() < 0.35
    assert (sketch - batch["line"]).abs().mean() > 0.02, "another style"

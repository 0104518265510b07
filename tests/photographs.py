"""Generated photographs of the sketches in `ae_demo.data.mouse`, with known strokes, and a score of the ink found."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from scipy import ndimage

from ae_demo.data.mouse import CANVAS, mouse_sketches
from ae_demo.ui import inputs
from ae_demo.ui.drawing import Drawing, find_drawing
from ae_demo.ui.ink import crop_drawing

FRAME, NEAR = 512, 2  # pixels: side of the square of a drawing at which ink is compared, and how close it must lie
FOUND = 192  # out of 255: darker pixels of `Drawing.lines` are ink
FILL = 0.84  # share of that square that the drawing's longer side takes, as in `find_drawing`
WHITE, PENCIL, BALLPOINT, MARKER = (246, 244, 238), (112, 112, 116), (44, 62, 150), (28, 28, 32)
DESKS = {"dark": (48, 45, 44), "brown": (104, 68, 44), "wood": (205, 172, 128)}
RULING = (140, 168, 206)
TURNS = {3: 180, 6: 90, 8: 270}  # EXIF orientation: degrees by which the stored picture is turned, counterclockwise


@dataclass(frozen=True)
class Photograph:
    """How a sketch, by its number, was drawn and photographed; lengths are shares of the page's shorter side."""

    name: str
    sketch: int
    paper: tuple = WHITE
    ink: tuple = MARKER
    pen: int = 5  # pixels on the canvas of CANVAS pixels
    side: float = 0.8  # length of the canvas on the page
    middle: tuple = (0.5, 0.5)  # centre of the canvas, as shares of the page's sides
    ruling: str = ""
    desk: str = ""
    tilt: float = 0.0  # degrees
    perspective: float = 0.0  # share by which the upper side of the page is shorter
    light: str = "even"
    dust: float = 0.0
    noise: float = 3.0  # standard deviation, out of 255
    blur: float = 0.8  # pixels
    quality: int = 85
    orientation: int = 1
    size: tuple = (900, 1200)
    signed: bool = False

    def page_size(self) -> tuple[int, int]:
        """Return the size of the flat page in pixels."""
        return (1000, round(1000 * self.size[1] / self.size[0]))

    def homography(self) -> np.ndarray:
        """Return the matrix (3, 3) from the photograph's pixels to those of the flat page."""
        width, height = self.size
        page_width, page_height = self.page_size()
        reach = 0.72 if self.desk else 1.12  # without a desk the page is larger than the photograph
        half = np.array([width, height]) * reach / 2
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        corners[:2, 0] *= 1 - self.perspective
        angle = np.radians(self.tilt)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = corners @ turn.T + np.array([width, height]) / 2
        flat = [(0, 0), (page_width, 0), (page_width, page_height), (0, page_height)]
        rows, values = [], []
        for (x, y), (u, v) in zip(corners, flat, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
            values += [u, v]
        return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1).reshape(3, 3)

    def strokes(self) -> Image.Image:
        """Draw the strokes on the flat page: L, 255 on strokes."""
        width, height = self.page_size()
        scale = self.side * width / CANVAS
        left, top = (m * s - CANVAS * scale / 2 for m, s in zip(self.middle, (width, height), strict=True))
        page, pen = Image.new("L", (width, height)), self.pen * scale
        draw = ImageDraw.Draw(page)
        for stroke in mouse_sketches()[self.sketch].strokes:
            points = [(left + x * scale, top + y * scale) for x, y in stroke]
            draw.line(points, 255, max(round(pen), 1), "curve")
            for x, y in points:
                draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), 255)
        return page

    def truth(self, box: tuple[float, float, float, float], size: int) -> np.ndarray:
        """Return the mask (size, size) of the strokes in a box (left, top, right, bottom) of the photograph."""
        left, top, right, bottom = box
        place = np.array([[(right - left) / size, 0, left], [0, (bottom - top) / size, top], [0, 0, 1]])
        return np.asarray(_warp(self.strokes(), self.homography() @ place, (size, size))) > 127

    def upright(self) -> Image.Image:
        """Take the photograph: RGB, before it is turned and compressed."""
        random = np.random.default_rng(self.sketch)
        page = self._page(random)
        matrix = self.homography()
        picture = np.asarray(_warp(page, matrix, self.size), dtype=np.float32)
        if self.desk:
            cover = _warp(Image.new("L", page.size, 255), matrix, self.size)
            cover = np.asarray(cover, dtype=np.float32)[..., None] / 255
            picture = cover * picture + (1 - cover) * _desk(DESKS[self.desk], self.size, random)
        picture = picture * _light(self.light, self.size)[..., None]
        picture = ndimage.gaussian_filter(picture, (self.blur, self.blur, 0))
        picture += random.normal(0, self.noise, picture.shape)
        return Image.fromarray(picture.clip(0, 255).astype(np.uint8))

    def _page(self, random) -> Image.Image:
        width, height = self.page_size()
        page = np.empty((height, width, 3), dtype=np.float32)
        page[:] = self.paper
        if self.ruling:
            rows, columns = np.indices((height, width))
            ruled = rows % 50 < 3
            ruled |= (columns % 50 < 3) if self.ruling == "squared" else False
            page[ruled] = np.minimum(RULING, self.paper)
        grain = np.ones((height, width))
        if self.ink in (PENCIL, (250, 248, 240)):  # pencil and chalk leave gaps on the grain of the paper
            grain = 0.8 + 0.2 * np.tanh(ndimage.gaussian_filter(random.normal(size=grain.shape), 1.2) * 4)
        strokes = self.strokes().filter(ImageFilter.GaussianBlur(0.7))
        if self.signed:
            strokes = _sign(strokes)
        cover = (np.asarray(strokes, dtype=np.float32) / 255 * grain)[..., None]
        page = cover * np.array(self.ink, dtype=np.float32) + (1 - cover) * page
        if self.dust:
            smear = ndimage.gaussian_filter(random.normal(size=(height, width)), (6, 40)) * 100
            page += self.dust * np.clip(smear, 0, 3)[..., None]
        return Image.fromarray(page.clip(0, 255).astype(np.uint8))

    def jpeg(self) -> bytes:
        """Return the photograph as a JPEG file, stored as its orientation says."""
        picture, exif = self.upright(), Image.Exif()
        if self.orientation != 1:
            picture = picture.rotate(TURNS[self.orientation], expand=True)
            exif[0x0112] = self.orientation
        buffer = BytesIO()
        picture.save(buffer, "jpeg", quality=self.quality, exif=exif)
        return buffer.getvalue()


def _warp(image: Image.Image, matrix: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Look up each pixel of an image of `size` in another one, at `matrix` · (x, y, 1)."""
    coefficients = (matrix / matrix[2, 2]).ravel()[:8]
    return image.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)


def _sign(strokes: Image.Image) -> Image.Image:
    """Write a signature and a date in the corners of a page."""
    signed = strokes.copy()
    draw, (width, height) = ImageDraw.Draw(signed), signed.size
    at = [(width - 230 + 12 * i, height - 110 + 22 * (-1) ** i * (1 - i / 14)) for i in range(12)]
    draw.line(at, 255, 4)
    for i in range(6):
        draw.line([(120 + 16 * i, 90), (126 + 16 * i, 116)], 255, 4)
    return signed


def _desk(color: tuple, size: tuple[int, int], random) -> np.ndarray:
    """Return a desk with its grain: (H, W, 3)."""
    width, height = size
    grain = ndimage.gaussian_filter(random.normal(size=(height, width)), (1.5, 60))
    return np.array(color) * (1 + 0.08 * grain / grain.std())[..., None]


def _light(kind: str, size: tuple[int, int]) -> np.ndarray:
    """Return the share of light that falls on each pixel: (H, W)."""
    width, height = size
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    light = np.ones((height, width))
    if kind == "gradient":
        light = 1 - 0.55 * (0.7 * x + 0.3 * y)
    elif kind == "sharp":
        light = np.where(x + 0.35 * y > 0.72, 0.55, 1.0)
    elif kind == "hand":
        palm = (x - 0.95) ** 2 / 0.10 + (y - 0.95) ** 2 / 0.12 < 1
        for finger in range(4):  # each from the palm towards the middle of the page
            palm |= (np.abs(y - x * 0.4 - 0.22 - 0.13 * finger) < 0.042) & (x > 0.42 + 0.05 * abs(finger - 1))
        light = 1 - 0.42 * palm
    return ndimage.gaussian_filter(light, 0.0 if kind == "even" else {"hand": 4, "sharp": 1}.get(kind, 0))


CHALK, KRAFT, BOARD = (250, 248, 240), (184, 146, 104), (44, 62, 54)
PHOTOGRAPHS = (
    Photograph("white paper", 0),
    Photograph("grey paper of 200", 1, paper=(200, 200, 200)),
    Photograph("yellow paper", 2, paper=(246, 224, 110), light="gradient"),
    Photograph("pink paper, ballpoint", 3, paper=(244, 182, 196), ink=BALLPOINT),
    Photograph("gradient of light, pencil", 4, ink=PENCIL, light="gradient"),
    Photograph("sharp shadow", 5, light="sharp"),
    Photograph("sharp shadow, pencil", 6, ink=PENCIL, light="sharp"),
    Photograph("hand's shadow", 7, light="hand"),
    Photograph("hand's shadow, ballpoint", 8, ink=BALLPOINT, light="hand", tilt=4),
    Photograph("dark desk", 9, desk="dark", tilt=5),
    Photograph("brown desk, perspective", 10, desk="brown", tilt=-7, perspective=0.15),
    Photograph("light wood, pencil", 11, desk="wood", ink=PENCIL, tilt=3, perspective=0.1),
    Photograph("dark desk, sharp shadow", 12, desk="dark", light="sharp", tilt=-3),
    Photograph("lined paper", 13, ruling="lined"),
    Photograph("lined paper, tilted, pencil", 14, ruling="lined", ink=PENCIL, tilt=6, light="gradient"),
    Photograph("squared paper", 15, ruling="squared", ink=BALLPOINT),
    Photograph("squared paper on a brown desk", 16, ruling="squared", desk="brown", tilt=-4, perspective=0.12),
    Photograph("white pencil on kraft paper", 17, paper=KRAFT, ink=CHALK),
    Photograph("kraft paper, marker, shadow", 18, paper=KRAFT, light="sharp"),
    Photograph("chalkboard", 19, paper=BOARD, ink=CHALK, dust=14, light="gradient"),
    Photograph("chalkboard, thick chalk", 20, paper=BOARD, ink=CHALK, pen=9, dust=20, noise=5),
    Photograph("noise, blur and compression", 21, noise=12, blur=1.8, quality=35, ink=BALLPOINT),
    Photograph("turned by its EXIF, small", 22, orientation=6, side=0.35, middle=(0.4, 0.4), light="gradient"),
    Photograph("small on twelve megapixels, signed", 23, size=(3000, 4000), side=0.25, middle=(0.45, 0.6), signed=True,
               orientation=8),
)  # fmt: skip


def true_box(photograph: Photograph) -> tuple[float, float, float]:
    """Return the square (left, top, side) of the drawing in the photograph, as `find_drawing` frames it."""
    width, height = photograph.size
    side = max(width, height)
    mask = photograph.truth((0, 0, side, side), 1000)
    rows, columns = (np.flatnonzero(mask.any(axis)) * side / 1000 for axis in (1, 0))
    length = max(np.ptp(rows), np.ptp(columns)) / FILL
    return (
        (columns[0] + columns[-1] - length) / 2,
        (rows[0] + rows[-1] - length) / 2,
        length,
    )


def find_in_photograph(photograph: Photograph) -> tuple[Drawing, tuple[float, float, float]]:
    """Upload a photograph to the canvas, and find the drawing there: the drawing, and its square (left, top, side) in
    the photograph."""
    picture = inputs.read(BytesIO(photograph.jpeg()), detailed=True)
    found = crop_drawing(picture, CANVAS)
    drawing = find_drawing(inputs.fit_into_square(ImageOps.invert(found.ink), CANVAS, 255).convert("RGB"))
    left, top, right, bottom = found.box
    scale = max(right - left, bottom - top) / CANVAS  # pixels of the picture per pixel of the canvas
    x, y, side = drawing.box
    x, y = ((left + right - CANVAS * scale) / 2 + x * scale, (top + bottom - CANVAS * scale) / 2 + y * scale)
    zoom = photograph.size[0] / picture.width
    return drawing, (x * zoom, y * zoom, side * scale * zoom)


def score(photograph: Photograph, ink: np.ndarray, box: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return F1, precision and recall of the ink (H, W) bool found in a square (left, top, side) of the photograph.

    Ink and strokes are compared in the square around the true drawing with twice its side, FRAME pixels a side of the
    drawing; precision is the share of ink within NEAR pixels of a stroke, recall that of strokes within NEAR of ink."""
    left, top, length = true_box(photograph)
    frame = (left - length / 2, top - length / 2, left + 1.5 * length, top + 1.5 * length)
    truth = photograph.truth(frame, 2 * FRAME)
    scale = len(ink) / box[2]
    place = tuple((edge - box[i % 2]) * scale for i, edge in enumerate(frame))
    found = Image.fromarray(255 * ink.astype(np.uint8)).transform((2 * FRAME,) * 2, Image.Transform.EXTENT, place)
    found = np.asarray(found) > 127
    if not found.any():
        return 0.0, 0.0, 0.0
    precision = float((ndimage.distance_transform_edt(~truth)[found] <= NEAR).mean())
    recall = float((ndimage.distance_transform_edt(~found)[truth] <= NEAR).mean())
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall

"""Rendering of SVG drawings, in colour and as line art."""

import re
import xml.etree.ElementTree as ET
from io import BytesIO

import numpy as np
import resvg_py
from PIL import Image

EMOJI_SIZE = 128  # side in pixels
SHAPES = ("path", "circle", "ellipse", "rect", "polygon", "polyline", "line")


def render(svg: str, size: int = EMOJI_SIZE) -> np.ndarray:
    """Render SVG text -> (size, size, 3) uint8 on white. Raises ValueError if it cannot be drawn."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True)
    picture = Image.open(BytesIO(png)).convert("RGB")
    canvas = Image.new("RGB", (size, size), "white")  # non-square drawings come back smaller
    canvas.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2))
    return np.asarray(canvas)


def padded(svg: str, margin: float = 0.04) -> str:
    """Add a margin, as a share of the size, on all sides of an SVG (text -> text), so that outlines are not cut off."""
    root = ET.fromstring(svg)
    x, y, w, h = view_box(root)
    root.set("viewBox", f"{x - margin * w:g} {y - margin * h:g} {w * (1 + 2 * margin):g} {h * (1 + 2 * margin):g}")
    for name in ("width", "height", "x", "y"):
        root.attrib.pop(name, None)
    return ET.tostring(root, encoding="unicode")


def view_box(root: ET.Element) -> list[float]:
    """Return the four numbers of an SVG's `viewBox`, or those implied by its width and height if it has none."""
    box = root.get("viewBox") or f"0 0 {root.get('width', EMOJI_SIZE)} {root.get('height', EMOJI_SIZE)}"
    return [float(v) for v in re.split(r"[ ,]+", box.strip())]


def line_art(svg: str, width: float = 1.5) -> str:
    """Convert the SVG text of a coloured drawing to that of its outlines: white shapes with black strokes.

    `width` is in pixels of a 128-pixel image. Shapes keep their document order, so that those in front hide those
    behind. Raises ParseError (xml.etree) on broken SVG."""
    root = ET.fromstring(svg)
    stroke = width * max(view_box(root)[2:]) / EMOJI_SIZE
    css = " ".join(e.text or "" for e in root.iter() if e.tag.endswith("}style"))
    hollow = {
        name
        for names, body in re.findall(r"([^{}]+)\{([^}]*)\}", css)
        if re.search(r"fill\s*:\s*none", body)
        for name in re.findall(r"\.([\w-]+)", names)
    }

    def is_hollow(element: ET.Element, inherited: bool) -> bool:
        style = re.search(r"fill\s*:\s*([^;]+)", element.get("style", ""))
        fill = style.group(1).strip() if style else element.get("fill")
        if fill is None and (classes := element.get("class")):
            return any(name in hollow for name in classes.split())
        return inherited if fill is None else fill == "none"

    def redraw(element: ET.Element, inherited: bool) -> None:
        tag = element.tag.split("}")[-1]
        if tag in ("defs", "clipPath", "mask", "style"):
            return
        empty = is_hollow(element, inherited)
        for name in ("opacity", "fill-opacity", "stroke-opacity", "stroke-dasharray", "filter", "class"):
            element.attrib.pop(name, None)
        clip = re.search(r"clip-path\s*:[^;]+", element.attrib.pop("style", ""))
        style = [clip.group(0)] if clip else []
        if tag in SHAPES:
            style += [
                f"fill:{'none' if empty else '#fff'}",
                f"stroke:#000;stroke-width:{stroke:g};stroke-linejoin:round",
            ]
        if style:
            element.set("style", ";".join(style))
        for child in element:
            redraw(child, empty)

    redraw(root, False)
    return ET.tostring(root, encoding="unicode")


def outlines(svg: str, color: str) -> str:
    """Convert the SVG text of a drawing whose shapes are outlined by strokes of a colour to these strokes in black."""
    root = ET.fromstring(svg)
    for element in list(root.iter()):
        for child in list(element):
            if child.tag.split("}")[-1] in (*SHAPES, "use") and child.get("stroke") != color:
                element.remove(child)
        if element.get("stroke") == color:
            element.set("stroke", "#000")
            if element.get("fill") != "none":
                element.set("fill", "#fff")
    return ET.tostring(root, encoding="unicode")


def draw_pair(drawing: tuple[str, str | None]) -> tuple[np.ndarray, np.ndarray] | None:
    """Render SVG text, and the colour of its outlines if it has any -> colour (128, 128, 3) and line art (128, 128),
    uint8; None if either cannot be drawn."""
    svg, outline = drawing
    try:
        svg = padded(svg)
        return render(svg), render(outlines(svg, outline) if outline else line_art(svg))[..., 0]
    except (ValueError, ET.ParseError):
        return None

"""The look of the studio: one accent on warm paper, quiet hairlines, the picture largest; equally in light and dark."""

import gradio as gr

from ae_demo.ui.widgets import ASSETS

CSS = (ASSETS / "page.css").read_text(encoding="utf-8")
SCRIPT = (ASSETS / "page.js").read_text(encoding="utf-8").partition("\n")[2].rstrip().rstrip(";")  # one expression
ACCENT = ("#3355dd", "#93a9ff")  # a colour in light, and in dark
ACCENT_SOFT = ("#e9eeff", "#232a44")
DARK_INK = ("#1d2230", "#eceae4")
SOFT_INK = ("#5a6172", "#a6acba")
HAIRLINE = ("#e7e3da", "#2c303d")
CARD = ("#ffffff", "#1b1e27")
CARD_HOVER = ("#f4f2ec", "#232733")
CLEAR = ("transparent", "transparent")
THEME_COLORS = {  # variable of Gradio's themes: its value in light, and in dark
    "body_background_fill": ("#faf9f6", "#12141a"),
    "background_fill_primary": CARD,
    "background_fill_secondary": CARD_HOVER,
    "block_background_fill": CARD,
    "body_text_color": DARK_INK,
    "body_text_color_subdued": SOFT_INK,
    "border_color_primary": HAIRLINE,
    "border_color_accent": ACCENT,
    "color_accent_soft": ACCENT_SOFT,
    "link_text_color": ACCENT,
    "link_text_color_active": ACCENT,
    "link_text_color_hover": DARK_INK,
    "link_text_color_visited": ACCENT,
    "block_label_background_fill": CLEAR,
    "block_label_text_color": SOFT_INK,
    "block_title_background_fill": CLEAR,
    "block_title_text_color": DARK_INK,
    "block_info_text_color": SOFT_INK,
    "input_background_fill": ("#ffffff", "#12141a"),
    "input_border_color": HAIRLINE,
    "input_placeholder_color": SOFT_INK,
    "slider_color": ACCENT,
    "checkbox_background_color_selected": ACCENT,
    "checkbox_border_color_selected": ACCENT,
    "checkbox_label_background_fill": CLEAR,
    "checkbox_label_background_fill_selected": ACCENT_SOFT,
    "checkbox_label_text_color_selected": ACCENT,
    "button_primary_background_fill": ACCENT,
    "button_primary_background_fill_hover": ("#2a47bd", "#b3c3ff"),
    "button_primary_text_color": ("#ffffff", "#10131c"),
    "button_secondary_background_fill": CARD,
    "button_secondary_background_fill_hover": CARD_HOVER,
    "button_secondary_text_color": DARK_INK,
    "button_secondary_border_color": HAIRLINE,
}


def theme() -> gr.themes.Base:
    """Make Gradio's theme, so that its components look as our own."""
    both = {name: light for name, (light, _) in THEME_COLORS.items()}
    both |= {f"{name}_dark": dark for name, (_, dark) in THEME_COLORS.items()}
    flat = ("block_shadow", "block_shadow_dark", "block_label_shadow", "button_secondary_shadow")
    plain = dict.fromkeys(flat, "none") | {
        "block_border_width": "0px",
        "button_border_width": "1px",
        "block_label_border_width": "0px",
    }
    shapes = {"color_accent": ACCENT[0], "block_radius": "14px"}
    return gr.themes.Base(font=["system-ui", "sans-serif"], radius_size="lg").set(**both, **plain, **shapes)

"""The look of the studio: one accent on warm paper, quiet hairlines, the picture largest; equally in light and dark."""

import gradio as gr

from ae_demo.ui.widgets import ASSETS

CSS = (ASSETS / "page.css").read_text(encoding="utf-8")
SCRIPT = (ASSETS / "page.js").read_text(encoding="utf-8").partition("\n")[2].rstrip().rstrip(";")  # one expression
THEME_COLORS = {  # variable of Gradio's themes: its value in light, and in dark
    "body_background_fill": ("#faf9f6", "#12141a"),
    "background_fill_primary": ("#ffffff", "#1b1e27"),
    "background_fill_secondary": ("#f4f2ec", "#232733"),
    "block_background_fill": ("#ffffff", "#1b1e27"),
    "body_text_color": ("#1d2230", "#eceae4"),
    "body_text_color_subdued": ("#5a6172", "#a6acba"),
    "border_color_primary": ("#e7e3da", "#2c303d"),
    "border_color_accent": ("#3355dd", "#93a9ff"),
    "color_accent_soft": ("#e9eeff", "#232a44"),
    "link_text_color": ("#3355dd", "#93a9ff"),
    "link_text_color_active": ("#3355dd", "#93a9ff"),
    "link_text_color_hover": ("#1d2230", "#eceae4"),
    "link_text_color_visited": ("#3355dd", "#93a9ff"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("#5a6172", "#a6acba"),
    "block_title_background_fill": ("transparent", "transparent"),
    "block_title_text_color": ("#1d2230", "#eceae4"),
    "block_info_text_color": ("#5a6172", "#a6acba"),
    "input_background_fill": ("#ffffff", "#12141a"),
    "input_border_color": ("#e7e3da", "#2c303d"),
    "input_placeholder_color": ("#5a6172", "#a6acba"),
    "slider_color": ("#3355dd", "#93a9ff"),
    "checkbox_background_color_selected": ("#3355dd", "#93a9ff"),
    "checkbox_border_color_selected": ("#3355dd", "#93a9ff"),
    "checkbox_label_background_fill": ("transparent", "transparent"),
    "checkbox_label_background_fill_selected": ("#e9eeff", "#232a44"),
    "checkbox_label_text_color_selected": ("#3355dd", "#93a9ff"),
    "button_primary_background_fill": ("#3355dd", "#93a9ff"),
    "button_primary_background_fill_hover": ("#2a47bd", "#b3c3ff"),
    "button_primary_text_color": ("#ffffff", "#10131c"),
    "button_secondary_background_fill": ("#ffffff", "#1b1e27"),
    "button_secondary_background_fill_hover": ("#f4f2ec", "#232733"),
    "button_secondary_text_color": ("#1d2230", "#eceae4"),
    "button_secondary_border_color": ("#e7e3da", "#2c303d"),
}


def theme() -> gr.themes.Base:
    """Make Gradio's theme, so that its components look as our own."""
    both = {name: light for name, (light, _) in THEME_COLORS.items()}
    both |= {f"{name}_dark": dark for name, (_, dark) in THEME_COLORS.items()}
    flat = ("block_shadow", "block_shadow_dark", "block_label_shadow", "button_secondary_shadow")
    plain = dict.fromkeys(flat, "none") | {"block_border_width": "0px", "block_label_border_width": "0px"}
    shapes = {"color_accent": "#3355dd", "block_radius": "14px"}
    return gr.themes.Base(font=["system-ui", "sans-serif"], radius_size="lg").set(**both, **plain, **shapes)

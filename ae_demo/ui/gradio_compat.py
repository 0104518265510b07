"""All overrides of Gradio's page and widgets, and uses of its internals, checked with version 6.31.0;
`tests/test_compat.py` names any that an update breaks."""

from collections.abc import Callable

import gradio as gr
from gradio.context import Context
from gradio_client.utils import is_file_obj_with_meta, is_http_url_like, traverse

from ae_demo.ui.i18n import DEFAULT_LANGUAGE, LANGUAGES, TEXTS, current_language, in_language, load_texts
from ae_demo.ui.inputs import strip_html

MAX_SENTENCE = 300  # characters; longer messages quote a long value
TOAST_S = 8  # seconds


class Page(gr.Blocks):
    """Blocks that report every failure in one sentence, including Gradio's own, and that never fetch remote files."""

    async def preprocess_data(self, block_fn, inputs: list, *args, **kwargs) -> list:
        """Extend gr.Blocks: raises gr.Error for values that a component rejects, and for remote files."""
        try:
            traverse(inputs, _refuse, lambda part: is_file_obj_with_meta(part) and is_http_url_like(part["path"]))
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except Exception as error:
            raise gr.Error(readable_sentence(error), duration=TOAST_S, print_exception=False) from error

    async def process_api(self, block_fn, *args, **kwargs) -> dict:
        """Extend gr.Blocks: answers in the language of the event's page; raises gr.Error for any other failure, whose
        traceback is logged."""
        event = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        token = current_language.set(event.page or DEFAULT_LANGUAGE)
        try:
            return await super().process_api(event, *args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(TEXTS["app"]["failed"], duration=TOAST_S) from error
        finally:
            current_language.reset(token)

    def add_languages(self, build: Callable[[], None]) -> None:
        """Build the page in every language: the default one at the root, whose endpoints are public, each other one at
        its own route."""
        for language in LANGUAGES:
            if language == DEFAULT_LANGUAGE:
                with self:
                    build()
                continue
            with self.route(load_texts(language)["app"]["language"], language, show_in_navbar=False):
                in_language(build, language)()
        for event in self.fns.values():
            if event.page:
                event.api_visibility = "private"


def readable_sentence(error: Exception) -> str:
    """Return the sentence of an error if it is one for visitors, as Gradio may quote a whole value; else a general
    one."""
    sentence = strip_html(error.message) if isinstance(error, gr.Error) else ""
    return sentence if 0 < len(sentence) < MAX_SENTENCE else TEXTS["app"]["unusable"]


def refuse_files(values: list) -> None:
    """Raise gr.Error if there is a file among values, at any depth."""
    traverse(values, _refuse, is_file_obj_with_meta)


def _refuse(_file: dict) -> None:
    raise gr.Error(TEXTS["picture"]["no_address"])


def on_page_load(function: Callable, inputs=None, outputs=None) -> None:
    """Run a function whenever the page under construction is loaded."""
    Context.root_block.load(
        function, inputs, outputs, queue=False, show_progress="hidden", api_visibility="private"
    )  # fmt: skip


class Slider(gr.Slider):
    """Slider that clamps numbers to its range, and takes its initial value for None."""

    def get_block_name(self) -> str:
        """Return the name of the front-end component."""
        return "slider"

    def preprocess(self, payload) -> float:
        return super().preprocess(_clamp(payload, self))


class Number(gr.Number):
    """Number box that clamps values between its minimum and maximum, as `Slider`."""

    def get_block_name(self) -> str:
        """Return the name of the front-end component."""
        return "number"

    def preprocess(self, payload) -> float | int:
        return super().preprocess(_clamp(payload, self))


def _clamp(payload, component):
    """Clamp a number to the range of a component; None becomes its initial value, anything else stays unchanged."""
    if payload is None:
        return component.value
    return min(max(payload, component.minimum), component.maximum) if type(payload) in (int, float) else payload


class PictureUpload(gr.UploadButton):
    """Upload button for a picture, passed to handlers as a path that `inputs.read` validates."""

    def get_block_name(self) -> str:
        """Return the name of the front-end component."""
        return "uploadbutton"

    def preprocess(self, payload) -> str | None:
        return payload.path if payload else None

"""Docstrings are imperatives or noun phrases, and no comment is a dangling fragment."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [*sorted((ROOT / "ae_demo").rglob("*.py")), ROOT / "app.py", ROOT / "train.py"]
DANGLING = re.compile(r"(what|whether|which|how|of|where|that|who|the same)\b", re.IGNORECASE)
DANGLING_COMMENT = re.compile(r"#\s*(of|what|whether)\b", re.IGNORECASE)
THIRD_PERSON = frozenset(  # without verbs that are as likely plural nouns: samples, scores, steps …
    """
    accepts adapts adds adopts allows analyses analyzes answers appends applies averages begins binds blurs brings
    builds calculates calls carries centres changes checks chooses clamps classifies clears clips closes combines
    commits compares compiles completes composes compresses computes configures connects contains converts copies
    corrupts creates cuts decides decodes defaults defines deletes denoises deploys describes detects does doubles
    downloads draws drives ends enlarges ensures estimates evaluates executes expects exports extends extracts
    fetches fills filters finds fits follows forgets formats gets gives goes halves handles has hashes helps holds
    implements imports includes infers initialises initializes inserts inspects installs instantiates interpolates
    invokes is iterates joins judges keeps knows lays leaves lets lifts lists loads logs looks loops makes maximises
    maximizes merges minimises minimizes moves normalises normalizes opens optimises optimizes packs paints parses
    pastes picks plays posts predicts prefers prepares prints processes produces projects provides publishes pulls
    pushes puts queries raises reads rebuilds receives recolours reconstructs recovers reduces refuses registers
    rejects releases removes renames renders repeats replaces requests rescales resets resizes resolves restores
    resumes retries retrieves returns rotates runs saves says searches sees selects sends serves shows shuffles
    simulates solves sorts specifies splits stacks starts stays stops stores strips subtracts summarises summarizes
    sums supports switches synchronises synchronizes tabulates takes tells thickens trains transforms translates
    tries trims truncates turns updates uploads uses validates verifies waits wants warns watches wires works wraps
    writes yields
    """.split()
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (ast.Module, ast.ClassDef, *FUNCTIONS)


def language_faults(source: str) -> list[str]:
    """List "line: fault" for every docstring and comment of a module that breaks a rule."""
    found = []
    for node in ast.walk(ast.parse(source)):
        text = ast.get_docstring(node, clean=False) if isinstance(node, SCOPES) else None
        if text is None:
            continue
        line, public = node.body[0].lineno, not getattr(node, "name", "").startswith("_")
        if public and not text.split("\n")[0].strip():
            found.append(f"{line}: the docstring has an empty first line")
        if dangling := DANGLING.match(text.strip()):
            found.append(f"{line}: the docstring begins with {dangling[0]!r}: use an imperative or a noun phrase")
        word = re.match(r"\w*", text.strip())[0]
        if isinstance(node, FUNCTIONS) and word.lower() in THIRD_PERSON:
            found.append(f"{line}: the docstring begins with {word!r}, third person: use the imperative")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and DANGLING_COMMENT.match(token.string):
            found.append(f"{token.start[0]}: the comment {token.string!r} is a fragment: name its subject")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_docstrings_and_comments_follow_the_rules(file):
    faults = language_faults(file.read_text(encoding="utf-8"))
    assert not faults, "\n".join(f"{file.relative_to(ROOT)}:{fault}" for fault in faults)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        *((f'"""{word} a model makes."""', "1: the docstring begins with") for word in ("What", "Which", "How", "Of")),
        *((f'class A:\n    """{word} is there."""', "2: the docstring begins") for word in ("That", "Who", "the same")),
        ('def f():\n    """Whether it is done."""', "2: the docstring begins with 'Whether'"),
        ('class A:\n    def _f(self):\n        """\n        Where it is."""', "3: the docstring begins with 'Where'"),
        ('def f():\n    """Returns x."""', "2: the docstring begins with 'Returns', third person"),
        ('async def f():\n    """writes x."""', "2: the docstring begins with 'writes', third person"),
        ('def f():\n    def _g():\n        """Minimises x."""', "3: the docstring begins with 'Minimises'"),
        ('def f():\n    """\n    Return x."""', "2: the docstring has an empty first line"),
        ('class A:\n    """"""', "2: the docstring has an empty first line"),
        ("N = 3  # of the curve", "1: the comment '# of the curve' is a fragment"),
        ("#of the curve", "1: the comment '#of the curve' is a fragment"),
        ("# What it does", "1: the comment '# What it does' is a fragment"),
        ("x = 1  # whether it is", "1: the comment '# whether it is' is a fragment"),
    ],
)
def test_the_checker_finds_each_fault(source, fault):
    found = language_faults(source)
    assert len(found) == 1, found
    assert found[0].startswith(fault), found


@pytest.mark.parametrize(
    "source",
    [
        '"""Models: one module each."""',
        'def f():\n    """Loss of the model, whether trained or not."""',
        'def f():\n    """Process x -> y."""',
        'class A:\n    """Samples of a model."""',
        'def _f():\n    """\n    Return x."""',
        "def f():\n    pass",
        "x = 1  # offset of the curve",
        "x = '# of the curve'",
    ],
)
def test_the_checker_accepts_good_language(source):
    assert language_faults(source) == []

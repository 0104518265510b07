"""Hugging Face Hub: upload and download of checkpoints, and deployment of the app as a Space."""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx2
import huggingface_hub as hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
from torch import nn

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.hub_compat import bounded_client

MAX_TRIES = 5  # attempts at a request that fails temporarily
FIRST_PAUSE_S = 1.0  # delay before the second attempt, doubled each time
SERVER_TIMEOUT_S = 5.0  # per network operation while the app looks for checkpoints
FAILURES = (httpx2.TransportError, HFValidationError, OSError)  # raised by the client; its other errors are OSErrors
TRANSIENT_STATUS = (408, 429, 500, 502, 503, 504)
README_FILE = "README.md"
TOKEN_HINT = (
    "run `hf auth login`, or set HF_TOKEN to a token that may write, from https://huggingface.co/settings/tokens"
)


class HubError(RuntimeError):
    """Failed Hub request; the message is one sentence that says what to do."""


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of a client exception, or None."""
    return getattr(getattr(error, "response", None), "status_code", None)


def hub_error(error: BaseException, repo_id: str) -> HubError:
    """Convert a client exception to a HubError with a one-sentence message."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__:  # the client wraps every failure in it
        error = error.__cause__
    status = _status(error)
    if isinstance(error, HFValidationError):
        return HubError(f"{repo_id!r} is no name of a repository: use USER/NAME.")
    if isinstance(error, OfflineModeIsEnabled):
        return HubError("HF_HUB_OFFLINE is set: unset it to reach the Hub.")
    if isinstance(error, RevisionNotFoundError):
        return HubError(f"{repo_id} has no such revision: name a branch, a tag or a full commit.")
    if status == 401:
        return HubError(f"The Hub does not know who you are, or {repo_id} is private: {TOKEN_HINT}.")
    if status == 403:
        return HubError(f"Your token may not do this to {repo_id}: {TOKEN_HINT}.")
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        return HubError(f"The Hub has no repository {repo_id}, or it is private: check the name, or set HF_TOKEN.")
    if status == 429:
        return HubError("The Hub asks to slow down (429): run the same command again in a few minutes.")
    if status and status >= 500:
        return HubError(f"The Hub has trouble of its own ({status}): run the same command again later.")
    if isinstance(error, httpx2.TransportError | LocalEntryNotFoundError):
        return HubError(f"{constants.ENDPOINT} cannot be reached: check the network, then run the same command again.")
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return HubError(f"The Hub did not accept this ({reason.rstrip('.')}).")


def _retry(call: Callable, repo_id: str):
    """Return call(), retried after transient failures; raises HubError on others, and after MAX_TRIES attempts."""
    for attempt in range(MAX_TRIES):
        try:
            return call()
        except FAILURES as error:
            transient = _status(error) in TRANSIENT_STATUS or isinstance(error, httpx2.TransportError)
            if not transient or attempt == MAX_TRIES - 1:
                raise hub_error(error, repo_id) from error
        time.sleep(FIRST_PAUSE_S * 2**attempt)
    return None


def _commit(
    repo_id: str,
    files: dict[str, Path | bytes],
    stale: Callable[[str], bool],
    message: tuple[str, str],
    kind: str = "model",
    private: bool | None = None,
    revision: str | None = None,
    endpoint: str | None = None,
) -> str | None:
    """Commit `files` by path to a repository, created if missing, and delete other paths for which stale(path); return
    the commit's hash, or None if nothing changed."""
    api = hub.HfApi(endpoint=endpoint, library_name="ae-demo")

    def once() -> str | None:
        sdk = "gradio" if kind == "space" else None
        api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)
        if revision:
            api.create_branch(repo_id, branch=revision, repo_type=kind, exist_ok=True)
        before = api.repo_info(repo_id, repo_type=kind, revision=revision).sha
        there = set(api.list_repo_files(repo_id, repo_type=kind, revision=revision))
        changes: list[hub.CommitOperationAdd | hub.CommitOperationDelete] = [
            hub.CommitOperationAdd(path, str(f) if isinstance(f, Path) else f) for path, f in files.items()
        ]
        changes += [hub.CommitOperationDelete(path) for path in sorted(there - set(files)) if stale(path)]
        title, description = message
        made = api.create_commit(
            repo_id, changes, commit_message=title, commit_description=description, repo_type=kind, revision=revision
        )
        return None if made.oid == before else made.oid

    return _retry(once, repo_id)


def push(
    repo_id: str,
    names: Iterable[str],
    card: Callable[[dict[str, dict]], str],
    root: Path = checkpoints.ROOT,
    *,
    private: bool | None = None,
    revision: str | None = None,
    endpoint: str | None = None,
) -> str | None:
    """Upload checkpoints to a model repository, created if missing: one folder each, in a single commit that names the
    commits they were trained at. The README is card(metadata by name) of all checkpoints there. Return the new commit's
    hash, or None if nothing changed.

    Raises CheckpointError if a checkpoint is missing or broken, HubError if the upload fails; nothing is published
    then."""
    files: dict[str, Path | bytes] = {}
    trained, known = {}, _published_metadata(repo_id, revision, endpoint)
    for name in names:
        known[name] = about = checkpoints.metadata(name, root)
        if not about or checkpoints.sha256(root / name / checkpoints.WEIGHTS_FILE) != about["model"]["sha256"]:
            raise CheckpointError(f"The checkpoint {name} is missing or broken: run `python train.py {name}` first.")
        trained[name] = about["stages"][-1].get("commit") or "an unknown commit"
        files |= {f"{name}/{file.name}": file for file in sorted((root / name).iterdir()) if file.is_file()}
    files[README_FILE] = card(known).encode()
    what = next(iter(trained)) if len(trained) == 1 else f"{len(trained)} models"
    commits = sorted(set(trained.values()))
    title = f"{what}, trained at {commits[0] if len(commits) == 1 else f'{len(commits)} commits'}"
    lines = "\n".join(f"{name}: trained at {commit}" for name, commit in trained.items())
    return _commit(
        repo_id, files, lambda path: path.partition("/")[0] in trained, (title, lines),
        private=private, revision=revision, endpoint=endpoint,
    )  # fmt: skip


def _published_metadata(repo_id: str, revision: str | None, endpoint: str | None) -> dict[str, dict]:
    """Read the metadata of all checkpoints in a repository, by name; {} if there are none. Those of before there were
    stages are left out."""
    pattern = f"*/{checkpoints.METADATA_FILE}"
    try:
        folder = Path(hub.snapshot_download(repo_id, revision=revision, allow_patterns=pattern, endpoint=endpoint))
    except FAILURES:
        return {}  # the upload will report the reason
    found = {file.parent.name: checkpoints.metadata(file.parent.name, folder) for file in folder.glob(pattern)}
    return {name: about for name, about in found.items() if "stages" in about}


def deploy(
    space_id: str,
    files: dict[str, Path],
    commit: str | None,
    models: str | None = None,
    *,
    private: bool | None = None,
    endpoint: str | None = None,
) -> str | None:
    """Upload the app at `commit` to a Gradio Space, created if missing: exactly `files` by path, with the thumbnail and
    the repository `models` added to the README's front matter. Return the new commit's hash, or None if nothing
    changed. Raises HubError as `push`."""
    readme = files[README_FILE].read_text(encoding="utf-8")
    home = f"{(endpoint or constants.ENDPOINT).rstrip('/')}/spaces/{space_id}"
    lines = [f"thumbnail: {home}/resolve/main/.github/studio.jpg"] + ([f"models: [{models}]"] if models else [])
    readme = re.sub(r"\A---\n(.*?)\n---\n", lambda m: "\n".join(["---", m[1], *lines, "---", ""]), readme, flags=re.S)
    made = _commit(
        space_id, files | {README_FILE: readme.encode()}, lambda path: path != ".gitattributes",
        (f"The app at {commit or 'an unknown commit'}", ""), "space", private=private, endpoint=endpoint,
    )  # fmt: skip
    if models:
        api = hub.HfApi(endpoint=endpoint, library_name="ae-demo")
        _retry(lambda: api.add_space_variable(space_id, "AE_DEMO_HUB_REPO", models), space_id)
    return made


class Pull(threading.Thread):
    """Background thread that looks for newer checkpoints on the Hub and adopts those that pass `checkpoints.verify`;
    after a failure the current ones stay. `summary` is the outcome as a sentence, `notes` holds remarks by model.

    `classes` maps model names to their classes, as class names in a download are not trusted."""

    def __init__(
        self,
        repo_id: str,
        classes: dict[str, type[nn.Module]],
        revision: str | None = None,
        endpoint: str | None = None,
        cache_dir: Path | None = None,
    ):
        super().__init__(daemon=True, name="pull")
        self.repo_id, self.classes, self.revision = repo_id, classes, revision
        self.endpoint, self.cache_dir = endpoint, cache_dir
        self.summary, self.notes = f"Looking for newer checkpoints in {repo_id} …", dict[str, str]()

    def run(self) -> None:
        """Adopt newer checkpoints; any error ends up in `summary`."""
        hub.set_client_factory(lambda: bounded_client(SERVER_TIMEOUT_S))
        disable_progress_bars()
        try:
            self._pull()
        except Exception as error:  # no download may crash the app
            sentence = error if isinstance(error, HubError) else hub_error(error, self.repo_id)
            self.summary = f"{sentence} The checkpoints that came with the app are used."
        finally:
            enable_progress_bars()
        logging.getLogger(__name__).warning(self.summary)

    def _pull(self) -> None:
        revision = self.revision or constants.DEFAULT_REVISION
        try:
            folder, reached = self._fetch(revision, [f"*/{checkpoints.METADATA_FILE}"]), ""
        except HubError as error:
            if not (kept := self._cached_snapshot(revision)):
                raise
            folder, reached = kept, f"{error} "
        at = f"{self.repo_id}@{folder.name[:12]}"
        newer = [name for name in self.classes if self._is_newer(name, folder)]
        taken = sum(self._verify_and_adopt(name, folder, at, bool(reached)) for name in newer)
        self.summary = f"{reached}{taken} of {len(newer)} newer checkpoints taken from {at}."

    def _fetch(self, revision: str, patterns: list[str]) -> Path:
        try:
            return self._snapshot(revision, patterns)
        except FAILURES as error:
            raise hub_error(error, self.repo_id) from error

    def _cached_snapshot(self, revision: str) -> Path | None:
        """Return the folder downloaded by an earlier start, or None."""
        try:
            return self._snapshot(revision, offline=True)
        except (OSError, HFValidationError):
            return None

    def _snapshot(self, revision: str, patterns: list[str] | None = None, offline: bool = False) -> Path:
        folder = hub.snapshot_download(
            self.repo_id, revision=revision, allow_patterns=patterns, local_files_only=offline,
            endpoint=self.endpoint, cache_dir=self.cache_dir,
        )  # fmt: skip
        return Path(folder)

    def _is_newer(self, name: str, folder: Path) -> bool:
        theirs, ours = checkpoints.metadata(name, folder), checkpoints.metadata(name, checkpoints.ROOT)
        if not theirs or theirs.get("model", {}).get("sha256") == ours.get("model", {}).get("sha256"):
            return False
        return _finished_at(theirs) >= _finished_at(ours)

    def _verify_and_adopt(self, name: str, folder: Path, at: str, offline: bool) -> bool:
        try:
            if not offline:
                self._fetch(folder.name, [f"{name}/{file}" for file in checkpoints.FILES])
            checkpoints.verify(self.classes[name], name, folder)
        except (HubError, CheckpointError) as error:
            self.notes[name] = str(error)
            return False
        if not checkpoints.adopt(name, folder, at):
            self.notes[name] = f"Newer in {at}, from the next start on: it was already in use."
            return False
        return True


def _finished_at(about: dict) -> str:
    """Return the end time of a checkpoint's last stage in ISO format; "" if unknown."""
    stages = about.get("stages") or [{}]
    return stages[-1].get("finished") or ""


def app_files(home: Path) -> dict[str, Path]:
    """Return the files that a Space needs to run the app, by path."""
    patterns = ("*.py", "*.md", "LICENSE", "requirements.txt", ".github/*", "ae_demo/**/*", "checkpoints/*/*")
    found = {file.relative_to(home).as_posix(): file for pattern in patterns for file in home.glob(pattern)}
    unwanted = ("__pycache__", ".pyi", "checkpoints/.")
    return {path: f for path, f in sorted(found.items()) if f.is_file() and not any(u in path for u in unwanted)}


def pull_in_background(classes: dict[str, type[nn.Module]], wait: float) -> Pull | None:
    """Start a `Pull` from AE_DEMO_HUB_REPO (at AE_DEMO_HUB_REVISION) and wait for at most `wait` seconds; return None
    if that variable is not set."""
    repo_id = os.environ.get("AE_DEMO_HUB_REPO")
    if not repo_id:
        return None
    pull = Pull(repo_id, classes, os.environ.get("AE_DEMO_HUB_REVISION") or None)
    pull.start()
    pull.join(wait)
    return pull

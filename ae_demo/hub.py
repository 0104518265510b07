"""The Hugging Face Hub: checkpoints to it and back, and the app as a Space. Real client, one sentence per failure."""

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

TRIES, PAUSE = 5, 1.0  # of a commit that the server could not take, and seconds before the second of them, then doubled
TIMEOUT = 5.0  # seconds that a server may say nothing while the app asks for checkpoints
FAILURES = (httpx2.TransportError, HFValidationError, OSError)  # of the client; all its others are OSErrors
PASSING = (408, 429, 500, 502, 503, 504)
README = "README.md"
TOKEN = "run `hf auth login`, or set HF_TOKEN to a token that may write, from https://huggingface.co/settings/tokens"


class HubError(RuntimeError):
    """The Hub did not do what was asked; the message is one sentence that says what to do."""


def _status(error: Exception) -> int | None:
    """The HTTP status that an exception of the client tells of."""
    return getattr(getattr(error, "response", None), "status_code", None)


def said(error: Exception, repo_id: str) -> HubError:
    """An exception of the client in one sentence."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__:  # which the client says of all that fails
        error = error.__cause__
    status = _status(error)
    if isinstance(error, HFValidationError):
        return HubError(f"{repo_id!r} is no name of a repository: use USER/NAME.")
    if isinstance(error, OfflineModeIsEnabled):
        return HubError("HF_HUB_OFFLINE is set: unset it to reach the Hub.")
    if isinstance(error, RevisionNotFoundError):
        return HubError(f"{repo_id} has no such revision: name a branch, a tag or a full commit.")
    if status == 401:
        return HubError(f"The Hub does not know who you are, or {repo_id} is private: {TOKEN}.")
    if status == 403:
        return HubError(f"Your token may not do this to {repo_id}: {TOKEN}.")
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


def _patiently(call: Callable, repo_id: str):
    """call(), again where the trouble may pass; HubError where it does not."""
    for attempt in range(TRIES):
        try:
            return call()
        except FAILURES as error:
            passing = _status(error) in PASSING or isinstance(error, httpx2.TransportError)
            if not passing or attempt == TRIES - 1:
                raise said(error, repo_id) from error
        time.sleep(PAUSE * 2**attempt)
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
    """Makes the repository, if there is none, hold these files by their path, without those of which stale(path), in
    one commit; the commit's hash, or None if nothing had to change."""
    api = hub.HfApi(endpoint=endpoint, library_name="ae-demo")

    def once() -> str | None:
        sdk = {"space_sdk": "gradio"} if kind == "space" else {}
        api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, **sdk)
        if revision:
            api.create_branch(repo_id, branch=revision, repo_type=kind, exist_ok=True)
        where = {"repo_type": kind, "revision": revision}
        before = api.repo_info(repo_id, **where).sha
        there = set(api.list_repo_files(repo_id, **where))
        changes = [hub.CommitOperationAdd(path, str(f) if isinstance(f, Path) else f) for path, f in files.items()]
        changes += [hub.CommitOperationDelete(path) for path in sorted(there - set(files)) if stale(path)]
        title, description = message
        made = api.create_commit(repo_id, changes, commit_message=title, commit_description=description, **where)
        return None if made.oid == before else made.oid

    return _patiently(once, repo_id)


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
    """Checkpoints to a repository of models, made if there is none: a folder for each, in one commit that names the
    commits they were trained at. Its hash, or None where nothing had changed. The README is card(what training.json
    tells, by name) of these and of those that are there already.

    CheckpointError if a checkpoint is missing, HubError if the Hub does not take them; then nothing of it is seen."""
    files: dict[str, Path | bytes] = {}
    trained, known = {}, _published(repo_id, revision, endpoint)
    for name in names:
        known[name] = about = checkpoints.training(name, root)
        if not about or checkpoints.sha256(root / name / checkpoints.WEIGHTS) != about["model"]["sha256"]:
            raise CheckpointError(f"The checkpoint {name} is missing or broken: run `python train.py {name}` first.")
        trained[name] = about["run"].get("commit") or "an unknown commit"
        files |= {f"{name}/{file.name}": file for file in sorted((root / name).iterdir()) if file.is_file()}
    files[README] = card(known).encode()
    what = next(iter(trained)) if len(trained) == 1 else f"{len(trained)} models"
    commits = sorted(set(trained.values()))
    title = f"{what}, trained at {commits[0] if len(commits) == 1 else f'{len(commits)} commits'}"
    lines = "\n".join(f"{name}: trained at {commit}" for name, commit in trained.items())
    return _commit(
        repo_id, files, lambda path: path.partition("/")[0] in trained, (title, lines),
        private=private, revision=revision, endpoint=endpoint,
    )  # fmt: skip


def _published(repo_id: str, revision: str | None, endpoint: str | None) -> dict[str, dict]:
    """What training.json tells of the checkpoints in a repository, by name; empty if there are none."""
    about = f"*/{checkpoints.TRAINING}"
    try:
        folder = Path(hub.snapshot_download(repo_id, revision=revision, allow_patterns=about, endpoint=endpoint))
    except FAILURES:
        return {}  # whatever it is, uploading will tell
    return {file.parent.name: checkpoints.training(file.parent.name, folder) for file in folder.glob(about)}


def deploy(
    space_id: str,
    files: dict[str, Path],
    commit: str | None,
    models: str | None = None,
    *,
    private: bool | None = None,
    endpoint: str | None = None,
) -> str | None:
    """The app as of a commit of the code to a Gradio Space, made if there is none: exactly these files by their path,
    the README with what depends on whose it is: the picture for links, and the repository of `models`. The hash of the
    commit there, or None where nothing had changed. HubError as `push`."""
    readme = files[README].read_text(encoding="utf-8")
    home = f"{(endpoint or constants.ENDPOINT).rstrip('/')}/spaces/{space_id}"
    lines = [f"thumbnail: {home}/resolve/main/.github/studio.jpg"] + ([f"models: [{models}]"] if models else [])
    readme = re.sub(r"\A---\n(.*?)\n---\n", lambda m: "\n".join(["---", m[1], *lines, "---", ""]), readme, flags=re.S)
    made = _commit(
        space_id, files | {README: readme.encode()}, lambda path: path != ".gitattributes",
        (f"The app at {commit or 'an unknown commit'}", ""), "space", private=private, endpoint=endpoint,
    )  # fmt: skip
    if models:
        api = hub.HfApi(endpoint=endpoint, library_name="ae-demo")
        _patiently(lambda: api.add_space_variable(space_id, "AE_DEMO_HUB_REPO", models), space_id)
    return made


class Pull(threading.Thread):
    """Looks in the background for newer checkpoints than those in the repository, and adopts those that pass
    `checkpoints.verify`. Whatever fails, what is there stays. What happened is told in `told`, and in `notes` by model.

    `classes` are those of the models by name: what a download says of its class is not trusted."""

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
        self.options = {"endpoint": endpoint, "cache_dir": cache_dir}
        self.told, self.notes = f"Looking for newer checkpoints in {repo_id} …", dict[str, str]()

    def run(self) -> None:
        hub.set_client_factory(_impatient)
        disable_progress_bars()
        try:
            self._pull()
        except Exception as error:  # nothing that a download does may stop the app
            told = error if isinstance(error, HubError) else said(error, self.repo_id)
            self.told = f"{told} The checkpoints that came with the app are used."
        finally:
            enable_progress_bars()
        logging.getLogger(__name__).warning(self.told)

    def _pull(self) -> None:
        revision = self.revision or constants.DEFAULT_REVISION
        try:
            folder, reached = self._fetch(revision, [f"*/{checkpoints.TRAINING}"]), ""
        except HubError as error:
            folder, reached = self._kept(revision), f"{error} "
            if not folder:
                raise
        at = f"{self.repo_id}@{folder.name[:12]}"
        newer = [name for name in self.classes if self._newer(name, folder)]
        taken = sum(self._take(name, folder, at, bool(reached)) for name in newer)
        self.told = f"{reached}{taken} of {len(newer)} newer checkpoints taken from {at}."

    def _fetch(self, revision: str, patterns: list[str]) -> Path:
        try:
            return Path(hub.snapshot_download(self.repo_id, revision=revision, allow_patterns=patterns, **self.options))
        except FAILURES as error:
            raise said(error, self.repo_id) from error

    def _kept(self, revision: str) -> Path | None:
        """What an earlier start downloaded of it."""
        try:
            kept = hub.snapshot_download(self.repo_id, revision=revision, local_files_only=True, **self.options)
        except (OSError, HFValidationError):
            return None
        return Path(kept)

    def _newer(self, name: str, folder: Path) -> bool:
        theirs, ours = checkpoints.training(name, folder), checkpoints.training(name, checkpoints.ROOT)
        if not theirs or theirs.get("model", {}).get("sha256") == ours.get("model", {}).get("sha256"):
            return False
        return theirs.get("run", {}).get("finished", "") >= ours.get("run", {}).get("finished", "")

    def _take(self, name: str, folder: Path, at: str, offline: bool) -> bool:
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


def _impatient() -> httpx2.Client:
    """A client that no silent server holds up: the default one waits for ever in some calls."""

    def bounded(request: httpx2.Request) -> None:
        request.extensions["timeout"] = httpx2.Timeout(TIMEOUT).as_dict()

    client = hub.utils._http.default_client_factory()
    client.event_hooks = {"request": [*client.event_hooks["request"], bounded], "response": []}
    return client


def pull_in_background(classes: dict[str, type[nn.Module]], wait: float) -> Pull | None:
    """A `Pull` of the repository that AE_DEMO_HUB_REPO names (revision: AE_DEMO_HUB_REVISION), waited for at most so
    many seconds; None where none is named."""
    repo_id = os.environ.get("AE_DEMO_HUB_REPO")
    if not repo_id:
        return None
    pull = Pull(repo_id, classes, os.environ.get("AE_DEMO_HUB_REVISION") or None)
    pull.start()
    pull.join(wait)
    return pull

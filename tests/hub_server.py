"""A local server that speaks as much of the Hugging Face Hub's wire protocol as the client uses: repositories, commits,
large files, downloads; with the failures of the real one on demand."""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN, READER = "hf_writer", "hf_reader"  # who may write, and who may not
LARGE = 20_000  # bytes from which a file is uploaded on its own


@dataclass
class Repo:
    """Commits from the first on: hash, message, files by path; variables are those of a Space."""

    kind: str
    private: bool
    sdk: str | None = None
    commits: list[tuple[str, str, dict[str, bytes]]] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> tuple[str, str, dict[str, bytes]] | None:
        """The commit of a branch or hash."""
        sha = self.branches.get(revision, revision)
        return next((commit for commit in self.commits if commit[0] == sha), None)

    def add(self, branch: str, message: str, files: dict[str, bytes]) -> str:
        """A commit on a branch, with exactly these files; its hash."""
        sha = hashlib.sha1(f"{len(self.commits)} {branch} {message}".encode()).hexdigest()
        self.commits.append((sha, message, files))
        self.branches[branch] = sha
        return sha


class Answer(Exception):
    """Ends a request with a status."""

    def __init__(self, status: int, body: object = None, headers: dict | None = None):
        super().__init__(status)
        self.status, self.body, self.headers = status, body if body is not None else {}, headers or {}


def missing(code: str) -> Answer:
    """404 as the Hub says it."""
    return Answer(404, {"error": code}, {"X-Error-Code": code})


class HubServer:
    """Runs on a port of its own until `close`. `log` has every request; `fault(method, path, handler)` may raise an
    Answer, sleep, or end the connection."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.log: list[str] = []
        self.fault: Callable = lambda method, path, handler: None
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                hub.answer(self)

            do_GET = do_POST = do_PUT = do_HEAD = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """No answer from here on."""
        self.server.shutdown()
        self.server.server_close()

    def writes(self) -> list[str]:
        """The requests that change something."""
        return [line for line in self.log if re.search(r"^PUT|/commit/|/repos/create", line)]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        path = unquote(urlsplit(handler.path).path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.log.append(f"{handler.command} {path}")
        try:
            try:
                self.fault(handler.command, path, handler)
                answer = Answer(200, self.route(handler, path, body))
            except Answer as other:
                answer = other
            self.send(handler, answer)
        except ConnectionError:  # on purpose, or the client gave up
            handler.close_connection = True

    def send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        """Status, headers and body."""
        body, headers = answer.body, dict(answer.headers)
        if isinstance(body, tuple):
            body, more = body
            headers |= more
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(answer.status)
        headers.setdefault("Content-Length", str(len(raw)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(raw)

    def repo(self, kind: str, name: str, handler: BaseHTTPRequestHandler) -> Repo:
        """A repository that this visitor may see."""
        found = self.repos.get((kind, name))
        if found is None or (found.private and self.who(handler) is None):
            raise missing("RepoNotFound")
        return found

    @staticmethod
    def who(handler: BaseHTTPRequestHandler) -> str | None:
        """The token, 401 if it is unknown."""
        token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in (TOKEN, READER):
            raise Answer(401, {"error": "Invalid credentials"})
        return token or None

    def may_write(self, handler: BaseHTTPRequestHandler) -> None:
        """401 for nobody, 403 for readers."""
        if self.who(handler) is None:
            raise Answer(401, {"error": "Unauthorized"})
        if self.who(handler) == READER:
            raise Answer(403, {"error": "Forbidden"})

    def route(self, handler: BaseHTTPRequestHandler, path: str, body: bytes) -> object:
        """What a path answers."""
        if path == "/api/repos/create":
            return self.create(handler, json.loads(body))
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if path.startswith("/lfs/"):
            return self.large(handler, path.removeprefix("/lfs/"), body)
        if found := re.fullmatch(r"/(?:(spaces)/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            self.repo("space" if found[1] else "model", found[2], handler)
            return {"transfer": "basic", "objects": [self.offer(each) for each in json.loads(body)["objects"]]}
        if found := re.fullmatch(r"/(?:(spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self.file("space" if found[1] else "model", *found.groups()[1:], handler)
        if found := re.fullmatch(r"/api/(models|spaces)/([^/]+/[^/]+)(?:/(.*))?", path):
            return self.api(found[1][:-1], found[2], found[3] or "", handler, body)
        raise Answer(404, {"error": path})

    def create(self, handler: BaseHTTPRequestHandler, wanted: dict) -> object:
        """A new repository with a first commit, 409 if there is one."""
        self.may_write(handler)
        kind, name = wanted.get("type") or "model", f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        url = {"url": f"{self.url}/{'spaces/' * (kind == 'space')}{name}"}
        if (kind, name) in self.repos:
            raise Answer(409, url | {"error": "You already created this repo"})
        repo = Repo(kind, wanted.get("visibility") == "private" or bool(wanted.get("private")), wanted.get("sdk"))
        repo.add("main", "initial commit", {".gitattributes": b"*.safetensors filter=lfs\n"})
        self.repos[kind, name] = repo
        return url

    def offer(self, each: dict) -> dict:
        """Where to put a large file; nowhere if it is there."""
        if each["oid"] in self.blobs:
            return each
        links = {action: {"href": f"{self.url}/lfs/{each['oid']}", "header": {}} for action in ("upload", "verify")}
        return each | {"actions": links}

    def large(self, handler: BaseHTTPRequestHandler, oid: str, body: bytes) -> object:
        """Takes a large file, or says whether it is whole."""
        if handler.command == "PUT":
            if hashlib.sha256(body).hexdigest() != oid:
                raise Answer(422, {"error": "wrong digest"})
            self.blobs[oid] = body
        elif oid not in self.blobs:
            raise Answer(404)
        return {}

    def api(self, kind: str, name: str, rest: str, handler: BaseHTTPRequestHandler, body: bytes) -> object:
        """What is asked of one repository."""
        repo = self.repo(kind, name, handler)
        verb, _, revision = rest.partition("/")
        if verb == "variables":
            self.may_write(handler)
            repo.variables[json.loads(body)["key"]] = json.loads(body)["value"]
            return {}
        if verb == "branch":
            self.may_write(handler)
            if revision in repo.branches:
                raise Answer(409, {"error": "exists"})
            repo.branches[revision] = repo.branches["main"]
            return {}
        commit = repo.at(revision or "main")
        if commit is None:
            raise missing("RevisionNotFound")
        sha, _, files = commit
        if verb in ("", "revision"):
            siblings = [{"rfilename": path} for path in files]
            return {"id": name, "sha": sha, "private": repo.private, "siblings": siblings, "tags": []}
        if verb == "tree":
            return [self.entry(path, data) for path, data in files.items()]
        if verb == "preupload":
            self.may_write(handler)
            return {"files": [self.mode(each, files) for each in json.loads(body)["files"]]}
        if verb == "commit":
            self.may_write(handler)
            return self.commit(repo, revision, files, body)
        raise Answer(404, {"error": rest})

    @staticmethod
    def entry(path: str, data: bytes) -> dict:
        """A file in a listing."""
        entry = {"type": "file", "path": path, "size": len(data), "oid": git_blob(data)}
        if len(data) > LARGE:
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return entry

    @staticmethod
    def mode(each: dict, files: dict[str, bytes]) -> dict:
        """How a file is to be uploaded, and what is there now."""
        mode, known = "lfs" if each["size"] > LARGE else "regular", files.get(each["path"])
        answer = {"path": each["path"], "uploadMode": mode, "shouldIgnore": False}
        if known is not None:
            answer["oid"] = hashlib.sha256(known).hexdigest() if len(known) > LARGE else git_blob(known)
        return answer

    def commit(self, repo: Repo, branch: str, files: dict[str, bytes], body: bytes) -> object:
        """Takes a commit, all of it or nothing."""
        files, message = dict(files), ""
        for line in body.decode().splitlines():
            entry = json.loads(line)
            key, value = entry["key"], entry["value"]
            if key == "header":
                message = f"{value['summary']}\n{value.get('description', '')}"
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                if value["oid"] not in self.blobs:
                    raise Answer(400, {"error": "LFS pointer to nothing"})
                files[value["path"]] = self.blobs[value["oid"]]
            elif key == "deletedFile":
                files.pop(value["path"])
        sha = repo.add(branch, message, files)
        return {"success": True, "commitOid": sha, "commitUrl": f"{self.url}/x/y/commit/{sha}", "pullRequestUrl": None}

    def file(self, kind: str, name: str, revision: str, path: str, handler: BaseHTTPRequestHandler) -> object:
        """A file as it was at a commit."""
        commit = self.repo(kind, name, handler).at(revision)
        if commit is None:
            raise missing("RevisionNotFound")
        if path not in commit[2]:
            raise missing("EntryNotFound")
        data = commit[2][path]
        digest = hashlib.sha256(data).hexdigest() if len(data) > LARGE else git_blob(data)
        headers = {"X-Repo-Commit": commit[0], "ETag": f'"{digest}"', "Content-Length": str(len(data))}
        if len(data) > LARGE:
            headers |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{digest}"'}
        if found := re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or ""):
            part = data[int(found[1]) :]
            headers |= {"Content-Length": str(len(part))}
            headers |= {"Content-Range": f"bytes {found[1]}-{len(data) - 1}/{len(data)}"}
            raise Answer(206, (part, headers))
        return data, headers


def git_blob(data: bytes) -> str:
    """The hash that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def failing(status: int, times: int = 10**9, where: str = "") -> Callable:
    """A fault: so many answers with this status, to paths that contain `where`."""
    left = [times]

    def fault(method: str, path: str, handler: BaseHTTPRequestHandler) -> None:
        if where in path and left[0] > 0:
            left[0] -= 1
            raise Answer(status, {"error": "on purpose"})

    return fault


def slow(seconds: float) -> Callable:
    """A fault: every answer waits."""
    return lambda method, path, handler: time.sleep(seconds)


def cut(where: str, keep: int = 100) -> Callable:
    """A fault: downloads of paths that contain `where` announce all and end after `keep` bytes."""

    def fault(method: str, path: str, handler: BaseHTTPRequestHandler) -> None:
        if method == "GET" and where in path and "/resolve/" in path:
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
            handler.wfile.write(b"x" * keep)
            handler.wfile.flush()
            raise ConnectionError

    return fault

"""A hub of one's own: the part of the Hugging Face Hub's HTTP interface that huggingface_hub uses for models.

It is a server on loopback. Repositories are commits of files in memory; what was asked for is in ``requests``.
"""

import base64
import hashlib
import json
import logging
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import close_session

from hrm.hub import fetch


class Repository:
    """Commits of one model: name of a commit -> name of a file -> content."""

    def __init__(self, private=False):
        self.private, self.commits, self.branches = private, {}, {}

    def commit(self, files, branch="main"):
        before = self.commits.get(self.branches.get(branch), {})
        commit = hashlib.sha1(f"{len(self.commits)} {sorted(files)}".encode()).hexdigest()
        self.commits[commit], self.branches[branch] = before | files, commit
        return commit


class Hub:
    """The server, its repositories, and how it misbehaves."""

    def __init__(self):
        self.repositories, self.requests, self.gated = {}, [], set()
        self.claims = {}
        """Name of a file -> its size, as the server claims before it sends it."""
        self.busy = 0
        """So many requests are answered with 503."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                hub.requests.append(f"{self.command} {self.path}")
                if hub.busy:
                    hub.busy -= 1
                    return self.answer(503, b"{}")
                found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path.replace("%2F", "/"))
                if not found:
                    return self.answer(404, b"{}")
                repository = hub.repositories.get(found[1])
                if repository is None or (repository.private and not self.headers.get("authorization")):
                    return self.answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
                if found[1] in hub.gated:
                    return self.answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
                commit = repository.branches.get(found[2], found[2])
                if commit not in repository.commits:
                    return self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
                content = repository.commits[commit].get(found[3])
                headers = {"X-Repo-Commit": commit}
                if content is None:
                    return self.answer(404, b"{}", headers | {"X-Error-Code": "EntryNotFound"})
                headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
                self.answer(200, content, headers, hub.claims.get(found[3]))

            do_HEAD = do_GET

            def do_POST(self):
                hub.requests.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.partition("?")[0]
                if path == "/api/validate-yaml":
                    return self.json({"errors": [], "warnings": []})
                if self.headers.get("authorization") != "Bearer secret":
                    return self.answer(401, b'{"error": "log in"}')
                if path == "/api/repos/create":
                    return self.create(json.loads(body))
                found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit|branch)/(.+)", path)
                repository = hub.repositories.get(found[1]) if found else None
                if repository is None:
                    return self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
                if found[2] == "preupload":
                    files = [file["path"] for file in json.loads(body)["files"]]
                    modes = [{"path": file, "uploadMode": "regular", "shouldIgnore": False} for file in files]
                    return self.json({"files": modes})
                if found[2] == "branch":
                    repository.branches[found[3]] = repository.branches["main"]
                    return self.json({})
                lines = [json.loads(line) for line in body.splitlines()]
                added = [line["value"] for line in lines if line["key"] == "file"]
                files = {file["path"]: base64.b64decode(file["content"]) for file in added}
                commit = repository.commit(files, found[3])
                self.json({
                    "commitUrl": f"{hub.url}/{found[1]}/commit/{commit}", "commitOid": commit, "pullRequestUrl": None,
                })  # fmt: skip

            def create(self, wanted):
                name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
                if name in hub.repositories:
                    return self.answer(409, b"{}")
                hub.repositories[name] = Repository(
                    bool(wanted.get("private") or wanted.get("visibility") == "private")
                )
                hub.repositories[name].commit({".gitattributes": b""})
                self.json({"url": f"{hub.url}/{name}", "name": name})

            def json(self, value):
                self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

            def answer(self, status, content, headers=None, claim=None):
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content) if claim is None else claim))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def add(self, name, folder):
        """Publish the files of a folder; return the commit."""
        repository = self.repositories.setdefault(name, Repository())
        return repository.commit({file.name: file.read_bytes() for file in folder.iterdir()})


@pytest.fixture
def hub(monkeypatch, tmp_path, caplog):
    """The hub that huggingface_hub talks to, with an empty cache and the login ``secret``."""
    hub, cache = Hub(), tmp_path / "cache"
    constant = {
        "ENDPOINT": hub.url, "HUGGINGFACE_CO_URL_TEMPLATE": hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(cache), "HF_TOKEN_PATH": str(tmp_path / "no-token"), "HF_HUB_OFFLINE": False,
    }  # fmt: skip
    for name, value in constant.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setattr(file_download, "_ETAG_RETRY_TIMEOUT", 0.1)
    caplog.set_level(logging.WARNING)
    fetch.folder_of.cache_clear()
    close_session()
    hub.cache = cache
    yield hub
    hub.server.shutdown()
    hub.server.server_close()
    fetch.folder_of.cache_clear()
    close_session()

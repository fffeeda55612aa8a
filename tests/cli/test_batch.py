"""A batch's file: what is wrong with a line is that line's alone."""

import json
import time

import pytest

from lipsync_nodes.cli.batch_file import LONGEST_LINE, read_batch
from lipsync_nodes.settings import Profile
from tests.command_line import KEY, URLS
from tests.faults import bad_service as bad

LINE = {"endpoint": "image", "image": URLS[1], "audio": URLS[3]}


def write(tmp_path, *lines):
    """Write a batch of lines, each an object or the bytes themselves."""
    raw = [line if isinstance(line, bytes) else json.dumps({**LINE, **line}).encode() for line in lines]
    (tmp_path / "jobs.jsonl").write_bytes(b"\n".join(raw))
    return tmp_path / "jobs.jsonl"


ODD = {
    "not JSON": b"{",
    "not UTF-8": b'{"endpoint": "\xff"}',
    "not an object": b"[]",
    "NaN": b'{"endpoint": "image", "extra": {"x": NaN}}',
    "deep": b'{"endpoint": ' + b"[" * 100_000,
    "huge": b'{"endpoint": "image", "prompt": "' + b"x" * (3 * LONGEST_LINE) + b'"}',
    "unknown endpoint": {"endpoint": "moon"},
    "unknown field": {"sead": 1},
    "long name": {"out": "x" * 256},
    "NUL": {"out": "a\0b.mp4"},
    "emoji": {"out": "😀" * 64},
    "no folder": {"out": "file/x.mp4"},
    "a folder's name": {"out": "/proc/x.mp4"},
    "damaged file": {"image": "file"},
    "no such file": {"image": "nothing.png"},
    "same name": {"out": "a/../one.mp4", "seed": 1},
    "a device of Windows": {"out": "con.mp4"},
    "half an emoji": {"prompt": "\ud83d", "extra": {"x": "\ud83d"}},
}


def test_an_odd_line_stops_no_other(cli, service, tmp_path):
    """A line of each odd kind among good ones: these are paid and saved, and a second run pays nothing."""
    (tmp_path / "file").write_bytes(b"no picture")
    write(tmp_path, {"out": "one.mp4"}, *ODD.values(), {"out": "😀" * 62 + ".mp4", "seed": 2}, {"out": "s/", "seed": 3})
    for _ in range(2):
        done = cli("run", "--batch", "jobs.jsonl", "--poll-interval", "0.1", "--json")
        report = json.loads(done.stdout)
        failed = {job["line"] for job in report["jobs"] if "error" in job}
        assert (done.returncode, report["done"], failed) == (2, 3, set(range(2, len(ODD) + 2))), done.stderr
        assert len(service.paid) == 3
    assert len(list((tmp_path / "s").glob("job-*.mp4"))) == 1


@pytest.mark.parametrize("wrong", ODD.values(), ids=ODD.keys())
def test_each_odd_line_has_a_sentence(tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"no picture")
    write(tmp_path, {"out": "one.mp4"}, wrong, {"seed": 5})
    first, odd, last = read_batch(tmp_path / "jobs.jsonl", tmp_path, Profile(api_key=KEY))
    assert (first.fault, last.fault) == (None, None)
    assert "jobs.jsonl, line 2: " in odd.fault.message
    assert "fault of lipsync-nodes" not in str(odd.fault)


def test_strict_sends_nothing_if_a_line_is_wrong(cli, service, tmp_path):
    write(tmp_path, {}, b"{")
    done = cli("run", "--batch", "jobs.jsonl", "--strict", "--json")
    assert (done.returncode, "line 2" in json.loads(done.stdout)["error"]["message"]) == (2, True)
    assert "Nothing was sent" in done.stderr
    assert not service.posts


def test_a_line_may_name_its_job_as_it_likes(cli, service, tmp_path):
    """Keys whose file names are spelt alike are two jobs and two files."""
    write(tmp_path, {"key": "a b", "seed": 1}, {"key": "a_b", "seed": 2})
    for _ in range(2):
        assert cli("run", "--batch", "jobs.jsonl", "--poll-interval", "0.1").returncode == 0
    assert len(service.paid) == len(list(tmp_path.glob("*.mp4"))) == 2


def test_reading_takes_as_long_as_it_is_long(tmp_path):
    """Eight times the lines take about eight times as long, not 64 times."""

    def seconds(lines):
        batch = write(tmp_path, *({"seed": number, "out": f"{number}.mp4"} for number in range(lines)))
        began = time.process_time()
        assert not any(line.fault for line in read_batch(batch, tmp_path, Profile(api_key=KEY)))
        return time.process_time() - began

    few, many = seconds(500), seconds(4000)
    assert many < few * 8 * 3


def test_a_mistake_of_ours_is_one_lines_alone(cli, service, tmp_path):
    """What nobody foresaw in one line leaves the others to run."""
    service.on_submit = [bad.refuse(400), bad.accept]
    write(tmp_path, {"seed": 1}, {"seed": 2})
    done = cli("run", "--batch", "jobs.jsonl", "--poll-interval", "0.1", "--concurrency", "1", "--json")
    report = json.loads(done.stdout)
    assert (report["done"], report["failed"], done.returncode) == (1, 1, 2)


@pytest.mark.parametrize(
    "lines",
    [
        [{"out": "a.mp4"}, {"out": "a.mp4", "seed": 1}],
        [{"key": "k"}, {"key": "k", "seed": 1}],
        [{"out": 5}],
        [{"key": ["k"]}],
        [{"audio_seconds": "long"}],
        [{"right_audio_seconds": 3}],
        [{"sead": 1}],
    ],
)
def test_strict_refuses_a_batch_that_contradicts_itself(cli, service, tmp_path, lines):
    form = {"endpoint": "image", "image": URLS[1], "audio": URLS[3]}
    (tmp_path / "jobs.jsonl").write_text("\n".join(json.dumps({**form, **line}) for line in lines))
    done = cli("run", "--batch", "jobs.jsonl", "--strict")
    assert (done.returncode, f"line {len(lines)}" in done.stderr) == (2, True)
    assert not service.posts


def test_a_batch_file_may_come_from_windows(cli, service, tmp_path):
    line = {"endpoint": "image", "image": URLS[1], "audio": URLS[3], "prompt": "one\u2028two", "out": "a.mp4"}
    (tmp_path / "jobs.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(line, ensure_ascii=False).encode() + b"\r\n\r\n")
    assert cli("run", "--batch", "jobs.jsonl", "--out", "new/").returncode == 0
    assert (tmp_path / "new" / "a.mp4").is_file()

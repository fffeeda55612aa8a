"""How long a file really lasts, what it really is, and what is refused before it is opened."""

import io
import json
import os
import socket
import struct
import subprocess
import sys
import textwrap
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync_nodes import BudgetExceeded, ImageForm, InvalidRequest, LipsyncClient, VideoForm, estimate_credits
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.media import PreparedForm, content_key
from lipsync_nodes.media._open import opened
from lipsync_nodes.media._probe import LARGEST_PICTURE, probe
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes.service import Asset
from lipsync_nodes.settings import Profile

FACE = MEDIA / "portrait.jpg"
RATE = 48_000


def sound(path, kind, codec, seconds, **options):
    """Write two loud seconds and then silence, so that a guess by the first frames is far off."""
    noise = np.random.default_rng(1).standard_normal(2 * RATE) * 8000
    with av.open(str(path), "w", format=kind, options=options.pop("container", {})) as container:
        stream = container.add_stream(codec, rate=RATE, options=options)
        for at in range(0, int(seconds * RATE), 1024):
            samples = np.zeros((1, min(1024, int(seconds * RATE) - at)), np.int16)
            samples[0, : len(noise[at : at + 1024])] = noise[at : at + samples.shape[1]]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def vbr_mp3(path, seconds=40):
    quality = {"flags": "+qscale", "global_quality": str(9 * 118)}
    return sound(path, "mp3", "libmp3lame", seconds, **quality, container={"write_xing": "0"})


def chained(path):
    part = sound(path.with_suffix(".part"), "ogg", "libopus", 20).read_bytes()
    path.write_bytes(part * 2)
    return path


def joined(path):
    path.write_bytes(sound(path.with_suffix(".part"), "mp3", "libmp3lame", 20).read_bytes() * 2)
    return path


def without_total(path):
    data = bytearray(sound(path, "flac", "flac", 40).read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    return path


def lying_mp4(path):
    """The header of the film (mvhd) and of its track say that it lasts 5 s, and an edit list shows no more of it."""
    data = bytearray(sound(path, "ipod", "aac", 40).read_bytes())
    for box, at in ((b"mvhd", 20), (b"tkhd", 24), (b"elst", 12)):
        place = data.index(box) + at
        (data[place : place + 4],) = [struct.pack(">I", 5000)]
    path.write_bytes(data)
    return path


FILES = {
    "MP3 of variable rate": vbr_mp3,
    "AAC": lambda path: sound(path, "adts", "aac", 40),
    "browser's WebM": lambda path: sound(path, "webm", "libopus", 40, container={"live": "1"}),
    "chained OGG": chained,
    "joined MP3": joined,
    "FLAC without a total": without_total,
    "MP4 that lies": lying_mp4,
    "WAV": lambda path: sound(path, "wav", "pcm_s16le", 40),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_length_is_counted_and_not_believed(kind, tmp_path):
    path = FILES[kind](tmp_path / "sound")
    assert 40 <= probe(path).seconds < 40.2
    assert 80 <= estimate_credits(ImageForm(image="https://x/i.png", audio=path)) <= 82


def test_a_guessed_length_does_not_pass_a_budget(sandbox, tmp_path):
    """FFmpeg guesses 29 s of 40."""
    with LipsyncClient(sandbox.api_key, sandbox.base_url, budget=60) as client:
        with pytest.raises(BudgetExceeded, match="up to 82 credits"):
            client.submit(ImageForm(image=FACE, audio=vbr_mp3(tmp_path / "a.mp3")))
    assert not sandbox.received("submit")


def test_a_guessed_length_does_not_pass_the_limit(sandbox, tmp_path):
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        with pytest.raises(InvalidRequest, match=r"lasts 70\d\.\d+ s"):
            client.submit(ImageForm(image=FACE, audio=vbr_mp3(tmp_path / "a.mp3", 700)))
    assert not sandbox.received("submit")


def test_what_a_header_says_too_much_is_named(tmp_path):
    """A FLAC file of 40 s that was cut off: some measure it and some read its header."""
    path = tmp_path / "cut.flac"
    path.write_bytes(sound(path, "flac", "flac", 40).read_bytes()[:100_000])
    cost = estimate_credits(ImageForm(image="https://x/i.png", audio=path))
    assert (cost, cost.exact) == (80, False)
    assert "40 s by its header; the longer counts" in cost.caveat


def test_a_given_length_that_contradicts_the_file(tmp_path):
    audio = sound(tmp_path / "a.wav", "wav", "pcm_s16le", 8)
    form = ImageForm(image=FACE, audio=audio)
    assert estimate_credits(form, audio_seconds=8).exact
    for given, credits_ in ((2, 16), (20, 40)):
        cost = estimate_credits(form, audio_seconds=given)
        assert cost == credits_
        assert f"`audio` is given as {given} s and its file lasts 8 s; the longer counts" in cost.caveat


def test_rounding_hides_nothing(tmp_path):
    form = ImageForm(image=FACE, audio=sound(tmp_path / "a.wav", "wav", "pcm_s16le", 600.08))
    with pytest.raises(InvalidRequest, match=r"`audio` lasts 600\.08 s; .* 600 s at most"):
        estimate_credits(form)


# What it is.


def png(width, height, *chunks):
    """Write a grey picture; chunks go before its content."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    more = b"".join(chunk(*each) for each in chunks)
    return b"\x89PNG\r\n\x1a\n" + header + more + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def gif(frames):
    file = io.BytesIO()
    with av.open(file, "w", format="gif") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb8"
        for level in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), level * 60, np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="rgb8")))
        container.mux(stream.encode(None))
    return file.getvalue()


NAMED = {
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "a HEIC picture"),
    "HEIC by mif1": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(99), "a HEIC picture"),
    "AVIF": (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + bytes(99), "an AVIF picture"),
    "PDF": (b"%PDF-1.7\n" + bytes(99), "a PDF document"),
    "SVG": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "WebP": (b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(99), "an animated WebP"),
    "GIF": (gif(3), "an animated GIF"),
    "PNG": (png(8, 8, (b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", bytes(26))), "an animated PNG"),
    "AVI": (b"RIFF\x40\0\0\0AVI LIST" + bytes(99), "not media"),
}


@pytest.mark.parametrize("kind", NAMED)
def test_a_refusal_says_what_the_file_is(kind, tmp_path):
    data, words = NAMED[kind]
    path = tmp_path / "face.jpg"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest, match=words) as caught:
        estimate_credits(ImageForm(image=path, audio="https://x/a.mp3"), audio_seconds=9)
    assert f"`image`: {path} is" in str(caught.value)


def test_a_still_gif_is_a_picture():
    assert probe(Asset(gif(1))).kind == "image"


def test_a_playlist_is_not_followed(tmp_path):
    """FFmpeg would fetch what it names."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        lines = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{server.getsockname()[1]}/a.ts\n"
        with pytest.raises(InvalidRequest, match="not media"):
            probe(Asset(lines.encode()))
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "The data is empty"),
        (io.StringIO("text"), "The data is open as text"),
        (Path("no\0name"), "cannot be read"),
    ],
    ids=["no bytes", "text", "NUL"],
)
def test_a_source_that_cannot_be_read_gets_a_sentence(source, words):
    with pytest.raises(InvalidRequest, match=words) as caught:
        probe(Asset(source))
    assert "Asset(" not in str(caught.value)


def test_a_closed_file_gets_a_sentence():
    with FACE.open("rb") as file:
        pass
    with pytest.raises(InvalidRequest, match=r"portrait\.jpg cannot be read: .*closed"):
        probe(Asset(file))


def test_errors_show_a_path_and_no_repr(tmp_path):
    form = ImageForm(image=sound(tmp_path / "a.wav", "wav", "pcm_s16le", 1), audio="https://x/a.mp3")
    with pytest.raises(InvalidRequest, match=r"`image` wants an image, but /.*a\.wav is an audio") as caught:
        estimate_credits(form, audio_seconds=5)
    assert "Path(" not in str(caught.value)


# What is refused before it is opened, and what is read of the rest.


def special(folder, kind):
    path = folder / "face.png"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(folder)  # a socket's name is short
            server.bind(path.name)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@posix
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device", "a directory"])
def test_what_is_no_file_is_not_opened(kind, sandbox, tmp_path, monkeypatch):
    """Opening a pipe that nobody writes to waits for ever."""
    monkeypatch.chdir(tmp_path)
    form = ImageForm(image=special(tmp_path, kind), audio="https://x/a.mp3")
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        for attempt in (lambda: client.submit(form), lambda: estimate_credits(form, audio_seconds=5)):
            with pytest.raises(InvalidRequest, match=f"is {kind}; give a file"):
                attempt()
    assert not sandbox.requests


@posix
@pytest.mark.parametrize("begin", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM", b"8BPS\0\x01"])
def test_a_sparse_picture_takes_little_memory(begin, tmp_path):
    path = tmp_path / "face.png"
    path.write_bytes(begin)
    os.truncate(path, 1 << 30)
    code = f"""
        import resource, pathlib
        from lipsync_nodes import InvalidRequest
        from lipsync_nodes.media._probe import probe
        probe(pathlib.Path({str(FACE)!r}))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            probe(pathlib.Path({str(path)!r}))
        except InvalidRequest as error:
            print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 32


def test_a_sound_with_a_sparse_tail_is_refused(tmp_path):
    """FFmpeg looks for more sound up to its end: 1 GiB of zeros took a minute and 2 GiB of memory."""
    path = tmp_path / "a.mp3"
    path.write_bytes((MEDIA / "speech_left.mp3").read_bytes())
    os.truncate(path, 48 << 20)
    with pytest.raises(InvalidRequest, match="32 MiB without picture or sound"):
        probe(path)
    path.write_bytes(b"BM" + struct.pack("<IIIIiiHHIIIIII", 54 + (48 << 20), 0, 54, 40, 4096, 4096, 1, 24, *[0] * 6))
    os.truncate(path, 54 + (48 << 20))
    assert probe(path).kind == "image"  # a large picture is one packet


def test_the_limits_of_a_picture(tmp_path):
    path = tmp_path / "face.png"
    path.write_bytes(png(20, 20))
    os.truncate(path, LARGEST_PICTURE + 1)
    with pytest.raises(InvalidRequest, match="64 MiB at most"):
        probe(path)
    path.write_bytes(png(9000, 9000))
    with pytest.raises(InvalidRequest, match="more than 67 million pixels"):
        probe(path)


def test_a_file_that_grows_meanwhile_is_refused(tmp_path):
    path = sound(tmp_path / "a.wav", "wav", "pcm_s16le", 1)
    form, profile = PreparedForm(ImageForm(image=FACE, audio=path)), Profile(api_key="sk_x")
    key = content_key(form, profile)
    form.check_unchanged()
    with opened(path), path.open("ab") as more:
        more.write(bytes(RATE))
    for names in ((), ("audio",), ("image", "audio")):
        with pytest.raises(InvalidRequest, match="was changed while it was read"):
            form.check_unchanged(*names)
    form.check_unchanged("image")
    assert content_key(form, profile) == key, "what was read counts: nothing is made of two contents"


def test_a_key_never_stands_for_what_is_not_sent(face_of, sandbox, tmp_path):
    """An adapter makes the key first; the file is another by the time of the submit, minutes later perhaps."""
    path, profile = (
        sound(tmp_path / "a.wav", "wav", "pcm_s16le", 6),
        Profile(api_key=sandbox.api_key, base_url=sandbox.base_url),
    )
    form = PreparedForm(ImageForm(image="https://x/i.png", audio=path))
    key = content_key(form, profile)
    sound(path, "wav", "pcm_s16le", 7)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(InvalidRequest, match="was changed while it was read"):
            face_of(profile=profile, ledger=ledger).submit(form, key=key)
        assert ledger.entries() == []
    assert not sandbox.received("submit")


def test_a_file_that_grows_is_not_submitted(sandbox, tmp_path):
    """Nor is it kept under the name of what it was."""
    path, deleted = sound(tmp_path / "a.wav", "wav", "pcm_s16le", 6), []

    class Growing(type(Path())):
        """A recording that goes on: each time it is opened there is more of it."""

        def open(self, *mode, **options):
            with path.open("ab") as more:
                more.write(bytes(100))
            os.utime(path, ns=(len(deleted), path.stat().st_mtime_ns + 1))
            return path.open(*mode, **options)

    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        with pytest.raises(InvalidRequest, match="was changed while it was read"):
            client.submit(ImageForm(image="https://x/i.png", audio=Growing(path)))
    assert not sandbox.received("submit")


# On the command line.


def command(*words):
    line = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    "words",
    [
        ["--image", str(MEDIA / "speech_left.mp3"), "--audio", "https://x/a.mp3", "--audio-seconds", "5"],
        ["--image", "https://x/i.png", "--audio", "https://x/a.mp3", "--audio-seconds", "700"],
        ["--image", "https://x/i.png", "--audio", "https://x/a.mp3", "--audio-seconds", "nan"],
        ["--image", "https://x/i.png", "--audio", "https://x/a.mp3", "--audio-seconds", "9" * 400],
    ],
    ids=["kind", "700 s", "nan", "400 digits"],
)
def test_estimate_refuses_what_run_refuses(words, sandbox, monkeypatch):
    monkeypatch.setenv("LIPSYNC_API_KEY", sandbox.api_key)
    monkeypatch.setenv("LIPSYNC_BASE_URL", sandbox.base_url)
    estimate, run = (command(verb, "image", *words, "--json") for verb in ("estimate", "run"))
    assert (estimate.returncode, run.returncode) == (2, 2)
    assert json.loads(estimate.stdout)["error"]["message"] == json.loads(run.stdout)["error"]["message"]
    assert not sandbox.received("submit")


def test_a_film_of_an_unknown_codec_is_refused_before_it_is_paid_for(tmp_path):
    film = tmp_path / "unknown.mp4"
    film.write_bytes((MEDIA / "film.mp4").read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(InvalidRequest, match=r"Decoder not found.*nothing was charged"):
        estimate_credits(VideoForm(video=str(film), audio=str(MEDIA / "speech_left.mp3")))

"""Music to train by: fluidsynth plays random notes, and the pieces of Freedoom; mono samples at 16 kHz."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.quality.voices import RATE, resampled

FONTS = ("/usr/share/sounds/sf2/TimGM6mb.sf2", "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3")
FREEDOOM = tuple(Path("/usr/share/games/doom", f"freedoom{part}.wad") for part in (1, 2))
_SAMPLED = 3  # the kind of a sound in the archive
_PEOPLE = (b"DSPL", b"DSPO", b"DSPDIEHI", b"DSOOF", b"DSNOWAY", b"DSSS", b"DSKEEN", b"DSRADIO", b"DSBOS", b"DSVIL")
_BEAT = 480  # ticks
_DRUMS, _HAT, _THUMP, _SNARE = 9, 42, 36, 38
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_SUNG = (52, 53, 54, 85, 91)  # instruments that sing


def played(pieces: list[bytes], seconds: float, font: str, skip: float = 0) -> np.ndarray:
    """Play MIDI files one after the other, and give what is heard after some seconds."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.mid" for number in range(len(pieces))]
        for file, notes in zip(files, pieces, strict=True):
            file.write_bytes(notes)
        command = ["fluidsynth", "-ni", "-q", "-T", "raw", "-O", "s16", "-F", "/dev/stdout", "-r", str(RATE), font]
        with subprocess.Popen([*command, *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            raw = process.stdout.read(int((skip + seconds) * RATE) * 4)
            process.kill()
    both = np.frombuffer(raw[: len(raw) // 4 * 4], "<i2").reshape(-1, 2)[int(skip * RATE) :]
    return (both.mean(1) / 32768).astype(np.float32)


def random_notes(seconds: float, rng: np.random.Generator, *, solo: bool) -> bytes:
    """Write a melody, or some voices and drums, as a MIDI file."""
    beats = rng.uniform(70, 160)
    total = int(seconds * beats / 60 * _BEAT)
    scale = _SCALES[rng.integers(2)]
    tracks = [_voice(channel, total, scale, rng, solo=solo) for channel in range(1 if solo else rng.integers(2, 5))]
    if not solo and rng.random() < 0.6:
        tracks.append(_beat(total, rng))
    tempo = b"\x00\xff\x51\x03" + int(6e7 / beats).to_bytes(3, "big")
    head = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks) + 1, _BEAT)
    return head + b"".join(map(_track, [tempo, *tracks]))


def _voice(channel, total, scale, rng, *, solo):
    instrument = int(rng.choice([n for n in range(120) if n not in _SUNG]))
    data, place, step = b"\x00" + bytes([0xC0 | channel, instrument]), 0, int(rng.integers(0, 14))
    base = int(rng.choice([36, 48, 60]))
    while place < total:
        length = int(_BEAT * rng.choice([0.25, 0.5, 0.5, 1, 1, 2]))
        step = int(np.clip(step + rng.integers(-3, 4), 0, 14))
        note = base + scale[step % 7] + 12 * (step // 7)
        alone = solo or channel == 0 or rng.random() < 0.4
        data += _chord(channel, [note] if alone else [note, note + 4, note + 7], length, rng)
        place += length
    return data


def _beat(total, rng):
    data = b""
    for number in range(total // (_BEAT // 2)):
        notes = [_HAT] + [_THUMP] * (number % 4 == 0) + [_SNARE] * (number % 4 == 2)
        data += _chord(_DRUMS, notes, _BEAT // 2, rng)
    return data


def _chord(channel, notes, length, rng):
    data = b"".join(b"\x00" + bytes([0x90 | channel, min(note, 120), rng.integers(60, 120)]) for note in notes)
    for number, note in enumerate(notes):
        data += _ticks(0 if number else length) + bytes([0x80 | channel, min(note, 120), 0])
    return data


def _track(data):
    whole = data + b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(whole)) + whole


def _ticks(count):
    """Write a number as MIDI does, seven bits in each byte."""
    low = [count & 127]
    while count := count >> 7:
        low.append((count & 127) | 128)
    return bytes(reversed(low))


def lumps(prefix: bytes, archive: Path) -> Iterator[tuple[bytes, bytes]]:
    """Give the files in an archive of Freedoom whose names begin so: ``D_`` is music (MIDI), ``DS`` is a sound."""
    data = archive.read_bytes()
    count, place = struct.unpack("<ii", data[4:12])
    for start, size, name in struct.iter_unpack("<ii8s", data[place : place + 16 * count]):
        if name.startswith(prefix):
            yield name.rstrip(b"\0"), data[start : start + size]


def pieces() -> Iterator[bytes]:
    """Give Freedoom's music, as MIDI files."""
    found = {notes for archive in FREEDOOM for _, notes in lumps(b"D_", archive)}
    yield from sorted(notes for notes in found if notes.startswith(b"MThd"))


def game_sounds() -> Iterator[np.ndarray]:
    """Give Freedoom's sounds, without those of people: doors, weapons, and the roars of its beasts."""
    for name, lump in lumps(b"DS", FREEDOOM[1]):
        kind, rate, count = struct.unpack("<HHI", lump[:8].ljust(8, b"\0"))
        if kind == _SAMPLED and count > rate // 10 > 0 and not name.startswith(_PEOPLE):
            yield resampled((np.frombuffer(lump[24:-16], "u1").astype(np.float32) - 128) / 128, rate)

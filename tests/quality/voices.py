"""Voices that tell what they say when: espeak-ng by its C interface, flite by its command, a reader by alignment."""

from __future__ import annotations

import ctypes
import functools
import re
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from tests.quality.phones import Phone, from_arpabet

RATE = 16_000
_RETRIEVE, _PHONEMES_IN_IPA, _UTF8 = 1, 0b11, 1
_END, _PHONEME = 0, 7
_SPEED, _PITCH = 1, 3


class _Event(ctypes.Structure):
    """espeak-ng's espeak_EVENT, see speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int), ("unique", ctypes.c_uint), ("text", ctypes.c_int), ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    )  # fmt: skip


_Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@functools.cache
def _espeak():
    """Load the library that the wheel of espeakng-loader carries."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_RETRIEVE, 0, espeakng_loader.get_data_path().encode(), _PHONEMES_IN_IPA)
    return library, rate


def say(text: str, voice: str, speed: int = 165, pitch: int = 50) -> tuple[np.ndarray, list[Phone]]:
    """Have espeak-ng say a text; gives mono samples at RATE and the exact phones."""
    library, rate = _espeak()
    sound, marks = [], []

    def hear(samples, count, events):
        if samples and count:
            sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
        number = 0
        while events[number].type != _END:
            if events[number].type == _PHONEME:
                marks.append((events[number].milliseconds / 1000, events[number].string.decode("utf-8", "ignore")))
            number += 1
        return 0

    callback = _Heard(hear)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()):
        raise ValueError(f"espeak-ng has no voice {voice}.")
    library.espeak_SetParameter(_SPEED, speed, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # of its noises: the same text sounds the same each time
    data = text.encode()
    library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(sound).astype(np.float32) / 32768
    ends = [start for start, _ in marks[1:]] + [len(samples) / rate]
    phones = [Phone(name, start, end) for (start, name), end in zip(marks, ends, strict=True)]
    return resampled(samples, rate), phones


def flite(text: str, voice: str) -> tuple[np.ndarray, list[Phone]]:
    """Have flite (of Debian's package) say a text; gives mono samples at RATE and its phones."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        command = ["flite", "-voice", voice, "-t", text, "-o", str(file), "-psdur"]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        with wave.open(str(file)) as wav:
            rate, raw = wav.getframerate(), wav.readframes(wav.getnframes())
    found = [(from_arpabet(name), float(end)) for name, end in re.findall(r"(\w+):([\d.]+)", told)]
    starts = [0.0, *(end for _, end in found)]
    phones = [Phone(name, start, end) for (name, end), start in zip(found, starts, strict=False)]
    return resampled(np.frombuffer(raw, "<i2").astype(np.float32) / 32768, rate), phones


def aligned(samples: np.ndarray, text: str) -> list[Phone]:
    """Find the phones of a read text: pocketsphinx, whose wheel carries its English model, aligns them."""
    import pocketsphinx

    raw = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    decoder = pocketsphinx.Decoder(samprate=RATE, bestpath=False, loglevel="FATAL")
    decoder.set_align_text(text)
    for prepare in (lambda: None, decoder.set_alignment):
        prepare()
        decoder.start_utt()
        decoder.process_raw(raw, full_utt=True)
        decoder.end_utt()
    return [
        Phone(from_arpabet(phone.name), phone.start / 100, (phone.start + phone.duration) / 100)
        for word in decoder.get_alignment()
        for phone in word
    ]


def resampled(samples: np.ndarray, rate: float) -> np.ndarray:
    """Change the rate to RATE, with what is above its half filtered out."""
    count = round(len(samples) * RATE / rate)
    return (np.fft.irfft(np.fft.rfft(samples), count) * (count / len(samples))).astype(np.float32)

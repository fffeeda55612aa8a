"""What can be heard in the sounds of a form. The sound of a film is not listened to: the audio replaces it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._inputs import Inputs
from lipsync_nodes.perception import MediaError
from lipsync_nodes.perception.speech.alike import same_sound
from lipsync_nodes.perception.speech.listening import Heard, listen
from lipsync_nodes.perception.speech.presence import Speech, speech_in

# Decibels of full scale. Speech has -30 to -12; a whisper near the microphone has -40.
SILENT: Final = -72.0  # its peak: eight steps of 16 bits
QUIET: Final = -45.0
# The share of the louder samples that are cut off: where words suffer, and where it can be heard.
RUINED: Final = 0.05
CLIPPED: Final = 0.02
# A channel this many decibels below the other does not count, and a mono mix this far below both has lost the speech.
FAINT: Final = 25.0
LOST: Final = 10.0
# The share of the time with speech below which the rest is worth a word, and below which it is likely a mistake.
SOME: Final = 0.5
LITTLE: Final = 0.15
# Seconds of silence at an end that are worth cutting off.
LONG: Final = 2.0
TELEPHONE: Final = 8000


def findings(inputs: Inputs) -> Iterator[Finding]:
    """Yield what is wrong with the sounds."""
    together = inputs.people > 1 and getattr(inputs.form, "order", None) == "meanwhile"
    heard = {}
    for name, path in inputs.of_kind("audio").items():
        try:
            heard[name] = listen(path, tick=inputs.limit.check)
        except MediaError as error:
            if error.code != "preview.no_sound":
                raise
            yield Finding(code="sound.no_track", severity="error", basis="fact", field=name, remedy=("give_speech",))
            continue
        inputs.limit.check()
        yield from (one.at(name) for one in _of_sound(heard[name], together=together))
    if len(heard) > 1 and same_sound(*(one.mixed for one in heard.values())):
        yield Finding(code="sound.same_twice", severity="warning", basis="fact", remedy=("give_both_sides",))


def _of_sound(heard: Heard, *, together: bool) -> Iterator[Finding]:
    if heard.peak < SILENT:
        yield Finding(code="sound.silent", severity="error", basis="fact", remedy=("give_speech",))
        return
    if heard.rate <= TELEPHONE:
        yield Finding(code="sound.low_rate", severity="info", basis="fact", facts={"rate": heard.rate})
    if heard.loudness < QUIET:
        yield Finding(
            code="sound.too_quiet",
            severity="warning",
            remedy=("make_louder",),
            facts={"level": round(heard.loudness), "least": round(QUIET)},
        )
        return
    speech = speech_in(heard.mixed)
    if speech.seconds:
        yield from _of_speech(heard, speech, together=together)
    else:
        yield Finding(code="sound.no_speech", severity="warning", remedy=("give_speech",))


def _of_speech(heard: Heard, speech: Speech, *, together: bool) -> Iterator[Finding]:
    if heard.clipped > CLIPPED:
        yield Finding(
            code="sound.clipped",
            severity="warning" if heard.clipped > RUINED else "info",
            basis="fact",
            remedy=("record_lower",),
            facts={"percent": round(100 * heard.clipped)},
        )
    yield from _of_channels(heard, speech)
    yield from _of_times(heard, speech, together=together)


def _of_channels(heard: Heard, speech: Speech) -> Iterator[Finding]:
    """Compare the channels where there is speech."""
    if len(heard.level) == 1:
        return
    left, right, mono = (float(np.percentile(row[speech.where, -1], 75)) for row in heard.level)
    if min(left, right) < max(left, right) - FAINT:
        side = "left" if left > right else "right"
        yield Finding(code="sound.one_channel", severity="info", basis="fact", facts={"side": side})
    elif mono < max(left, right) - LOST:
        yield Finding(
            code="sound.channels_cancel",
            severity="warning",
            remedy=("mix_to_mono",),
            facts={"lost": round(max(left, right) - mono)},
        )


def _of_times(heard: Heard, speech: Speech, *, together: bool) -> Iterator[Finding]:
    """Say where there is no speech. When two speak at once, each is silent while the other speaks."""
    share = speech.seconds / heard.seconds
    if share < SOME and heard.seconds - speech.seconds > 2 * LONG:
        severe = share < LITTLE and not together
        yield Finding(
            code="sound.little_speech",
            severity="warning" if severe else "info",
            facts={"speech": round(speech.seconds, 1), "seconds": round(heard.seconds, 1)},
        )
    if together:
        return
    before, after = speech.first, heard.seconds - speech.last
    if before >= LONG:
        yield Finding(
            code="sound.long_start", severity="info", remedy=("trim_sound",), facts={"pause": round(before, 1)}
        )
    if after >= LONG:
        yield Finding(code="sound.long_end", severity="info", remedy=("trim_sound",), facts={"pause": round(after, 1)})

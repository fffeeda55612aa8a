"""What a preview costs: its speed, its processor time beside encoding the same frames alone, memory, a second worker.

Speeds are by the clock, so they need an idle machine. Ratios of processor time hold on a busy one, too.
"""

import asyncio
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.bench.frame import Row, fresh

ROUNDS, JOBS = 3, 6
MB = 1e6
# The name of each case, the short side of its video, and the speed that it has to reach, in multiples of real time.
CASES = {
    "image 480p": (480, 6), "face that fills the frame": (480, 4), "film 480p": (480, 3.5),
    "film with two seconds without a face": (480, 3), "image 720p": (720, 3.5), "film 720p": (720, None),
}  # fmt: skip


def _given(name, folder):
    """Return the media of a case."""
    from lipsync_nodes.sandbox import MEDIA

    made = next(Path(folder).glob(f"{name}.*"), MEDIA / "portrait.jpg")
    kind = "video" if made.suffix == ".mp4" else "image"
    return {"audio": str(MEDIA / "speech_left.mp3"), kind: str(made)}


def make(folder):
    """Make the pictures and films."""
    import cv2

    from tests.sandbox.preview.films import PORTRAIT, save_film

    portrait = cv2.imread(str(PORTRAIT))
    close = cv2.resize(portrait[55:180, 165:290], (960, 960), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(folder / "face that fills the frame.png"), close)
    nobody = cv2.resize(portrait[400:, 300:], portrait.shape[1::-1])
    save_film(folder / "film 480p.mp4", _moving(portrait, (854, 480)), 25)
    save_film(folder / "film with two seconds without a face.mp4", _moving(portrait, (854, 480), nobody), 25)
    save_film(folder / "film 720p.mp4", _moving(portrait, (1280, 720)), 25)


def _moving(photo, size, instead=None):
    """Film a photo for six seconds from a hand that is not quite still; for two of them, film another photo."""
    import cv2

    scale = size[1] / 480
    for number in range(150):
        t = number / 25
        turn = cv2.getRotationMatrix2D((225, 123), 4 * np.sin(1.9 * t), scale * (1.35 + 0.08 * np.sin(1.1 * t)))
        turn[:, 2] += size[0] / 2 - 225 + 14 * scale * np.sin(1.4 * t), size[1] / 2 - 123 + 8 * scale * np.sin(2.3 * t)
        shown = photo if instead is None or not 1.5 <= t < 3.5 else instead
        yield cv2.warpAffine(shown, turn, size, borderMode=cv2.BORDER_REFLECT)


def measured(name, folder):
    """Render a case and encode its frames by turns; return times in seconds, the frames, and memory in bytes."""
    from lipsync_nodes.sandbox.preview import RenderInput, render
    from lipsync_nodes.sandbox.preview.writer import Mp4Writer

    media = {kind: Path(path) for kind, path in _given(name, folder).items()}
    given, out = RenderInput(**media, seed=3, short_side=CASES[name][0]), Path(folder) / "out.mp4"
    done = render(given, out)
    most, frames = _most_memory(), []
    show = Mp4Writer.show
    Mp4Writer.show = lambda self, image: (frames.append(_bgr(image)), show(self, image))[1]
    render(given, out)
    Mp4Writer.show = show
    rounds = [(*_timed(render, given, out), *_timed(_encode, frames, given.audio, out)) for _ in range(ROUNDS)]
    return dict(zip(("wall", "cpu", "encoding_wall", "encoding_cpu"), np.min(rounds, 0).tolist(), strict=True)) | {
        "seconds": done.seconds, "frames": len(frames), "memory": most,
    }  # fmt: skip


def _bgr(frame):
    """Return a frame as BGR: converting it is a part of encoding alone."""
    import cv2

    return frame.copy() if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)


def _encode(frames, audio, out):
    from lipsync_nodes.perception.speech.sound import sound_blocks
    from lipsync_nodes.sandbox.preview.writer import Mp4Writer

    with Mp4Writer(out, frames[0].shape[1::-1], Fraction(25), sound_blocks(audio)) as writer:
        for frame in frames:
            writer.show(frame)


def _timed(do, *arguments):
    start, spent = time.perf_counter(), time.process_time()
    do(*arguments)
    return time.perf_counter() - start, time.process_time() - spent


def _most_memory():
    """Return the most memory that this process has had, in bytes. Linux only: NaN elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), float("nan"))


def throughput(name, folder, workers):
    """Return how many jobs a second some worker processes of the sandbox render."""
    from lipsync_nodes.sandbox.jobs.renderer import Renderer

    def order(number):
        values = {"seed": 3, "short_side": CASES[name][0]}
        return {"media": _given(name, folder), "timed": {}, "values": values, "out": str(Path(folder, f"{number}.mp4"))}

    async def run():
        renderers = [Renderer() for _ in range(workers)]

        async def some(number, count):
            for _ in range(count):
                await renderers[number].run(order(number), lambda _: None)

        await asyncio.gather(*(some(number, 1) for number in range(workers)))  # loads what the first job loads
        start = time.perf_counter()
        await asyncio.gather(*(some(number, JOBS // workers) for number in range(workers)))
        spent = time.perf_counter() - start
        await asyncio.gather(*(renderer.close() for renderer in renderers))
        return JOBS / spent

    return asyncio.run(run())


def rows():
    """Yield the figures."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the sandbox's workers
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        for name, (_, speed) in CASES.items():
            found = fresh(measured, name, folder, python=sys.executable)
            yield from _rows(name, speed, found)
        for name in ("image 480p", "film 480p"):
            one, two = (fresh(throughput, name, folder, workers, python=sys.executable) for workers in (1, 2))
            yield Row(f"{name}: two workers", two, "one worker", one, "jobs/s", ">= 1.6")


def _rows(name, speed, found):
    frame = 1000 / found["frames"]
    target = f">= {speed}" if speed else ""
    yield Row(f"{name}: speed", found["seconds"] / found["wall"], unit="x real time", target=target)
    yield Row(f"{name}: speed of encoding alone", found["seconds"] / found["encoding_wall"], unit="x real time")
    cpu, encoding = found["cpu"] * frame, found["encoding_cpu"] * frame
    yield Row(f"{name}: processor time of a frame", cpu, "encoding alone", encoding, "ms", "<= 2.5")
    yield Row(f"{name}: memory", found["memory"] / MB, unit="MB", target="<= 250")

"""Make `demo.webp` from the videos of `lipsync-nodes demo`: a loop of one face and of two people, side by side.

    lipsync-nodes demo
    python examples/gallery/make_demo.py lipsync-demo

It needs OpenCV 4.12 or later, which writes animations; the extra `sandbox` installs it.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

FRAMES, STEP = 100, 2  # of 25 frames a second: four seconds at half the rate
TOP = 310  # the upper part of a video of 480 lines, where the faces are
ONE, TWO = slice(75, 365), slice(45, 770)
SCALE = 0.75
QUALITY = 60


def frames(path: Path, columns: slice) -> list[np.ndarray]:
    """Read the frames of the loop, cut to the faces."""
    video = cv2.VideoCapture(str(path))
    read = [video.read()[1] for _ in range(FRAMES)][::STEP]
    cut = [frame[:TOP, columns] for frame in read]
    return [cv2.resize(frame, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA) for frame in cut]


def main(folder: Path) -> None:
    """Write the animation beside this program."""
    pairs = zip(frames(folder / "image.mp4", ONE), frames(folder / "image-multi.mp4", TWO), strict=True)
    animation = cv2.Animation()
    animation.frames = [np.hstack(pair) for pair in pairs]
    animation.durations = np.full(len(animation.frames), STEP * 40)  # milliseconds
    path = Path(__file__).with_name("demo.webp")
    cv2.imwriteanimation(str(path), animation, (cv2.IMWRITE_WEBP_QUALITY, QUALITY))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

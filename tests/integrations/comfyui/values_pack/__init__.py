"""A pack whose nodes give what other packs and newer versions of ComfyUI give: unusual tensors, and edited videos."""

from fractions import Fraction

import torch
from comfy_api.v0_0_2 import ComfyExtension, InputImpl, Types, io

SECOND = torch.linspace(0, 60, 8000).sin() * 0.5
PICTURE = torch.rand(1, 48, 64, 3, generator=torch.Generator().manual_seed(1))


def broken(tensor, value):
    tensor = tensor.clone()
    tensor.flatten()[7] = value
    return tensor


def sound(waveform, rate=8000):
    return {"waveform": waveform, "sample_rate": rate}


def frames(width, height, count=12, channels=3, audio=None):
    images = torch.rand(count, height, width, channels, generator=torch.Generator().manual_seed(2))
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=images, audio=audio, frame_rate=Fraction(12)))


class Cropped(InputImpl.VideoFromFile):
    """A film with a crop, as newer versions of ComfyUI have one: the source and the trim know nothing of it."""

    def __init__(self, file, crop):
        super().__init__(file)
        self.crop = crop

    def get_active_trim_window(self):
        return 0.0, 0.0

    def get_dimensions(self):
        return self.crop

    def get_components(self):
        parts, (width, height) = super().get_components(), self.crop
        return Types.VideoComponents(
            images=parts.images[:, :height, :width], audio=parts.audio, frame_rate=parts.frame_rate
        )

    def save_to(self, path, *args, **kwargs):
        InputImpl.VideoFromComponents(self.get_components()).save_to(path, *args, **kwargs)


def cropped_later(file):
    """A film of ComfyUI's own class that was given a crop, as newer versions have it: only its state shows that."""
    film = InputImpl.VideoFromFile(file)
    film.crop = (0, 0, 160, 120)
    return film


class Silenced(Cropped):
    """A film of the same size and length with another sound track."""

    def __init__(self, file):
        super().__init__(file, InputImpl.VideoFromFile(file).get_dimensions())

    def get_components(self):
        parts = super().get_components()
        return Types.VideoComponents(images=parts.images, audio=None, frame_rate=parts.frame_rate)


class Wrapped:
    """A VIDEO of another pack that is not of ComfyUI's classes."""

    def __init__(self, film):
        self.film = film

    def __getattr__(self, name):
        return getattr(self.film, name)


IMAGES = {
    "plain": lambda _: PICTURE,
    "gray": lambda _: PICTURE[..., :1],
    "rgba": lambda _: torch.cat([PICTURE, PICTURE[..., :1]], -1),
    "no_batch": lambda _: PICTURE[0],
    "no_channels": lambda _: PICTURE[0, ..., 0],
    "bytes": lambda _: (PICTURE * 255).to(torch.uint8),
    "half": lambda _: PICTURE.half(),
    "a_little_beyond": lambda _: PICTURE * 1.1 - 0.05,
    "channels_first": lambda _: PICTURE.movedim(-1, 1),
    "five": lambda _: PICTURE[None],
    "no_pictures": lambda _: PICTURE[:0],
    "no_pixels": lambda _: PICTURE[:, :0],
    "two": lambda _: PICTURE.repeat(2, 1, 1, 1),
    "nan": lambda _: broken(PICTURE, torch.nan),
    "inf": lambda _: broken(PICTURE, torch.inf),
    "to_255": lambda _: PICTURE * 255,
    "from_minus_1": lambda _: PICTURE * 2 - 1,
    "integers": lambda _: (PICTURE * 255).long(),
    "text": lambda _: "no picture",
}
MASKS = {
    "plain": lambda _: PICTURE[..., 0],
    "no_batch": lambda _: PICTURE[0, ..., 0],
    "channel_first": lambda _: PICTURE[None, ..., 0],
    "channel_last": lambda _: PICTURE[..., :1],
    "bool": lambda _: PICTURE[..., 0] > 0.5,
    "zero_or_one": lambda _: (PICTURE[..., 0] > 0.5).to(torch.uint8),
    "nan": lambda _: broken(PICTURE[..., 0], torch.nan),
    "no_masks": lambda _: PICTURE[:0, ..., 0],
    "two": lambda _: PICTURE[..., 0].repeat(2, 1, 1),
}
AUDIOS = {
    "plain": lambda _: sound(SECOND[None, None]),
    "no_batch": lambda _: sound(SECOND[None].repeat(2, 1)),
    "samples_only": lambda _: sound(SECOND),
    "int16": lambda _: sound((SECOND * 32767).short()[None, None]),
    "samples_first": lambda _: sound(SECOND[:, None]),
    "four": lambda _: sound(SECOND[None, None, None]),
    "no_samples": lambda _: sound(SECOND[None, None, :0]),
    "no_audios": lambda _: sound(SECOND[None, None][:0]),
    "two": lambda _: sound(SECOND[None, None].repeat(2, 1, 1)),
    "rate_0": lambda _: sound(SECOND[None, None], 0),
    "rate_nan": lambda _: sound(SECOND[None, None], float("nan")),
    "rate_huge": lambda _: sound(SECOND[None, None], 2**31),
    "nan": lambda _: sound(broken(SECOND[None, None], torch.nan)),
    "inf": lambda _: sound(broken(SECOND[None, None], -torch.inf)),
    "to_32767": lambda _: sound(SECOND[None, None] * 32767),
    "integers": lambda _: sound((SECOND * 32767).int()[None, None]),
}
VIDEOS = {
    "plain": lambda _: frames(64, 48),
    "odd": lambda _: frames(65, 63),
    "gray": lambda _: frames(64, 48, channels=1),
    "rgba": lambda _: frames(64, 48, channels=4),
    "one_pixel": lambda _: frames(1, 48),
    "no_frames": lambda _: frames(64, 48, count=0),
    "nan_sound": lambda _: frames(64, 48, audio=sound(broken(SECOND[None, None], torch.nan))),
    "file": InputImpl.VideoFromFile,
    "cropped": lambda file: Cropped(file, (160, 120)),
    "cropped_later": cropped_later,
    "cropped_odd": lambda file: Cropped(file, (161, 121)),
    "silenced": Silenced,
    "wrapped": lambda file: Wrapped(Cropped(file, (160, 120))),
}


def giving(name, socket, values):
    class Gives(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            inputs = [io.Combo.Input("value", options=list(values)), io.String.Input("file", default="")]
            return io.Schema(node_id=name, category="tests", inputs=inputs, outputs=[socket.Output()])

        @classmethod
        def execute(cls, value, file):
            return io.NodeOutput(values[value](file))

    Gives.__name__ = name
    return Gives


class Values(ComfyExtension):
    async def get_node_list(self):
        return [
            giving("GiveImage", io.Image, IMAGES),
            giving("GiveMask", io.Mask, MASKS),
            giving("GiveAudio", io.Audio, AUDIOS),
            giving("GiveVideo", io.Video, VIDEOS),
        ]


async def comfy_entrypoint():
    return Values()

"""What real cameras do to an image: vignette, blur, noise by gain, compression.

Drawn image by image, so that a network learns from good cameras and bad ones. Colours are 0..1;
lengths are shares of the image's width, so that every size of image suffers alike.
"""

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

DARKEST_CORNER = 0.5  # brightness of a corner by the middle's, at worst
DEFOCUS = 0.006  # deviation of the widest blur of focus: 1.5 pixels of 256
MOTION = 0.04  # length of the longest trace: 10 pixels of 256
EXPOSURE = 0.3  # deviation of the logarithm of a wrong exposure
GAINS = (1e-4, 4e-3)  # variance of the shot noise of a white pixel: bright day to dim room
READ_NOISE = 0.1  # deviation of the noise of a black pixel, by that of a white one
QUALITIES = (25, 95)  # of JPEG


@dataclass(frozen=True)
class CameraEffects:
    """What one camera does; 0 leaves an image as it was.

    ``vignette``: what the corners lack of the middle's brightness. ``defocus``: deviation of the
    blur. ``motion``: the trace (x, y) of a point. ``exposure``: factor of all colours, before they
    are clipped. ``gain``: variance of a white pixel's noise. ``quality``: of JPEG; None: none.
    """

    vignette: float = 0.0
    defocus: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    exposure: float = 1.0
    gain: float = 0.0
    quality: int | None = None


def random_effects(rng: np.random.Generator) -> CameraEffects:
    """Each effect comes with its own chance, so that few images suffer all of them."""
    comes = rng.random(6)
    low, high = GAINS
    length, heading = MOTION * rng.random(), rng.uniform(0, math.pi)
    return CameraEffects(
        vignette=(1 - DARKEST_CORNER) * rng.random() if comes[0] < 0.4 else 0.0,
        defocus=DEFOCUS * rng.random() if comes[1] < 0.3 else 0.0,
        motion=_trace(length, heading) if comes[2] < 0.3 else (0.0, 0.0),
        exposure=math.exp(rng.normal(0, EXPOSURE)) if comes[3] < 0.4 else 1.0,
        gain=low * (high / low) ** rng.random() if comes[4] < 0.5 else 0.0,
        quality=int(rng.integers(*QUALITIES)) if comes[5] < 0.4 else None,
    )


def photographed(
    image: Float[Tensor, "3 h w"], effects: CameraEffects, rng: np.random.Generator
) -> Float[Tensor, "3 h w"]:
    """The image as such a camera takes it: lens, then motion, exposure and noise, then the file."""
    width = image.shape[2]
    if effects.vignette:
        image = image * (1 - effects.vignette * _radius(image).square())
    if effects.defocus:
        image = _blurred(image, _gaussian(effects.defocus * width))
    if any(effects.motion):
        x, y = (length * width for length in effects.motion)
        image = _filtered(image, _line(x, y))
    image = image * effects.exposure
    if effects.gain:
        image = image + _noise(image, effects.gain, rng)
    image = image.clamp(0, 1)
    return image if effects.quality is None else _compressed(image, effects.quality)


def _trace(length: float, heading_rad: float) -> tuple[float, float]:
    return length * math.cos(heading_rad), length * math.sin(heading_rad)


def _radius(image: Tensor) -> Float[Tensor, "h w"]:
    """Distance from the middle, 1 in the corners."""
    height, width = image.shape[1:]
    y = torch.arange(height)[:, None] - (height - 1) / 2
    x = torch.arange(width)[None] - (width - 1) / 2
    return (x.square() + y.square()).sqrt() / math.hypot((width - 1) / 2, (height - 1) / 2)


def _gaussian(deviation_px: float) -> Float[Tensor, " k"]:
    reach = max(1, math.ceil(3 * deviation_px))  # beyond three deviations nothing is left
    kernel = torch.exp(-torch.arange(-reach, reach + 1).square() / (2 * deviation_px**2 + 1e-9))
    return kernel / kernel.sum()


def _blurred(image: Tensor, kernel: Float[Tensor, " k"]) -> Tensor:
    return _filtered(_filtered(image, kernel[None]), kernel[:, None])


def _line(x_px: float, y_px: float) -> Float[Tensor, "k m"]:
    """A trace of even weight from (−x, −y)/2 to (x, y)/2, blended between pixels."""
    reach_x, reach_y = math.ceil(abs(x_px) / 2), math.ceil(abs(y_px) / 2)
    kernel = torch.zeros(2 * reach_y + 2, 2 * reach_x + 2)
    for share in np.linspace(-0.5, 0.5, 2 * max(reach_x, reach_y) + 3):  # half a pixel at most
        x, y = reach_x + share * x_px, reach_y + share * y_px
        column, row = math.floor(x), math.floor(y)
        right, below = x - column, y - row
        kernel[row, column] += (1 - right) * (1 - below)
        kernel[row, column + 1] += right * (1 - below)
        kernel[row + 1, column] += (1 - right) * below
        kernel[row + 1, column + 1] += right * below
    return (kernel / kernel.sum())[:-1, :-1]


def _filtered(image: Tensor, kernel: Float[Tensor, "k m"]) -> Tensor:
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = F.pad(image[None], (columns, columns, rows, rows), mode="replicate")
    return F.conv2d(padded[0][:, None], kernel[None, None])[:, 0]


def _noise(image: Tensor, gain: float, rng: np.random.Generator) -> Tensor:
    """Photons are counted: the variance rises with the colour (Foi et al., TIP 2008)."""
    normal = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
    variance = gain * (image.clamp(min=0) + READ_NOISE**2)
    return variance.sqrt() * normal


def _compressed(image: Tensor, quality: int) -> Tensor:
    pixels = (image.permute(1, 2, 0) * 255).round().byte().contiguous().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as decoded:
        back = np.array(decoded.convert("RGB"))
    return torch.from_numpy(back).permute(2, 0, 1).float() / 255

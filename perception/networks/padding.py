"""Images of any size, for networks that need multiples."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def pad_to_multiple(
    image: Float[Tensor, "b c h w"], multiple: int
) -> tuple[Float[Tensor, "b c ph pw"], int, int]:
    """The image with zeros round it, and the rows and columns added before it."""
    rows, columns = (-int(extent) % multiple for extent in image.shape[2:])
    top, left = rows // 2, columns // 2
    return F.pad(image, (left, columns - left, top, rows - top)), top, left

"""What training and evaluation of a network see: an image and the truth about its pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.frame import Intrinsics

NO_EDGE_KNOWN = 255


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its truth, all of one size; labels are ids of NYU40, or of the label space
    of its data set (``data_sets``).

    ``depth_m``: planar z, 0 where unknown. ``labels``: 0 where unknown. ``normals``: unit vectors
    in camera axes (x right, y down, z forward) that face the camera, 0 where unknown. ``edges``:
    1 on borders of objects, 0 elsewhere, 255 where unknown. ``others``: truth of further tasks by
    name, h w.
    """

    name: str
    rgb: UInt8[np.ndarray, "h w 3"]
    intrinsics: Intrinsics
    depth_m: Float32[np.ndarray, "h w"]
    labels: UInt8[np.ndarray, "h w"]
    normals: Float32[np.ndarray, "h w 3"]
    edges: UInt8[np.ndarray, "h w"]
    others: Mapping[str, np.ndarray] = field(default_factory=dict)


@runtime_checkable
class SampleSource(Protocol):
    """Samples by index; ``source[i]`` depends on nothing but i."""

    @property
    def name(self) -> str: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

"""DeepVideoMVS and HoloLens folders: ``images/``, ``depth/``, ``poses.txt`` and ``K.txt``.

A pose is sixteen numbers a line, camera-to-world; depth is 16-bit millimetres. Düzçeker et al.,
"DeepVideoMVS: multi-view stereo on video with recurrent spatio-temporal fusion", CVPR 2021.
"""

from hydra_mono.datasets.readers.posed.images import PosedImagesSource


class DeepVideoMvsSource(PosedImagesSource):
    """The layout is one of those that images with poses beside them are found in."""

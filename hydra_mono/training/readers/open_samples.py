"""From ``kind:PATH[:part]`` to samples for training and evaluation."""

from collections.abc import Callable
from pathlib import Path

from hydra_mono.core.errors import DataError
from hydra_mono.datasets.registry import open_sequence
from hydra_mono.training.readers.cityscapes import open_cityscapes
from hydra_mono.training.readers.frames import FrameSamples, map_to_nyu40
from hydra_mono.training.readers.hypersim import open_raw_hypersim
from hydra_mono.training.readers.hypersim_nicr import open_nicr_hypersim
from hydra_mono.training.readers.nyuv2_layouts import open_nyuv2
from hydra_mono.training.readers.pascal import open_pascal
from hydra_mono.training.readers.simulated import open_simulated_samples
from hydra_mono.training.samples import SampleSource

Opener = Callable[[str], SampleSource]
PartOpener = Callable[[Path, str], SampleSource]

PARTS = ("train", "validation", "all", "test")


def open_samples(spec: str) -> SampleSource:
    """The samples that ``spec`` names.

    ``nyuv2:PATH[:PART]`` (four layouts), ``hypersim:PATH[:PART]`` (two layouts),
    ``pascal:PATH[:PART]`` and ``cityscapes:PATH[:PART]``, which have label spaces of their own,
    with PART train (the default), validation, all or test; ``frames:PATH``, any sequence that
    can be mapped;
    ``simulated:SEED`` or ``simulated:FIRST-LAST``, views of worlds that training never sees.

    Raises:
        DataError: the kind or part is unknown, the path is missing or of no known layout.
        MissingDependencyError: the layout needs a package that is not installed.
    """
    kind, _, rest = spec.partition(":")
    if kind not in KINDS or not rest:
        raise DataError(
            f"no samples '{spec}'; write KIND:PATH or KIND:PATH:PART with a kind of "
            f"{', '.join(KINDS)}, such as nyuv2:data/nyuv2:train"
        )
    return KINDS[kind](rest)


def open_hypersim(root: Path, part: str) -> SampleSource:
    """Hypersim as downloaded, or as the NICR data sets package writes it.

    Raises:
        DataError: the folder is of neither layout, or lacks the part.
        MissingDependencyError: as downloaded it needs h5py.
    """
    if any(root.glob("*/semantic_40")):
        return open_nicr_hypersim(root, part)
    if any(root.glob("ai_*/images")):
        return open_raw_hypersim(root, part)
    listing = ", ".join(sorted(child.name for child in root.iterdir())[:8]) or "nothing"
    raise DataError(
        f"{root} is no Hypersim folder (it holds {listing}); expected ai_*/images, or "
        "train/semantic_40 and the like"
    )


def open_frames(path: str) -> SampleSource:
    """Every frame of a sequence that a reader knows.

    Raises:
        DataError: it is missing or no reader knows it.
    """
    source = open_sequence(path, Path())
    return FrameSamples(source, map_to_nyu40(source.label_space))


def _by_part(opener: PartOpener) -> Opener:
    """Opens ``PATH`` or ``PATH:PART`` of a data set that comes in parts."""

    def opened(text: str) -> SampleSource:
        path, colon, part = text.rpartition(":")
        if not colon or Path(text).exists():
            path, part = text, PARTS[0]
        if not Path(path).is_dir():
            raise DataError(f"no folder '{path}'; unpack the data set and give its folder")
        if part not in PARTS:
            raise DataError(f"{path}: no part '{part}'; there are {', '.join(PARTS)}")
        return opener(Path(path), part)

    return opened


# A new kind of samples is one function and one row.
KINDS: dict[str, Opener] = {
    "nyuv2": _by_part(open_nyuv2),
    "hypersim": _by_part(open_hypersim),
    "pascal": _by_part(open_pascal),
    "cityscapes": _by_part(open_cityscapes),
    "frames": open_frames,
    "simulated": open_simulated_samples,
}

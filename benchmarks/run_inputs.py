"""What a mapper made, as the scores take it."""

from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.source import Source
from hydra_mono.evaluation import RunInputs
from hydra_mono.pipeline import Mapper


def inputs_of(mapper: Mapper, source: Source, trajectory: Trajectory) -> RunInputs:
    """Of a mapper that has finished the frames of ``trajectory``."""
    return RunInputs(
        graph=mapper.graph,
        mesh=mapper.mesh.whole_mesh(),
        trajectory=trajectory,
        intrinsics=source[0].intrinsics,
        max_depth_m=mapper.max_depth_m,
        label_space=mapper.label_space,
    )

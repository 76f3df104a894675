"""The job on a page: a posed frame in, a grown scene graph out."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from hydra_mono.core.config import Config, MonocularConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import BlockMesh
from hydra_mono.core.prediction import Prediction, Predictor, depth_is_measured
from hydra_mono.core.timing import StageClock
from hydra_mono.graph.agents.camera_trail import create_agent_trail
from hydra_mono.graph.hierarchy import assign_parents
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.objects.layer import create_objects
from hydra_mono.graph.places.layer import create_places
from hydra_mono.graph.rooms.layer import create_rooms, create_walls
from hydra_mono.mapping.contours import create_contours
from hydra_mono.mapping.freespace.map import create_free_space
from hydra_mono.mapping.tsdf.volume import SemanticVolume, create_volume
from hydra_mono.viz import StubViewer, Viewer

Refinement = Callable[[Frame, Prediction], Prediction]

OUTSIDE_STAGES = ("read", "predict", "write")  # not the mapper's own work


class Mapper:
    """Grows a mesh and a scene graph, frame by frame.

    A predictor is anything that turns a ``Frame`` into a ``Prediction``; a viewer is told of
    everything and decides nothing.
    """

    def __init__(self, config: Config, predictor: Predictor, viewer: Viewer | None = None) -> None:
        labels = predictor.label_space
        self.graph = SceneGraph()
        self.mesh = BlockMesh()
        self.clock = StageClock(outside=OUTSIDE_STAGES)
        self._predictor = predictor
        self._viewer = viewer or StubViewer()
        monocular = config.monocular if is_monocular(config.monocular, predictor) else None
        self._volume = create_volume(config.mapping, monocular)
        self._refine = create_refinement(monocular, self._volume)
        self._free_space = create_free_space(config.free_space, config.mapping, monocular)
        self._contours = create_contours(config.mapping, labels, monocular)
        self._objects = create_objects(
            config.objects, labels, config.mapping.voxel_size, self._contours.near
        )
        self._walls = create_walls(config.rooms, labels)
        self._places = create_places(config.places, self._walls)
        self._rooms = create_rooms(config.rooms, self._walls)
        self._agents = create_agent_trail(config.agents)
        self._moving = labels.mask(labels.ids("agent"))
        self._separation_ns = int(config.mapping.keyframe_separation * 1e9)
        self._latest: Frame | None = None
        self._keyframe_ns: int | None = None
        self._refresh: Iterator[None] = iter(())

    @property
    def label_space(self) -> LabelSpace:
        return self._predictor.label_space

    def step(self, frame: Frame) -> None:
        """Fuses one frame; once a keyframe interval, brings mesh and graph up to date.

        Raises:
            BadFrameError: the predictor can make nothing of the frame; the map is unchanged.
        """
        stage = self.clock.stage
        prediction = stage("predict", self._predictor, frame)
        prediction = stage("refine", self._refine, frame, prediction)
        keep = stage("mask", still_pixels, prediction, self._moving)
        stage("integrate", self._volume.integrate, frame, prediction, keep)
        stage("contours", self._contours.integrate, frame, prediction, keep)
        stage("carve", self._free_space.carve, frame, prediction, keep)
        stage("agents", self._agents.update, self.graph, frame)
        stage("view", self._viewer.log_frame, frame, prediction)
        self._latest = frame
        if self._is_keyframe(frame.stamp_ns):
            self._start_refresh(frame)
        next(self._refresh, None)
        self.clock.end_frame()
        self._viewer.log_timings(self.clock.latest_ms())

    def _refresh_from(self, frame: Frame) -> Iterator[None]:
        """Brings mesh, free space and every layer of the graph up to the frame.

        A slice of the work a frame, so that no single frame pays for all of it.
        """
        stage, stamp_ns, center_m = self.clock.stage, frame.stamp_ns, frame.camera_position_m
        update = stage("mesh", self._volume.update_mesh, stamp_ns, center_m)
        self.mesh.apply(update)
        stage("walls", self._walls.apply, update)
        yield
        space = stage("free_space", self._free_space.update, update, center_m)
        yield
        stage("objects", self._objects.update, self.graph, self.mesh, update, stamp_ns, space)
        yield
        stage("places", self._places.update, self.graph, space, stamp_ns)
        yield
        stage("rooms", self._rooms.update, self.graph, stamp_ns)
        stage("hierarchy", assign_parents, self.graph, stamp_ns)
        stage("view_map", self._viewer.log_map, update, self.graph)

    def _start_refresh(self, frame: Frame) -> None:
        """Ends what is left of the refresh under way and starts the next."""
        self._end_refresh()
        self._keyframe_ns = frame.stamp_ns
        self._refresh = self._refresh_from(frame)

    def _end_refresh(self) -> None:
        for _ in self._refresh:
            pass

    def finish(self) -> None:
        """Brings everything up to the last frame; call it once, at the end."""
        self._end_refresh()
        if self._latest is not None and self._latest.stamp_ns != self._keyframe_ns:
            self._start_refresh(self._latest)
            self._end_refresh()
        self.clock.drop_frame()

    def close(self) -> None:
        """Lets the viewer write what it still holds."""
        self._viewer.close()

    def _is_keyframe(self, stamp_ns: int) -> bool:
        return self._keyframe_ns is None or stamp_ns - self._keyframe_ns >= self._separation_ns


def create_refinement(monocular: MonocularConfig | None, volume: SemanticVolume) -> Refinement:
    """What is done to predictions before they are fused: nothing where depth is measured."""
    if monocular is None:
        return lambda frame, prediction: prediction
    from hydra_mono.mapping.monocular.refiner import (
        create_refiner,  # needs torch, which loads slowly
    )

    return create_refiner(monocular, volume)


def is_monocular(config: MonocularConfig, predictor: Predictor) -> bool:
    """Whether depth is somebody's guess, and treated as such: all but a sensor's, or as told."""
    if config.enabled is not None:
        return config.enabled
    return not depth_is_measured(predictor)


def still_pixels(
    prediction: Prediction, moving: Bool[np.ndarray, "256"], margin: int = 4
) -> Bool[np.ndarray, "h w"] | None:
    """Pixels that belong to the static world: all but agents and a few pixels round them.

    ``moving`` is true at the label ids of agents. None when there is nothing to leave out.
    """
    if prediction.labels is None:
        return None
    mask = moving[prediction.labels]
    if not mask.any():
        return None
    return np.asarray(~ndimage.binary_dilation(mask, iterations=margin))

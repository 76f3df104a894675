"""The rerun viewer: a worker thread draws, so that nothing rerun does can hold the mapper up."""

import logging
import threading
from collections.abc import Callable, Hashable
from functools import partial

import numpy as np
import rerun as rr

from hydra_mono.core.errors import one_line
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.viz.drawing import GraphDrawing, GraphPainter
from hydra_mono.viz.images import depth_colors, jpeg, normal_colors
from hydra_mono.viz.mailbox import Mailbox
from hydra_mono.viz.rerun_layout import (
    CAMERA,
    COUNTS,
    EVENTS,
    GRAPH,
    HIERARCHY,
    IMAGE,
    MESH,
    PANELS,
    TIMINGS,
    WORLD,
    blueprint,
)
from hydra_mono.viz.rerun_shapes import arrows, boxes, hierarchy, lines, nodes, places, tile
from hydra_mono.viz.rerun_sinks import Sink
from hydra_mono.viz.tiles import MeshTiles

logger = logging.getLogger(__name__)

TILE_M = 3.2  # a room takes a few tiles: small enough to redraw one, few enough to list
IMAGE_STRIDE = 2  # pixels; half the size is enough to know what is seen, and a quarter the bytes
LEAST_MESH_INTERVAL_S = 4.0  # between redraws of a tile: four refreshes
MESH_BY_IMAGE_INTERVAL = 10  # a tile takes more bytes than an image: rarer by as much
Job = Callable[[], None]


def mesh_interval_s(image_interval_s: float) -> float:
    """Between two redraws of the same piece of mesh, so that neither fills a recording alone."""
    return max(LEAST_MESH_INTERVAL_S, MESH_BY_IMAGE_INTERVAL * image_interval_s)


class RerunViewer:
    """Leaves everything in a mailbox; a worker that falls behind draws the newest of each kind."""

    def __init__(
        self,
        sink: Sink,
        labels: LabelSpace,
        *,
        image_interval_s: float = 0.2,
        color_by: str = "color",
    ) -> None:
        self._sink = sink
        self._rec = sink.recording
        self._labels = labels
        self._image_interval_ns = int(image_interval_s * 1e9)
        self._painter = GraphPainter()
        self._tiles = MeshTiles(TILE_M, int(mesh_interval_s(image_interval_s) * 1e9))
        self._palette = labels.palette if color_by == "label" else None
        self._is_ceiling = labels.mask(labels.ids_with_role("ceiling"))
        self._next_image_ns: int | None = None
        self._shown: tuple[str, ...] = ()  # which panels the blueprint has
        self._stages: set[str] = set()  # that the plot of times has a series for
        self._now = (0, 0)
        self._jobs = Mailbox()
        self._worker = threading.Thread(target=self._work, name="viewer", daemon=True)
        self._worker.start()
        self._jobs.put("static", self._log_static)

    # called by the mapper: take a snapshot, leave it -------------------------------------------

    def log_frame(self, frame: Frame, prediction: Prediction) -> None:
        self._now = (frame.index, frame.stamp_ns)
        if self._next_image_ns is None or frame.stamp_ns >= self._next_image_ns:
            self._next_image_ns = frame.stamp_ns + self._image_interval_ns
            self._put("frame", lambda: self._draw_frame(frame, prediction))

    def log_map(self, mesh: MeshUpdate, graph: SceneGraph) -> None:
        self._tiles.apply(mesh)
        self._put_tiles(mesh.stamp_ns)
        self._put_graph(self._painter.draw(graph))

    def log_timings(self, stage_ms: dict[str, float]) -> None:
        times_ms = dict(stage_ms)
        self._put("timings", lambda: self._draw_timings(times_ms))

    def close(self) -> None:
        """Gives the worker a few seconds to draw what is left; what it does then is its own."""
        self._put_tiles(self._now[1], everything=True)
        self._jobs.close()
        self._worker.join(self._sink.patience_s)
        if self._worker.is_alive():
            logger.warning("the viewer does not answer; %d messages are left out", len(self._jobs))
            self._jobs.close(discard=True)
            rr.unregister_shutdown()  # which would wait for it without a limit
        elif self._jobs.dropped:
            logger.info("the viewer fell behind: %d messages were left out", self._jobs.dropped)
        self._sink.close()

    def _put_tiles(self, stamp_ns: int, *, everything: bool = False) -> None:
        for (x, y), mesh in self._tiles.due(stamp_ns, everything=everything):
            name = f"{MESH}/{x}_{y}"
            self._log(name, partial(tile, mesh, self._is_ceiling, self._palette))

    def _put_graph(self, drawing: GraphDrawing) -> None:
        for number, chunk in drawing.places.items():
            self._log(f"{GRAPH}/places/{number}", partial(places, chunk))
        for number, box_chunk in drawing.objects.items():
            self._log(f"{GRAPH}/objects/{number}", partial(boxes, box_chunk))
        for (kind, number), links in drawing.links.items():
            name = f"{GRAPH}/links/{kind}/{number}"
            self._log(name, partial(lines, kind, links))
        for layer, upper, radius_m in (
            ("rooms", drawing.rooms, 0.3),
            ("buildings", drawing.buildings, 0.5),
        ):
            if upper is not None:
                self._log(f"{GRAPH}/{layer}", partial(nodes, upper, radius_m))
        for name, chunk_of_arrows in (("moves", drawing.moves), ("flow", drawing.flow)):
            if chunk_of_arrows is not None:
                self._log(f"{GRAPH}/{name}", partial(arrows, chunk_of_arrows))
        if drawing.hierarchy is not None:
            members, links_down = drawing.hierarchy
            self._log(HIERARCHY, partial(hierarchy, members, links_down))
        if drawing.events:
            self._log(EVENTS, lambda: rr.TextLog("\n".join(drawing.events)))
        self._put(COUNTS, lambda: self._draw_scalars(COUNTS, drawing.counts))

    def _log(self, entity: str, make: Callable[[], object]) -> None:
        def draw() -> None:
            shapes = make()
            self._rec.log(entity, *(shapes if isinstance(shapes, tuple) else (shapes,)))

        self._put(entity, draw)

    def _put(self, key: Hashable, draw: Job) -> None:
        number, stamp_ns = self._now

        def job() -> None:
            self._rec.set_time("frame", sequence=number)
            self._rec.set_time("time", duration=stamp_ns * 1e-9)
            draw()

        self._jobs.put(key, job)

    # run by the worker ------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._sink.open(blueprint())
            while (job := self._jobs.take()) is not None:
                self._sink.check()
                self._draw(job)
            self._sink.finish()
        except BaseException as error:  # rerun's own panics are no Exceptions
            logger.warning("the viewer is given up: %s", one_line(error))
            self._jobs.close(discard=True)

    def _draw(self, job: Job) -> None:
        try:
            job()
        except Exception:  # a picture that cannot be drawn must not cost the next ones
            logger.exception("the viewer could not draw")

    def _log_static(self) -> None:
        self._rec.log(WORLD, rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        classes = [(label.id, label.name, label.color) for label in self._labels.labels]
        self._rec.log(
            "/", rr.AnnotationContext([(0, "unknown", (60, 60, 60)), *classes]), static=True
        )

    def _draw_frame(self, frame: Frame, prediction: Prediction) -> None:
        step, pose = IMAGE_STRIDE, frame.world_from_camera
        rgb = np.ascontiguousarray(frame.rgb[::step, ::step])
        camera = frame.intrinsics.resized(rgb.shape[1], rgb.shape[0])
        self._rec.log(CAMERA, rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
        self._rec.log(
            IMAGE,
            rr.Pinhole(
                image_from_camera=camera.matrix,
                width=camera.width,
                height=camera.height,
                camera_xyz=rr.ViewCoordinates.RDF,
                image_plane_distance=0.6,
            ),
        )
        self._log_image("rgb", rgb)
        self._log_image("depth", depth_colors(prediction.depth_m[::step, ::step]))
        self._draw_said(prediction)

    def _draw_said(self, prediction: Prediction) -> None:
        """Labels, normals and edges, and a panel for each that there is."""
        says = tuple(name for name in PANELS if getattr(prediction, name) is not None)
        if says != self._shown:
            self._shown = says
            self._rec.send_blueprint(blueprint(says))
        step = IMAGE_STRIDE
        if prediction.labels is not None:
            labels = np.ascontiguousarray(prediction.labels[::step, ::step])
            self._rec.log(f"{IMAGE}/labels", rr.SegmentationImage(labels))
        if prediction.normals is not None:
            self._log_image("normals", normal_colors(prediction.normals[::step, ::step]))
        if prediction.edges is not None:
            self._log_image("edges", (prediction.edges[::step, ::step] * 255).astype(np.uint8))

    def _log_image(self, name: str, image: np.ndarray) -> None:
        encoded = rr.EncodedImage(contents=jpeg(image), media_type="image/jpeg")
        self._rec.log(f"{IMAGE}/{name}", encoded)

    def _draw_timings(self, times_ms: dict[str, float]) -> None:
        """Points, not lines: a stage that did not run in a frame shows nothing there."""
        for name in times_ms.keys() - self._stages:
            self._rec.log(f"{TIMINGS}/{name}", rr.SeriesPoints(), static=True)
        self._stages |= times_ms.keys()
        self._draw_scalars(TIMINGS, times_ms)

    def _draw_scalars(self, origin: str, values: dict[str, float] | dict[str, int]) -> None:
        for name, value in values.items():
            self._rec.log(f"{origin}/{name}", rr.Scalars(float(value)))

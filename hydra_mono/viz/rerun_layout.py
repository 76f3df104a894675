"""Where objects are logged in rerun, and the view one sees at first."""

from collections.abc import Collection

import rerun.blueprint as rrb

WORLD = "world"
CAMERA = "world/camera"
IMAGE = "world/camera/image"
MESH = "world/mesh"
GRAPH = "world/graph"
HIERARCHY = "hierarchy"
TIMINGS = "plots/milliseconds"
COUNTS = "plots/nodes"
EVENTS = "events"

PANELS = ("labels", "normals", "edges")  # beside image and depth, where a predictor says them


def blueprint(says: Collection[str] = ()) -> rrb.Blueprint:
    """The view at first sight: the world with its layers, the camera, the graph, the plots.

    ``says``: which of ``labels``, ``normals`` and ``edges`` there are to show beside depth.
    """
    shown = {"rgb": "Camera", "depth": "Depth"} | {name: name.capitalize() for name in says}
    camera, *others = [
        rrb.Spatial2DView(origin=f"/{IMAGE}", name=title, contents=[f"$origin/{name}"])
        for name, title in shown.items()
    ]
    unseen = [f"- /{IMAGE}/{name}" for name in ("depth", *PANELS)]  # one image in the frustum
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Spatial3DView(
                origin=f"/{WORLD}", name="Scene graph", contents=["$origin/**", *unseen]
            ),
            rrb.Vertical(
                camera,
                rrb.Grid(*others, grid_columns=2),
                rrb.GraphView(origin=f"/{HIERARCHY}", name="Building, rooms, objects"),
                rrb.Tabs(
                    rrb.TimeSeriesView(origin=f"/{TIMINGS}", name="Milliseconds"),
                    rrb.TimeSeriesView(origin=f"/{COUNTS}", name="Nodes"),
                    rrb.TextLogView(origin=f"/{EVENTS}", name="Events"),
                ),
                row_shares=[3, 4, 3, 2],
            ),
            column_shares=[5, 3],
        ),
        rrb.TimePanel(timeline="frame", state="collapsed"),
        collapse_panels=True,
    )

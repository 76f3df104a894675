"""What several maps saw twice becomes one: places, objects, rooms and buildings."""

from hydra_mono.graph.merge.balls import Balls
from hydra_mono.graph.merge.objects import join_objects
from hydra_mono.graph.merge.places import join_places
from hydra_mono.graph.merge.rooms import join_buildings, join_rooms
from hydra_mono.graph.merge.rule import RULE, MergeRule, Reconciled
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer


def reconcile(graph: SceneGraph, stamp_ns: int, rule: MergeRule = RULE) -> Reconciled:
    """Joins what several robots saw; the lower robot's node stays, with what is better known.

    Objects, rooms and buildings that become part of others stay as memories (``merged``); places,
    which are planned anew all the time, go. Costs n log n of the nodes.
    """
    done = Reconciled()
    join_objects(graph, stamp_ns, rule, done)
    places = {s: n for s, n in graph.present(Layer.PLACES) if isinstance(n, PlaceNode)}
    tree = Balls(places)
    join_rooms(graph, tree, stamp_ns, rule, done)
    join_places(graph, tree, rule, done)
    join_buildings(graph, stamp_ns, rule, done)
    return done

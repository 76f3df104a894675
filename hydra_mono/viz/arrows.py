"""Arrows: of agents, of objects that were moved, and of how many went through each place."""

import colorsys
import math
from itertools import pairwise

from hydra_mono.graph.model.flow import SECTORS
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import AGENT_PREFIXES, Layer, NodeSymbol
from hydra_mono.graph.model.timed import flows
from hydra_mono.viz.chunks import ArrowChunk, array, colors_of, lifted, place_color

ARROW_M = 0.25  # of one visit: arrows of neighbouring places do not reach one another


def agent_color(symbol: NodeSymbol) -> tuple[int, int, int]:
    """One of its own: hues apart by the golden angle, which never come close soon."""
    hue = (AGENT_PREFIXES.index(symbol.prefix) * 0.618034) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.8, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def move_arrows(graph: SceneGraph) -> ArrowChunk:
    """From each spot where an object that was moved stood to the next."""
    steps = [
        (start, end, node.color)
        for _, node in graph.present(Layer.OBJECTS)
        if isinstance(node, ObjectNode)
        for start, end in pairwise(node.trajectory.positions_m)
    ]
    return ArrowChunk(
        positions_m=array(start for start, _, _ in steps),
        vectors_m=array(end for _, end, _ in steps) - array(start for start, _, _ in steps),
        colors=colors_of(color for _, _, color in steps),
    )


def flow_arrows(graph: SceneGraph) -> ArrowChunk:
    """At each visited place an arrow into every direction taken, longer for more visits."""
    arrows = []
    for symbol, flow in flows(graph).items():
        place = graph.find_node(symbol)
        for sector, count in enumerate(flow.directions):
            if count and place is not None:
                angle, length_m = 2 * math.pi * sector / SECTORS, ARROW_M * (1 + math.log2(count))
                step_m = (length_m * math.cos(angle), length_m * math.sin(angle), 0.0)
                arrows.append((lifted(place, Layer.PLACES), step_m, place_color(graph, symbol)))
    return ArrowChunk(
        positions_m=array(start for start, _, _ in arrows),
        vectors_m=array(step_m for _, step_m, _ in arrows),
        colors=colors_of(color for _, _, color in arrows),
    )

"""``hydra-mono mcp``: the verbs on a saved graph as tools of a Model Context Protocol server."""

import argparse
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from hydra_mono.cli.saved.query import questions_of
from hydra_mono.core.errors import HydraMonoError, MissingDependencyError
from hydra_mono.graph.query.grammar import FORMS, parse
from hydra_mono.graph.query.questions import Questions
from hydra_mono.outputs import SavedGraph, load_graph, save_edits

Told = dict[str, Any]
INSTRUCTIONS = (
    "A 3D scene graph of a building: rooms, objects in them, free places between them. Positions "
    "are metres, z up. Every answer has a status: found; none (looked at, and there is none); "
    "not seen yet (nobody has looked there); was there until (it left). Call rooms or objects "
    "first to learn names; ids such as O(7) and R(2) are names too."
)


def mcp(options: argparse.Namespace) -> int:
    """Serves on standard input and output until the client leaves."""
    server = create_server(load_graph(Path(options.run)), may_edit=options.edit)
    server.run("stdio")
    return 0


def create_server(saved: SavedGraph, *, may_edit: bool) -> Any:
    """The server; tools that edit only where that is allowed.

    Raises:
        MissingDependencyError: the package ``mcp`` is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError as error:
        raise MissingDependencyError(
            f"the server needs the package mcp ({error}); pip install 'hydra-mono[mcp]'"
        ) from error
    server = MCPServer("hydra-mono", instructions=INSTRUCTIONS)
    questions = questions_of(saved)
    tools = reading_tools(questions)
    for tool in (*tools, *(editing_tools(questions, saved) if may_edit else ())):
        server.add_tool(_telling(tool, ToolError))
    return server


def _telling(tool: Callable[..., Told], error_kind: type[Exception]) -> Callable[..., Told]:
    """The tool with our errors as the kind whose text the client is shown."""

    @wraps(tool)
    def told(*arguments: Any, **named: Any) -> Told:
        try:
            return tool(*arguments, **named)
        except HydraMonoError as error:
            raise error_kind(str(error)) from error

    return told


def reading_tools(questions: Questions) -> list[Callable[..., Told]]:
    """One function a verb; names, types and sentences become the tools' descriptions."""
    return [
        *tools_of_objects(questions),
        *tools_of_space(questions),
        *tools_of_time(questions),
        tool_of_words(questions),
    ]


def tools_of_objects(questions: Questions) -> list[Callable[..., Told]]:
    """What there is, where, and how to get a look at it."""

    def objects(category: str = "", room: str = "", storey: int | None = None) -> Told:
        """Objects, of a class (chair), in a room (kitchen 3), on a storey from 0; else all."""
        return questions.objects(category or None, room or None, storey).plain()

    def nearest(category: str, start: str = "") -> Told:
        """The object of a class nearest to an object, room or place; else to the camera."""
        return questions.nearest(category, start or None).plain()

    def where(name: str) -> Told:
        """Where an object is: room, position, box; or where it was and until when."""
        return questions.where(name).plain()

    def approach(name: str) -> Told:
        """Poses to stand at an object: free, reachable, facing it; best first."""
        return questions.approach(name).plain()

    def relations(name: str) -> Told:
        """What an object is on, in, under or next to, and what is on it."""
        return questions.relations(name).plain()

    return [objects, nearest, where, approach, relations]


def tools_of_space(questions: Questions) -> list[Callable[..., Told]]:
    """Rooms, and how to get from one to another."""

    def rooms(category: str = "", storey: int | None = None) -> Told:
        """Rooms, of a kind (bedroom), on a storey; with area, evidence and number of objects."""
        return questions.rooms(category or None, storey).plain()

    def path(end: str, start: str = "") -> Told:
        """The shortest path between two objects, rooms or places: points, length, clearance."""
        return questions.path(start or None, end).plain()

    def neighbours(room: str) -> Told:
        """The rooms next to a room."""
        return questions.neighbours(room).plain()

    def doors(room: str) -> Told:
        """What leads out of a room: doors and openings, their widths, whether they are open."""
        return questions.doors(room).plain()

    def windows(room: str) -> Told:
        """The windows of a room: where, their sizes, how far above the floor."""
        return questions.windows(room).plain()

    return [rooms, path, neighbours, doors, windows]


def tools_of_time(questions: Questions) -> list[Callable[..., Told]]:
    """What was, and what became of it."""

    def last_seen(name: str) -> Told:
        """When and where an object was last seen."""
        return questions.last_seen(name).plain()

    def changed(seconds: float) -> Told:
        """What came, went or moved in the last seconds before the latest look."""
        since_ns = questions.snapshot().now_ns - round(seconds * 1e9)
        return questions.changed(since_ns).plain()

    return [last_seen, changed]


def tool_of_words(questions: Questions) -> Callable[..., Told]:
    """All of it in one tool, which takes a sentence."""

    def ask(question: str) -> Told:
        question_read = parse(question, questions.snapshot().now_ns)
        if question_read.is_edit:
            return {"status": "refused", "note": "this tool changes nothing", "items": []}
        answer: Any = getattr(questions, question_read.verb)(**question_read.arguments)
        return dict(answer.plain())

    ask.__doc__ = f"A question in words: {FORMS}"
    return ask


def editing_tools(questions: Questions, saved: SavedGraph) -> list[Callable[..., Told]]:
    """The tools that change the map; each saves it."""

    def rename(name: str, new_name: str) -> Told:
        """Gives an object or a room a name of its own."""
        return _saved(questions.rename(name, new_name), saved)

    def remove(name: str) -> Told:
        """Says that an object is not there."""
        return _saved(questions.remove(name), saved)

    def add(category: str, x: float, y: float, z: float) -> Told:
        """Adds an object of a class round a point, 0.3 m large."""
        return _saved(questions.add(category, (x, y, z)), saved)

    return [rename, remove, add]


def _saved(answer: Any, saved: SavedGraph) -> Told:
    save_edits(saved)
    return dict(answer.plain())

"""A small grammar of questions: words in, a verb and its arguments out.

    objects | rooms | bedrooms          all of them
    [list|count|how many] CLASS [in ROOM] [on storey N]
    nearest CLASS [to X]                X: an object, a room, a place, or x,y,z; else the camera
    where is OBJECT
    approach OBJECT
    path [from X] to X
    neighbours of ROOM | doors of ROOM | windows of ROOM
    relations of OBJECT | what is on OBJECT
    last seen OBJECT
    changed [since SECONDS]             seconds before the last look; none: all that happened
    rename X to NAME | remove OBJECT | add CLASS at x,y,z [size a,b,c]

OBJECT is ``chair 7``, ``O(7)``, a name given by hand, or a class that there is one of; ROOM is
``kitchen``, ``room 3`` or ``R(2)``. Articles and capitals do not matter.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from hydra_mono.core.errors import QueryError
from hydra_mono.graph.query.answers import Answer
from hydra_mono.graph.query.questions import EDITS, Questions
from hydra_mono.graph.query.snapshot.words import plain_words

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_POINT = rf"\(?\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)?"
_LIST = r"(?:(?:list|count|show|how\s+many)\s+)?(?:all\s+)?"
_KINDS = r"(?:(?:bed|bath|living\s+|dining\s+)room|kitchen|office|corridor|staircase)"
_STOREY = r"(?:\s+on\s+storey\s+(?P<storey>\d+))?"
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("rooms", rf"{_LIST}(?:rooms|(?P<category>{_KINDS})s){_STOREY}"),
    ("nearest", r"(?:nearest|closest)\s+(?P<category>.+?)(?:\s+(?:to|from)\s+(?P<start>.+))?"),
    ("where", r"where(?:\s+is|\s+was|\s+are)?\s+(?P<name>.+)"),
    ("approach", r"(?:approach|stand\s+at)\s+(?P<name>.+)"),
    ("path", r"(?:path|way|route)(?:\s+from\s+(?P<start>.+?))?\s+to\s+(?P<end>.+)"),
    ("neighbours", r"neighbou?rs\s+(?:of\s+)?(?P<room>.+)"),
    ("doors", r"doors\s+(?:of\s+)?(?P<room>.+)"),
    ("windows", r"windows\s+(?:of\s+|in\s+)?(?P<room>.+)"),
    ("relations", r"(?:relations\s+(?:of\s+)?|what\s+is\s+(?:on|in|under|at)\s+)(?P<name>.+)"),
    ("last_seen", r"last\s+seen\s+(?P<name>.+)"),
    ("changed", rf"(?:what\s+)?changed?(?:\s+since\s+(?P<seconds>{_NUMBER})\s*s?)?"),
    ("rename", r"rename\s+(?P<name>.+?)\s+to\s+(?P<new_name>.+)"),
    ("remove", r"remove\s+(?P<name>.+)"),
    ("add", r"add\s+(?P<category>.+?)\s+at\s+(?P<position_m>.+?)(?:\s+size\s+(?P<size_m>.+))?"),
    (
        "objects",
        rf"{_LIST}(?P<category>.+?)(?:\s+in\s+(?P<room>.+?))?{_STOREY}",
    ),
)
FORMS = (
    "objects, rooms, nearest X to Y, where is X, approach X, path from X to Y, doors of ROOM, ..."
)


@dataclass(frozen=True, slots=True)
class Question:
    """A verb of ``Questions`` and its arguments."""

    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_edit(self) -> bool:
        return self.verb in EDITS


def parse(text: str, now_ns: int = 0) -> Question:
    """The question that a sentence is; ``now_ns`` is when seconds are counted back from.

    Raises:
        QueryError: it is none.
    """
    words = " ".join(text.split()).rstrip("?.! ")
    for verb, pattern in _PATTERNS:
        match = re.fullmatch(pattern, words, re.IGNORECASE)
        if match is not None:
            given = {name: value for name, value in match.groupdict().items() if value}
            return Question(verb, _arguments(verb, given, now_ns))
    raise QueryError(f"'{words[:80]}' is no question: try {FORMS}")


def _arguments(verb: str, given: dict[str, str], now_ns: int) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(given)
    if "storey" in given:
        arguments["storey"] = int(given["storey"])
    if verb == "path":
        arguments = {"start": _where(given.get("start")), "end": _where(given["end"])}
    if verb == "nearest":
        arguments["start"] = _where(given.get("start"))
    if verb == "changed":
        since_s = given.get("seconds")
        return {"since_ns": now_ns - round(float(since_s) * 1e9) if since_s else None}
    if verb == "add":
        for name in ("position_m", "size_m"):
            if name in given:
                arguments[name] = _point(given[name])
    if verb == "objects" and plain_words(given["category"]) in ("objects", "things", "everything"):
        del arguments["category"]
    return arguments


def _where(text: str | None) -> str | tuple[float, float, float] | None:
    if text is None:
        return None
    return _point(text) if re.fullmatch(_POINT, text) else text


def _point(text: str) -> tuple[float, float, float]:
    match = re.fullmatch(_POINT, text.strip())
    if match is None:
        raise QueryError(f"'{text}' is no point: write x,y,z in metres")
    return float(match[1]), float(match[2]), float(match[3])


def ask(questions: Questions, text: str) -> Answer[Any]:
    """The answer to a sentence.

    Raises:
        QueryError: the sentence is no question, or names what the graph does not know.
    """
    question = parse(text, questions.snapshot().now_ns)
    answer: Answer[Any] = getattr(questions, question.verb)(**question.arguments)
    return answer

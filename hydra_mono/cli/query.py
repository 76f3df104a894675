"""``hydra-mono query``: a question to a saved graph."""

import argparse
import json
from pathlib import Path

from hydra_mono.core.errors import QueryError
from hydra_mono.graph.query.grammar import parse
from hydra_mono.graph.query.lines import answer_lines
from hydra_mono.graph.query.questions import Questions
from hydra_mono.outputs import SavedGraph, load_graph, save_edits


def query(options: argparse.Namespace) -> int:
    """Prints the answer; what is edited is saved before it is told."""
    saved = load_graph(Path(options.run))
    questions = questions_of(saved)
    question = parse(" ".join(options.question), questions.snapshot().now_ns)
    if question.is_edit and not options.edit:
        raise QueryError(f"'{question.verb}' changes the map: add --edit")
    answer = getattr(questions, question.verb)(**question.arguments)
    if question.is_edit:
        save_edits(saved)
    if options.json:
        print(json.dumps({"verb": question.verb, **answer.plain()}, ensure_ascii=False, indent=1))
    else:
        print("\n".join(answer_lines(answer)))
    return 0


def questions_of(saved: SavedGraph) -> Questions:
    """The verbs on a saved graph."""
    return Questions(saved.graph, saved.labels, restored_ns=saved.restored_ns)

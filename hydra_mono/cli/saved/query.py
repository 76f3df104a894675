"""``hydra-mono query``: a question to a saved graph."""

import argparse
import json
import re
from pathlib import Path

from hydra_mono.cli.progress import print_table
from hydra_mono.core.errors import QueryError
from hydra_mono.graph.query.cypher import cypher
from hydra_mono.graph.query.grammar import parse
from hydra_mono.graph.query.lines import answer_lines
from hydra_mono.graph.query.questions import Questions
from hydra_mono.outputs import SavedGraph, load_graph, save_edits


def query(options: argparse.Namespace) -> int:
    """Prints the answer; what is edited is saved before it is told."""
    saved = load_graph(Path(options.run))
    questions = questions_of(saved)
    if options.cypher:
        return _cypher(questions, " ".join(options.question), as_json=options.json)
    question = parse(" ".join(options.question), questions.snapshot().now_ns)
    if question.is_edit and not options.edit:
        raise QueryError(f"'{question.verb}' changes the map: add --edit")
    answer = getattr(questions, question.verb)(**question.arguments)
    if question.is_edit:
        save_edits(saved)
    is_count = re.match(r"(count|how many)\b", " ".join(options.question).strip(), re.IGNORECASE)
    if is_count and not options.json:
        print(len(answer.items) if answer.is_found else 0)
    elif options.json:
        print(json.dumps({"verb": question.verb, **answer.plain()}, ensure_ascii=False, indent=1))
    else:
        print("\n".join(answer_lines(answer)))
    return 0


def _cypher(questions: Questions, text: str, *, as_json: bool) -> int:
    rows = cypher(questions.snapshot(), text)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    elif not rows:
        print("there is none")
    else:
        print_table([tuple(map(str, row.values())) for row in rows], header=tuple(rows[0]))
    return 0


def questions_of(saved: SavedGraph) -> Questions:
    """The verbs on a saved graph."""
    return Questions(saved.graph, saved.labels, restored_ns=saved.restored_ns)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.core.errors import GraphError
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

symbols = st.builds(NodeSymbol, st.sampled_from("OpRBabcdefghijxyz"), st.integers(0, 2**56 - 1))


@pytest.mark.parametrize(
    ("prefix", "value"),
    [
        ("O", 5692549928996306944),
        ("p", 8070450532247928832),
        ("R", 5908722711110090752),
        ("B", 4755801206503243776),
        ("a", 6989586621679009792),
    ],
)
def test_values_are_those_of_spark_dsg(prefix: str, value: int) -> None:
    assert NodeSymbol(prefix, 0).value == value
    assert NodeSymbol(prefix, 17).value == value + 17


def test_the_library_itself_agrees() -> None:
    spark_dsg = pytest.importorskip("spark_dsg")
    for symbol in (NodeSymbol("O", 4), NodeSymbol("p", 135), NodeSymbol("a", 2**40)):
        theirs = spark_dsg.NodeSymbol(symbol.prefix, symbol.number)
        assert theirs.value == symbol.value
        assert str(theirs) == str(symbol)


@given(symbols)
def test_a_written_symbol_reads_back(symbol: NodeSymbol) -> None:
    assert NodeSymbol.parse(str(symbol)) == symbol


@given(symbols, symbols)
def test_values_tell_symbols_apart(a: NodeSymbol, b: NodeSymbol) -> None:
    assert (a.value == b.value) == (a == b)
    assert 0 <= a.value < 2**63


@pytest.mark.parametrize(
    "text", ["", "O4", "O()", "O(-1)", "P(1)", "O(4) ", "OO(4)", "O(٤)", f"O({2**56})", "Z(1)"]
)
def test_what_is_no_symbol_is_refused(text: str) -> None:
    with pytest.raises(GraphError):
        NodeSymbol.parse(text)


def test_ancestors_have_higher_layers_and_agents_partitions_of_their_own() -> None:
    layers = [NodeSymbol(prefix, 0).layer for prefix in "OpRB"]
    assert layers == sorted(layers) == list(Layer)
    agent, other = NodeSymbol("a", 0), NodeSymbol("b", 0)
    assert agent.layer == Layer.OBJECTS
    assert len({agent.partition, other.partition, NodeSymbol("O", 0).partition}) == 3

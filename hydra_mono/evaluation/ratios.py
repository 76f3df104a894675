"""Shares and their harmonic mean, with ``None`` where there was nothing to score."""


def share(part: int, whole: int) -> float | None:
    """``part / whole``; None of nothing."""
    return part / whole if whole > 0 else None


def harmonic(precision: float | None, recall: float | None) -> float | None:
    """F1 of the two; an empty side counts as 0 unless both are empty."""
    if precision is None and recall is None:
        return None
    a, b = precision or 0.0, recall or 0.0
    return 2 * a * b / (a + b) if a + b > 0 else 0.0


def mean(values: list[float]) -> float | None:
    return float(sum(values) / len(values)) if values else None

"""The best pairs of old and new things by their scores, and by how much each is the best."""

from __future__ import annotations

from collections.abc import Sequence


def assign(scores: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) whose sum of scores is the greatest possible (the Hungarian method).

    Args:
        scores: a row for each old thing, a number from 0 to 1 for each new one in it.
    """
    if not scores or not scores[0]:
        return []
    if len(scores) > len(scores[0]):
        turned = [list(column) for column in zip(*scores, strict=True)]
        return sorted((row, column) for column, row in assign(turned))
    return _cheapest([[1.0 - score for score in row] for row in scores])


def _cheapest(cost: list[list[float]]) -> list[tuple[int, int]]:
    """Return for each row its column, by shortest augmenting paths; there are at least as many columns as rows."""
    rows, columns = len(cost), len(cost[0])
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner, came_from = [0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0], at = row, 0
        nearest, seen = [float("inf")] * (columns + 1), [False] * (columns + 1)
        while owner[at]:
            seen[at] = True
            step, following = float("inf"), 0
            for column in range(1, columns + 1):
                if seen[column]:
                    continue
                reduced = cost[owner[at] - 1][column - 1] - row_price[owner[at]] - column_price[column]
                if reduced < nearest[column]:
                    nearest[column], came_from[column] = reduced, at
                if nearest[column] < step:
                    step, following = nearest[column], column
            for column in range(columns + 1):
                if seen[column]:
                    row_price[owner[column]] += step
                    column_price[column] -= step
                else:
                    nearest[column] -= step
            at = following
        while at:
            owner[at], at = owner[came_from[at]], came_from[at]
    return sorted((owner[column] - 1, column - 1) for column in range(1, columns + 1) if owner[column])


def margin(values: Sequence[Sequence[float]], pairs: Sequence[tuple[int, int]], row: int, column: int) -> float:
    """Return how much the sum of scores falls when a pair is given up for the next best reading.

    The readings that are looked at: the row takes a column that is free, or none; the column takes a row that is free;
    or the pair exchanges its ends with another one.

    Args:
        values: the scores.
        pairs: the best assignment.
        row: of the pair.
        column: of the pair.
    """
    own = values[row][column]
    taken_rows, taken_columns = {r for r, _ in pairs}, {c for _, c in pairs}
    losses = [own]
    losses += [own - value for at, value in enumerate(values[row]) if at not in taken_columns]
    losses += [own - line[column] for at, line in enumerate(values) if at not in taken_rows]
    losses += [own + values[r][c] - values[row][c] - values[r][column] for r, c in pairs if r != row]
    return min(losses)

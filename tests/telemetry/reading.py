"""Reading metrics as collectors do: with the parsers of `prometheus_client`, and with checks of what those let pass."""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

__all__ = ["OPEN", "Scraped", "parsed"]

OPEN = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


class Scraped(NamedTuple):
    """What a page says."""

    values: Mapping[tuple[str, frozenset[tuple[str, str]]], float]
    families: Mapping[str, Metric]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of the one line with that name and all *labels*, whatever others it has; 0 for none."""
        return sum(value for (each, having), value in self.values.items() if each == name and labels.items() <= having)

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the values of the lines with that name, added up by the values of *labels*."""
        found: dict[tuple[str, ...], float] = {}
        for (each, having), value in self.values.items():
            if each == name:
                key = tuple(dict(having).get(label, "") for label in labels)
                found[key] = found.get(key, 0.0) + value
        return found


def parsed(text: str) -> Scraped:
    """Return what *text* says, in either format, once it is found to be well formed."""
    is_open = text.endswith("# EOF\n")
    families = list((read_open if is_open else read_text)(text))
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    values: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in families:
        assert family.documentation
        assert family.type in {"counter", "gauge", "histogram"}
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in values, key
            values[key] = sample.value
        if family.type == "histogram":
            _check_histogram(family)
    return Scraped(values, {family.name: family for family in families})


def _check_histogram(family: Metric) -> None:
    series: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
    counts: dict[frozenset[tuple[str, str]], float] = {}
    for sample in family.samples:
        labels = frozenset((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            series.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_count"):
            counts[labels] = sample.value
    assert series.keys() == counts.keys()
    for labels, found in series.items():
        bounds, cumulated = [bound for bound, _ in found], [value for _, value in found]
        assert sorted(set(bounds)) == bounds
        assert bounds[-1] == inf
        assert sorted(cumulated) == cumulated
        assert counts[labels] == cumulated[-1]

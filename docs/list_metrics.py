"""Write the table of metrics into reference/metrics.md: python docs/list_metrics.py."""

from pathlib import Path

from perdure.telemetry.metric import Metric
from perdure.telemetry.prometheus_names import exposed_names, label_name
from perdure.telemetry.table import TABLE

PAGE = Path(__file__).parent / "reference" / "metrics.md"
MARK = "<!-- From here on: python docs/list_metrics.py -->\n"


def metrics() -> str:
    """Return a section for every metric."""
    return "\n".join(line for metric in TABLE for line in section(metric))


def section(metric: Metric) -> list[str]:
    """Return what is told of *metric*."""
    names = exposed_names(metric)
    shown = {"counter": names[1:2], "gauge": names[:1], "histogram": names[1:4]}[metric.kind]
    labels = ", ".join(f"`{label_name(label)}`" for label in metric.labels) or "none"
    told = [
        f"## {metric.name}", "", metric.help, "",
        f"- In Prometheus: {', '.join(f'`{name}`' for name in shown)}",
        f"- Kind: {metric.kind}; unit: `{metric.unit}`",
        f"- Labels: {labels}",
    ]  # fmt: skip
    if metric.bounds:
        told.append(f"- Buckets up to: {', '.join(f'{bound:g}' for bound in metric.bounds)}")
    if metric.across != "sum":
        told.append(f"- Of several processes: the {metric.across}imum")
    return [*told, ""]


def main() -> None:
    kept, mark, _ = PAGE.read_text("utf-8").partition(MARK)
    PAGE.write_text(kept + mark + "\n" + metrics(), "utf-8")


if __name__ == "__main__":
    main()

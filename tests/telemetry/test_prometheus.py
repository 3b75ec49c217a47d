"""What is written for Prometheus."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

from perdure.telemetry.families import Buckets, Family, Sample
from perdure.telemetry.metric import Metric
from perdure.telemetry.prometheus import OPEN_METRICS, TEXT, Format, chosen_format, expose
from perdure.telemetry.prometheus_names import metric_name
from perdure.telemetry.table import TABLE
from tests.telemetry.reading import parsed

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", TEXT), ("*/*", TEXT), ("text/html", TEXT), ("text/plain", TEXT), (PROMETHEUS, OPEN_METRICS),
        ("application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.8", TEXT),
        ("application/openmetrics-text;q=0", TEXT), ("application/openmetrics-text;q=x", TEXT),
        ("APPLICATION/OpenMetrics-Text", OPEN_METRICS), (";,;q=", TEXT),
    ],
)  # fmt: skip
def test_format_is_what_the_collector_likes_best(accept: str, expected: Format) -> None:
    assert expected == chosen_format(accept)


@pytest.mark.parametrize(
    ("name", "kind", "unit", "expected"),
    [
        ("http.server.request.duration", "histogram", "s", "http_server_request_duration_seconds"),
        ("http.server.response.body.size", "histogram", "By", "http_server_response_body_size_bytes"),
        ("http.server.active_requests", "gauge", "{request}", "http_server_active_requests"),
        ("shop.wait.seconds", "gauge", "s", "shop_wait_seconds"),
        ("shop.load", "gauge", "1", "shop_load_ratio"),
        ("shop.speed", "gauge", "m/s", "shop_speed_meters_per_second"),
        ("shop-a.b__c", "counter", "", "shop_a_b_c"),
    ],
)
def test_names_follow_the_rules_of_opentelemetry(name: str, kind: str, unit: str, expected: str) -> None:
    family = Family(name=name, kind=kind, unit=unit, help="")  # type: ignore[arg-type]
    assert expected == metric_name(family)


def test_page_is_written_as_the_formats_say() -> None:
    buckets = Buckets(bounds=(0.1, 1e7), counts=(1, 0, 2), total=3e8, exemplars=(None, None, (2e8, "ab" * 16, 12.0)))
    families = [
        Family(name="a.done", kind="counter", unit="", help='A "b"\\\n', samples=(Sample((("x.y", 'q"\\\n'),), 1.0),)),
        Family(name="a.size", kind="histogram", unit="By", help="Size.", samples=(Sample((), buckets),)),
        Family(name="a.empty", kind="gauge", unit="", help="None."),
    ]
    assert (
        '# HELP a_done_total A "b"\\\\\\n\n# TYPE a_done_total counter\na_done_total{x_y="q\\"\\\\\\n"} 1.0\n'
        "# HELP a_size_bytes Size.\n# TYPE a_size_bytes histogram\n"
        'a_size_bytes_bucket{le="0.1"} 1\na_size_bytes_bucket{le="1e+07"} 1\na_size_bytes_bucket{le="+Inf"} 3\n'
        "a_size_bytes_sum 300000000.0\na_size_bytes_count 3\n"
    ) == expose(families, TEXT).decode()
    assert (
        '# HELP a_done A \\"b\\"\\\\\\n\n# TYPE a_done counter\na_done_total{x_y="q\\"\\\\\\n"} 1.0\n'
        "# HELP a_size_bytes Size.\n# TYPE a_size_bytes histogram\n# UNIT a_size_bytes bytes\n"
        'a_size_bytes_bucket{le="0.1"} 1\na_size_bytes_bucket{le="1e+07"} 1\n'
        f'a_size_bytes_bucket{{le="+Inf"}} 3 # {{trace_id="{"ab" * 16}"}} 200000000.0 12.000\n'
        "a_size_bytes_sum 300000000.0\na_size_bytes_count 3\n# EOF\n"
    ) == expose(families, OPEN_METRICS).decode()
    opened = parsed(expose(families, OPEN_METRICS).decode())
    exemplar = opened.families["a_size_bytes"].samples[2].exemplar
    assert exemplar is not None
    assert {"trace_id": "ab" * 16} == exemplar.labels


@pytest.mark.parametrize(("form", "has_count"), [(TEXT, True), (OPEN_METRICS, False)])
def test_histogram_of_negative_values_has_no_sum_as_that_could_fall(form: Format, has_count: bool) -> None:
    buckets = Buckets(bounds=(-1.0, 1.0), counts=(1, 0, 0), total=-5.0)
    families = [Family(name="a.delta", kind="histogram", unit="By", help="Moves.", samples=(Sample((), buckets),))]
    page = expose(families, form).decode()
    (family,) = (read_open if form.is_open else read_text)(page)
    names = {"a_delta_bytes_bucket"} | ({"a_delta_bytes_count"} if has_count else set())
    assert names == {sample.name for sample in family.samples}


def test_no_two_metrics_of_the_table_have_a_line_in_common() -> None:
    names = [metric_name(metric) for metric in TABLE]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("metric", TABLE, ids=lambda metric: metric.name)
def test_every_metric_of_the_table_says_what_it_is(metric: Metric) -> None:
    assert metric.help.endswith((".", "…"))
    assert metric.name.startswith(("http.server.", "perdure.", "process.", "cpython."))
    assert metric.unit

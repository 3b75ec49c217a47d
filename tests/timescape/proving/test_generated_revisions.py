"""Histories made at random, whose transformers are right by construction, pass; with one of them gone, they do not.

They are those of property 17: renames, wraps, other tags and forms of types that lie within each other in every way,
and endpoints that move; but for echoes, whose way back asserts more than their type says.
"""

from hypothesis import HealthCheck, Phase, assume, given, settings
from msgspec import structs

from perdure.timescape.proving.proof import Effort, prove
from perdure.timescape.proving.report import Report
from perdure.timescape.proving.subject import Subject
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.revision import is_endpoint_key
from perdure.timescape.timescape import Timescape
from tests.properties.test_property_17_transformer_chains import Model, models

Generated = tuple[Model, tuple[RecordedRevision, ...]]
few = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def proved(revisions: tuple[RecordedRevision, ...]) -> Report:
    return prove(Subject(timescape=Timescape(revisions)), Effort(examples=2))


@few
@given(models())
def test_right_history_passes(generated: Generated) -> None:
    model, revisions = generated
    assume(all(how.echo is None for written in model.written for how in written))
    report = proved(revisions)
    assert report.ok, str(report)


@settings(few, max_examples=6)
@given(models())
def test_history_without_a_function_for_endpoints_fails(generated: Generated) -> None:
    _, revisions = generated
    places = [
        (number, each)
        for number, revision in enumerate(revisions)
        for each in revision.transformers
        if is_endpoint_key(each.target) and each.direction == "request"
    ]
    assume(places)
    number, gone = places[0]
    broken = revisions[number]
    kept = tuple(each for each in broken.transformers if each is not gone)
    chain = (*revisions[:number], structs.replace(broken, transformers=kept), *revisions[number + 1 :])
    report = proved(chain)
    assert broken.name in {failure.revision for failure in report.failures}, str(report)

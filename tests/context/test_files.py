"""How a file is answered with."""

import os
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.context.answers import File, check_header
from perdure.context.files import Conditions, FilePlan, plan_file

MODIFIED = 1_700_000_000
CONTENT = b"0123456789"


@pytest.fixture
def file(tmp_path: Path) -> File:
    path = tmp_path / "digits.txt"
    path.write_bytes(CONTENT)
    os.utime(path, (MODIFIED, MODIFIED))
    return File(path)


def header(plan: FilePlan, name: str) -> str | None:
    values = [value for known, value in plan.headers if known == name]
    assert len(values) <= 1
    return values[0] if values else None


def etag_of(file: File) -> str:
    etag = header(plan_file(file, Conditions()), "etag")
    assert etag is not None
    return etag


def test_whole_file_has_validators_type_and_length(file: File) -> None:
    plan = plan_file(file, Conditions())
    assert (plan.status, plan.start, plan.stop, plan.size) == (200, 0, 10, 10)
    assert header(plan, "content-length") == "10"
    assert header(plan, "content-type") == "text/plain; charset=utf-8"
    assert header(plan, "accept-ranges") == "bytes"
    assert header(plan, "last-modified") == formatdate(MODIFIED, usegmt=True) == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert header(plan, "content-disposition") is None
    for name, value in plan.headers:
        check_header(name, value)


def test_etag_changes_with_content_and_time(file: File) -> None:
    before = etag_of(file)
    os.utime(file.path, (MODIFIED, MODIFIED + 1))
    later = etag_of(file)
    Path(file.path).write_bytes(b"other length")
    os.utime(file.path, (MODIFIED, MODIFIED))
    assert len({before, later, etag_of(file)}) == 3


def test_missing_file_and_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        plan_file(File(tmp_path / "none"), Conditions())
    with pytest.raises(OSError, match="not a regular file"):
        plan_file(File(tmp_path), Conditions())


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("bytes=0-0", 0, 1), ("bytes=2-4", 2, 5), ("bytes=5-", 5, 10), ("bytes=0-", 0, 10), ("bytes=-3", 7, 10),
        ("bytes=-100", 0, 10), ("bytes=8-100", 8, 10), ("bytes= 1-2 ", 1, 3), ("bytes=0-999999999999999999", 0, 10),
    ],
)  # fmt: skip
def test_range_gives_the_part(file: File, text: str, start: int, stop: int) -> None:
    plan = plan_file(file, Conditions(range=text))
    assert (plan.status, plan.start, plan.stop) == (206, start, stop)
    assert header(plan, "content-range") == f"bytes {start}-{stop - 1}/10"
    assert header(plan, "content-length") == str(stop - start)


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=999999999999999999-"])
def test_range_outside_is_not_satisfiable(file: File, text: str) -> None:
    plan = plan_file(file, Conditions(range=text))
    assert (plan.status, plan.start, plan.stop) == (416, 0, 0)
    assert header(plan, "content-range") == "bytes */10"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=4-2",
        "lines=0-1",
        "bytes=0-1,3-4",
        "bytes=+1-2",
        "bytes=\u0661-",
    ],
)
def test_range_that_cannot_be_used_is_passed_over(file: File, text: str) -> None:
    assert plan_file(file, Conditions(range=text)).status == 200


def test_empty_file_is_sent_whole_and_has_no_part(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    empty = File(tmp_path / "empty")
    assert (plan_file(empty, Conditions()).status, plan_file(empty, Conditions()).stop) == (200, 0)
    assert plan_file(empty, Conditions(range="bytes=0-")).status == 416
    assert plan_file(empty, Conditions(range="bytes=-5")).status == 416


OLDER, NEWER, SAME = (formatdate(MODIFIED + seconds, usegmt=True) for seconds in (-1, 1, 0))


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        (Conditions(if_none_match="*"), 304),
        (Conditions(if_none_match='"x", W/"y"'), 200),
        (Conditions(if_modified_since=SAME), 304),
        (Conditions(if_modified_since=NEWER), 304),
        (Conditions(if_modified_since=OLDER), 200),
        (Conditions(if_modified_since="yesterday"), 200),
        (Conditions(if_none_match='"x"', if_modified_since=SAME), 200),
        (Conditions(if_match="*"), 200),
        (Conditions(if_match='"x"'), 412),
        (Conditions(if_unmodified_since=OLDER), 412),
        (Conditions(if_unmodified_since=SAME), 200),
        (Conditions(if_match="*", if_unmodified_since=OLDER), 200),
        (Conditions(if_match='"x"', if_none_match="*"), 412),
        (Conditions(if_none_match="*", range="bytes=0-1"), 304),
    ],
)
def test_conditions_in_their_order(file: File, conditions: Conditions, status: int) -> None:
    plan = plan_file(file, conditions)
    assert plan.status == status
    assert (plan.start, plan.stop) == ((0, 10) if status == 200 else (0, 0))
    assert (header(plan, "content-length") is None) == (status != 200)
    assert header(plan, "etag") is not None


def test_etag_of_the_file_is_not_modified_even_when_weak(file: File) -> None:
    etag = etag_of(file)
    assert plan_file(file, Conditions(if_none_match=f'"x", {etag}')).status == 304
    assert plan_file(file, Conditions(if_none_match=f"W/{etag}")).status == 304
    assert plan_file(file, Conditions(if_match=etag)).status == 200
    assert plan_file(file, Conditions(if_match=f"W/{etag}")).status == 412


def test_if_range_sends_the_whole_where_the_file_has_changed(file: File) -> None:
    part = "bytes=2-4"
    etag = etag_of(file)
    for if_range, status in (
        (etag, 206),
        (SAME, 206),
        ('"x"', 200),
        (OLDER, 200),
        (NEWER, 200),
        (f"W/{etag}", 200),
        ("?", 200),
    ):
        assert plan_file(file, Conditions(range=part, if_range=if_range)).status == status


@pytest.mark.parametrize(
    ("options", "disposition", "media_type"),
    [
        ({"filename": "a.csv", "download": True}, 'attachment; filename="a.csv"', "text/csv; charset=utf-8"),
        ({"download": True}, 'attachment; filename="digits.txt"', "text/plain; charset=utf-8"),
        ({"filename": "a.png"}, 'inline; filename="a.png"', "image/png"),
        ({"filename": "a.csv.gz"}, 'inline; filename="a.csv.gz"', "application/octet-stream"),
        ({"filename": "a"}, 'inline; filename="a"', "application/octet-stream"),
        ({"filename": 'é"'}, "inline; filename=\"__\"; filename*=UTF-8''%C3%A9%22", "application/octet-stream"),
        ({"filename": "\r\n"}, "inline; filename=\"__\"; filename*=UTF-8''%0D%0A", "application/octet-stream"),
    ],
)  # fmt: skip
def test_name_and_type(file: File, options: dict[str, object], disposition: str, media_type: str) -> None:
    plan = plan_file(File(file.path, **options), Conditions())  # type: ignore[arg-type]
    assert header(plan, "content-disposition") == disposition
    assert header(plan, "content-type") == media_type


def test_type_given_is_sent_as_it_is(file: File) -> None:
    assert header(plan_file(File(file.path, media_type="x/y"), Conditions()), "content-type") == "x/y"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filename=st.text(max_size=20), text=st.text(st.sampled_from("bytes=-0123456789, "), max_size=20))
def test_headers_can_always_be_sent_and_the_part_lies_inside(file: File, filename: str, text: str) -> None:
    plan = plan_file(
        File(file.path, filename=filename), Conditions(range=text, if_range=text[:3], if_none_match=text[3:6])
    )
    for name, value in plan.headers:
        check_header(name, value)
    assert 0 <= plan.start <= plan.stop <= 10
    if plan.status in {200, 206}:
        assert header(plan, "content-length") == str(plan.stop - plan.start)

"""`prove` finds transformer bugs of different kinds, seeded one at a time into revisions that are right.

Each must be found, and told with the revision and a line within the function that has the bug (or, where a function is
missing, the line of the revision). The right ones must pass, whatever the seed.
"""

import ast
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from perdure.timescape.loading import load_revisions
from perdure.timescape.proving.proof import Effort, prove
from perdure.timescape.proving.report import Failure
from perdure.timescape.proving.subject import Subject
from perdure.timescape.timescape import Timescape
from tests.timescape.proving.library import SECOND, library, write_library

SHOP = Path(__file__).parents[3] / "examples" / "shop" / "revisions"
QUICK = Effort(examples=3, limit_s=2)
MISSING = "revision"
"""In place of a function: the bug is that one is not there."""


class Bug(NamedTuple):
    """What is put in place of what, where, and what of it must be found."""

    name: str
    old: str
    new: str
    function: str
    kinds: tuple[str, ...]


LIBRARY_BUGS = [
    Bug("swapped_parts", 'return {"given": given[:20], "family": family[:20]}',
        'return {"given": family[:20], "family": given[:20]}', "old_author", ("drift",)),
    Bug("joined_text_too_long", "{author['given']} {author['family']}", "{author['given']},  {author['family']}",
        "old_author", ("invalid",)),
    Bug("parts_not_shortened", 'given[:20], "family": family[:20]', 'given, "family": family', "new_author",
        ("invalid",)),
    Bug("split_crashes_on_one_word", 'given, _, family = author["name"].partition(" ")',
        'given, family = author["name"].split(" ", 1)', "new_author", ("crash",)),
    Bug("wrong_enum_value", '"kids": "children"}', '"kids": "child"}', "new_genre", ("invalid",)),
    Bug("missing_enum_member", '"novel": "fiction", ', "", "old_genre", ("crash",)),
    Bug("crossed_enum_map", '"novel": "fiction", "science": "science"', '"novel": "science", "science": "fiction"',
        "old_genre", ("lossy",)),
    Bug("state_used_up", "return NEW_GENRES[genre]", "return NEW_GENRES.pop(genre)", "new_genre",
        ("unstable", "crash")),
    Bug("cents_without_zero", "{cents % 100:02}", "{cents % 100}", "new_price", ("invalid",)),
    Bug("number_instead_of_text", 'return f"{cents // 100}.{cents % 100:02}"', "return cents / 100", "new_price",
        ("invalid",)),
    Bug("conversion_off_by_one", "round(kilograms * 1000)", "round(kilograms * 1000) + 1", "new_weight", ("invalid",)),
    Bug("conversion_cut_off", "round(kilograms * 1000)", "int(kilograms * 1000)", "new_weight", ("lossy",)),
    Bug("conversion_not_whole", "round(kilograms * 1000)", "kilograms * 1000", "new_weight", ("invalid",)),
    Bug("infinite_number", "return grams / 1000", "return grams * 1e306", "old_weight", ("not-json", "invalid")),
    Bug("decimal_instead_of_number", "return grams / 1000", "return __import__('decimal').Decimal(grams) / 1000",
        "old_weight", ("not-json",)),
    Bug("wrong_tag", 'mail | {"kind": "email"}', 'mail | {"kind": "e-mail"}', "new_mail", ("invalid",)),
    Bug("tag_forgotten_on_the_way_back", 'mail | {"kind": "mail"}', "mail", "old_mail", ("invalid",)),
    Bug("swapped_rename", 'reader["label"] = reader.pop("name")', 'reader["name"] = reader.pop("label")',
        "new_reader", ("crash",)),
    Bug("rename_forgets_to_remove_and_return", 'reader["name"] = reader.pop("label")\n    return reader',
        'reader["name"] = reader.pop("label")', "old_reader", ("invalid",)),
    Bug("optional_member_lost", 'reader["name"] = reader.pop("label")\n    return reader',
        'return {"name": reader["label"], "contact": reader["contact"], "friends": reader.get("friends", [])}',
        "old_reader", ("lost",)),
    Bug("null_not_handled", 'book.get("subtitle") or ""', 'book.get("subtitle", "").strip()', "new_book", ("crash",)),
    Bug("optional_member_taken_for_granted", '[book.pop("isbn")] if "isbn" in book else []', '[book.pop("isbn")]',
        "new_book", ("crash",)),
    Bug("wrong_default_type", '[book.pop("isbn")] if "isbn" in book else []',
        '[book.pop("isbn")] if "isbn" in book else ""', "new_book", ("invalid",)),
    Bug("empty_list_not_handled", '"; ".join(remarks)', 'remarks[0] + "; ".join(remarks[1:])', "new_book", ("crash",)),
    Bug("empty_text_not_handled", '"; ".join(remarks)', '"; ".join(each[0] + each[1:] for each in remarks)', "new_book",
        ("crash",)),
    Bug("separator_too_long", '"; ".join(remarks)', '" and also ".join(remarks)', "new_book", ("invalid",)),
    Bug("nested_list_forgotten", '[[{"heading": each} for each in part] for part in book["chapters"]]',
        'book["chapters"][:0] + [[{"heading": each} for each in part] for part in book["chapters"][:1]]'
        ' + book["chapters"][1:]', "new_book", ("invalid",)),
    Bug("map_values_forgotten", '{"count": count} for', "count for", "new_book", ("invalid",)),
    Bug("tuple_instead_of_list", '[{"heading": each} for each in part] for', 'tuple({"heading": e} for e in part) for',
        "new_book", ("not-json",)),
    Bug("default_argument_changed",
        'def new_book(book: dict[str, Any]) -> dict[str, Any]:\n    remarks = book.pop("remarks")\n',
        'def new_book(book: dict[str, Any], seen: list[str] = []) -> dict[str, Any]:\n'
        '    remarks = book.pop("remarks")\n    seen.append(book["title"][:1])\n'
        '    book["title"] = "".join(seen[-20:])\n', "new_book", ("unstable",)),
    Bug("shared_object", 'book["stock"] = {branch: {"count": count} for branch, count in book["stock"].items()}',
        'book["stock"] = {branch: KEPT.setdefault(count, {"count": count}) for branch, count in book["stock"].items()}',
        "new_book", ("shared",)),
    Bug("depends_on_chance", '"; ".join(remarks)', '"; ".join(remarks) + __import__("random").choice("abcdefghij")',
        "new_book", ("unstable",)),
    Bug("does_not_end", '"; ".join(remarks)', '"; ".join(remarks)\n    while not remarks:\n        pass', "new_book",
        ("hang",)),
    Bug("header_renamed_wrongly", '["x-library"]', '["x-libary"]', "new_search", ("invalid",)),
    Bug("required_header_guessed", '.pop("x-branch")', '.pop("X-Branch")', "new_search", ("crash",)),
    Bug("query_lost", '["x-library"]', '["x-library"] = request.query.pop("limit", 0) and request.headers["x-branch"]'
        '\n    request.headers["x-library"]', "new_search", ("lost",)),
    Bug("moved_without_parameter", 'request.path["reason"] = "lost"', "pass", "give_a_reason", ("invalid",)),
    Bug("parameter_not_allowed", '"reason"] = "lost"', '"reason"] = "mislaid"', "give_a_reason", ("invalid",)),
    Bug("wrong_status", "response.status = 200", "response.status = 204", "say_it_is_done", ("invalid",)),
    Bug("status_forgotten", "    response.status = 200", "    pass", "say_it_is_done", ("invalid",)),
    Bug("returns_instead_of_changing", "    response.status = 200",
        "    return ResponseParts(status=200, body=response.body)", "say_it_is_done", ("crash",)),
    Bug("recursion_only_at_the_top", '[retitled(each) for each in shelf["shelves"]]', 'shelf["shelves"]',
        "call_it_title", ("invalid",)),
    Bug("problem_is_none", 'response.body["error"] = response.body["title"]',
        'response.body["title"] = {"text": response.body["title"]}', "old_problem", ("invalid",)),
    Bug("problem_without_detail", 'if "detail" in response.body:', "if True:", "old_problem", ("crash",)),
    Bug("problem_tells_another_status", 'response.body["error"] = response.body["title"]',
        'response.body["status"] = 200', "old_problem", ("invalid",)),
    Bug("type_forgotten", '@revision.request("Price")\n', "", MISSING, ("invalid",)),
    Bug("problem_becomes_success", 'response.body["error"] = response.body["title"]', "response.status = 200",
        "old_problem", ("invalid",)),
    Bug("order_dependent_pair", '@revision.request("Price")\n',
        '@revision.request("Price")\ndef dearer(cents: int) -> int:\n'
        '    return min(cents + 1, 99)\n\n\n@revision.request("Price")\ndef cheaper(cents: int) -> int:\n'
        '    return cents // 2\n\n\n@revision.request("Price")\n', "cheaper", ("order",)),
    Bug("looks_at_what_was_renamed", 'book["subtitle"] = book.get("subtitle") or ""',
        'book["subtitle"] = book.get("subtitle") or book["author"].get("name", "")[:20]', "new_book", ("order",)),
    Bug("text_cut_off", '"; ".join(remarks)', '"; ".join(remarks)\n    book["title"] = book["title"][:6]', "new_book",
        ("lost",)),
    Bug("optional_text_without_what_follows_a_comma", 'reader["name"] = reader.pop("label")',
        'reader["name"] = reader.pop("label")\n    if "nick" in reader:\n'
        '        reader["nick"] = reader["nick"].split(",")[0]', "old_reader", ("lost",)),
    Bug("left_open", 'return {"name": f"{author[\'given\']} {author[\'family\']}"}',
        'return {"name": revision.todo("how names are joined", author)}', "old_author", ("todo",)),
]  # fmt: skip
SHOP_BUGS = [
    Bug("swapped_rename", 'line["quantity"] = line.pop("qty")', 'line["qty"] = line.pop("quantity")', "upgrade_line",
        ("crash",)),
    Bug("nested_list_forgotten", '@revision.response("OrderLine")\n', "", MISSING, ("invalid",)),
    Bug("wrong_enum_map", '"completed": "done", "cancelled": "closed"', '"completed": "closed", "cancelled": "done"',
        "downgrade_order_status", ("drift",)),
    Bug("last_name_lost", 'f"{first_name} {last_name}" if last_name else first_name', 'last_name',
        "downgrade_customer", ("invalid", "drift")),
    Bug("name_of_spaces", " or [name]", "", "upgrade_customer", ("crash",)),
    Bug("list_cut_after_two", 'order["items"] = order.pop("lines")', 'order["items"] = order.pop("lines")[:2]',
        "downgrade_order", ("cut",)),
    Bug("cents_lost", 'float(money["amount"])', 'float(int(float(money["amount"])))', "downgrade_money", ("cut",)),
    Bug("name_split_at_another_sign", "name.split(maxsplit=1)", 'name.split(",", 1)', "downgrade_customer", ("drift",)),
    Bug("lists_renamed_back_wrongly", 'order["items"] = order.pop("lines")', 'order["item"] = order.pop("lines")',
        "downgrade_order", ("invalid",)),
]  # fmt: skip


def is_told(failure: Failure, bug: Bug, file: Path) -> bool:
    """Tell whether *failure* is *bug*: of the right kind, in the right file, within the right function."""
    named, _, line = failure.place.rpartition(":")
    return failure.kind in bug.kinds and Path(named).name == file.name and int(line) in lines_of(bug.function, file)


def lines_of(function: str, file: Path) -> range:
    tree = ast.parse(file.read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            return range(first, (node.end_lineno or 0) + 1)
        if function == MISSING and isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == MISSING:
            return range(node.lineno, node.lineno + 1)
    raise AssertionError(f"there is no {function} in {file}")


def seed(text: str, bug: Bug) -> str:
    assert text.count(bug.old) == 1, f"{bug.old!r} is there {text.count(bug.old)} times"
    return text.replace(bug.old, bug.new)


def check(subject: Subject, bug: Bug, file: Path) -> None:
    report = prove(subject, QUICK)
    told = {each.kind for each in (*report.failures, *report.warnings) if is_told(each, bug, file)}
    assert told == set(bug.kinds), f"{told} of {bug.kinds}\n{report}"


@pytest.mark.parametrize("bug", [bug for bug in LIBRARY_BUGS if bug.kinds], ids=lambda bug: bug.name)
def test_bug_in_the_library_is_found_and_its_line_told(bug: Bug, tmp_path: Path) -> None:
    text = SECOND.replace("NO_CODES: list[str] = []", "KEPT: dict[int, dict[str, int]] = {}")
    file = write_library(tmp_path / "revisions", seed(text, bug))
    check(library(file.parent), bug, file)


@pytest.mark.parametrize("bug", SHOP_BUGS, ids=lambda bug: bug.name)
def test_bug_in_the_shop_is_found_and_its_line_told(bug: Bug, tmp_path: Path) -> None:
    folder = shutil.copytree(SHOP, tmp_path / "revisions")
    file = next(each for each in sorted(folder.glob("*.py")) if bug.old in each.read_text("utf-8"))
    file.write_text(seed(file.read_text("utf-8"), bug), "utf-8")
    check(Subject(timescape=Timescape(load_revisions(folder))), bug, file)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_right_revisions_pass_whatever_the_seed(seed: int, tmp_path: Path) -> None:
    file = write_library(tmp_path / "revisions")
    effort = Effort(examples=8, seed=seed)
    assert str(prove(library(file.parent), effort)).startswith("all is well: ")
    shop = prove(Subject(timescape=Timescape(load_revisions(SHOP))), effort)
    assert not (*shop.failures, *shop.warnings), str(shop)

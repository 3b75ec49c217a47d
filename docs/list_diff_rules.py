"""Write the rules of the diff into reference/diff-rules.md: python docs/list_diff_rules.py."""

from pathlib import Path

from perdure.diff.endpoint_rules import ENDPOINT_RULES
from perdure.diff.rules import RULES

PAGE = Path(__file__).parent / "reference" / "diff-rules.md"
MARK = "<!-- From here on: python docs/list_diff_rules.py -->\n"


def rules() -> str:
    """Return the tables of all rules."""
    endpoints = [
        f"| `{rule.id}` | {rule.level}{'; only in the profile `strict`' if rule.strict_only else ''} | {rule.meaning} |"
        for rule in ENDPOINT_RULES.values()
    ]
    types = [
        f"| `{rule.id}` | {'by the values' if rule.level == 'decided' else rule.level} | {rule.meaning} |"
        for rule in RULES.values()
    ]
    return "\n".join([
        "", "## Rules about endpoints", "",
        "| rule | level | what happened |", "|---|---|---|", *endpoints,
        "", "## Rules about types", "",
        "| rule | level | what happened |", "|---|---|---|", *types, "",
    ])  # fmt: skip


def main() -> None:
    kept, mark, _ = PAGE.read_text("utf-8").partition(MARK)
    PAGE.write_text(kept + mark + rules(), "utf-8")


if __name__ == "__main__":
    main()

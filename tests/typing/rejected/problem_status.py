"""A status that is no number."""

from perdure import Problem

error = Problem("404", "not found")  # expect: arg-type

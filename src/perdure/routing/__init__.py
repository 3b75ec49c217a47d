"""From method, path and version to the plan that serves them."""

"""The Manifest Store: what must outlive a process and be the same for all of them."""

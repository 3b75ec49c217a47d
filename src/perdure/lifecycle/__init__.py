"""The Local Context Controller: runs one request through hooks and handler."""

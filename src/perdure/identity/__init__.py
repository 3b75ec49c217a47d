"""Who a request comes from: schemes of authentication."""

"""What an auditor can trust: a record of every request and every decision, chained so that no change stays unseen."""

"""What the tests that drive the real binary share: a daemon of one's own, and a client. Standard library only."""

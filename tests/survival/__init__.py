"""A client's whole night that is killed, raced, disturbed, moved in time: it ends as an undisturbed one does."""

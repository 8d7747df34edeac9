"""The page of publications: what it says, to whom, in which browser."""

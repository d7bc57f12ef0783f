"""Read a graph as a picture: scan it, fold copies, select within a budget, compose texts and numbers, mark what is wrong."""

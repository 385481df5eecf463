"""Parts of the studies of energies: rows, ways to recall, learn from few labels, score and draw, and figures."""

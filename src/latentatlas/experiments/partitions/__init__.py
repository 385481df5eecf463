"""What the studies of partition share: changed images, two sensors, settings of the term, and their judges."""

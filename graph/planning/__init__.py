"""What planners read: problems in PDDL, occupancy maps of Nav2."""

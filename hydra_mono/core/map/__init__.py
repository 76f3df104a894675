"""Values of the map that packages hand to one another, and the form in which they are saved."""

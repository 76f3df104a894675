"""Objects: labelled surface clustered, associated over time and boxed."""

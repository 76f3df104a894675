"""spark_dsg files: written with mesh, places and label spaces, and read."""

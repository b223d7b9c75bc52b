"""What is measured, a module each: measure(bench) prints its own lines and puts its figures into the table at the end."""

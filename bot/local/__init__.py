"""What the demo and the tests run instead of the world: servers on loopback, opened by nobody else."""

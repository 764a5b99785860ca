"""What people train for this task: one recipe for every architecture, evaluated, explained and compared."""

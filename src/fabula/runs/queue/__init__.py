"""Runs that wait for whoever is free: asked for, rung for, claimed in turn by the processes."""

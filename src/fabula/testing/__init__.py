"""Twins and scripted models for tests of graphs: ours and those of people who use fabula."""

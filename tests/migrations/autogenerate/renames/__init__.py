"""Labelled cases of renames, and what is no rename."""

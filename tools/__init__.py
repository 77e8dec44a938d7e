"""The project's own tools: building, checking, counting. Nothing here is installed."""

"""An app with one model."""

"""Writes a picture as DOT, Mermaid, text or a page, and renders DOT as an image."""

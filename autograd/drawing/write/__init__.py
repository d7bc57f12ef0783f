"""Write a picture as DOT, Mermaid, text, an image or a page."""

"""Turns a graph into a picture, step by step.

graph.py indexes the graph; similarity.py and folding.py find copies in it; folded_graph.py merges them; sources.py,
node_texts.py, rule_texts.py and gradients.py give nodes and edges their texts and numbers; compose.py assembles the picture;
marks.py marks what is wrong; budget.py keeps the picture within its number of nodes.
"""

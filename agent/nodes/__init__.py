"""One file a node; a node is a verb and writes one noun. Nodes never import each other."""

"""An AI-serving platform in the practice cluster: its nodes, namespaces, services, history and size."""

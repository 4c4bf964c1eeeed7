"""What a Prometheus and a metrics server see of the practice cluster: computed from the objects, with requests simulated."""

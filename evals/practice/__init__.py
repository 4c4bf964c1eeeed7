"""The practice cluster: an in-memory Kubernetes API over HTTP, with small controllers that make faults and cures real.

Layers, from the bottom: `clock` and `kinds` (tables), `store` (objects, versions, changes), `http` (what a client sees),
`controllers`, `kubelet`, `platform` and `faults` (what happens to the objects). `python -m evals.practice` starts it all.
"""

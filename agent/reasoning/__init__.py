"""Pure functions of the desk's judgement: triage, topology, explanation, diagnosis, claims. No I/O."""

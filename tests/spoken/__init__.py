"""Lines as people write them: the same command in many spellings, for what must hold of every spelling."""

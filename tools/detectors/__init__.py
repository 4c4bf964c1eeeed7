"""What the desk knows of faults: one YAML file per fault (or per family, in a table) under its layer's folder.

``format`` is the shape of a file, ``condition`` the language of its status signals, ``engine`` judges a snapshot with all
of them, ``library`` is what the rest of the desk sees. A detector never does I/O: it reads what was gathered.
"""

"""Who somebody is: passwords, sessions, one-time links, other sites' accounts."""

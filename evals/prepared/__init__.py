"""A large cluster whose API answers stand ready as bytes: the server costs nothing, so that only the client is measured."""

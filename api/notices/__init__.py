"""What the desk says by itself: composed once in both languages, routed by the site's rules, carried by channels."""

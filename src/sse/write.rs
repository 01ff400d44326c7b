//! Events and other lines as text, normalised to LF. (Placeholder, written by its own contract.)

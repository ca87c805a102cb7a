"""Pure text → value converters shared by all portals: no selectors, no logging, no I/O."""

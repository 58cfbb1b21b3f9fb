//! How sure a figure of the scheme is.

use crate::organisation::words;

words! {
    /// How sure a figure is. A mark is never turned into another one.
    Confidence,
    "must be CONFIRMED, ONE SOURCE, BY BAND, DERIVED or FROM MEMORY",
    {
        /// Read in the primary page, or in two independent sources.
        Confirmed = "CONFIRMED",
        /// Read in one source.
        OneSource = "ONE SOURCE",
        /// Taken from the band of the role.
        ByBand = "BY BAND",
        /// Computed from other figures.
        Derived = "DERIVED",
        /// Remembered, never read: not to be relied on.
        FromMemory = "FROM MEMORY",
    }
}

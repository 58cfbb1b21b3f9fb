//! CSV text.

use csv::{Terminator, Writer, WriterBuilder};

/// A CSV file being written.
pub(super) struct Table(Writer<Vec<u8>>);

impl Table {
    /// A file with LF, beginning with its header.
    pub(super) fn new(header: &[&str]) -> Table {
        Table::with(header, Vec::new(), Terminator::Any(b'\n'))
    }

    /// A file as the publisher writes it: byte order mark and CRLF.
    pub(super) fn published(header: &[&str]) -> Table {
        Table::with(header, "\u{feff}".as_bytes().to_vec(), Terminator::CRLF)
    }

    fn with(header: &[&str], start: Vec<u8>, terminator: Terminator) -> Table {
        let mut table = Table(WriterBuilder::new().terminator(terminator).from_writer(start));
        table.row(header);
        table
    }

    /// Adds a row.
    pub(super) fn row<T: AsRef<[u8]>>(&mut self, cells: &[T]) {
        self.0.write_record(cells).expect("rows have as many cells as the header");
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        let bytes = self.0.into_inner().expect("memory takes every write");
        String::from_utf8(bytes).expect("only text was written")
    }
}

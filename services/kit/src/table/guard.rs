//! The bytes of a file on their way to the CSV reader, which by itself would take a record of any
//! length into memory.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::Problem;

/// How long one record may be. Real rows have a few hundred bytes; this bounds the memory.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// What is known of a record before its fields are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) line: u32,
    /// Whether a quote stands where RFC 4180 has none; the usual reading would drop or keep it.
    pub(super) stray_quote: bool,
}

/// Where in a record the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RecordStart,
    FieldStart,
    Plain,
    Quoted,
    /// After a quote in a quoted field: the first of two, or the end.
    QuoteSeen,
}

/// Passes a file on to the CSV reader, which would hold a record of any length in memory, and fails
/// when a record gets too long, a quote is never closed or the file is no text at all.
///
/// It also notes where records begin, which the CSV reader only knows for LF.
pub(super) struct Guarded<R> {
    inner: io::Chain<io::Cursor<Vec<u8>>, R>,
    state: State,
    line: u32,
    after_cr: bool,
    /// Where the last quoted field begins.
    quote_line: u32,
    record_bytes: usize,
    /// The records passed on and not yet taken by the CSV reader: at most one chunk of them.
    pub(super) starts: VecDeque<Start>,
    /// Why reading ended early.
    pub(super) broken: Option<Problem>,
}

impl<R: Read> Guarded<R> {
    /// Looks at the first bytes: a byte order mark is skipped, other kinds of files are refused.
    pub(super) fn open(mut source: R) -> io::Result<Result<Guarded<R>, Problem>> {
        let mut head = Vec::new();
        source.by_ref().take(4).read_to_end(&mut head)?;
        let refusal = match &head[..] {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0x20..=0xff, ..] | [0x20..=0xff, 0, ..] => {
                Some("the file is UTF-16; save it as CSV UTF-8")
            }
            b"PK\x03\x04" => Some("the file is a spreadsheet or an archive; save it as CSV UTF-8"),
            _ => None,
        };
        if let Some(reason) = refusal {
            return Ok(Err(Problem::of_line(1, reason)));
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        Ok(Ok(Guarded {
            inner: io::Cursor::new(head).chain(source),
            state: State::RecordStart,
            line: 1,
            after_cr: false,
            quote_line: 1,
            record_bytes: 0,
            starts: VecDeque::new(),
            broken: None,
        }))
    }

    /// Takes notice of one byte; says what is wrong if the file cannot be read past it.
    fn step(&mut self, byte: u8) -> Result<(), Problem> {
        if byte == 0 {
            let reason = "has a NUL byte; the file is damaged, or not text: save it as CSV UTF-8";
            return Err(Problem::of_line(self.line, reason));
        }
        let line_end = matches!(byte, b'\r' | b'\n');
        if self.state == State::RecordStart && !line_end {
            self.starts.push_back(Start { line: self.line, stray_quote: false });
            self.record_bytes = 0;
            self.state = State::FieldStart;
        }
        // CR LF is one end of a line, CR alone is one too.
        if line_end && !(byte == b'\n' && self.after_cr) {
            self.line = self.line.saturating_add(1);
        }
        self.after_cr = byte == b'\r';

        self.record_bytes += 1;
        if self.record_bytes > RECORD_BYTES_MAX {
            return Err(self.endless("1 MiB passes without the end of the record"));
        }
        let stray_quote = match self.state {
            State::Plain => byte == b'"',
            State::QuoteSeen => !matches!(byte, b'"' | b',' | b'\r' | b'\n'),
            State::RecordStart | State::FieldStart | State::Quoted => false,
        };
        if stray_quote && let Some(start) = self.starts.back_mut() {
            start.stray_quote = true;
        }
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::QuoteSeen,
            (State::Quoted, _) | (State::QuoteSeen, b'"') => State::Quoted,
            (_, b'\r' | b'\n') => State::RecordStart,
            (_, b',') => State::FieldStart,
            (State::FieldStart, b'"') => {
                self.quote_line = self.line;
                State::Quoted
            }
            (_, _) => State::Plain,
        };
        if self.state == State::RecordStart {
            self.record_bytes = 0;
        }
        Ok(())
    }

    /// A record that does not end where it should.
    fn endless(&self, what: &str) -> Problem {
        let line = self.starts.back().map_or(self.line, |start| start.line);
        match self.state {
            State::Quoted => {
                let quote = format!("a quoted field begins on line {}", self.quote_line);
                Problem::of_line(line, format!("{quote} and {what}"))
            }
            State::RecordStart | State::FieldStart | State::Plain | State::QuoteSeen => {
                Problem::of_line(line, what)
            }
        }
    }

    fn fail(&mut self, problem: Problem) -> io::Error {
        self.broken = Some(problem);
        io::Error::from(io::ErrorKind::InvalidData)
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.broken.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = self.inner.read(buffer)?;
        if length == 0 && self.state == State::Quoted && !buffer.is_empty() {
            let problem = self.endless("its closing quote is missing");
            return Err(self.fail(problem));
        }
        for (index, byte) in buffer[..length].iter().enumerate() {
            if let Err(problem) = self.step(*byte) {
                let error = self.fail(problem);
                // What came before is good: its rows are read before the next call fails.
                return if index > 0 { Ok(index) } else { Err(error) };
            }
        }
        Ok(length)
    }
}

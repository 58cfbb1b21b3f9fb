//! Rule files in TOML: where a fault stands, what a directory adds, and what names a set of them.
//!
//! What a row means is the business of the service that reads it.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

/// A rule file is some tens of kilobytes; Kubernetes limits a ConfigMap to 1 MiB.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// One thing that is wrong in a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file by name.
    pub file: String,
    /// The line in it, from 1; none if it is about the file or the set as a whole.
    pub line: Option<usize>,
    /// The field of the row, empty where it is the row or the file.
    pub field: String,
    /// What is wrong.
    pub reason: String,
    /// What would be right, empty where the reason says it.
    pub expected: String,
}

impl Fault {
    /// Is about what stands at a byte of a file, with a reason that says what would be right.
    pub fn at(file: &str, text: &str, start: usize, field: &str, reason: String) -> Fault {
        Fault {
            file: file.to_owned(),
            line: Some(line_of(text, start)),
            field: field.to_owned(),
            reason,
            expected: String::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.reason)?;
        if !self.expected.is_empty() {
            write!(f, "; {}", self.expected)?;
        }
        Ok(())
    }
}

/// Lists faults for the end of an error message, each on a line of its own.
pub fn listed(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// The line, from 1, in which a byte stands.
pub fn line_of(text: &str, start: usize) -> usize {
    1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count()
}

/// Why a rule file or a directory of them cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system does not let us.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is larger than any file of rules.
    #[error("{} has more than {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it is.
        bytes: u64,
    },
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> ReadError {
    let path = path.to_owned();
    move |source| ReadError::Unreadable { path, source }
}

/// The `*.toml` files of a directory in the order of their names.
pub fn paths(directory: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = entry.map_err(unreadable(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads files, each as its name and text.
pub fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>, ReadError> {
    paths.iter().map(|path| read_one(path)).collect()
}

fn read_one(path: &Path) -> Result<(String, String), ReadError> {
    let bytes = fs::metadata(path).map_err(unreadable(path))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(ReadError::TooLarge { path: path.to_owned(), bytes });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, fs::read_to_string(path).map_err(unreadable(path))?))
}

/// SHA-256 over each name and text with its length before it, so that no two sets look the same.
pub fn digest<T: AsRef<str>>(files: &[(T, T)]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in files.iter().flat_map(|(name, text)| [name.as_ref(), text.as_ref()]) {
        let length = u64::try_from(part.len()).expect("a length fits 64 bits");
        context.update(&length.to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_it_knows() {
        let mut fault = Fault::at("a.toml", "x = 1\ny = 2\n", 10, "y", "is even".to_owned());
        assert_eq!(fault.to_string(), "a.toml, line 2, y: is even");
        fault.expected = "must be odd".to_owned();
        fault.line = None;
        assert_eq!(fault.to_string(), "a.toml, y: is even; must be odd");
        fault.field.clear();
        assert_eq!(listed(&[fault]), "\n  a.toml: is even; must be odd");
    }

    #[test]
    fn a_directory_is_read_in_the_order_of_names_and_up_to_a_size() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("b.toml", "b = 1");
        write("a.toml", "a = 1");
        write("notes.txt", "not a rule file");

        let files = read(&paths(directory.path()).unwrap()).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a.toml", "b.toml"]);

        let most = usize::try_from(FILE_BYTES_MAX).unwrap();
        write("b.toml", &"#".repeat(most));
        assert!(read(&paths(directory.path()).unwrap()).is_ok());
        write("b.toml", &"#".repeat(most + 1));
        let error = read(&paths(directory.path()).unwrap()).unwrap_err();
        assert!(error.to_string().ends_with("b.toml has more than 1048576 bytes"), "{error}");
        let error = paths(&directory.path().join("none")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read "), "{error}");
    }

    #[test]
    fn a_digest_tells_names_from_texts() {
        let known = digest(&[("a.toml", "x = 1")]).map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(known, "fad93655a3cf52efb7ee47a8c2d7a1d1b8d41a5591832d536bfac9c8149b6f90");
        assert_ne!(digest(&[("a", "bc")]), digest(&[("ab", "c")]));
        assert_ne!(digest(&[("a", ""), ("b", "")]), digest(&[("b", ""), ("a", "")]));
    }
}

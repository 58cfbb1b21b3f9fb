//! Which calls may be sent once more, and what it takes.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use crate::rules;

/// How the names of methods begin that change nothing.
const READS: [&str; 7] = ["Get", "List", "Stream", "Compare", "Explain", "Search", "Verify"];

/// How often a call is sent once more at most.
pub(super) const MOST: u32 = 2;
/// How long it waits before it is sent once more; twice as long before the second time.
pub(super) const PAUSE: Duration = Duration::from_millis(120);

/// When a call may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// As long as no answer has begun: it reads.
    Unanswered,
    /// If nothing of it was sent: it changes something, and has a `request_id`.
    Unsent,
    /// Never: its request is a stream, or nobody knows what it does.
    Never,
}

/// When a method may be called once more.
pub(super) fn of(path: &str) -> Repeat {
    static METHODS: OnceLock<BTreeMap<String, Repeat>> = OnceLock::new();
    METHODS.get_or_init(methods).get(path).copied().unwrap_or(Repeat::Never)
}

fn methods() -> BTreeMap<String, Repeat> {
    let methods = rules::descriptors().services().flat_map(|service| {
        let methods: Vec<_> = service.methods().collect();
        methods.into_iter().map(move |method| {
            let named = method.input().get_field_by_name("request_id").is_some();
            let reads = READS.iter().any(|verb| method.name().starts_with(verb));
            let repeat = match (method.is_client_streaming(), named) {
                (true, _) => Repeat::Never,
                (false, true) => Repeat::Unsent,
                (false, false) if reads => Repeat::Unanswered,
                (false, false) => Repeat::Never,
            };
            (format!("/{}/{}", service.full_name(), method.name()), repeat)
        })
    });
    methods.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_is_sent_again_after_it_may_have_arrived() {
        assert_eq!(of("/arrs.report.v1.ReportService/GetPcnReport"), Repeat::Unanswered);
        assert_eq!(of("/arrs.workforce.v1.FactService/StreamFacts"), Repeat::Unanswered);
        assert_eq!(of("/arrs.workforce.v1.ImportService/CreateImport"), Repeat::Never);
        assert_eq!(of("/arrs.nothing.v1.NoService/GetNothing"), Repeat::Never);
        for (path, repeat) in methods() {
            let method = path.rsplit('/').next().unwrap();
            let reads = READS.iter().any(|verb| method.starts_with(verb));
            assert_eq!(repeat == Repeat::Unanswered, reads, "{path}");
        }
    }
}

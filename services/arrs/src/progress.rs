//! Progress on a terminal; nothing where there is none.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often it moves.
const TICK: Duration = Duration::from_millis(120);

/// A bar for the bytes of an upload.
pub(crate) fn bytes(what: &str, total: u64) -> ProgressBar {
    let style = "{msg} {bar:30} {bytes}/{total_bytes}";
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    bar.set_style(ProgressStyle::with_template(style).expect("the template is ours"));
    bar
}

/// A sign that something goes on whose end is not known.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.to_owned());
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("the template is ours"),
    );
    bar.enable_steady_tick(TICK);
    bar
}

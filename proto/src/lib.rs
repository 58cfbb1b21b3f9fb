//! The contracts of the suite: the messages and services under `proto/arrs`, compiled.
//!
//! Options on methods and fields are read from [`DESCRIPTOR_SET`] with prost-reflect and nowhere
//! else, because the generated descriptor types drop them.

/// The encoded descriptor set of every contract, with comments and options.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/arrs.bin"));

macro_rules! package {
    ($area:ident, $name:literal) => {
        #[allow(missing_docs, reason = "the comments of the contracts are the documentation")]
        pub mod $area {
            #[allow(
                missing_docs,
                unreachable_pub,
                clippy::all,
                reason = "generated from the contracts"
            )]
            pub mod v1 {
                tonic::include_proto!($name);
            }
        }
    };
}

// The generated code refers to its packages by their depth.
mod arrs {
    package!(access, "arrs.access.v1");
    package!(admin, "arrs.admin.v1");
    package!(error, "arrs.error.v1");
    package!(event, "arrs.event.v1");
    package!(finance, "arrs.finance.v1");
    package!(report, "arrs.report.v1");
    package!(summary, "arrs.summary.v1");
    package!(supervision, "arrs.supervision.v1");
    package!(workforce, "arrs.workforce.v1");
}

pub use arrs::{access, admin, error, event, finance, report, summary, supervision, workforce};

#[allow(missing_docs, reason = "the comments of the contracts are the documentation")]
pub mod google {
    #[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
    pub mod r#type {
        tonic::include_proto!("google.r#type");
    }
}

mod redacted {
    include!(concat!(env!("OUT_DIR"), "/redacted.rs"));
}

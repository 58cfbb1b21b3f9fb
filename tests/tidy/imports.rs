//! The import table of ARCHITECTURE.md, kept true.

use std::path::Path;

use crate::tree::{code, files, root};

/// The three services with a store.
const STORED: [&str; 3] = ["workforce", "finance", "supervision"];

/// Which words the code of a module must not use.
fn forbidden(module: &str) -> &'static [&'static str] {
    match module {
        "domain" => &[
            "arrs_proto",
            "tonic",
            "sea_orm",
            "tokio",
            "tracing",
            "kit::",
            "serde",
            "crate::api",
            "crate::app",
            "crate::store",
            "crate::events",
        ],
        "store" => &["arrs_proto", "tonic", "crate::api", "crate::app", "crate::events"],
        "app" => &["arrs_proto", "tonic", "crate::api"],
        "events" => &["sea_orm", "tonic", "crate::api", "crate::app", "crate::store"],
        "api" => &["sea_orm", "crate::store"],
        _ => &[],
    }
}

fn check(path: &Path, words: &[&str]) {
    let text = code(path);
    for word in words {
        let used = text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !inside(before) && (word.ends_with("::") || !inside(after))
        });
        assert!(!used, "{} must not use {word}", path.display());
    }
}

#[test]
fn inside_a_service_imports_never_point_back() {
    for service in STORED {
        let source = root().join("services").join(service).join("src");
        for module in ["domain", "store", "app", "events", "api"] {
            let words = forbidden(module);
            let single = source.join(format!("{module}.rs"));
            if single.exists() {
                check(&single, words);
            }
            for path in files(&source.join(module), ".rs") {
                check(&path, words);
            }
        }
    }
}

#[test]
fn the_gateway_has_no_store_and_its_domain_is_pure() {
    let source = root().join("services/gateway/src");
    for path in files(&source, ".rs") {
        check(&path, &["sea_orm"]);
    }
    for path in files(&source.join("domain"), ".rs") {
        check(&path, forbidden("domain"));
    }
}

#[test]
fn no_service_knows_another_and_the_shell_knows_none() {
    let services = ["workforce", "finance", "supervision", "gateway"];
    for service in services {
        let manifest = root().join("services").join(service).join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        for other in services.iter().filter(|other| **other != service) {
            assert!(!manifest.contains(&format!("\n{other}.")), "{service} depends on {other}");
        }
    }
    for shared in ["kit", "terms"] {
        let manifest = root().join("services").join(shared).join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        for service in services {
            assert!(!manifest.contains(&format!("\n{service}.")), "{shared} depends on {service}");
        }
    }
}

#[test]
fn the_words_depend_on_nothing_of_ours() {
    for path in files(&root().join("services/terms/src"), ".rs") {
        check(&path, &["kit::", "arrs_proto", "serde", "tokio", "sea_orm", "f32", "f64"]);
    }
}

#[test]
fn the_scope_is_asked_for_where_tenant_rows_are_read() {
    // An entity is reached through its store module, never from app or api.
    for service in STORED {
        let source = root().join("services").join(service).join("src");
        for module in ["app", "api"] {
            for path in files(&source.join(module), ".rs") {
                check(&path, &["Entity", "EntityTrait", "ConnectionTrait"]);
            }
        }
    }
}

#[test]
fn only_tests_put_a_caller_together() {
    let mut found = 0;
    for path in files(&root().join("services"), ".rs") {
        let name = path.display().to_string();
        if name.contains("/tests/") || name.ends_with("/tests.rs") {
            found += 1;
            continue;
        }
        // Everybody else is who a token says.
        assert!(!code(&path).contains("Caller::for_test"), "{name} makes a caller of its own");
    }
    assert!(found > 10, "only {found} files of tests were found");
}

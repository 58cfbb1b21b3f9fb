//! What every contract must have: access, data classes, and a test from end to end.

use prost_reflect::{DescriptorPool, Value};

use crate::tree::{files, root};

fn pool() -> DescriptorPool {
    DescriptorPool::decode(arrs_proto::DESCRIPTOR_SET).unwrap()
}

#[test]
fn every_method_says_who_may_call_it() {
    let rules = kit::rules::methods().unwrap();

    let methods = pool()
        .services()
        .filter(|service| service.full_name().starts_with("arrs."))
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .count();
    assert_eq!(rules.len(), methods);
}

#[test]
fn every_method_has_a_test_from_end_to_end() {
    let suite: String = files(&root().join("tests/suite"), ".rs")
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();

    let missing: Vec<String> = kit::rules::methods()
        .unwrap()
        .into_keys()
        .filter(|path| !suite.contains(path.as_str()))
        .collect();
    assert!(missing.is_empty(), "no test of tests/suite calls {missing:#?}");
}

#[test]
fn every_field_says_how_much_harm_it_does() {
    let pool = pool();
    let field_class = pool.get_extension_by_name("arrs.access.v1.data").unwrap();
    let file_class = pool.get_extension_by_name("arrs.access.v1.default_data").unwrap();
    let named = |value: &Value| matches!(value, Value::EnumNumber(class) if *class > 0);

    let mut missing = Vec::new();
    for message in pool.all_messages() {
        // The options themselves carry no data of anybody.
        let package = message.package_name().to_owned();
        if !package.starts_with("arrs.") || package == "arrs.access.v1" {
            continue;
        }
        let file = message.parent_file().options();
        let by_file = named(file.get_extension(&file_class).as_ref());
        for field in message.fields() {
            let options = field.options();
            if !by_file && !named(options.get_extension(&field_class).as_ref()) {
                missing.push(field.full_name().to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "no data class on {missing:#?}");
}

#[test]
fn facts_carry_nothing_personal() {
    let pool = pool();
    let class = pool.get_extension_by_name("arrs.access.v1.data").unwrap();

    for message in pool.all_messages().filter(|message| message.package_name() == "arrs.event.v1") {
        for field in message.fields() {
            let options = field.options();
            let value = options.get_extension(&class);
            let personal = matches!(value.as_ref(), Value::EnumNumber(class) if *class >= 3);
            assert!(!personal, "{} must not be told", field.full_name());
        }
    }
}

#[test]
fn every_file_of_the_contracts_is_compiled() {
    let pool = pool();
    let proto = root().join("proto");
    for path in files(&proto.join("arrs"), ".proto") {
        let name = path.strip_prefix(&proto).unwrap().to_string_lossy().into_owned();
        assert!(pool.get_file_by_name(&name).is_some(), "{name} is not compiled");
    }
}

#[test]
fn a_mutation_can_be_repeated_safely() {
    let pool = pool();
    // Methods that change something take a request_id, in the request or in its header.
    for path in kit::rules::methods().unwrap().into_keys() {
        let (service, method) = path.trim_start_matches('/').split_once('/').unwrap();
        let reads = ["Get", "List", "Stream", "Compare", "Explain", "Verify", "Project"];
        if reads.iter().any(|verb| method.starts_with(verb)) {
            continue;
        }
        let service = pool.get_service_by_name(service).unwrap();
        let method = service.methods().find(|found| found.name() == method).unwrap();
        let input = method.input();
        let header = input.get_field_by_name("header").and_then(|field| {
            field.kind().as_message().map(|header| header.get_field_by_name("request_id").is_some())
        });
        let safe = input.get_field_by_name("request_id").is_some() || header == Some(true);
        assert!(safe, "{path} takes no request_id");
    }
}

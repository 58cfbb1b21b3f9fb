//! What the contracts say of access: the permission of every method, read from their options.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, Value};

/// How much harm a message or method can do is in the contracts; this is what a server needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The permission a caller needs.
    pub permission: String,
    /// Whether the method reads published reference data only.
    pub reference: bool,
    /// Whether the caller streams.
    pub client_streaming: bool,
    /// Whether the answer is a stream.
    pub server_streaming: bool,
}

/// All descriptors of the contracts, with their options.
pub fn descriptors() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        DescriptorPool::decode(arrs_proto::DESCRIPTOR_SET).expect("the build wrote it")
    })
}

/// The rule of each method by its path, `/arrs.workforce.v1.PersonService/GetPerson`.
///
/// A method of ours without a permission is an error: a server refuses to start with it.
pub fn methods() -> Result<BTreeMap<String, Rule>, MissingRule> {
    let pool = descriptors();
    let option = pool
        .get_extension_by_name("arrs.access.v1.rule")
        .expect("the option is one of the contracts");
    let mut rules = BTreeMap::new();
    for service in pool.services().filter(|service| service.full_name().starts_with("arrs.")) {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let options = method.options();
            let value = options.get_extension(&option);
            let Value::Message(rule) = value.as_ref() else {
                return Err(MissingRule { path });
            };
            let permission = rule
                .get_field_by_name("permission")
                .and_then(|value| value.as_str().map(str::to_owned))
                .filter(|permission| !permission.is_empty());
            let Some(permission) = permission else {
                return Err(MissingRule { path });
            };
            let reference = rule.get_field_by_name("reference").and_then(|value| value.as_bool());
            rules.insert(
                path,
                Rule {
                    permission,
                    reference: reference.unwrap_or(false),
                    client_streaming: method.is_client_streaming(),
                    server_streaming: method.is_server_streaming(),
                },
            );
        }
    }
    Ok(rules)
}

/// A method that nobody said who may call.
#[derive(Debug, thiserror::Error)]
#[error("{path} has no (arrs.access.v1.rule) with a permission in its .proto")]
pub struct MissingRule {
    /// The path of the method.
    pub path: String,
}

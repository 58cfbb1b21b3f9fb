//! What the contracts say of access: the permission of every method, read from their options.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use arrs_proto::access::v1::Data;
use prost_reflect::{DescriptorPool, MessageDescriptor, Value};

/// How much harm a message or method can do is in the contracts; this is what a server needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The permission a caller needs.
    pub permission: String,
    /// Whether the method reads published reference data only.
    pub reference: bool,
    /// Whether the answer says who somebody is: such reads are recorded.
    pub personal: bool,
    /// Whether it is answered also while what the service followed has diverged.
    pub mending: bool,
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
            let flag = |name| {
                rule.get_field_by_name(name).and_then(|value| value.as_bool()).unwrap_or(false)
            };
            rules.insert(
                path,
                Rule {
                    permission,
                    reference: flag("reference"),
                    personal: is_personal(&method.output(), &mut BTreeSet::new()),
                    mending: flag("mending"),
                    client_streaming: method.is_client_streaming(),
                    server_streaming: method.is_server_streaming(),
                },
            );
        }
    }
    Ok(rules)
}

/// Whether a message has a field of the class `PERSONAL` or worse, in itself or in what it holds.
fn is_personal(message: &MessageDescriptor, seen: &mut BTreeSet<String>) -> bool {
    let pool = descriptors();
    let class = |name| pool.get_extension_by_name(name).expect("the contracts define it");
    let (of_field, of_file) = (class("arrs.access.v1.data"), class("arrs.access.v1.default_data"));
    // Messages refer to themselves in a circle.
    if !seen.insert(message.full_name().to_owned()) {
        return false;
    }
    let number = |value: &Value| value.as_enum_number().filter(|class| *class > 0);
    let default = message.parent_file().options();
    let default = number(default.get_extension(&of_file).as_ref());
    message.fields().any(|field| {
        let options = field.options();
        let class = number(options.get_extension(&of_field).as_ref()).or(default);
        class.is_some_and(|class| class >= i32::from(Data::Personal))
            || field.kind().as_message().is_some_and(|inner| is_personal(inner, seen))
    })
}

/// A method that nobody said who may call.
#[derive(Debug, thiserror::Error)]
#[error("{path} has no (arrs.access.v1.rule) with a permission in its .proto")]
pub struct MissingRule {
    /// The path of the method.
    pub path: String,
}

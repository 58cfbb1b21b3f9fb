//! Compiles the contracts without `protoc` and keeps the bytes that hold the options.
#![allow(clippy::disallowed_methods, reason = "cargo speaks to build scripts through variables")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use prost_reflect::{DescriptorPool, ExtensionDescriptor, MessageDescriptor, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=arrs");
    println!("cargo:rerun-if-changed=vendor");

    let mut files = Vec::new();
    contracts(Path::new("arrs"), &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([".", "vendor"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;

    // Raw bytes keep the option extensions that prost-types drops.
    let bytes = compiler.encode_file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("arrs.bin"), &bytes)?;

    let pool = DescriptorPool::decode(&bytes[..])?;
    let data = pool.get_extension_by_name("arrs.access.v1.data").ok_or("no data class")?;
    let personal: Vec<String> = pool
        .all_messages()
        .filter(|message| is_personal(message, &data))
        .map(|message| message.full_name().to_owned())
        .collect();

    let descriptors = prost_types::FileDescriptorSet::decode(&bytes[..])?;
    let mut prost = tonic_prost_build::Config::new();
    prost.enable_type_names();
    // A message with personal fields prints as its name only: see lib.rs.
    prost.skip_debug(&personal);
    tonic_prost_build::configure().compile_fds_with_config(descriptors, prost)?;

    let printed: String = personal.iter().map(|name| redacted(name)).collect();
    fs::write(out.join("redacted.rs"), printed)?;
    Ok(())
}

fn contracts(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            contracts(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a field of the message itself is personal (3) or special (4).
fn is_personal(message: &MessageDescriptor, data: &ExtensionDescriptor) -> bool {
    message.fields().any(|field| {
        let options = field.options();
        matches!(*options.get_extension(data), Value::EnumNumber(class) if class >= 3)
    })
}

/// A `Debug` that prints the type's name and nothing in it.
fn redacted(full_name: &str) -> String {
    let (package, name) = full_name.rsplit_once('.').unwrap_or(("", full_name));
    let path = package.trim_start_matches("arrs.").replace('.', "::");
    format!(
        "impl ::core::fmt::Debug for crate::{path}::{name} {{\n    \
         fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n        \
         f.write_str(\"{name} {{ .. }}\")\n    }}\n}}\n"
    )
}

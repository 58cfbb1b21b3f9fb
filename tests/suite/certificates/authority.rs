//! An authority of the test's own, and certificates of it.

use kit::tls::{Files, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use std::path::{Path, PathBuf};

/// Somebody who signs certificates.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

/// How long a certificate is valid.
#[derive(Clone, Copy)]
pub enum Validity {
    Now,
    Over,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for these names or addresses.
    pub fn issue(&self, names: &[&str], validity: Validity) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = match validity {
            Validity::Now => date_time_ymd(2120, 1, 1),
            Validity::Over => date_time_ymd(2021, 1, 1),
        };
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Certificate { certificate, key: key.serialize_pem() }
    }

    /// Writes the certificate of the authority itself.
    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, &self.pem).unwrap();
        path
    }
}

impl Certificate {
    /// Writes both files, the key first: whoever looks meanwhile sees two that do not fit.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let path = |ending: &str| folder.join(format!("{name}.{ending}.pem"));
        std::fs::write(path("key"), &self.key).unwrap();
        std::fs::write(path("certificate"), &self.certificate).unwrap();
        (path("certificate"), path("key"))
    }
}

/// What a caller with these files uses.
pub fn files(authorities: &Path, certificate: Option<(PathBuf, PathBuf)>) -> Tls {
    let authorities = Some(authorities.to_owned());
    let files = Files { table: "test", certificate, authorities, callers_show_one: false };
    Tls::open(files).unwrap()
}

//! Certificates between processes: who is let in, what is said to who is not, and new files.

mod authority;

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_tests::cluster::Cluster;
use kit::ErrorReason;
use kit::client::{Channel, Token};
use kit::error::reason_of;
use kit::tls::Tls;
use tonic::{Code, Request, Status};

use crate::demo_set::OPERATOR;
use crate::spawned;
use authority::{Authority, Validity, files};

const GET_RULE_BOOK: &str = "/arrs.finance.v1.RuleBookService/GetRuleBook";
/// How long a state may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Finance and a gateway with certificates, which are at `finance.*` and `gateway.*` of the folder.
struct Pair {
    cluster: Cluster,
    authority: Authority,
    authorities: PathBuf,
    processes: Vec<(&'static str, Child)>,
}

impl Pair {
    async fn start(finance: Validity) -> Pair {
        let cluster = Cluster::idle(&[
            ("ARRS__KIT__TLS__RELOAD_SECONDS", "1"),
            ("ARRS__KIT__SERVER__NOTICE_SECONDS", "0"),
        ])
        .await;
        let authority = Authority::new("the authority of a test");
        let authorities = authority.write(cluster.folder(), "authorities");
        let mut pair = Pair { cluster, authority, authorities, processes: Vec::new() };
        let names = ["localhost", "127.0.0.1"];
        pair.authority.issue(&names, finance).write(pair.cluster.folder(), "finance");
        pair.authority.issue(&names, Validity::Now).write(pair.cluster.folder(), "gateway");
        for role in ["finance", "gateway"] {
            pair.spawn(role);
            pair.logged(role, "is listening on").await;
        }
        pair
    }

    fn spawn(&mut self, role: &'static str) {
        let folder = self.cluster.folder();
        let log = std::fs::File::create(folder.join(format!("{role}.log"))).unwrap();
        let mut command = self.cluster.command(&["serve", role]);
        let file = |ending: &str| folder.join(format!("{role}.{ending}.pem"));
        command
            .env("ARRS__KIT__TLS__CERTIFICATE_FILE", file("certificate"))
            .env("ARRS__KIT__TLS__KEY_FILE", file("key"))
            .env("ARRS__KIT__TLS__CA_FILE", &self.authorities)
            .env("ARRS__GATEWAY__TLS__CERTIFICATE_FILE", file("certificate"))
            .env("ARRS__GATEWAY__TLS__KEY_FILE", file("key"))
            .env("ARRS__GATEWAY__FINANCE", self.url("finance"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.processes.push((role, command.spawn().unwrap()));
    }

    fn url(&self, role: &str) -> String {
        self.cluster.url(role).replace("http://127.0.0.1", "https://localhost")
    }

    /// Calls a role over a connection of its own.
    async fn call(&self, role: &str, tls: &Tls) -> Result<(), Status> {
        let token = Token::Fixed(self.cluster.token(&[OPERATOR]).into());
        let channel = Channel::trusting(&self.url(role), token, tls).unwrap();
        let request = GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
        let mut request = Request::new(request);
        request.set_timeout(Duration::from_secs(20));
        channel.unary::<_, RuleBook>(GET_RULE_BOOK, request).await.map(drop)
    }

    /// Who shows a certificate of the authority, as services do.
    fn service(&self) -> Tls {
        let shown = self.authority.issue(&["caller"], Validity::Now);
        files(&self.authorities, Some(shown.write(self.cluster.folder(), "caller")))
    }

    /// Who trusts the authority and shows nothing, as people do.
    fn person(&self) -> Tls {
        files(&self.authorities, None)
    }

    async fn logged(&self, role: &str, text: &str) {
        let started = Instant::now();
        while !self.cluster.log(role).contains(text) {
            let log = || self.cluster.log(role);
            assert!(started.elapsed() < PATIENCE, "{role} does not say {text:?}:\n{}", log());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    fn alive(&mut self) {
        for (role, child) in &mut self.processes {
            assert!(child.try_wait().unwrap().is_none(), "{role} ended");
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for (_, child) in &mut self.processes {
            // One that ended by itself cannot be killed, and need not be.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

#[track_caller]
fn unreachable(answer: Result<(), Status>, says: &str) {
    let status = answer.expect_err("it must not be reached");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason_of(&status), Some(ErrorReason::ServiceUnreachable), "{status:?}");
    assert!(status.message().contains(says), "{status:?} does not say {says:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_know_each_other_by_their_certificates() {
    let mut pair = Pair::start(Validity::Now).await;

    pair.call("gateway", &pair.person()).await.expect("through the gateway to finance");
    pair.call("finance", &pair.service()).await.expect("as a service");

    unreachable(pair.call("finance", &pair.person()).await, "asks for a certificate");
    pair.logged("finance", "was turned away: no certificate was shown").await;
    let over = pair.authority.issue(&["caller"], Validity::Over);
    let over = files(&pair.authorities, Some(over.write(pair.cluster.folder(), "over")));
    unreachable(pair.call("finance", &over).await, "our certificate has expired");
    pair.logged("finance", "was turned away: the certificate shown has expired").await;

    let stranger = Authority::new("another authority");
    let shown = stranger.issue(&["caller"], Validity::Now);
    let shown = shown.write(pair.cluster.folder(), "stranger");
    let shows = files(&pair.authorities, Some(shown));
    unreachable(pair.call("finance", &shows).await, "does not trust the authority of our");
    pair.logged("finance", "is of an authority that is not trusted here").await;
    let trusts = files(&stranger.write(pair.cluster.folder(), "strangers"), None);
    unreachable(pair.call("gateway", &trusts).await, "of an authority that is not trusted");
    pair.logged("gateway", "the other side does not trust the authority").await;

    let plain = Channel::lazy(&pair.cluster.url("finance"), Token::Passed).unwrap();
    let request = Request::new(GetRuleBookRequest::default());
    let plain = plain.unary::<_, RuleBook>(GET_RULE_BOOK, request).await.unwrap_err();
    assert_eq!(plain.code(), Code::Unavailable, "{plain:?}");
    pair.alive();
    pair.call("gateway", &pair.person()).await.expect("it still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_files_are_taken_up_without_a_restart_and_broken_ones_are_not() {
    let mut pair = Pair::start(Validity::Over).await;
    let folder = pair.cluster.folder().to_owned();
    let names = ["localhost", "127.0.0.1"];

    // Finance shows a certificate that has expired.
    pair.logged("finance", "the certificate of kit.tls has expired").await;
    unreachable(pair.call("gateway", &pair.person()).await, "finance cannot be reached");
    pair.logged("gateway", "the certificate shown has expired").await;
    pair.logged("finance", "the other side says that our certificate has expired").await;
    unreachable(pair.call("finance", &pair.service()).await, "shown has expired");

    // A good one is taken up, and the gateway finds out by itself.
    pair.authority.issue(&names, Validity::Now).write(&folder, "finance");
    let started = Instant::now();
    while let Err(status) = pair.call("gateway", &pair.person()).await {
        assert_eq!(reason_of(&status), Some(ErrorReason::ServiceUnreachable), "{status:?}");
        assert!(started.elapsed() < PATIENCE, "{}", pair.cluster.log("finance"));
    }
    pair.logged("gateway", "can be reached again").await;

    // One for another name is taken up too: that is for the callers to find.
    pair.authority.issue(&["elsewhere.example"], Validity::Now).write(&folder, "finance");
    let started = Instant::now();
    let other = loop {
        match pair.call("finance", &pair.service()).await {
            Err(status) => break status,
            Ok(()) => assert!(started.elapsed() < PATIENCE, "the old certificate is still shown"),
        }
    };
    unreachable(Err(other), "is for elsewhere.example, not for localhost");

    // A broken one is not.
    pair.authority.issue(&names, Validity::Now).write(&folder, "finance");
    let started = Instant::now();
    while pair.call("finance", &pair.service()).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "{}", pair.cluster.log("finance"));
    }
    std::fs::write(folder.join("finance.key.pem"), "no key").unwrap();
    pair.logged("finance", "stay as they were: key_file holds no private key").await;
    pair.call("finance", &pair.service()).await.expect("the old one is still shown");
    std::fs::remove_file(folder.join("finance.certificate.pem")).unwrap();
    pair.logged("finance", "stay as they were: certificate_file").await;
    pair.call("finance", &pair.service()).await.expect("the old one is still shown");
    pair.alive();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_trusts_the_authorities_it_is_given() {
    let pair = Pair::start(Validity::Now).await;
    let server = pair.url("gateway");
    let authorities = pair.authorities.display().to_string();
    let asked = async |more: &[&str]| {
        let arguments = [&["healthcheck", "--server", &server], more].concat();
        let output = spawned::ended(pair.cluster.command(&arguments)).await;
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    let (trusting, told) = asked(&["--ca", &authorities]).await;
    assert_eq!(trusting, Some(0), "{told}");
    let (code, told) = asked(&[]).await;
    assert_eq!(code, Some(69), "{told}");
    assert!(told.contains("of an authority that is not trusted here"), "{told}");
    let (code, told) = asked(&["--ca", "/no/such/file"]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("/no/such/file cannot be read"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_cannot_be_used_are_refused_at_the_start() {
    let cluster = Cluster::idle(&[]).await;
    let authority = Authority::new("the authority of a test");
    let authorities = authority.write(cluster.folder(), "authorities").display().to_string();
    let one = authority.issue(&["localhost"], Validity::Now).write(cluster.folder(), "one");
    let other = authority.issue(&["localhost"], Validity::Now).write(cluster.folder(), "other");
    let certificate = one.0.display().to_string();
    let (key, foreign) = (one.1.display().to_string(), other.1.display().to_string());

    for (certificate, key, authorities, says) in [
        (&*certificate, "", &*authorities, "kit.tls.key_file must be set with"),
        ("", &*key, &*authorities, "kit.tls.certificate_file must be set with"),
        (&*certificate, &*key, "", "kit.tls.ca_file must name the authorities"),
        (&*certificate, &*foreign, &*authorities, "kit.tls.key_file cannot be used"),
        (&*key, &*key, &*authorities, "kit.tls.certificate_file holds no certificate"),
        ("/no/such", &*key, &*authorities, "kit.tls.certificate_file /no/such cannot be read"),
        (&*certificate, &*key, &*key, "kit.tls.ca_file holds no certificate"),
    ] {
        let mut command = cluster.command(&["serve", "finance"]);
        command
            .env("ARRS__KIT__TLS__CERTIFICATE_FILE", certificate)
            .env("ARRS__KIT__TLS__KEY_FILE", key)
            .env("ARRS__KIT__TLS__CA_FILE", authorities);
        let output = spawned::ended(command).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.contains(says), "{told} does not say {says:?}");
        assert!(!told.contains("PRIVATE"), "{told}");
    }
}

//! Running services in this process: all of them, or one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::Clients;
use kit::client::{Channel, Token};
use kit::config::Kit;
use kit::db::Database;
use kit::identity::{LocalIssuer, Verifier};
use kit::server::{Door, Listener, Trail};
use kit::shutdown::Shutdown;
use kit::tls::{Files, Tls};
use kit::{Clock, Service, audit};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tonic_health::server::HealthReporter;

use crate::cli::ServeRole;
use crate::exit::Failure;
use crate::settings::Settings;

/// How long the end of the process waits for its databases: until its leases are given up, and
/// what is still under way has ended.
const RELEASE: Duration = Duration::from_secs(2);

/// Who may call, and how this process calls others.
struct Identity {
    verifier: Verifier,
    local: Option<Arc<LocalIssuer>>,
}

/// The certificates of this process: among services, and what the gateway's callers are shown.
struct Certificates {
    inside: Tls,
    outside: Option<Tls>,
}

impl Certificates {
    fn open(settings: &Settings, role: ServeRole) -> Result<Certificates, Failure> {
        let inside = Tls::open(Files::of(&settings.kit.tls)?)?;
        let gateway::config::Tls { certificate_file, key_file } = &settings.gateway.tls;
        let outside = match role {
            ServeRole::All | ServeRole::Gateway => {
                Files::of_listener("gateway.tls", certificate_file, key_file)?
            }
            ServeRole::Workforce | ServeRole::Finance | ServeRole::Supervision => None,
        };
        Ok(Certificates { inside, outside: outside.map(Tls::open).transpose()? })
    }

    /// What a service's listener speaks.
    fn of_listener(&self, service: &str) -> Option<Tls> {
        if service == gateway::NAME {
            return self.outside.clone();
        }
        self.inside.shows_one().then(|| self.inside.clone())
    }
}

/// The services of a process while they run.
pub(crate) struct Running {
    /// Where callers reach it.
    pub(crate) address: SocketAddr,
    /// The local issuer, where there is one.
    pub(crate) local: Option<Arc<LocalIssuer>>,
    front: JoinSet<()>,
    behind: JoinSet<()>,
    beside: JoinSet<()>,
    stop_behind: watch::Sender<bool>,
    databases: Vec<Database>,
    /// Has everything drain as a signal does.
    fail: Arc<Notify>,
}

impl Running {
    /// Waits until everything has drained: what callers reach first, then what it calls. Fails if
    /// it drained because something beside the calls failed that they rest on.
    pub(crate) async fn join(mut self) -> Result<(), Failure> {
        let mut failed = false;
        loop {
            tokio::select! {
                drained = self.front.join_next() => if drained.is_none() { break },
                Some(ended) = self.beside.join_next() => if let Err(error) = ended {
                    tracing::error!("the process ends, since a part of it failed: {error}");
                    failed = true;
                    self.fail.notify_one();
                },
            }
        }
        self.beside.shutdown().await;
        self.stop_behind.send_replace(true);
        while self.behind.join_next().await.is_some() {}
        let closed = self.databases.into_iter().map(|database| async {
            kit::lease::release(&database).await.ok();
            database.close().await;
        });
        // Whoever waits for a lease gets it later otherwise; what is not committed never was.
        tokio::time::timeout(RELEASE, futures::future::join_all(closed)).await.ok();
        if failed {
            return Err(Failure::refused("a part of the process failed; its log says which"));
        }
        Ok(())
    }
}

/// Serves until a signal.
pub(crate) async fn serve(settings: Settings, role: ServeRole) -> Result<(), Failure> {
    let name = match role {
        ServeRole::All => "arrs",
        ServeRole::Workforce => workforce::NAME,
        ServeRole::Finance => finance::NAME,
        ServeRole::Supervision => supervision::NAME,
        ServeRole::Gateway => gateway::NAME,
    };
    let telemetry = kit::telemetry::start(name, &settings.kit)?;
    let shutdown = kit::shutdown::on_signal()
        .map_err(|error| Failure::refused(format!("signals cannot be heard: {error}")))?;
    let running = start(&settings, role, shutdown).await?;
    tracing::info!("{name} is listening on {}", running.address);
    if running.local.is_some() {
        tracing::info!(
            "no issuer is configured: tokens of the local issuer are accepted; make one with \
             `arrs token pcn-manager@pcn:U09081` (or operator@england)"
        );
    }
    let ended = running.join().await;
    tracing::info!("{name} has stopped");
    telemetry.shutdown();
    ended
}

/// Starts services and answers when they are listening.
pub(crate) async fn start(
    settings: &Settings,
    role: ServeRole,
    shutdown: Shutdown,
) -> Result<Running, Failure> {
    let clock = Clock::system();
    let mut beside = JoinSet::new();
    let identity = identity(settings, role, &clock, &mut beside).await?;
    let certificates = Certificates::open(settings, role)?;
    let (stop_front, drain) = Shutdown::new();
    let (stop_behind, drain_behind) = Shutdown::new();
    let mut group = Group {
        settings,
        identity,
        certificates,
        drain,
        drain_behind,
        front: JoinSet::new(),
        behind: JoinSet::new(),
        beside,
        databases: Vec::new(),
        health: Vec::new(),
    };
    let watched = clock.clone();
    let address = match role {
        ServeRole::All => group.all(&clock).await?,
        ServeRole::Workforce => {
            let service = workforce::start(&settings.workforce, &settings.kit, clock).await?;
            group.listen(service, settings.workforce.listen).await?
        }
        ServeRole::Finance => {
            let channel = group.to_workforce(finance::NAME)?;
            let service = finance::start(&settings.finance, &settings.kit, clock, channel).await?;
            group.listen(service, settings.finance.listen).await?
        }
        ServeRole::Supervision => {
            let channel = group.to_workforce(supervision::NAME)?;
            let kit = &settings.kit;
            let service = supervision::start(&settings.supervision, kit, clock, channel).await?;
            group.listen(service, settings.supervision.listen).await?
        }
        ServeRole::Gateway => {
            let clients = Clients {
                workforce: group.to(&settings.gateway.workforce, "gateway.workforce")?,
                finance: group.to(&settings.gateway.finance, "gateway.finance")?,
                supervision: group.to(&settings.gateway.supervision, "gateway.supervision")?,
            };
            group.listen(gateway::start(clients), settings.gateway.listen).await?
        }
    };
    let Group { identity, certificates, mut front, behind, mut beside, databases, health, .. } =
        group;
    let Identity { verifier, local } = identity;
    let (watched_databases, reporters) = (databases.clone(), health.clone());
    let watching =
        kit::server::watch_health(watched_databases, verifier, reporters, shutdown.clone());
    beside.spawn(watching);
    let every = Duration::from_secs(u64::from(settings.kit.tls.reload_seconds.max(1)));
    for tls in [Some(certificates.inside), certificates.outside].into_iter().flatten() {
        beside.spawn(tls.watch(every, watched.clone()));
    }
    let notice = Duration::from_secs(u64::from(settings.kit.server.notice_seconds));
    let fail = Arc::new(Notify::new());
    front.spawn(end(shutdown, Arc::clone(&fail), health, notice, stop_front));
    Ok(Running { address, local, front, behind, beside, stop_behind, databases, fail })
}

/// When the process is told to end, or fails: says so, goes on for a while, then lets the drain
/// begin.
async fn end(
    mut shutdown: Shutdown,
    failed: Arc<Notify>,
    mut health: Vec<HealthReporter>,
    notice: Duration,
    drain: watch::Sender<bool>,
) {
    tokio::select! {
        () = shutdown.wait() => {}
        () = failed.notified() => {}
    }
    for reporter in &mut health {
        kit::server::end_health(reporter).await;
    }
    tokio::time::sleep(notice).await;
    drain.send_replace(true);
}

/// Brings every database up to date.
pub(crate) async fn migrate(settings: &Settings) -> Result<(), Failure> {
    let clock = Clock::system();
    let kit = &settings.kit;
    workforce::open(&settings.workforce, kit, clock.clone()).await?;
    finance::open(&settings.finance, kit, clock.clone()).await?;
    supervision::open(&settings.supervision, kit, clock).await?;
    println!("the databases of workforce, finance and supervision are up to date");
    Ok(())
}

struct Group<'a> {
    settings: &'a Settings,
    identity: Identity,
    certificates: Certificates,
    /// Set off when the process was told to end and has given notice.
    drain: Shutdown,
    /// Set off when what callers reach has drained.
    drain_behind: Shutdown,
    front: JoinSet<()>,
    behind: JoinSet<()>,
    beside: JoinSet<()>,
    databases: Vec<Database>,
    health: Vec<HealthReporter>,
}

impl Group<'_> {
    /// Everything in one process: services in memory behind a gateway that listens.
    async fn all(&mut self, clock: &Clock) -> Result<SocketAddr, Failure> {
        let settings = self.settings;
        let kit = &settings.kit;
        let (to_workforce, workforce_in) = Channel::memory();
        let (to_finance, finance_in) = Channel::memory();
        let (to_supervision, supervision_in) = Channel::memory();

        let service = workforce::start(&settings.workforce, kit, clock.clone()).await?;
        self.serve(service, Listener::Memory(workforce_in)).await?;
        let channel = to_workforce.with_token(self.token(finance::NAME)?);
        let service = finance::start(&settings.finance, kit, clock.clone(), channel).await?;
        self.serve(service, Listener::Memory(finance_in)).await?;
        let channel = to_workforce.with_token(self.token(supervision::NAME)?);
        let service =
            supervision::start(&settings.supervision, kit, clock.clone(), channel).await?;
        self.serve(service, Listener::Memory(supervision_in)).await?;

        let clients =
            Clients { workforce: to_workforce, finance: to_finance, supervision: to_supervision };
        self.listen(gateway::start(clients), settings.gateway.listen).await
    }

    async fn listen(
        &mut self,
        service: Service,
        address: SocketAddr,
    ) -> Result<SocketAddr, Failure> {
        let tls = self.certificates.of_listener(service.name);
        let listener = Listener::bind(address, tls).await.map_err(|error| {
            let key = format!("{}.listen", service.name);
            Failure::configuration(format!("{key}: cannot listen on {address}: {error}"))
        })?;
        let address = listener.address().unwrap_or(address);
        self.serve(service, listener).await?;
        Ok(address)
    }

    async fn serve(&mut self, service: Service, listener: Listener) -> Result<(), Failure> {
        let Service { name, routes, progress, tasks, database, refusals } = service;
        let reflection = self.settings.kit.server.reflection;
        let reflected = reflection.served(self.identity.local.is_some());
        let (routes, health) = kit::server::with_probes(routes, reflected).await?;
        let verifier = self.identity.verifier.clone();
        let limits = self.settings.kit.server.clone();
        // Streams without an end are ended everywhere at once; what callers reach stops first.
        let trail = match &database {
            Some(database) => {
                let (writer, writing) = audit::Writer::new(database.clone());
                self.beside.spawn(writing);
                self.beside.spawn(audit::keep_sealed(database.clone(), name));
                Trail::Kept(writer)
            }
            None => Trail::PassedOn(refusals.unwrap_or_default()),
        };
        let door = Door::new(routes, trail, verifier, progress, limits, self.drain.clone())
            .map_err(|error| Failure::refused(error.to_string()))?;
        // The services behind the gateway see what it let through.
        let door = match name == gateway::NAME {
            true => door.at_pace(&self.settings.gateway.pace),
            false => door,
        };
        match &listener {
            Listener::Network(..) => {
                self.front.spawn(kit::server::serve(door, listener, self.drain.clone()))
            }
            Listener::Memory(_) => {
                self.behind.spawn(kit::server::serve(door, listener, self.drain_behind.clone()))
            }
        };
        self.databases.extend(database);
        for task in tasks {
            self.beside.spawn(task);
        }
        self.health.push(health.clone());
        let mut draining = self.drain.clone();
        self.front.spawn(async move {
            draining.wait().await;
            kit::server::end_probes(health).await;
        });
        Ok(())
    }

    /// The token with which a service follows another.
    fn token(&self, service: &'static str) -> Result<Token, Failure> {
        let file = &self.settings.kit.identity.service_token_file;
        if !file.is_empty() {
            let key = "kit.identity.service_token_file";
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::configuration(format!("{key}: {file} cannot be read: {error}"))
            })?;
            if text.trim().is_empty() {
                return Err(Failure::configuration(format!("{key}: {file} holds no token")));
            }
            return Ok(Token::File(file.into()));
        }
        match &self.identity.local {
            Some(issuer) => Ok(Token::Local(Arc::clone(issuer), service)),
            None => Err(Failure::configuration(
                "kit.identity.service_token_file must name the file with the token that services \
                 use among themselves",
            )),
        }
    }

    fn to_workforce(&self, service: &'static str) -> Result<Channel, Failure> {
        let channel = self.to(&self.settings.gateway.workforce, "gateway.workforce")?;
        Ok(channel.with_token(self.token(service)?))
    }

    fn to(&self, url: &str, key: &str) -> Result<Channel, Failure> {
        Channel::trusting(url, Token::Passed, &self.certificates.inside)
            .map_err(|error| Failure::configuration(format!("{key}: {error}")))
    }
}

/// The issuer of the settings, or the local one where that is allowed: while nobody else can
/// reach this machine's listeners, or when the settings say so.
async fn identity(
    settings: &Settings,
    role: ServeRole,
    clock: &Clock,
    beside: &mut JoinSet<()>,
) -> Result<Identity, Failure> {
    let Kit { identity, data_directory, .. } = &settings.kit;
    if !identity.issuer.is_empty() {
        let (verifier, following) = Verifier::follow(identity, clock.clone()).await?;
        beside.spawn(following);
        return Ok(Identity { verifier, local: None });
    }
    let listens = match role {
        ServeRole::All | ServeRole::Gateway => settings.gateway.listen,
        ServeRole::Workforce => settings.workforce.listen,
        ServeRole::Finance => settings.finance.listen,
        ServeRole::Supervision => settings.supervision.listen,
    };
    let databases = [
        &settings.workforce.database.url,
        &settings.finance.database.url,
        &settings.supervision.database.url,
    ];
    let embedded = databases.iter().all(|url| {
        let url = url.expose();
        url.is_empty() || url.starts_with("sqlite:")
    });
    let why = match (listens.ip().is_loopback(), embedded) {
        (false, _) => Some(format!("{listens} can be reached from elsewhere")),
        (true, false) => Some("the database is a server's".to_owned()),
        (true, true) => None,
    };
    if let Some(why) = why.filter(|_| !identity.local) {
        return Err(Failure::configuration(format!(
            "kit.identity.issuer must name who issues tokens, since {why}; kit.identity.local = \
             true allows the local issuer all the same"
        )));
    }
    let issuer = LocalIssuer::open(data_directory, &identity.audience, clock.clone())?;
    let issuer = Arc::new(issuer);
    let verifier = Verifier::local(&issuer, identity);
    Ok(Identity { verifier, local: Some(issuer) })
}

//! Stopping a process, and everything in it.

use tokio::sync::watch;

/// Tells every part of a process to stop.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A shutdown, and what sets it off.
    pub fn new() -> (watch::Sender<bool>, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (sender, Shutdown(receiver))
    }

    /// Waits until it is set off, or until nobody is left who could.
    pub async fn wait(&mut self) {
        self.0.wait_for(|stop| *stop).await.map_or_else(drop, drop);
    }
}

/// A shutdown that SIGTERM or Ctrl-C sets off.
pub fn on_signal() -> std::io::Result<Shutdown> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, shutdown) = Shutdown::new();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
    });
    Ok(shutdown)
}

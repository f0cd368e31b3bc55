//! Waiting for somebody who ends the command.

/// SIGINT, from Ctrl-C.
const INTERRUPT: u8 = 2;

/// Waits for Ctrl-C or SIGTERM, and answers with the signal's number. One that can't be waited for never comes.
#[cfg(unix)]
pub async fn asked() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};

    /// SIGTERM.
    const TERMINATE: u8 = 15;
    async fn comes(kind: SignalKind) {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    }
    tokio::select! {
        () = comes(SignalKind::interrupt()) => INTERRUPT,
        () = comes(SignalKind::terminate()) => TERMINATE,
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub async fn asked() -> u8 {
    match tokio::signal::ctrl_c().await {
        Ok(()) => INTERRUPT,
        Err(_) => std::future::pending().await,
    }
}

//! A World with a clock: what tests and servers share.

/// A shared World.
#[derive(Clone)]
pub struct Sim {}
